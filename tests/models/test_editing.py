"""From images to noise and back, on a model whose exact answer is known."""

import functools

import numpy as np
import pytest
from small import eagerly, images, shaken, shared, small

from genzoo import rng
from genzoo.diffusion import samplers
from genzoo.diffusion.catalogue import SAMPLERS, SPACINGS
from genzoo.errors import UsageError
from genzoo.models.editing import slerp
from genzoo.stack import tf

MODES, WIDTH, WEIGHTS = (-0.6, 0.6), 0.15, (0.3, 0.7)


@functools.cache
def mixture(label_weights=((1.0, 0.0), (0.0, 1.0)), steps=1000, schedule="cosine"):
    """A cddpm whose network is the exact ε of pixels from a two-mode Gaussian mixture: label k picks a mode, no
    label leaves both, with WEIGHTS."""
    model = small("cddpm", num_classes=2, diffusion_steps=steps, predict="eps", schedule=schedule)
    table = tf.constant([*label_weights, WEIGHTS], tf.float64)  # the null label comes last

    def network(x, time, labels):
        x = tf.cast(x, tf.float64)
        t = tf.cast(tf.round(time * model.diffusion_steps / 1000), tf.int32)
        abar = tf.gather(model.schedule.alphas_cumprod, t)[:, None, None, None]
        var = abar * WIDTH**2 + 1 - abar
        pulls = tf.stack([x - tf.sqrt(abar) * mode for mode in MODES], -1)
        prior = tf.math.log(tf.gather(table, labels) + 1e-300)[:, None, None, None, :]
        shares = tf.nn.softmax(prior - pulls**2 / (2 * var[..., None]), axis=-1)
        return tf.cast(tf.sqrt(1 - abar) * tf.reduce_sum(shares * pulls, -1) / var, tf.float32)

    model.ema = network
    return model


def pixels(model, n, labels, **options):
    everywhere = {"clip_denoised": False, "guidance_interval": None}
    return np.asarray(model.generate(n, np.asarray(labels, np.int32), 0, None, **everywhere, **options))


@pytest.mark.parametrize("options", [{"sampler": "ddpm"}, {"sampler": "ddim", "steps": 200},
                                     {"sampler": "dpmpp_2m", "steps": 100}, {"sampler": "unipc", "steps": 100}])
def test_guidance_gives_the_right_mixture(options):
    model = mixture()
    zeros, ones = np.zeros(100, int), np.ones(100, int)
    assert (pixels(model, 100, zeros, guidance=1.0, **options) < 0).mean() > 0.999  # but for a tail of 4 deviations
    assert (pixels(model, 100, ones, guidance=1.0, **options) > 0).mean() > 0.999
    free = pixels(model, 100, ones, guidance=0.0, **options)  # label or not, unconditional
    assert (free > 0).mean() == pytest.approx(WEIGHTS[1], abs=0.02)
    np.testing.assert_allclose(np.abs(free).mean(), 0.6, atol=0.02)


def test_a_label_that_only_leans_gets_its_own_weights_at_guidance_1():
    model = mixture(label_weights=((0.8, 0.2), (0.5, 0.5)))
    x = pixels(model, 200, np.zeros(200, int), guidance=1.0, sampler="ddim", steps=200)
    assert (x < 0).mean() == pytest.approx(0.8, abs=0.02)
    guided = pixels(model, 200, np.zeros(200, int), guidance=3.0, sampler="ddim", steps=200)
    assert (guided < 0).mean() > 0.9  # and guidance pushes it further


def test_inversion_then_sampling_gives_the_image_back():
    model = mixture()
    # A spread of one mode: between two modes the path has a fork that no number of steps resolves.
    x = (MODES[1] + WIDTH * np.random.default_rng(0).normal(size=(8, 8, 8, 1))).clip(-1, 1).astype("float32")
    errors = [np.sqrt(np.mean((model.reconstruct(x, np.ones(8, int), steps=s) - x) ** 2)) for s in (10, 50, 200)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] <= 1e-2
    z = model.invert(x, np.ones(8, int), steps=200)
    assert z.std() == pytest.approx(1, abs=0.1) and abs(z.mean()) < 0.1


