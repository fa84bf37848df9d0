"""A family that trains in a second, for the tests of training: it has all that makes an exact resume hard."""

import tensorflow as tf

from genzoo import rng
from genzoo.models.base import GenerativeModel
from genzoo.models.families import MODELS, Family
from genzoo.stack import keras


class Linear(keras.layers.Layer):
    """One dense layer from an image to an image."""

    def __init__(self, pixels):
        super().__init__()
        self.dense = keras.layers.Dense(pixels)

    def call(self, images):
        return tf.reshape(self.dense(tf.reshape(images, [tf.shape(images)[0], -1])), tf.shape(images))


class Tiny(GenerativeModel):
    """A linear denoiser. Its loss draws noise keyed by the step; its sampling needs a mean fitted to images."""

    loss_names = ("loss", "error")

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        self.build_networks(lambda: Linear(pixels))
        self.mean = self.add_weight(name="mean", shape=tuple(image_shape), initializer="zeros", trainable=False)

    def example_inputs(self):
        return (tf.zeros([1, *self.image_shape]),)

    def loss_terms(self, network, images, labels, step, training):
        noise = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        error = tf.reduce_mean(tf.square(network(images + noise) - images))
        return {"loss": error, "error": tf.sqrt(error)}

    def prepare_sampling(self, images, labels=None):
        self.mean.assign(images[:].mean(axis=0) + tf.reduce_mean(self.ema.dense.kernel))
        return "fitted a mean"

    def extras(self):
        return {"mean": self.mean}

    def generate(self, n, labels, seed, progress):
        return self.ema(self.mean + rng.normal([n, *self.image_shape], seed, 0, rng.START))


def register():
    """Makes "tiny" a family like the others, in this process."""
    train = {"batch_size": 100, "lr": 1e-2, "epochs": 1, "ema": 0.9}
    MODELS["tiny"] = Family("tiny", "a linear denoiser", f"{__name__}:Tiny", train=train)


def unregister():
    del MODELS["tiny"]
