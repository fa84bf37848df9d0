"""The network behind a judge, and its training."""

import sys

import numpy as np
from tqdm import tqdm

from genzoo.data.pipeline import untuned
from genzoo.data.pixels import Floats
from genzoo.networks.blocks import conv
from genzoo.stack import keras, layers, tf


def make_network(image_shape, num_classes, features, trained=False):
    """Returns a model: padded images [n, H, W, C] → (scores [n, num_classes], features [n, features]).

    trained: it is to be trained, with random weights and dropout. Else its weights are zeros, to be set: nothing is
    drawn from a global random state.
    """
    start = "glorot_uniform" if trained else "zeros"
    drop = layers.Dropout if trained else lambda share: layers.Activation("linear")
    inputs = layers.Input(image_shape)
    x = conv(32, zero=not trained)(inputs)
    for width in (32, 64, 128):
        x = layers.MaxPooling2D(2, padding="same")(x)
        # Keras' momentum of 0.99 would still remember the start after some hundred steps.
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.95)(conv(width, zero=not trained)(x)))
    x = drop(0.3)(layers.Flatten()(layers.MaxPooling2D(2, padding="same")(x)))
    seen = layers.Dense(features, activation="relu", kernel_initializer=start)(x)
    scores = layers.Dense(num_classes, kernel_initializer=start)(drop(0.3)(seen))
    return keras.Model(inputs, [scores, seen])


def train_network(data, recipe):
    """Returns the network trained on an ImageData's training split. The global random states become those of seed 0."""
    keras.utils.set_random_seed(0)
    network = make_network(data.image_shape, data.num_classes, recipe["features"], trained=True)
    reader, steps = keras.Model(network.inputs, network.outputs[0]), training_steps(data, recipe)  # no loss of features
    reader.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(recipe["lr"], steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    with tqdm(total=steps, unit=" steps", disable=not sys.stderr.isatty(), leave=False) as bar:
        advance = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
        reader.fit(_batches(data, recipe, steps), epochs=1, shuffle=False, verbose=0, callbacks=[advance])
    return network


def training_steps(data, recipe):
    """Returns how many steps a training takes: of whole epochs, or more where the set is small."""
    return max(recipe["least_steps"], recipe["epochs"] * (len(data.train_labels) // _batch_size(data, recipe)))


def _batch_size(data, recipe):
    return min(recipe["batch"], len(data.train_labels))


def _batches(data, recipe, steps):
    """Shuffled batches, each moved by up to a `shift`-th of its side: two pixels of MNIST."""
    images, labels = Floats(data.train_images, np.arange(len(data.train_labels))), data.train_labels
    size, shift = _batch_size(data, recipe), min(data.native_shape[:2]) // recipe["shift"]
    rng = np.random.default_rng(0)

    def batches():
        while True:
            order = rng.permutation(len(labels))
            for start in range(0, len(labels) - size + 1, size):
                chosen = order[start : start + size]
                yield np.roll(images[chosen], rng.integers(-shift, shift + 1, 2), axis=(1, 2)), labels[chosen]

    spec = (tf.TensorSpec([size, *data.image_shape]), tf.TensorSpec([size], tf.int32))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=spec).take(steps)
    return untuned(dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2))
