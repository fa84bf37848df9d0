"""The formulas, against closed forms and each other."""

import numpy as np
import pytest

from genzoo.diffusion import formulas
from genzoo.diffusion.schedules import make_schedule
from genzoo.errors import UsageError

RNG = np.random.default_rng(0)
X_0, EPS = RNG.normal(size=(2, 5, 4, 4, 1))
ABAR = RNG.uniform(0.01, 0.99, size=(5, 1, 1, 1))
SHARES = ABAR**0.5, (1 - ABAR) ** 0.5  # α, σ


@pytest.mark.parametrize("predict", formulas.PREDICTIONS)
def test_x0_from_inverts_target(predict):
    x_t = formulas.q_sample(X_0, EPS, *SHARES)
    output = formulas.target(predict, X_0, EPS, *SHARES)
    np.testing.assert_allclose(formulas.x0_from(predict, output, x_t, *SHARES), X_0, atol=1e-12)


def test_eps_from_x0_inverts_q_sample():
    x_t = formulas.q_sample(X_0, EPS, *SHARES)
    np.testing.assert_allclose(formulas.eps_from_x0(x_t, X_0, *SHARES), EPS, atol=1e-12)


def test_unknown_prediction_is_named():
    with pytest.raises(UsageError, match="'score'.*v, eps, x0"):
        formulas.target("score", X_0, EPS, *SHARES)
    with pytest.raises(UsageError, match="'score'.*v, eps, x0"):
        formulas.min_snr_weight("score", ABAR, 5)
    with pytest.raises(UsageError, match="'score'.*v, eps, x0"):
        formulas.x0_from("score", X_0, EPS, *SHARES)


def test_guidance_1_is_conditional_and_0_unconditional():
    np.testing.assert_allclose(formulas.guide(X_0, EPS, 1.0), X_0, atol=1e-15)
    np.testing.assert_array_equal(formulas.guide(X_0, EPS, 0.0), EPS)


@pytest.mark.parametrize("t", [0, 1, 10, 499])
def test_ddpm_step_is_the_bayes_posterior(t):
    """q(x_{t-1} | x_t, x_0) ∝ q(x_t | x_{t-1}) q(x_{t-1} | x_0), a product of two Gaussians in x_{t-1}."""
    schedule = make_schedule("linear", 500)
    abar, abar_prev, beta = schedule.alpha_bar(t), schedule.alpha_bar(t - 1), schedule.betas[t]
    x_t = formulas.q_sample(X_0, EPS, *schedule.alpha_sigma(t))
    mean = formulas.ddpm_step(X_0, EPS, 0.0, abar, abar_prev)
    deviation = formulas.ddpm_step(0.0, 0.0, 1.0, abar, abar_prev)
    if t == 0:
        np.testing.assert_allclose(mean, X_0, atol=1e-12)
        assert deviation == 0
        return
    precision = (1 - beta) / beta + 1 / (1 - abar_prev)
    expected = (np.sqrt(1 - beta) / beta * x_t + np.sqrt(abar_prev) / (1 - abar_prev) * X_0) / precision
    np.testing.assert_allclose(mean, expected, atol=1e-12)
    np.testing.assert_allclose(deviation**2, 1 / precision, rtol=1e-10)


def test_ddim_with_eta_1_is_the_posterior():
    schedule = make_schedule("cosine", 50)
    t = np.arange(50)[:, None, None, None]
    a = (schedule.alpha_bar(t), schedule.alpha_bar(t - 1))
    x_0, eps, z = RNG.normal(size=(3, 50, 2, 2, 1))
    ours = formulas.ddim_step(x_0, eps, z, *a, eta=1)
    np.testing.assert_allclose(ours, formulas.ddpm_step(x_0, eps, z, *a), atol=1e-12)


def test_fixed_large_has_variance_beta_and_none_in_the_last_step():
    schedule = make_schedule("linear", 100)
    t = np.arange(100)
    deviation = formulas.ddpm_step(0.0, 0.0, 1.0, schedule.alpha_bar(t), schedule.alpha_bar(t - 1), large=True)
    np.testing.assert_allclose(deviation[1:] ** 2, schedule.betas[1:], rtol=1e-9)
    assert deviation[0] == 0


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_keeps_the_marginal(eta):
    """Whatever eta, x_p has mean sqrt(ᾱ_p) x_0 and variance 1 - ᾱ_p for normal ε (Song et al. 2021, lemma 1)."""
    abar, abar_prev = 0.3, 0.6
    image, noise, fresh = (formulas.ddim_step(*unit, abar, abar_prev, eta=eta) for unit in np.eye(3))
    assert image == pytest.approx(np.sqrt(abar_prev))
    assert noise**2 + fresh**2 == pytest.approx(1 - abar_prev)


def test_ddim_keeps_the_little_old_noise_that_is_left():
    """With η = 1 and ᾱ = 1e-16 the posterior keeps the share ᾱ/ᾱ_p (1-ᾱ_p)/(1-ᾱ) of the noise's variance."""
    abar, abar_prev = 1e-16, 0.5
    old = formulas.ddim_step(0.0, 1.0, 0.0, abar, abar_prev, eta=1.0)
    assert old**2 == pytest.approx((1 - abar_prev) * abar, rel=1e-9)
    assert old == pytest.approx(formulas.ddpm_step(0.0, 1.0, 0.0, abar, abar_prev), rel=1e-9)


def test_min_snr_weighs_the_same_error_alike():
    """Whatever is predicted, the weighted loss is min(SNR, γ) times the error in x_0 (up to nothing else)."""
    abar = np.array([1e-4, 0.1, 0.5, 0.9, 0.999])
    snr = abar / (1 - abar)
    m = np.minimum(snr, 5)
    # An error d in x_0 is an error sqrt(SNR) d in ε, and d/sqrt(1-ᾱ) in v.
    np.testing.assert_allclose(formulas.min_snr_weight("x0", abar, 5), m)
    np.testing.assert_allclose(formulas.min_snr_weight("eps", abar, 5) * snr, m)
    np.testing.assert_allclose(formulas.min_snr_weight("v", abar, 5) / (1 - abar), m)
