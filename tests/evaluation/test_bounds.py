"""The mathematics of the likelihood: against SciPy, exact likelihoods of linear Gaussian models, and an entropy."""

import math

import numpy as np
import pytest
from scipy import special, stats

from genzoo.diffusion import formulas
from genzoo.diffusion.schedules import make_schedule
from genzoo.evaluation.metrics import bounds
from genzoo.evaluation.metrics.pixels import log_levels, log_ndtr
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
        alpha, sigma = schedule.alpha_sigma(t[:, None, None, None])
        eps = sigma * (x - alpha * MU) / (alpha**2 * S**2 + sigma**2)
        return formulas.x0_from("eps", eps, x, alpha, sigma)

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
    shares = schedule.alpha_sigma(t[:, None, None, None])
    mean = [formulas.ddpm_step(x, formulas.eps_from_x0(x_t, x, *shares), 0.0, abar, before) for x in (x_0, guess)]
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


@pytest.mark.slow
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
