"""The likelihood bounds: against SciPy, exact likelihoods of linear Gaussian models, and the entropy of the data."""

import math

import numpy as np
import pytest
from scipy import special, stats
from small import CLASSES, shaken, shared, small

from genzoo.data.sets import ImageData
from genzoo.diffusion import formulas
from genzoo.diffusion.schedules import make_schedule
from genzoo.errors import UsageError
from genzoo.evaluation.metrics import bounds
from genzoo.evaluation.metrics.likelihood import NO_DENSITY, Bound, autoencoder_bounds, diffusion_bound, likelihood
from genzoo.evaluation.metrics.pixels import log_levels, log_ndtr
from genzoo.models.families import MODELS
from genzoo.stack import tf

LEVELS = np.arange(256) / 127.5 - 1

# One pixel.


def test_log_ndtr_agrees_with_scipy_far_into_the_tail():
    u = np.linspace(-600, 8, 40001).astype("float32")
    np.testing.assert_allclose(log_ndtr(tf.constant(u)), special.log_ndtr(u.astype(float)), rtol=2e-6, atol=1e-7)
    np.testing.assert_array_equal(log_ndtr(tf.constant([-math.inf, math.inf])), [-math.inf, 0])


@pytest.mark.parametrize("deviation", [1e-3, 0.006, 0.05, 0.5, 4.0])
@pytest.mark.parametrize("mean", [-1.2, -1.0, -0.3, 0.0, 0.71, 1.0])
def test_levels_are_a_distribution_and_agree_with_scipy(mean, deviation):
    logs = log_levels(LEVELS.astype("float32"), np.float32(mean), np.float32(deviation)).numpy().astype(float)
    assert np.isfinite(logs).all()
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-6)
    edges = np.concatenate([[-np.inf], (LEVELS[1:] + LEVELS[:-1]) / 2, [np.inf]])
    normal = stats.norm(np.float32(mean), np.float32(deviation))
    from_below, from_above = np.diff(normal.cdf(edges)), -np.diff(normal.sf(edges))
    expected = np.where(mean < LEVELS, from_above, from_below)  # the one that is no difference of numbers near 1
    seen = expected > 1e-300
    np.testing.assert_allclose(logs[seen], np.log(expected[seen]), rtol=2e-5, atol=2e-5)


# Latent variables: x = W z + b + σ noise, whose posterior and likelihood are known.

SIGMA, D, PIXELS = 0.3, 3, 12
RNG = np.random.default_rng(0)
W = np.linalg.qr(RNG.normal(size=(PIXELS, D)))[0] * [1.0, 0.7, 0.4]  # orthogonal columns: a diagonal posterior
B = RNG.normal(size=PIXELS)
X = RNG.normal(size=(400, D)) @ W.T + B + SIGMA * RNG.normal(size=(400, PIXELS))
EXACT = -stats.multivariate_normal(B, W @ W.T + SIGMA**2 * np.eye(PIXELS)).logpdf(X)


VARIANCE = 1 / (1 + (W**2).sum(axis=0) / SIGMA**2)
WIDEN, SHIFT = 1.6, 0.15  # how the wrong posterior is wrong


def log_weights(samples, widen, shift):
    def encode(x):
        return (x - B) @ W / SIGMA**2 * VARIANCE + shift, tf.constant(np.log(widen * VARIANCE) + np.zeros((len(x), D)))

    def log_likelihood(x, mean):
        return tf.reduce_sum(-0.5 * ((x - mean) / SIGMA) ** 2 - math.log(SIGMA * math.sqrt(2 * math.pi)), axis=1)

    noise = tf.constant(np.random.default_rng(1).normal(size=(samples, len(X), D)))
    return bounds.log_weights(encode, lambda z: z @ W.T + B, log_likelihood, X, noise).numpy()


@pytest.fixture(scope="module")
def wrong():
    return log_weights(512, WIDEN, SHIFT)


def test_with_the_exact_posterior_both_bounds_are_the_likelihood():
    elbo, importance = bounds.elbo_and_importance(log_weights(5, widen=1, shift=0))
    np.testing.assert_allclose(elbo, EXACT, atol=1e-9)
    np.testing.assert_allclose(importance, EXACT, atol=1e-9)


def test_with_a_wrong_posterior_more_samples_come_closer(wrong):
    """The same draws taken k at a time: from the ELBO (k = 1) towards the exact likelihood."""
    gaps = []
    for k in (1, 4, 16, 64, 512):
        elbo, importance = bounds.elbo_and_importance(wrong.reshape(k, -1))  # every column is k draws of one image
        assert (importance <= elbo + 1e-9).all()
        gaps.append(importance.mean() - EXACT.mean())
    assert gaps[0] == pytest.approx(elbo.mean() - EXACT.mean())
    assert gaps == sorted(gaps, reverse=True)
    assert abs(gaps[-1]) < 0.02 * gaps[0]