def test_interpolation_ends_at_the_images_and_stays_on_the_data():
    model = mixture()
    rng = np.random.default_rng(1)
    a, b = ((MODES[0] + WIDTH * rng.normal(size=(2, 4, 8, 8, 1))).clip(-1, 1)).astype("float32")
    path = model.interpolate(a, b, 5, np.zeros(4, int), ddim_steps=200)
    np.testing.assert_allclose(path[0], a, atol=0.03)
    np.testing.assert_allclose(path[-1], b, atol=0.03)
    assert path[2].std() == pytest.approx(WIDTH, rel=0.2)  # a straight line between draws would shrink it by sqrt(2)


def test_slerp_keeps_the_length():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 16, 16, 1))
    for u in (0.0, 0.3, 0.5, 1.0):
        assert slerp(a, b, u).std() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(slerp(a, b, 0.0), a, atol=1e-12)
    np.testing.assert_allclose(slerp(a, b, 1.0), b, atol=1e-12)
    np.testing.assert_allclose(slerp(a, a, 0.4), a, atol=1e-9)


def test_img2img_keeps_more_at_less_strength():
    model = mixture()
    x = np.random.default_rng(0).normal(MODES[0], WIDTH, (4, 8, 8, 1)).clip(-1, 1).astype("float32")
    moved = [np.abs(model.img2img(x, np.zeros(4, int), strength=s) - x).mean() for s in (0.02, 0.2, 1.0)]
    assert moved[0] < moved[1] < moved[2]
    assert moved[0] < 0.5 * moved[2]
    again = model.img2img(x, np.ones(4, int), strength=1.0, seed=3)
    assert (again > 0).all()  # nothing of the image is left, and the label decides


def test_inpaint_keeps_what_is_not_masked():
    model = mixture()
    x = np.random.default_rng(0).choice(MODES, size=(4, 8, 8, 1)).astype("float32")
    mask = np.zeros((8, 8), bool)
    mask[4:] = True
    made = model.inpaint(x, mask, np.ones(4, int), steps=100)
    np.testing.assert_allclose(made[:, :4], x[:, :4], atol=1e-6)
    assert (made[:, 4:] > 0).all()
    each = np.stack([mask, ~mask, mask, mask])
    made = model.inpaint(x, each, np.ones(4, int), steps=100)
    np.testing.assert_allclose(made[1, 4:], x[1, 4:], atol=1e-6)


def test_guidance_acts_in_its_interval_only_and_is_paid_there_only():
    model = mixture()
    options = {"sampler": "ddim", "steps": 20, "guidance": 3.0, "guidance_interval": None}
    whole = model.plan(**options)
    part = model.plan(**options | {"guidance_interval": (0.5, 5.0)})
    sigma = np.sqrt(1 / model.schedule.alpha_bar(part.rows.t) - 1)
    inside = (sigma > 0.5) & (sigma <= 5.0)
    assert 0 < inside.sum() < 20
    np.testing.assert_array_equal(part.rows.guidance, np.where(inside, 3.0, 1.0))
    assert model.evaluations(**options) == whole.cost.sum() == 40
    assert model.evaluations(**options | {"guidance_interval": (0.5, 5.0)}) == 20 + inside.sum()
    assert model.evaluations(**(options | {"guidance": 0.0})) == 20


def test_rescaled_guidance_has_the_deviation_of_the_conditional():
    model = shaken(shared("cddpm"), scale=0.3)
    x, labels = images(4), tf.constant([0, 1, 2, 3])

    def predict(s, phi):
        return model.predict_guided(x, tf.constant(7), labels, tf.constant(s), tf.constant(phi)).numpy()

    np.testing.assert_allclose(predict(4.0, 1.0).std((1, 2, 3)), predict(1.0, 0.0).std((1, 2, 3)), rtol=1e-4)
    half = (predict(4.0, 0.0) + predict(4.0, 1.0)) / 2
    np.testing.assert_allclose(predict(4.0, 0.5), half, atol=1e-5)


