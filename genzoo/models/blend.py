"""The denoiser from scratch: images blended with noise, and a small U-Net that guesses what was underneath."""

import numpy as np

from genzoo import rng
from genzoo.models.base import GenerativeModel
from genzoo.models.guidance import Guided, cost
from genzoo.stack import tf


class Blend(Guided, GenerativeModel):
    """x = (1 - a) x_0 + a·noise for an amount a in [0, 1]; the network sees x and a, and predicts x_0.

    To sample, start at a = 1 and move towards the prediction again and again. Moving 1/(n-i) of the way in step i takes
    a from 1 to 0 in n equal steps: Euler's method on the flow from noise to data (Liu et al. 2023, rectified flow).
    """

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.build_networks()
        self.make_clusters()
        self._compiled_loop = tf.function(self._loop, autograph=False, input_signature=[
            tf.TensorSpec([None, *self.image_shape]), tf.TensorSpec([None], tf.int32), *3 * [tf.TensorSpec([None])],
        ])  # fmt: skip

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1]), tf.zeros([1], tf.int32)

    def predict_x0(self, network, x, amount, labels):
        """Returns the guess at the clean image; amount: [B] in [0, 1]."""
        # The U-Net's output is a correction, at its start zero: the first guess is the input itself.
        return x + network(x, 1000 * amount, labels)

    def loss_terms(self, network, images, labels, step, training):
        noise = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        amount = rng.spread_uniform(tf.shape(images)[0], self.seed, step, rng.TIME)
        a = amount[:, None, None, None]
        x = (1 - a) * images + a * noise
        told = self.training_labels(images, labels, step, training)
        return {"loss": tf.reduce_mean(tf.square(images - self.predict_x0(network, x, amount, told)))}

    @staticmethod
    def shares(steps, share=None):
        """Returns the part of the way that each step moves: 1/(n-i), which arrives, or a fixed share of the rest."""
        return 1 / np.arange(steps, 0, -1) if share is None else np.full(steps, share)

    def evaluations(self, **options):
        return int(cost(self._steps(self.sampling_options(options))[-1]).sum())

    def _steps(self, options):
        """The amount of noise, the share of the way, and the scale of guidance in each step, float32 [steps] each."""
        shares = self.shares(options["steps"], options["share"])
        amounts = np.concatenate([[1.0], np.cumprod(1 - shares)[:-1]])
        with np.errstate(divide="ignore"):
            level = amounts / (1 - amounts)  # σ/α
        columns = amounts, shares, self.guidance_scales(level, options)
        return [column.astype(np.float32) for column in columns]

    def _loop(self, x, labels, amounts, shares, guidance):
        def predict(x, amount, labels):
            return self.predict_x0(self.ema, x, amount, labels)

        def body(i, x, _):
            x_0 = self.guided(predict, x, tf.fill([tf.shape(x)[0]], amounts[i]), labels, guidance[i])
            return i + 1, tf.ensure_shape(x + shares[i] * (x_0 - x), [None, *self.image_shape]), x_0

        _, x, x_0 = tf.while_loop(lambda i, *_: i < tf.shape(shares)[0], body, (0, x, x))
        return x, x_0

    def way(self, n, labels, seed, frames, progress=None, **options):
        columns = self._steps(options)
        steps, paid = np.arange(options["steps"]), np.cumsum(cost(columns[-1]))
        labels = np.asarray(self.labels_to_draw(labels, seed), np.int32)
        x = rng.normal([n, *self.image_shape], seed, 0, rng.START)
        for part in np.array_split(steps, min(frames, len(steps))):
            x_in = x
            x, x_0 = self._compiled_loop(x, labels, *(column[part] for column in columns))
            if progress:
                progress(int(paid[part[-1]]), int(paid[-1]))
            yield x_in, x_0, x
