"""The larger networks: attention by its formula and by Keras, the paper's number of weights, and that they train."""

import math

import numpy as np
import pytest
from small import eagerly

from genzoo import build
from genzoo.errors import UsageError
from genzoo.networks.attention_unet import Attention, AttentionUNet, attend
from genzoo.networks.blocks import named_weights
from genzoo.networks.catalogue import NETWORKS, make_network
from genzoo.stack import keras, layers, tf, tf_variable

SMALL = {"widths": (8, 16), "depth": 1, "attention": (4,), "head": 8}


def random_weights(layer, seed=0, scale=0.3):
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)


def test_attention_is_its_formula():
    q, k, v = np.random.default_rng(0).normal(size=(3, 2, 5, 7)).astype("float32")
    expected = np.zeros_like(v)
    for b in range(2):
        for i in range(5):
            weights = np.exp([q[b, i] @ k[b, j] / math.sqrt(7) for j in range(5)])
            expected[b, i] = sum(w * v[b, j] for j, w in enumerate(weights / weights.sum()))
    np.testing.assert_allclose(attend(*map(tf.constant, (q, k, v))), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_that_of_keras_with_its_weights(heads):
    ours, C = Attention(16, 16 // heads), 16
    x = tf.constant(np.random.default_rng(1).normal(size=(2, 4, 6, C)).astype("float32"))
    assert (ours(x).numpy() == x.numpy()).all()  # it begins as nothing
    random_weights(ours)
    theirs = layers.MultiHeadAttention(heads, C // heads)
    seen = tf.reshape(ours.norm(x), [2, 24, C])
    theirs(seen, seen)
    kernel, bias = (np.asarray(w).reshape(-1, 3, heads, C // heads) for w in (ours.qkv.kernel, ours.qkv.bias))
    out = np.asarray(ours.out.kernel).reshape(heads, C // heads, C)
    # In Keras' order: query, key, value, output, a kernel and a bias each.
    theirs.set_weights([w for i in range(3) for w in (kernel[:, i], bias[0, i])] + [out, np.asarray(ours.out.bias)])
    expected = x + tf.reshape(theirs(seen, seen), x.shape)
    np.testing.assert_allclose(ours(x), expected, rtol=1e-4, atol=1e-4)


def test_maps_are_doubled_by_their_nearest_pixels():
    x = np.random.default_rng(0).normal(size=(1, 2, 3, 5)).astype("float32")
    doubled = tf.nn.depth_to_space(tf.tile(x, [1, 1, 1, 4]), 2)
    np.testing.assert_array_equal(doubled, x.repeat(2, axis=1).repeat(2, axis=2))


OTHERS = [pytest.param(*case, marks=pytest.mark.slow) for case in (("unet-base", 3), ("unet-large", 0))]


@pytest.mark.parametrize("name, classes", [("unet-base", 0), ("unet-large", 3), *OTHERS])
def test_every_part_of_a_network_matters(name, classes):
    """It begins at zero; later each weight has a gradient. The catalogue's least number of weights is below theirs."""
    given = {option.name: option.default for option in NETWORKS[name].options} | SMALL
    net = make_network(name, (8, 16, 3), classes, **given)
    x, time, labels = tf.random.stateless_normal([2, 8, 16, 3], [0, 0]), tf.constant([3.0, 900.0]), tf.constant([0, 2])
    given_labels = labels if classes else None
    assert not net(x, time, given_labels).numpy().any()
    random_weights(net)
    paths, weights = zip(*named_weights(net).items(), strict=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(net(x, time, given_labels) ** 2)
    for path, gradient in zip(paths, tape.gradient(loss, [tf_variable(weight) for weight in weights]), strict=True):
        assert np.abs(gradient).max() > 0, path
    assert 0 < NETWORKS[name].least((8, 16, 3), classes, given) <= sum(math.prod(w.shape) for w in net.weights)
    time_matters = net(x, tf.constant([3.0, 4.0]), given_labels).numpy()[1] != net(x, time, given_labels).numpy()[1]
    assert time_matters.any()


@pytest.mark.slow
def test_a_family_trains_and_draws_with_it():
    model = build("cddpm", image_shape=(8, 8, 1), num_classes=3, network="unet-base", diffusion_steps=10, **SMALL)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
    batch = {"image": tf.random.stateless_uniform([4, 8, 8, 1], [0, 0], -1.0), "label": tf.constant([0, 1, 2, 0])}
    with eagerly():
        before = model.weights_dict()
        model.train_step(batch)
        assert any((before[name] != value).any() for name, value in model.weights_dict().items())
        assert np.isfinite(model.sample(labels=[0, 1], steps=2)).all()
    assert build("cddpm", **model.config).config == model.config


@pytest.mark.parametrize(
    "options, words",
    [
        ({"widths": (8, 8, 8, 8, 8)}, "5 widths are too many: 8 and 8 pixels"),
        ({"widths": (8, 7)}, "widths 7: expected an even number"),
        ({"widths": (8, 12), "head": 8}, "widths 12: .* heads of 8 channels"),
        ({"attention": ()}, "attention"),
    ],
)
def test_what_does_not_fit_is_one_line(options, words):
    with pytest.raises(UsageError, match=words):
        build("ddpm", image_shape=(8, 8, 1), network="unet-base", **SMALL | options)


@pytest.mark.slow
@pytest.mark.once
def test_base_has_the_weights_of_the_paper_and_takes_a_step():
    """35.7 M (Ho et al. 2020, appendix B); the number is that of its CIFAR-10 network without labels."""
    trains("unet-base", (32, 32, 3), 35_746_307)


@pytest.mark.slow
@pytest.mark.once
def test_large_takes_a_step():
    trains("unet-large", (64, 64, 3), 277_159_875 - 1001 * 768)


@pytest.mark.slow
@pytest.mark.once
def test_base_learns_64_images_by_heart():
    """With the noise that each is given: what it makes of other images under that noise stays wrong."""
    rng, side = np.random.default_rng(0), 8
    blobs = tf.image.resize(rng.normal(size=(128, 4, 4, 3)), (side, side), "bicubic")
    images = tf.cast(tf.tanh(blobs + 0.3 * rng.normal(size=blobs.shape)), tf.float32)
    model = build("ddpm", image_shape=(side, side, 3), network="unet-base", clusters=0)
    model.compile(optimizer=keras.optimizers.Adam(5e-4), jit_compile=False)
    labels, weights = tf.zeros([16], tf.int32), model.network.trainable_variables

    @tf.function(autograph=False)
    def step(images, batch):
        terms, gradients = model.losses_and_gradients(images, labels, batch)
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return terms["loss"]

    batches, losses = list(zip(tf.split(images[:64], 4), tf.range(4, dtype=tf.int64), strict=True)), [math.inf]
    while losses[-1] > 0.2 and len(losses) < 30:
        losses.append(np.mean([step(*batch) for batch in batches]))
    assert losses[1] > 0.5 and losses[-1] <= 0.2
    others = zip(tf.split(images[64:], 4), range(4), strict=True)
    unseen = [model.loss_terms(model.network, x, labels, np.int64(k), training=False)["loss"] for x, k in others]
    assert np.mean(unseen) > 0.4


def trains(name, shape, count):
    """One step of gradient descent on an image lowers the error on it."""
    net = make_network(name, shape, 0, **{option.name: option.default for option in NETWORKS[name].options})
    assert isinstance(net, AttentionUNet)
    x, time = tf.random.stateless_normal([1, *shape], [1, 0]), tf.constant([500.0])
    target = tf.random.stateless_normal([1, *shape], [2, 0])
    error = lambda: tf.reduce_mean((net(x, time) - target) ** 2)  # noqa: E731
    before = error()
    assert sum(math.prod(w.shape) for w in net.weights) == count
    with tf.GradientTape() as tape:
        loss = error()
    for weight, gradient in zip(net.trainable_weights, tape.gradient(loss, net.trainable_weights), strict=True):
        weight.assign(weight - 0.1 * gradient)
    assert error() < before