def test_dynamic_thresholding_scales_by_the_quantile():
    from genzoo.models.plans import clipped

    x = np.linspace(-3, 3, 201, dtype="float32").reshape(1, 201, 1, 1)
    np.testing.assert_array_equal(clipped(tf.constant(x), tf.constant(-1.0)), x)
    np.testing.assert_array_equal(clipped(tf.constant(x), tf.constant(0.0)), x.clip(-1, 1))
    s = np.sort(np.abs(x).ravel())[round(0.9 * 200)]
    np.testing.assert_allclose(clipped(tf.constant(x), tf.constant(0.9)), x.clip(-s, s) / s, atol=1e-6)
    small_image = x / 10
    np.testing.assert_allclose(clipped(tf.constant(small_image), tf.constant(0.9)), small_image, atol=1e-7)


@pytest.mark.parametrize("zero_snr", [False, True])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_spacing_inverts_and_interpolates(spacing, zero_snr):
    model, x, labels = shaken(shared("cddpm", zero_snr=zero_snr)), images(2), [0, 1]
    for steps in (1, 7, 20):
        noise = model.invert(x, labels, steps=steps, timesteps=spacing)
        back = model.reconstruct(x, labels, steps=steps, timesteps=spacing, eta=0.0)
        way = model.interpolate(x, x[::-1], 3, labels, ddim_steps=steps, timesteps=spacing, guidance=2.0)
        assert noise.shape == back.shape == x.shape and way.shape == (3, *x.shape)
        assert np.isfinite(noise).all() and np.isfinite(back).all() and np.isfinite(way).all()


def test_only_the_deterministic_path_is_inverted():
    model, x, labels = shared("cddpm"), images(2), [0, 1]
    for options in ({"eta": 0.5}, {"eta": 1.0}, {"sampler": "ddpm"}, {"clip_denoised": True}, {"threshold": 0.9}):
        for call in (
            lambda o: model.invert(x, labels, **o),
            lambda o: model.reconstruct(x, labels, steps=1, timesteps="uniform", **o),  # which needs no step backwards
            lambda o: model.interpolate(x, x, 2, labels, **o),
        ):
            with pytest.raises(UsageError, match=f"deterministic DDIM: {next(iter(options))} must be"):
                call(options)


def test_a_samplers_own_mistake_is_not_taken_for_the_users(monkeypatch):
    def broken(schedule, pairs, eta):
        raise TypeError("unsupported operand")

    model = shared("ddpm")
    monkeypatch.setattr(samplers, "ddim", broken)
    with pytest.raises(TypeError, match="unsupported operand"):
        model.plan(sampler="ddim", eta=0.5)
    with pytest.raises(UsageError, match="sampler ddim takes no variance: that is for ddpm"):
        model.plan(sampler="ddim", variance="fixed_small")


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_ddim_with_noise_samples_under_zero_snr(eta):
    """All of the noise is fresh in the first step: what is left of the old one once rounded below 0."""
    model = shaken(small("ddpm", zero_snr=True, diffusion_steps=1000))
    with eagerly():
        assert np.isfinite(model.sample(2, sampler="ddim", eta=eta)).all()


def test_min_snr_weighs_eps_as_1_in_pure_noise(monkeypatch):
    """min(1, γ/SNR) is 1 there; min(ᾱ, γ (1-ᾱ))/ᾱ in float32, by a difference of both, was 0."""
    model = small("ddpm", predict="eps", min_snr=5.0, diffusion_steps=1000)
    monkeypatch.setattr(rng, "uniform", lambda *_: tf.constant(0.9999))  # t = 999
    batch = images(1), np.zeros(1, int)
    losses = [model.loss_terms(lambda x, *_: tf.zeros_like(x), *batch, i, training=True)["loss"] for i in range(20)]
    assert np.mean(losses) == pytest.approx(1, abs=0.1)  # the mean of ε²


SLOW = [pytest.param(options, marks=pytest.mark.slow) for options in ({}, {"predict": "x0", "min_snr": 5.0})]


@pytest.mark.parametrize("options", [{"predict": "eps", "min_snr": 5.0}, *SLOW])
def test_millions_of_steps_train_and_sample(monkeypatch, options):
    model = shaken(small("ddpm", diffusion_steps=5_000_000, schedule="linear", **options))
    for spacing in ("linspace", "trailing"):  # the first ends at t = 0
        for sampler in ("ddpm", "ddim", "dpmpp_2m"):
            with eagerly():
                assert np.isfinite(model.sample(2, sampler=sampler, steps=3, timesteps=spacing)).all()
    for u in (0.0, 0.5, 1 - 1e-7):
        monkeypatch.setattr(rng, "uniform", lambda *_, u=u: tf.constant(u, tf.float32))
        assert np.isfinite(model.loss_terms(model.network, images(1), np.zeros(1, int), 0, training=True)["loss"])