def test_the_gap_of_the_elbo_is_the_divergence_of_the_posteriors(wrong):
    """-ELBO = -log p(x) + KL(q ‖ p(z|x)) (Kingma & Welling 2014, eq. 1)."""
    divergence = 0.5 * (WIDEN + SHIFT**2 / VARIANCE - 1 - math.log(WIDEN)).sum()
    elbo, _ = bounds.elbo_and_importance(wrong)
    assert elbo.mean() - EXACT.mean() == pytest.approx(divergence, rel=0.02)


# Diffusion of independent N(MU, S²) pixels, whose best predictor and entropy are known.

MU, S = 0.1, 0.2
EDGES = np.concatenate([[-np.inf], (LEVELS[1:] + LEVELS[:-1]) / 2, [np.inf]])
MASS = np.diff(stats.norm(MU, S).cdf(EDGES))
SIDE = 6


def gaussian_images(n, seed):
    return np.random.default_rng(seed).choice(LEVELS, p=MASS, size=(n, SIDE, SIDE, 1))


def best_denoiser(schedule):
    def denoise(x, t, labels):
        abar = schedule.alpha_bar(t)[:, None, None, None]
        eps = np.sqrt(1 - abar) * (x - np.sqrt(abar) * MU) / (abar * S**2 + 1 - abar)
        return formulas.x0_from("eps", eps, x, abar)

    return denoise


def gaussian_nats(n=64, terms=None, seed=0, schedule=None, mse=None):
    schedule = schedule or make_schedule("linear", 1000)
    denoise, labels = best_denoiser(schedule), np.zeros(n, int)
    if mse is None:
        mse = bounds.prediction_mse(denoise, schedule, gaussian_images(64, 1), np.zeros(64, int))
    return bounds.variational_nats(denoise, schedule, gaussian_images(n, 2 + seed), labels, mse, terms, seed)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_bound_of_a_gaussian_meets_its_entropy(schedule):
    entropy = -(MASS[MASS > 0] * np.log(MASS[MASS > 0])).sum() * SIDE**2
    x_0 = gaussian_images(64, 2)
    levels = np.rint((x_0 + 1) * 127.5).astype(int)
    sampled = -np.log(MASS[levels]).sum(axis=(1, 2, 3)).mean()  # these images' own -log p, near the entropy
    assert sampled == pytest.approx(entropy, rel=0.01)
    nats = gaussian_nats(schedule=make_schedule(schedule, 1000)).mean()
    assert sampled < nats < 1.01 * sampled


def test_the_prior_term_is_the_divergence_from_noise():
    with pytest.warns(UserWarning, match="pure noise"):
        schedule = make_schedule("linear", 2)
    abar = schedule.alphas_cumprod[-1]
    x_0 = gaussian_images(3, 0)
    x = np.linspace(-12, 12, 20001)
    for image, found in zip(x_0, bounds.prior_nats(schedule, x_0), strict=True):
        q = stats.norm(np.sqrt(abar) * image.reshape(-1, 1), np.sqrt(1 - abar))
        expected = (q.pdf(x) * (q.logpdf(x) - stats.norm.logpdf(x))).sum() * (x[1] - x[0])
        assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("large", [False, True])
def test_a_step_is_the_divergence_of_ddpm_steps(large):
    """KL(N(m, v) ‖ N(m', ρ v)) from the means and variances of `ddpm_step`; ρ = β/β̃ is the variance 'fixed_large'."""
    schedule = make_schedule("cosine", 50)
    rng = np.random.default_rng(0)
    t = np.arange(1, 50)
    x_0, raw = rng.normal(size=(2, len(t), 4, 4, 1))  # what is predicted beyond [-1, 1] is kept within
    guess = np.clip(raw, -1, 1)
    x_t = rng.normal(size=x_0.shape)
    abar, before = (schedule.alpha_bar(s)[:, None, None, None] for s in (t, t - 1))
    mean = [formulas.ddpm_step(x, formulas.eps_from_x0(x_t, x, abar), 0.0, abar, before) for x in (x_0, guess)]
    v, v_p = (formulas.ddpm_step(0.0, 0.0, 1.0, abar, before, large=kind) ** 2 for kind in (False, large))
    expected = (np.log(v_p / v) + (v + (mean[0] - mean[1]) ** 2) / v_p - 1).sum(axis=(1, 2, 3)) / 2
    snr = schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)
    mse = np.append(0.0, (v_p / v - 1).ravel() / (snr[:-1] - snr[1:]))
    np.testing.assert_allclose(bounds.step_nats(schedule, t, x_0, raw, mse), expected, rtol=1e-9)


