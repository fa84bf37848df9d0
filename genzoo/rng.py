"""Random tensors as a pure function of (seed, step, stream): alike in eager and graph mode, and after a resume.

XLA draws other numbers from the same key than TensorFlow's own kernels do, though as repeatably.
"""

from genzoo.stack import tf

NOISE, TIME, DROP, LATENT, START = range(5)  # the streams; draws of one step must not share one
_STREAMS = 8


def _key(seed, step, stream):
    step = tf.cast(step, tf.int64)
    return tf.stack([tf.cast(seed, tf.int64), step * _STREAMS + stream])


def normal(shape, seed, step, stream):
    """Returns a standard normal float32 tensor. seed, step: integers, or tensors of them; stream: one of the above."""
    return tf.random.stateless_normal(shape, _key(seed, step, stream), alg="philox")


def uniform(shape, seed, step, stream):
    """Returns a float32 tensor, uniform in [0, 1)."""
    return tf.random.stateless_uniform(shape, _key(seed, step, stream), alg="philox")


def spread_uniform(size, seed, step, stream):
    """Returns `size` numbers of [0, 1), each uniform: one draw, spread evenly, so that a loss that depends on time
    varies less from batch to batch (Kingma et al. 2021, appendix I.1)."""
    spread = tf.range(size, dtype=tf.float32) / tf.cast(size, tf.float32)
    return (uniform([], seed, step, stream) + spread) % 1.0
