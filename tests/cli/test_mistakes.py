"""The mistakes that well-known articles print, each with the test that would catch it here."""

import warnings

import numpy as np
import pytest
from small import CLASSES, DIFFUSION, eagerly, families, images, shaken, shared, small

from genzoo.models.blend import Blend
from genzoo.models.families import MODELS
from genzoo.networks.blocks import silu
from genzoo.networks.unet import UNet
from genzoo.stack import tf

LARGER = [pytest.param(shape, marks=pytest.mark.slow) for shape in ((32, 32, 1), (64, 64, 3))]
STEPS = {name: {"steps": 4} for name in ("blend", *DIFFUSION)}


@pytest.mark.parametrize("name", ["ae", "vae", "cvae"])
@pytest.mark.parametrize("image_shape", [(8, 8, 1), (32, 32, 3), (24, 40, 1), *LARGER])
def test_the_decoder_gives_back_the_size_of_the_image(name, image_shape):
    """A last convolution with 'valid' padding makes 30×30 of 32×32."""
    model = small(name, image_shape)
    x = images(2, image_shape)
    assert model.network(x, tf.constant([0, 1])).shape == x.shape


@pytest.mark.parametrize("name", ["ae", "vae", "cvae"])
def test_the_bottleneck_is_one(name):
    """A 'latent' as large as the image can copy it."""
    for image_shape in [(32, 32, 1), (64, 64, 3)]:
        options = MODELS[name].model_options({}, image_shape, 10)
        assert options["latent_dim"] * 10 <= np.prod(image_shape)
    # Every way from image to reconstruction leads through the latent: its rank bounds theirs.
    model = shaken(small(name, latent_dim=3))
    labels = {"labels": [1] * 4} if model.conditional else {}
    z = model.encode(images(4), **labels)
    assert z.shape == (4, 3)