def test_the_fitted_variances_beat_those_chosen_by_hand():
    schedule = make_schedule("linear", 1000)
    snr = schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)
    before, now = schedule.alpha_bar(np.arange(999)), schedule.alpha_bar(np.arange(1, 1000))
    large = np.append(0.0, ((1 - now) / (1 - before) - 1) / (snr[:-1] - snr[1:]))
    fitted = gaussian_nats(32, 50).mean()
    assert fitted < gaussian_nats(32, 50, mse=large).mean() < gaussian_nats(32, 50, mse=np.zeros(1000)).mean()


def test_a_subset_of_the_terms_is_unbiased_and_its_error_honest():
    """Over many sets of images: the estimates scatter about the full bound as their stated errors say."""
    schedule = make_schedule("linear", 100)
    truth = gaussian_nats(4000, schedule=schedule).mean()
    few = [gaussian_nats(50, terms=3, seed=seed, schedule=schedule) for seed in range(100)]
    z = np.array([(nats.mean() - truth) / (nats.std(ddof=1) / 50**0.5) for nats in few])
    assert abs(z.mean()) < 0.3  # three times 1/√100
    assert 0.5 < z.std() < 1.3  # the even spread over the times makes the error smaller than stated, if anything


def test_a_subset_agrees_with_all_terms_on_the_same_images():
    full = gaussian_nats(64)
    for terms in (1, 5, 20):
        few = gaussian_nats(64, terms)
        assert abs(few.mean() - full.mean()) < 3 * few.std() / 64**0.5


# The families.


def noise_images(n=24, seed=0):
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(0, 256, (n, 6, 6, 1)).astype("uint8"), (np.arange(n) % CLASSES).astype("int32")
    return ImageData("noise", "a test", images, labels, images[::-1], labels[::-1], tuple("abcd"))


@pytest.mark.parametrize("name", MODELS)
def test_every_family_gives_its_bounds_or_a_reason(name):
    model, data = shaken(shared(name)), noise_images()
    if name in NO_DENSITY:
        with pytest.raises(UsageError, match=f"{name} has no likelihood"):
            likelihood(model, data)
        return
    calls = []
    found = likelihood(model, data, n=10, progress=lambda done, total: calls.append((done, total)))
    assert list(found) == (["elbo", "importance"] if name.endswith("vae") else ["variational"])
    assert found == likelihood(model, data, n=10)
    assert calls and calls[-1][0] == calls[-1][1]
    for value in found.values():
        assert value.n == 10 and value.dims == 36 and 0 < value.error < value.nats < math.inf
        # Uniform noise holds 8 bits a pixel; nothing can do better.
        assert value.bits_per_dim > 8 * 0.95


@pytest.mark.parametrize("predict, zero_snr", [("eps", False), ("x0", True), ("v", True)])
def test_every_prediction_has_a_bound(predict, zero_snr):
    model, data = shaken(shared("cddpm", predict=predict, zero_snr=zero_snr)), noise_images()
    training = data.train_images, data.train_labels
    full = diffusion_bound(model, *training, training, terms=None)
    few = diffusion_bound(model, *training, training, terms=4, seed=1)
    assert full.method == "variational bound, all 20 terms"
    assert few.method == "variational bound, 5 of 20 terms an image, unbiased"
    assert abs(few.nats - full.nats) < 4 * few.error


@pytest.mark.parametrize("name", ["cvae", "cddpm"])
def test_labels_enter_the_bound_of_labelled_families(name):
    model, data = shaken(shared(name), scale=0.3), noise_images()
    bound_of = diffusion_bound if name == "cddpm" else lambda *args: autoencoder_bounds(*args, samples=4)[0]
    training = data.train_images, data.train_labels
    assert bound_of(model, *training, training) != bound_of(model, data.train_images, training[1] * 0, training)


def test_the_padding_does_not_count_for_autoencoders():
    """A decoder that is wrong in the padding only loses nothing: the native pixels' likelihood is exact."""
    model, data = small("vae"), noise_images()
    training = data.train_images, data.train_labels
    plain = autoencoder_bounds(model, *training, training, samples=2)
    decoder = model.ema.decoder
    frame = np.pad(np.zeros((6, 6)), 1, constant_values=5.0).astype("float32")[None, :, :, None]

    class Wrong:
        encoder = staticmethod(model.ema.encoder)
        decoder = staticmethod(lambda z, labels: decoder(z, labels) + frame)

    model.__dict__["ema"] = Wrong
    assert autoencoder_bounds(model, *training, training, samples=2) == plain


def test_bits_are_nats_over_the_dimensions():
    assert Bound(nats=784 * math.log(2), error=1.0, n=2, dims=784, method="").bits_per_dim == pytest.approx(1)
