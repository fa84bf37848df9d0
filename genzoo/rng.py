"""Random tensors as a pure function of (seed, step, stream): alike in eager and graph mode, and after a resume.

XLA draws other numbers from the same key than TensorFlow's own kernels do, though as repeatably.
"""

from contextlib import contextmanager
from functools import cache

import numpy as np

from genzoo.stack import tf

NOISE, TIME, DROP, LATENT, START = range(5)  # the streams; draws of one step must not share one
_STREAMS = 8


def _key(seed, step, stream):
    if not (tf.is_tensor(seed) or tf.is_tensor(step)):
        return np.array([seed, step * _STREAMS + stream], np.int64)
    step = tf.cast(step, tf.int64)
    return tf.stack([tf.cast(seed, tf.int64), step * _STREAMS + stream])


@contextmanager
def rows_of(rank, count):
    """Context of one of `count` equal parts of a batch: what is drawn for its rows, [n, ...], are these rows of what is
    drawn for the whole batch. rank: which part, an integer or a tensor of one."""
    global _part
    before, _part = _part, (rank, count)
    try:
        yield
    finally:
        _part = before


_part = 0, 1


@cache
def _compiled(draw):
    """The draw as one operation. Without a graph it is a dozen, and TensorFlow 2.15 never frees some bytes of each."""
    signature = [tf.TensorSpec([None], tf.int32), tf.TensorSpec([2], tf.int64)]
    return tf.function(lambda shape, key: draw(shape, key, alg="philox"), autograph=False, input_signature=signature)


def _drawn(draw, shape, key):
    rank, count = _part
    if count == 1 and tf.executing_eagerly():
        return _compiled(draw)(tf.convert_to_tensor(shape, tf.int32), key)
    if count == 1:
        return draw(shape, key, alg="philox")
    n, *row = tf.unstack(tf.convert_to_tensor(shape))
    whole = draw(tf.stack([n * count, *row]), key, alg="philox")
    return tf.slice(whole, [rank * n, *(0 for _ in row)], [n, *row])


def normal(shape, seed, step, stream):
    """Returns a standard normal float32 tensor. seed, step: integers, or tensors of them; stream: one of the above."""
    return _drawn(tf.random.stateless_normal, shape, _key(seed, step, stream))


def uniform(shape, seed, step, stream):
    """Returns a float32 tensor, uniform in [0, 1)."""
    return _drawn(tf.random.stateless_uniform, shape, _key(seed, step, stream))


def spread_uniform(size, seed, step, stream):
    """Returns `size` numbers of [0, 1), each uniform: one draw, spread evenly, so that a loss that depends on time
    varies less from batch to batch (Kingma et al. 2021, appendix I.1)."""
    rank, count = _part
    spread = tf.cast(rank * size + tf.range(size), tf.float32) / tf.cast(count * size, tf.float32)
    with rows_of(0, 1):
        return (uniform([], seed, step, stream) + spread) % 1.0
