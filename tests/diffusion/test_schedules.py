"""Schedules end in noise, for any number of steps."""

import warnings

import numpy as np
import pytest

from genzoo.diffusion.schedules import NoiseSchedule, cosine, linear, make_schedule, zero_terminal_snr
from genzoo.errors import UsageError


@pytest.mark.parametrize("steps", [10, 50, 100, 500, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_terminal_snr_is_near_zero_for_any_length(name, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule = make_schedule(name, steps)
    assert schedule.terminal_signal <= 0.02
    assert (np.diff(schedule.alphas_cumprod) < 0).all()


def test_the_articles_unscaled_betas_warn():
    with pytest.warns(UserWarning, match="0.603"):
        NoiseSchedule(np.linspace(1e-4, 0.02, 100))


def test_known_values():
    assert make_schedule("linear", 1000).terminal_signal == pytest.approx(0.00635, abs=1e-4)
    assert linear(1000)[[0, -1]] == pytest.approx([1e-4, 0.02])
    f = lambda u: np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2  # noqa: E731
    abar = NoiseSchedule(cosine(1000)).alphas_cumprod
    np.testing.assert_allclose(abar[:990], f(np.arange(1, 991) / 1000) / f(0), rtol=1e-9)


def test_time_before_zero_is_the_clean_image():
    schedule = make_schedule("cosine", 20)
    assert schedule.alpha_bar(-1) == 1
    np.testing.assert_array_equal(schedule.alpha_bar(np.arange(20)), schedule.alphas_cumprod)


@pytest.mark.parametrize("zero_snr", [False, True])
def test_the_shares_of_image_and_noise(zero_snr):
    schedule = make_schedule("cosine", 50, zero_snr)
    t = np.arange(-1, 50).reshape(3, 17)
    alpha, sigma = schedule.alpha_sigma(t)
    assert (alpha[0, 0], sigma[0, 0]) == (1, 0)
    np.testing.assert_array_equal(alpha.ravel()[1:], schedule.sqrt_alphas_cumprod)
    np.testing.assert_array_equal(sigma.ravel()[1:], schedule.sqrt_one_minus_alphas_cumprod)
    np.testing.assert_allclose(alpha**2, schedule.alpha_bar(t), atol=1e-15)
    np.testing.assert_allclose(alpha**2 + sigma**2, 1)
    level, lam = schedule.noise_level(t), schedule.half_log_snr(t)
    np.testing.assert_allclose(level, np.exp(-lam), rtol=1e-12)
    assert level[0, 0] == 0 and lam[0, 0] == np.inf
    assert np.isinf(level[-1, -1]) == np.isneginf(lam[-1, -1]) == zero_snr


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_millions_of_steps_leave_noise_in_float32(name):
    schedule = make_schedule(name, 5_000_000)
    sigma = schedule.sqrt_one_minus_alphas_cumprod.astype("float32")
    assert (np.diff(sigma) >= 0).all() and sigma[0] ** 2 == pytest.approx(schedule.betas[0], rel=1e-6)
    assert schedule.sqrt_alphas_cumprod.astype("float32").min() > 0


@pytest.mark.parametrize("betas", [linear(1000), cosine(50), np.linspace(1e-4, 0.02, 100)])
def test_zero_terminal_snr(betas):
    schedule = NoiseSchedule(zero_terminal_snr(betas))
    assert schedule.alphas_cumprod[-1] == 0
    assert schedule.alphas_cumprod[0] == pytest.approx(1 - betas[0])
    assert (schedule.betas[:-1] < 1).all()


@pytest.mark.parametrize("steps", [0, -3, 2.5])
def test_bad_lengths_are_refused(steps):
    with pytest.raises(UsageError, match="integer ≥ 1"):
        make_schedule("cosine", steps)


def test_bad_names_and_betas_are_refused():
    with pytest.raises(UsageError, match="unknown schedule 'sqrt': choose from cosine, linear"):
        make_schedule("sqrt", 10)
    with pytest.raises(UsageError, match="betas"):
        NoiseSchedule([0.1, 1.2])