def test_cvae_label_and_latent_stand_side_by_side_in_every_example():
    """Joined along the wrong axis, one example's label reaches another example's picture."""
    model = shaken(shared("cvae"), scale=0.3)
    z = np.random.default_rng(0).normal(size=(4, model.latent_dim)).astype("float32")
    together = model.decode(z, [0, 1, 2, 3])
    alone = np.concatenate([model.decode(z[i : i + 1], [i]) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(model.decode(z, [1, 1, 2, 3])[0] - together[0]).max() > 1e-3  # the label matters
    assert np.abs(model.decode(z[::-1], [0, 1, 2, 3])[0] - together[0]).max() > 1e-3  # the latent matters


def test_cvae_label_enters_the_encoder_as_constant_channels_would():
    """A plane for each class beside the pixels, all 1 for the label, and a first convolution over both."""
    model = shaken(shared("cvae"), scale=0.3)
    encoder, x, labels = model.ema.encoder, images(3), [1, 3, 0]
    planes = np.broadcast_to(np.eye(CLASSES, dtype="float32")[labels][:, None, None], (3, 8, 8, CLASSES))
    first, table = encoder.downs[0].conv, np.asarray(encoder.label_embedding.dense.kernel)
    pixels = np.split(np.asarray(first.kernel)[0, 0], 4)  # a part for each pixel of a block
    kernel = np.concatenate([part for pixel in pixels for part in (pixel, table / 4)])
    h = tf.nn.space_to_depth(np.concatenate([x, planes], axis=-1), 2) @ kernel + np.asarray(first.bias)
    h = encoder.blocks[0](h)
    for down, block in zip(encoder.downs[1:], encoder.blocks[1:], strict=True):
        h = block(down(h))
    means = encoder.head(tf.reshape(silu(encoder.norm(h)), [3, -1])).numpy()[:, : model.latent_dim]
    np.testing.assert_allclose(model.encode(x, labels), means, rtol=1e-4, atol=1e-4)
    assert np.abs(model.encode(x, [0, 0, 0]) - means)[:2].max() > 1e-3


@pytest.mark.parametrize("name", families())
def test_one_model_both_trains_and_samples(name):
    """No `inference` flag in the constructor: the object that learned is the one that samples."""
    model = shared(name)
    with eagerly():
        model.prepare_sampling(images(16), np.arange(16) % CLASSES)
        assert model.loss_terms(model.network, images(2), np.array([0, 1]), 0, training=True)["loss"].shape == ()
        assert len(model.sample(2, **STEPS.get(name, {}))) == 2


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [100, 500, 1000])
def test_sampling_starts_where_training_ends(schedule, steps):
    """Betas up to 0.02 with T = 100 leave 60 % of the image's amplitude at the last step."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = small("ddpm", diffusion_steps=steps, schedule=schedule)
    assert np.sqrt(model.schedule.alphas_cumprod[-1]) < 0.02


def test_time_reaches_the_network_as_bounded_features():
    """A raw integer t in a Dense layer is hundreds of times larger than any other input."""
    embedding = UNet((8, 8, 1), 0, (8, 8), 1).time_embedding
    embedding(tf.constant([0.0]))
    width = embedding.dense.kernel.shape[0]
    embedding.dense.kernel.assign(tf.eye(width, embedding.dense.kernel.shape[1]))
    features = embedding(tf.range(0.0, 1000.0)).numpy()
    assert np.abs(features).max() <= 1 + 1e-6
    distances = np.linalg.norm(features[:, None] - features[None], axis=-1) + 10 * np.eye(1000)
    assert distances.min() > 0.01  # no two times look alike
    times = [small("ddpm", diffusion_steps=T).network_time(np.array([0, T - 1])).numpy() for T in (20, 1000)]
    assert all(t[0] == 0 and 900 < t[1] < 1000 for t in times)


@pytest.mark.parametrize("image_shape", [(8, 8, 1), (64, 64, 3)])
def test_the_unet_has_a_path_at_full_resolution(image_shape):
    """With every skip behind a pooling, pixel noise has no way through; here the head alone can copy the input."""
    net = UNet(image_shape, 0, (8, 8), 1)
    x = images(2, image_shape)
    net(x, tf.zeros([2]))
    kernel = np.zeros(net.head.kernel.shape, "float32")
    pixels = kernel.shape[-1]
    kernel[0, 0, -pixels:, :] = np.eye(pixels)
    net.head.kernel.assign(kernel)
    np.testing.assert_allclose(net(x, tf.zeros([2])), x, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_call_leaves_no_trace(name):
    """Reversing a list of skips in place makes the second call differ from the first."""
    model = shaken(shared(name))
    inputs = [images(1), *model.example_inputs()[1:]]
    np.testing.assert_array_equal(model.ema(*inputs), model.ema(*inputs))


def test_labels_are_dropped_one_by_one():
    """One draw a batch would hide all labels or none."""
    model = small("cddpm", drop_label=0.3)
    labels = (np.arange(2000) % CLASSES).astype("int32")
    seen = model.training_labels(None, labels, 5).numpy()
    hidden = seen == CLASSES
    assert 0.25 < hidden.mean() < 0.35
    np.testing.assert_array_equal(seen[~hidden], labels[~hidden])
    assert (model.training_labels(None, labels, 6).numpy() != seen).any()
    np.testing.assert_array_equal(model.network_labels(None, labels), labels)


def test_sampling_guides():
    """s = 1 is the conditional network, s = 0 the unconditional one, and s = 3 goes past both on their line."""
    model = shaken(shared("cddpm"), scale=0.3)
    x, t, labels = images(4), tf.constant(7), tf.constant([0, 1, 2, 3])

    def predict(s):
        return model.predict_guided(x, t, labels, tf.constant(s), 0.0).numpy()

    time = model.network_time(tf.fill([4], 7))
    conditional, nobody = model.ema(x, time, labels).numpy(), model.ema(x, time, tf.fill([4], CLASSES)).numpy()
    assert np.abs(conditional - nobody).max() > 1e-3
    np.testing.assert_allclose(predict(1.0), conditional, atol=1e-5)
    np.testing.assert_allclose(predict(0.0), nobody, atol=1e-5)
    np.testing.assert_allclose(predict(3.0), nobody + 3 * (conditional - nobody), atol=1e-4)
    with eagerly():
        a, b = (model.sample(labels=[0, 1], guidance=s, sampler="ddim", steps=5) for s in (0.0, 3.0))
    assert np.abs(a - b).max() > 1e-3


def test_guidance_costs_two_evaluations_only_where_it_acts():
    model, everywhere = small("cddpm"), {"guidance_interval": None}
    assert [model.evaluations(sampler="ddim", steps=7, guidance=s, **everywhere) for s in (0.0, 1.0, 2.0)] == [7, 7, 14]
    seen = []
    network = model.ema.call

    def counting(x, *args):
        tf.py_function(lambda n: seen.append(int(n)), [tf.shape(x)[0]], [])
        return network(x, *args)

    model.ema.call = counting
    for s, rows in ((1.0, 3), (0.0, 3), (2.0, 6)):
        seen.clear()
        model.sample(3, sampler="ddim", steps=7, guidance=s, **everywhere)
        assert seen == [rows] * 7  # both halves in one forward pass


@pytest.mark.parametrize("name", DIFFUSION)
def test_the_sampling_loop_does_not_unroll_or_retrace(name):
    """A Python loop of T steps inside a tf.function makes T copies of the network."""
    model = small(name, diffusion_steps=200)
    guided = [{"guidance": s} for s in (1.0, 0.0, 2.5)] if model.conditional else [{}]
    requests = [
        {"sampler": "ddpm", "steps": 200},
        {"sampler": "ddpm", "steps": 20, "variance": "fixed_large"},
        {"sampler": "ddim", "steps": 10, "eta": 0.5, "timesteps": "quad", "clip_denoised": False},
        {"sampler": "ddim", "steps": 33},
    ]
    sizes = set()
    for n, request in enumerate([r | g for r in requests for g in guided][: len(requests) + 2]):
        model.sample(2 + n, seed=n, **request)
        (concrete,) = model._compiled_loop._list_all_concrete_functions()
        sizes.add(len(concrete.graph.as_graph_def().node) + sum(
            len(f.node_def) for f in concrete.graph.as_graph_def().library.function))  # fmt: skip
    assert len(sizes) == 1
    assert model._compiled_loop.experimental_get_tracing_count() == 1


def test_the_ddim_loop_over_all_steps_is_finite():
    """The `+ 1` of a well-known listing runs past the table at S = T; on a GPU that gather gives 0, and then NaN."""
    model = shaken(shared("ddpm"))
    for spacing in ("uniform", "linspace", "trailing", "quad"):
        with eagerly():
            sampled = model.ddim_sample(2, steps=20, timesteps=spacing, eta=1.0)
        assert np.isfinite(sampled).all()


def test_clipping_rederives_the_noise():
    """With x_0 clipped and ε left alone, the two no longer add up to x_t."""
    model = small("ddpm", diffusion_steps=100, predict="eps")
    model.predict_guided = lambda x, *_: tf.zeros_like(x)  # x_0 = x / sqrt(ᾱ), far outside
    with eagerly():
        path = model.trajectory(2, frames=4, sampler="ddim", steps=4)
    pairs = [99, 74, 49, 24, -1]
    for (x_t, x_0), (x_next, _), t, p in zip(path[:-1], path[1:], pairs[:-1], pairs[1:], strict=True):
        assert np.abs(x_0).max() <= 1
        a, b = model.schedule.alpha_bar(t), model.schedule.alpha_bar(p)
        eps = (x_t - np.sqrt(a) * x_0) / np.sqrt(1 - a)
        np.testing.assert_allclose(x_next, np.sqrt(b) * x_0 + np.sqrt(1 - b) * eps, atol=2e-5)


def test_the_noise_amount_reaches_the_blend_network():
    model = shaken(shared("blend"), scale=0.3)
    x = images(1)
    low, high = (model.predict_x0(model.ema, x, tf.constant([a]), tf.constant([0])).numpy() for a in (0.1, 0.9))
    assert np.abs(low - high).max() > 1e-3


def test_blend_steps_arrive_where_a_fixed_share_leaves_noise():
    left = lambda shares: np.prod(1 - shares)  # noqa: E731
    assert left(Blend.shares(steps=5, share=0.2)) == pytest.approx(0.328, abs=1e-3)
    assert left(Blend.shares(steps=5)) == 0
    np.testing.assert_allclose(np.cumprod(1 - Blend.shares(steps=5)), [0.8, 0.6, 0.4, 0.2, 0], atol=1e-12)
    model = shaken(shared("blend"))
    with eagerly():
        path = model.trajectory(2, frames=5, steps=5)
    np.testing.assert_allclose(path[-1][0], path[-1][1], atol=1e-5)  # the last step reaches the last prediction
