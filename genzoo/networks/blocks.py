"""The layers that all networks share."""

import contextlib
import math

from genzoo.stack import GroupNormalization, keras, layers, tf, tf_variable


@contextlib.contextmanager
def computing_in(precision):
    """Layers that are made in this context compute in 'float32' or 'bfloat16'; weights and gradients stay float32.

    bfloat16 has the range of float32, so that no loss needs scaling, but 8 bits of precision. What needs more is made
    with dtype="float32" in any context: means and variances, time, and the last layer of a network.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def named_weights(layer, prefix=""):
    """Returns {path: weight} of all weights of a layer, named by attributes: the same on both stacks.

    A sublayer's stand under the name of its attribute ('encoder.downs.0.kernel'), the layer's own under that which
    `add_weight` got.     Raises TypeError for a weight that would be left out, or share a name, and vanish from files.
    """
    children, named, seen = {}, {}, set()
    for name, value in vars(layer).items():
        if isinstance(value, tf.Variable) and not any(value is tf_variable(w) for w in layer.weights):
            raise TypeError(f"{type(layer).__name__}.{name} is a bare tf.Variable: make it by self.add_weight(name=…)")
        if name.startswith("_"):
            continue
        if isinstance(value, layers.Layer):
            children[name] = value
        elif isinstance(value, (list, tuple)):
            children.update({f"{name}.{i}": v for i, v in enumerate(value) if isinstance(v, layers.Layer)})
    for name, child in children.items():
        for path, weight in named_weights(child, f"{prefix}{name}.").items():
            named[path] = weight
            seen.add(id(weight))
    for weight in layer.weights:
        if id(weight) not in seen:
            path = prefix + weight.name.split("/")[-1].split(":")[0]
            if path in named:
                raise TypeError(
                    f"two weights of {type(layer).__name__} are called {path!r}: keep its layers in attributes, or in "
                    "lists or tuples of layers, and give each weight of its own another name"
                )
            named[path] = weight
            seen.add(id(weight))
    return named


class Block(layers.Layer):
    """A layer made of others: they make their weights at its first call. What it has itself, `__init__` adds.

    It counts as built: Keras 3 would trace `call` to build it, and again for each layer around it; seconds for a U-Net.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.built = True


def conv(channels, size=3, zero=False, **options):
    """A convolution that keeps height and width; `zero` starts it at zero: a residual branch begins as nothing."""
    start = "zeros" if zero else "glorot_uniform"
    return layers.Conv2D(channels, size, padding="same", kernel_initializer=start, **options)


def groups(channels):
    """The groups that normalise so many channels: of at least 8 channels, at most 8 groups."""
    return math.gcd(channels, max(1, min(8, channels // 8)))


def norm(channels):
    """Group normalisation with a learned gain and bias a channel."""
    return GroupNormalization(groups=groups(channels), dtype="float32")


def modulated_norm(x, scale, shift, epsilon=1e-3):
    """Group normalisation (Wu & He 2018) without gain and bias, times 1 + scale, plus shift.

    x: [B, H, W, C]; scale, shift: [B, C].   → [B, H, W, C]
    The numbers of `GroupNormalization(groups(C), center=False, scale=False)` in fewer passes over x, since each costs a
    good part of a convolution: the variance is E[x²] - E[x]², and all that happens to a channel is one a·x + b.
    """
    H, W, C = x.shape[1:]
    G = groups(C)
    exact = tf.cast(x, tf.float32)
    scale, shift = tf.cast(scale, tf.float32), tf.cast(shift, tf.float32)

    def group_mean(sums):  # over the pixels, [B, C] → means over a group, [B, C]: equal for all of its channels
        means = tf.reduce_mean(tf.reshape(sums, [-1, G, C // G]), axis=-1, keepdims=True) / (H * W)
        return tf.reshape(tf.tile(means, [1, 1, C // G]), [-1, C])

    mean = group_mean(tf.reduce_sum(exact, axis=[1, 2]))
    variance = tf.maximum(group_mean(tf.reduce_sum(tf.square(exact), axis=[1, 2])) - tf.square(mean), 0.0)
    gain = (1 + scale) * tf.math.rsqrt(variance + epsilon)
    gain, bias = tf.cast(gain, x.dtype), tf.cast(shift - mean * gain, x.dtype)
    return x * gain[:, None, None, :] + bias[:, None, None, :]


class Norm(Block):
    """The layer that `norm` gives, its weights and its numbers, at the speed of `modulated_norm`.

    call(x [B, H, W, C]) → the same shape as x
    """

    def __init__(self, channels):
        super().__init__(dtype="float32")
        self.gamma = self.add_weight(name="gamma", shape=(channels,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(channels,), initializer="zeros")

    def call(self, x):
        return modulated_norm(x, self.gamma[None] - 1, self.beta[None])


@tf.custom_gradient
def silu(x):
    """x · sigmoid(x) (Elfwing et al. 2018), as `tf.nn.silu`; its gradient does not compute the sigmoid again."""
    s = tf.sigmoid(x)
    y = x * s
    return y, lambda upstream: upstream * (s + y * (1 - s))


class Residual(Block):
    """x + conv(silu(conv(silu(norm(x))))), the norm modulated by an embedding where one is given.

    call(x [B, H, W, channels], emb [B, E] or None) → the same shape as x
    """

    def __init__(self, channels, modulated=False):
        super().__init__()
        if not modulated:
            self.norm = Norm(channels)
        self.conv1 = conv(channels)
        self.conv2 = conv(channels, zero=True)
        if modulated:
            self.scale_shift = layers.Dense(2 * channels)
        self.modulated = modulated

    def call(self, x, emb=None):
        h = modulated_norm(x, *tf.split(self.scale_shift(emb), 2, axis=-1)) if self.modulated else self.norm(x)
        return x + self.conv2(silu(self.conv1(silu(h))))


class Down(Block):
    """Halves height and width: 2×2 pixels become channels, then a 1×1 convolution. Nothing is lost before it.

    call(x [B, H, W, C]) → [B, H/2, W/2, channels]
    """

    def __init__(self, channels):
        super().__init__()
        self.conv = conv(channels, 1)

    def call(self, x):
        return self.conv(tf.nn.space_to_depth(x, 2))


class Up(Block):
    """Doubles height and width: a 1×1 convolution, then channels become 2×2 pixels.

    call(x [B, H, W, C]) → [B, 2H, 2W, channels]
    """

    def __init__(self, channels):
        super().__init__()
        self.conv = conv(4 * channels, 1)

    def call(self, x):
        return tf.nn.depth_to_space(self.conv(x), 2)


class TimeEmbedding(Block):
    """Sinusoids of time (Vaswani et al. 2017, 3.5), then a dense layer. call(t [B] float, 0 … 1000) → [B, width]."""

    def __init__(self, width, frequencies=64):
        super().__init__(dtype="float32")
        self.frequencies = frequencies
        self.dense = layers.Dense(width)

    def call(self, t):
        angles = self.angles(t)
        return self.dense(tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1))

    def angles(self, t):
        """Each time at each frequency, [B, frequencies]."""
        return t[:, None] * tf.exp(-math.log(10000.0) * tf.range(self.frequencies, dtype=tf.float32) / self.frequencies)


class LabelEmbedding(Block):
    """One learned vector a class. call(labels [B] int) → [B, width].

    A product with one-hot rows: unlike a gather, its gradient sums in a fixed order, so that training repeats exactly.
    """

    def __init__(self, classes, width):
        super().__init__()
        self.classes = classes
        self.dense = layers.Dense(width, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(0, 1))

    def call(self, labels):
        return self.dense(tf.one_hot(labels, self.classes))
