"""The denoiser from scratch: images blended with noise, and a small U-Net that guesses what was underneath."""

import numpy as np

from genzoo import rng
from genzoo.diffusion.formulas import guide
from genzoo.models.base import GenerativeModel
from genzoo.stack import tf


class Blend(GenerativeModel):
    """x = (1 - a) x_0 + a·noise for an amount a in [0, 1]; the network sees x and a, and predicts x_0.

    To sample, start at a = 1 and move towards the prediction again and again. Moving 1/(n-i) of the way in step i takes
    a from 1 to 0 in n equal steps: Euler's method on the flow from noise to data (Liu et al. 2023, rectified flow).
    """

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.build_networks()
        self._compiled_loop = tf.function(self._loop, autograph=False, input_signature=[
            tf.TensorSpec([None, *self.image_shape]), tf.TensorSpec([None]), tf.TensorSpec([None]), tf.TensorSpec([None]),
        ])  # fmt: skip

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1])

    def predict_x0(self, network, x, amount):
        """Returns the guess at the clean image; amount: [B] in [0, 1]."""
        # The U-Net's output is a correction, at its start zero: the first guess is the input itself.
        return x + network(x, 1000 * amount)

    def loss_terms(self, network, images, labels, step, training):
        noise = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        amount = self.spread_uniform(tf.shape(images)[0], step)
        a = amount[:, None, None, None]
        x = (1 - a) * images + a * noise
        return {"loss": tf.reduce_mean(tf.square(images - self.predict_x0(network, x, amount)))}

    @staticmethod
    def shares(steps, share=None):
        """Returns the part of the way that each step moves: 1/(n-i), which arrives, or a fixed share of the rest."""
        return 1 / np.arange(steps, 0, -1) if share is None else np.full(steps, share)

    def evaluations(self, **options):
        options = self.sampling_options(options)
        return options["steps"]

    def _loop(self, x, amounts, shares, guidance):
        def body(i, x, _):
            amount = tf.fill([tf.shape(x)[0]], amounts[i])
            good = self.predict_x0(self.ema, x, amount)
            x_0 = tf.cond(guidance[i] == 1, lambda: good, lambda: guide(good, self.predict_x0(self.early, x, amount), guidance[i]))
            if self.__dict__.get("clip"):
                x_0 = tf.clip_by_value(x_0, -1, 1)
            return i + 1, x + shares[i] * (x_0 - x), x_0

        _, x, x_0 = tf.while_loop(lambda i, *_: i < tf.shape(shares)[0], body, (0, x, x))
        return x, x_0

    def way(self, n, labels, seed, frames, progress=None, guidance=1.0, guidance_interval=None, **options):
        shares = self.shares(**options)
        amounts = np.concatenate([[1.0], np.cumprod(1 - shares)[:-1]])
        low, high = guidance_interval or (0, 9)
        scales = np.where((amounts >= low) & (amounts <= high), guidance, 1.0)
        x = rng.normal([n, *self.image_shape], seed, 0, rng.START)
        for part in np.array_split(np.arange(len(shares)), min(frames, len(shares))):
            last, x_in = part[-1], x
            x, x_0 = self._compiled_loop(x, amounts[part].astype("f4"), shares[part].astype("f4"), scales[part].astype("f4"))
            if progress:
                progress(last + 1, len(shares))
            yield x_in, x_0, x
