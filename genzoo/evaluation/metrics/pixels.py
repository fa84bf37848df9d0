"""The likelihood of pixels of 256 levels under a normal distribution."""

import math

from genzoo.stack import tf

HALF_BIN = 1 / 255  # the 256 levels lie 2/255 apart on [-1, 1]
TAIL = -10.0  # below it `log_ndtr` is a series: Φ itself is still far above the smallest float32 there


def log_ndtr(u):
    """Returns log Φ(u) of a float32 tensor, Φ the standard normal distribution function; also far below 0, and at ±inf.

    Source of the series: Abramowitz & Stegun, 26.2.12.
    """
    # far below 0: Φ(u) ≈ φ(u)/|u| · (1 - 1/u² + 3/u⁴ - 15/u⁶)
    tail = tf.minimum(u, TAIL)
    r = tail**-2.0
    series = tf.math.log1p(r * (-1 + r * (3 - 15 * r)))
    far = -0.5 * tail**2 - tf.math.log(-tail) - 0.5 * math.log(2 * math.pi) + series
    # else: Φ(u) = erfc(-u/√2)/2
    near = tf.math.log(0.5 * tf.math.erfc(-tf.maximum(u, TAIL) / math.sqrt(2)))
    return tf.where(u < TAIL, far, near)


def log_levels(images, mean, deviation):
    """Returns log p of each pixel's level under a normal distribution, in nats, shaped as the images (Ho et al. 2020,
    eq. 13): of its mass between x - 1/255 and x + 1/255. The outermost bins are open.

    images: float32, the 256 levels on [-1, 1].      mean, deviation: of the normal, broadcastable; any mean will do.
    """
    low, high = (images - HALF_BIN - mean) / deviation, (images + HALF_BIN - mean) / deviation
    low = tf.where(images < HALF_BIN - 1, -math.inf, low)
    high = tf.where(images > 1 - HALF_BIN, math.inf, high)
    # Φ(b) - Φ(a) = Φ(-a) - Φ(-b): in the lower tail the difference is not one of numbers near 1.
    above = images > mean
    low, high = tf.where(above, -high, low), tf.where(above, -low, high)
    log_high = log_ndtr(high)
    return log_high + tf.math.log(-tf.math.expm1(log_ndtr(low) - log_high))