def test_refusals_are_clear():
    model, x = mixture(), images(2)
    labels = [0, 1]
    for match, call in {
        "strength must be above 0 and at most 1, got 0": lambda: model.img2img(x, labels, strength=0),
        r"mask must have shape \[8, 8\] or \[2, 8, 8\], got \(4,": lambda: model.inpaint(x, np.ones((4, 4)), labels),
        "inpaint works with ddim and ddpm": lambda: model.inpaint(x, np.ones((8, 8)), labels, sampler="heun"),
        "needs a label for each of the 2 images": lambda: model.invert(x),
        r"within \[-1, 1\]": lambda: model.invert(2 * x, labels),
        "images must have shape": lambda: model.invert(x[:, :4], labels),
        "guidance_interval .* two rising": lambda: model.sample(2, guidance_interval=(2.0, 1.0)),
        "guidance_rescale .* at most 1, got 2": lambda: model.sample(2, guidance_rescale=2.0),
        "threshold of .* at most 1, or none, got 1.5": lambda: model.sample(2, threshold=1.5),
        "sampler unipc takes no eta: that is for ddim": lambda: model.sample(2, sampler="unipc", eta=0.5),
    }.items():
        with pytest.raises(UsageError, match=match):
            call()
    with pytest.raises(UsageError, match="zero_snr needs predict v or x0"):
        small("ddpm", zero_snr=True, predict="eps")
    with pytest.raises(UsageError, match="min_snr of ddpm: expected a number above 0"):
        small("ddpm", min_snr=0)
    for predict in ("v", "x0"):
        with pytest.raises(UsageError, match="zero_snr and min_snr exclude each other"):
            small("ddpm", zero_snr=True, predict=predict, min_snr=5.0)


@pytest.mark.parametrize("options", [{"predict": "v", "zero_snr": True}, {"predict": "x0", "min_snr": 5.0},
                                     {"predict": "eps", "min_snr": 5.0}, {"predict": "v", "min_snr": 5.0}])  # fmt: skip
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpmpp_2m", "unipc"])
def test_every_objective_samples_with_every_sampler(options, sampler):
    model = shaken(shared("cddpm", **options))
    assert np.isfinite(model.loss_terms(model.network, images(4), np.arange(4), 0, training=True)["loss"])
    for steps in (1, 5, 20):
        assert np.isfinite(model.sample(2, sampler=sampler, steps=steps, guidance=2.0)).all()


@pytest.fixture(scope="module")
def counted():
    """A model whose `predict_guided` counts in `rows` how often the compiled loop calls it."""
    model = mixture(steps=100, schedule="linear")
    model.predict_guided = _Counting(model.predict_guided)
    return model


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_spacing_length_and_guidance_runs(sampler, spacing, counted):
    model, rows_walked = counted, counted.predict_guided.rows
    for steps in (1, 2, 3, 7, 10, 33, 50, 100):
        for guidance in (0.0, 1.0, 3.0):
            options = {"sampler": sampler, "steps": steps, "timesteps": spacing, "guidance": guidance}
            options["guidance_interval"] = None
            rows = steps
            if sampler == "heun":
                rows = 2 * steps - 1  # the linear schedule has no step from practically infinite noise
            assert model.evaluations(**options) == rows * (2 if guidance == 3 else 1)
            sampled = model.sample(labels=[0, 1], **options)
            assert np.isfinite(sampled).all()
            assert int(rows_walked.numpy()) == rows
            rows_walked.assign(0)
    assert model._compiled_loop.experimental_get_tracing_count() == 1


class _Counting:
    """Counts the rows that the compiled loop evaluates."""

    def __init__(self, predict):
        self.predict, self.rows = predict, tf.Variable(0)

    def __call__(self, *inputs):
        with tf.control_dependencies([self.rows.assign_add(1)]):
            return tf.identity(self.predict(*inputs))
