"""Where our layers are faster than the library's, they give its numbers."""

import numpy as np
import pytest

from genzoo.networks.blocks import Norm, groups, modulated_norm, named_weights, norm, silu
from genzoo.stack import GroupNormalization, keras, tf


def gradients(function, *inputs):
    """The result of a function, and the gradients of its sum weighted at random."""
    inputs = [tf.constant(v) for v in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = function(*inputs)
        weights = np.random.default_rng(9).normal(size=result.shape).astype("float32")
        total = tf.reduce_sum(weights * result)
    return [result, *tape.gradient(total, inputs)]


@pytest.mark.parametrize("shape", [(3, 16, 16, 32), (2, 4, 4, 128), (2, 8, 8, 96), (2, 4, 6, 8), (2, 2, 2, 3)])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_the_modulated_norm_is_the_librarys_norm_then_modulated(shape, offset):
    rng = np.random.default_rng(0)
    x = rng.normal(offset, 2.0, shape).astype("float32")
    scale, shift = rng.normal(size=(2, shape[0], shape[-1])).astype("float32")
    library = GroupNormalization(groups=groups(shape[-1]), center=False, scale=False)

    def reference(x, scale, shift):
        return library(x) * (1 + scale[:, None, None, :]) + shift[:, None, None, :]

    for ours, theirs in zip(
        gradients(modulated_norm, x, scale, shift), gradients(reference, x, scale, shift), strict=True
    ):
        size = float(np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1.0, size))


def test_the_norm_is_the_librarys():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(1.0, 2.0, (3, 8, 8, 32)).astype("float32"), rng.normal(size=(2, 32)).astype("float32")
    ours, theirs = Norm(32), norm(32)
    assert isinstance(theirs, GroupNormalization)
    theirs(x)
    results = []
    for layer in (ours, theirs):
        layer.gamma.assign(weights[0])
        layer.beta.assign(weights[1])
        with tf.GradientTape() as tape:
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, layer.trainable_variables)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(np.abs(b).max()))


def test_the_modulated_norm_of_a_constant_is_its_shift():
    x = np.full((1, 4, 4, 16), 1000.0, "float32")
    scale, shift = np.ones((2, 1, 16), "float32")
    np.testing.assert_allclose(modulated_norm(x, scale, shift), np.ones_like(x), atol=1e-3)


def test_silu_is_that_of_tensorflow():
    x = np.concatenate([np.linspace(-30, 30, 1001), [-1e4, -100, 100, 1e4]]).astype("float32")
    for ours, theirs in zip(gradients(silu, x), gradients(tf.nn.silu, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


class Positioned(keras.layers.Layer):
    """A layer with a weight of its own beside those of its sublayers."""

    def __init__(self, name_of_second="scale"):
        super().__init__()
        self.dense = keras.layers.Dense(2)
        self.place = self.add_weight(name="place", shape=(3,))
        self.second = self.add_weight(name=name_of_second, shape=(3,))

    def call(self, x):
        return self.dense(x + self.place * self.second)


def test_weights_of_a_layer_are_named_beside_those_of_its_sublayers():
    layer = Positioned()
    layer(tf.zeros([1, 3]))
    assert sorted(named_weights(layer, "net.")) == ["net.dense.bias", "net.dense.kernel", "net.place", "net.scale"]


def test_a_weight_that_would_vanish_from_files_is_refused():
    with pytest.raises(TypeError, match="two weights of Positioned are called 'place'"):
        named_weights(Positioned("place"))

    class Bare(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.place = tf.Variable([1.0])

    bare = Bare()
    if bare.weights:  # Keras 2 tracks it, Keras 3 does not
        assert list(named_weights(bare)) == ["Variable"]
    else:
        with pytest.raises(TypeError, match="Bare.place is a bare tf.Variable"):
            named_weights(bare)
