"""Every sampler against diffusers, and against exact answers. In float64 NumPy: `walk` is the loop, written plainly."""

import numpy as np
import pytest
from make_oracle import FILE, STEPS, mixture_eps

from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.catalogue import SAMPLERS, SPACINGS
from genzoo.diffusion.samplers import table as table_of
from genzoo.diffusion.schedules import NoiseSchedule, make_schedule, zero_terminal_snr
from genzoo.diffusion.spacings import time_pairs

LINEAR = make_schedule("linear", 1000)


def walk(table, schedule, x, eps_of, noise=None):
    x0_history = eps_history = [np.zeros_like(x)] * samplers.HISTORY
    for i, t in enumerate(table.t):
        eps = eps_of(x, schedule.alpha_bar(t))
        x0_history = [formulas.x0_from("eps", eps, x, *schedule.alpha_sigma(t)), *x0_history[:-1]]
        eps_history = [eps, *eps_history[:-1]]
        x = sum(c * v for c, v in zip(table.x0_weights[i], x0_history, strict=True))
        x = x + sum(c * v for c, v in zip(table.eps_weights[i], eps_history, strict=True))
        if table.fresh[i]:
            x = x + table.fresh[i] * noise[i]
    return x


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(
    "name", ["ddim-trailing", "ddim-uniform", "ddpm-trailing", "dpmpp_2m-trailing", "unipc-trailing", "heun-trailing"]
)
def test_we_arrive_where_diffusers_does(name, steps):
    oracle = np.load(FILE)
    key = f"{name}-{steps}"
    sampler, spacing = name.split("-")
    table = table_of(sampler, LINEAR, time_pairs(LINEAR, steps, spacing))
    assert table.t.tolist() == oracle[f"{key}-times"].tolist()
    # diffusers' Heun starts from σ z in the variables x̂, that is sqrt(1-ᾱ) z in ours.
    start = oracle["start"] * (oracle[f"{key}-scale"] * LINEAR.alpha_bar(999) ** 0.5 if sampler == "heun" else 1)
    end = walk(table, LINEAR, start, mixture_eps, oracle[f"{key}-noise"])
    np.testing.assert_allclose(end, oracle[f"{key}-end"], atol=1e-4)


def test_where_diffusers_goes_another_way():
    """With 'linspace' its DDIM steps to t - T//S, which is not the next time that it evaluates."""
    oracle = np.load(FILE)
    pairs = time_pairs(LINEAR, 5, "linspace")
    visited = oracle["ddim-linspace-5-times"]
    assert pairs[:, 0].tolist() == visited.tolist() == [999, 749, 500, 250, 0]
    theirs = np.stack([visited, np.maximum(visited - 1000 // 5, -1)], axis=1)
    end = {
        name: walk(samplers.table("ddim", LINEAR, p), LINEAR, oracle["start"], mixture_eps)
        for name, p in [("ours", pairs), ("theirs", theirs)]
    }
    np.testing.assert_allclose(end["theirs"], oracle["ddim-linspace-5-end"], atol=1e-4)
    assert np.abs(end["ours"] - end["theirs"]).max() > 0.1


MU, S = 0.3, 0.5


def gaussian_eps(x, abar):
    return np.sqrt(1 - abar) * (x - np.sqrt(abar) * MU) / (abar * S**2 + 1 - abar)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize(
    ("name", "order"), [("ddim", 1), ("heun", 2), ("dpmpp_2m", 2), ("unipc", 3)]
)
def test_order_of_convergence(name, order, schedule):
    """For N(mu, s²) the flow ends at mu + s (x_T - sqrt(ᾱ_T) mu)/sqrt(ᾱ_T s² + 1 - ᾱ_T). UniPC's corrector
    adds one to its order."""
    schedule = make_schedule(schedule, 100_000)
    x, a = np.linspace(-2, 2, 41), schedule.alphas_cumprod[-1]
    exact = MU + S * (x - np.sqrt(a) * MU) / np.sqrt(a * S**2 + 1 - a)
    numbers = np.array([80, 160, 320])
    tables = [table_of(name, schedule, time_pairs(schedule, n, "logsnr")) for n in numbers]
    errors = [np.abs(walk(table, schedule, x, gaussian_eps) - exact).max() for table in tables]
    slope = np.polyfit(np.log(numbers), np.log(errors), 1)[0]
    tolerance = 0.2 if order < 3 else 0.5  # at its third order, UniPC meets the end of the schedule's resolution
    assert -slope == pytest.approx(order, abs=tolerance)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_combination_is_finite_and_costs_what_it_says(name, spacing):
    linear = make_schedule("linear", 100)
    for schedule in (make_schedule("cosine", 100), linear, NoiseSchedule(zero_terminal_snr(linear.betas))):
        for steps in (1, 2, 3, 7, 10, 33, 50, 100):
            pairs = time_pairs(schedule, steps, spacing)
            table = table_of(name, schedule, pairs)
            for column in (table.x0_weights, table.eps_weights, table.fresh):
                assert np.isfinite(column).all()
            # Heun evaluates twice in each step, but the last, and those from practically pure noise.
            twice = schedule.noise_level(pairs[:-1, 0]) < samplers.INFINITE
            assert len(table) == steps + (twice.sum() if name == "heun" else 0)
            assert table.fresh[-1] == 0
            # The rest of what the last step leaves is the image: its weights add up to one, and no noise stays.
            assert table.x0_weights[-1].sum() == pytest.approx(1)
            if name in ("ddpm", "ddim", "dpmpp_2m", "heun"):
                np.testing.assert_allclose(table.eps_weights[-1], 0, atol=1e-9)


class Draws:
    """Fresh noise for each step, without holding all of it."""

    def __init__(self, rng, n):
        self.rng, self.n = rng, n

    def __getitem__(self, _):
        return self.rng.normal(size=self.n)


@pytest.mark.parametrize("options", [{}, {"variance": "fixed_large"}])
def test_ancestral_sampling_has_the_exact_variance(options):
    rng = np.random.default_rng(0)
    table = samplers.table("ddpm", LINEAR, time_pairs(LINEAR, 1000), **options)
    x = walk(table, LINEAR, rng.normal(size=100_000), gaussian_eps, Draws(rng, 100_000))
    assert x.mean() == pytest.approx(MU, abs=0.01)
    assert x.var() == pytest.approx(S**2, rel=0.02)
