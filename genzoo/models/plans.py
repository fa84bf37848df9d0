"""Plans of sampling: what acts in each network evaluation on the way from noise to images."""

from typing import NamedTuple

import numpy as np

from genzoo.diffusion.samplers import HISTORY
from genzoo.stack import tf


class Rows(NamedTuple):
    """What acts in each of K network evaluations: a column a field, which TensorFlow takes as one argument."""

    number: np.ndarray  # int64 [K], 0 … K-1; fresh noise is drawn for it
    t: np.ndarray  # int32 [K], the time at which the network reads x; all that follows is float32
    alpha: np.ndarray  # [K], the share of the image in that x
    sigma: np.ndarray  # [K], the share of the noise
    x0_weights: np.ndarray  # [K, HISTORY], as in the sampler's `Table`
    eps_weights: np.ndarray  # [K, HISTORY], likewise
    fresh: np.ndarray  # [K], likewise
    guidance: np.ndarray  # [K], the scale of guidance
    rescale: np.ndarray  # [K], its φ
    clip: np.ndarray  # [K], see `clipped`

    @classmethod
    def of(cls, table, schedule, guidance, rescale, clip):
        """The rows of a sampler's `Table`; guidance, rescale and clip: numbers, or [K]."""
        alpha, sigma = schedule.alpha_sigma(table.t)
        columns = cls(
            number=np.arange(len(table)),
            t=table.t,
            alpha=alpha,
            sigma=sigma,
            x0_weights=table.x0_weights,
            eps_weights=table.eps_weights,
            fresh=table.fresh,
            guidance=np.broadcast_to(guidance, len(table)),
            rescale=np.broadcast_to(rescale, len(table)),
            clip=np.broadcast_to(clip, len(table)),
        )
        specs = cls.signature()
        return cls(*(v.astype(spec.dtype.as_numpy_dtype) for v, spec in zip(columns, specs, strict=True)))

    @classmethod
    def signature(cls):
        """The same as `tf.TensorSpec`s, for any number of rows."""
        column, weights = tf.TensorSpec([None]), tf.TensorSpec([None, HISTORY])
        specs = dict.fromkeys(cls._fields, column) | {"x0_weights": weights, "eps_weights": weights}
        return cls(**specs | {"number": tf.TensorSpec([None], tf.int64), "t": tf.TensorSpec([None], tf.int32)})

    def at(self, i):
        """The row of a number, or the rows of an array of numbers."""
        return Rows(*(column[i] for column in self))


class Plan(NamedTuple):
    """A way from noise to images: the rows to walk, and what each costs in network evaluations, int [K]."""

    rows: Rows
    cost: np.ndarray


def clipped(x_0, clip):
    """Predicted images x_0 [n, H, W, C], brought towards [-1, 1] where all images lie.

    clip: below 0 leaves x_0 as it is, and 0 cuts it. Above 0 it is a quantile: where that of |x_0| in an image is
    s > 1, the image is cut at s and divided by s; else it is cut at 1.
    Source: dynamic thresholding, Saharia et al. 2022, section 2.3.
    """

    def dynamic():
        values = tf.sort(tf.abs(tf.reshape(x_0, [tf.shape(x_0)[0], -1])), axis=1)
        last = tf.shape(values)[1] - 1
        s = values[:, tf.cast(tf.round(clip * tf.cast(last, tf.float32)), tf.int32)]
        s = tf.maximum(s, 1.0)[:, None, None, None]
        return tf.clip_by_value(x_0, -s, s) / s

    kind = tf.cast(clip >= 0, tf.int32) + tf.cast(clip > 0, tf.int32)
    return tf.switch_case(kind, [lambda: x_0, lambda: tf.clip_by_value(x_0, -1.0, 1.0), dynamic])
