"""Sampling against exact answers: for data N(mu, s²) the best ε is known, so samplers are tested without training.

eps*(x, t) = sqrt(1-ᾱ) (x - sqrt(ᾱ) mu) / (ᾱ s² + 1 - ᾱ)
"""

import functools

import numpy as np
import pytest
from small import small

from genzoo.stack import tf

MU, S = 0.3, 0.5


@functools.cache
def gaussian(name="ddpm", **options):
    """A DDPM whose network is the closed form for N(MU, S²) pixels; labels k shift the mean by k."""
    model = small(name, predict="eps", **options)

    def predict(x, t, labels, guidance, rescale):
        abar = tf.gather(model.schedule.alphas_cumprod.astype("float32"), t)
        return tf.sqrt(1 - abar) * (x - tf.sqrt(abar) * MU) / (abar * S**2 + 1 - abar)

    model.predict_guided = predict
    return model


def draw(model, n=500, seed=0, **options):
    """Like sample, but not clipped to [-1, 1]."""
    labels = np.zeros(n, np.int32)
    return np.asarray(model.generate(n, labels, seed, None, clip_denoised=False, **options))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("options", [{"sampler": "ddpm"}, {"sampler": "ddpm", "variance": "fixed_large"},
                                     {"sampler": "ddim", "eta": 1.0, "steps": 1000},
                                     {"sampler": "ddim", "steps": 1000}])  # fmt: skip
def test_samplers_reach_the_exact_mean_and_variance(schedule, options):
    x = draw(gaussian(diffusion_steps=1000, schedule=schedule), **options)
    assert x.mean() == pytest.approx(MU, abs=0.01)
    assert x.var() == pytest.approx(S**2, rel=0.03)


def test_ddim_follows_the_exact_path():
    """The flow of a Gaussian is x_0 = mu + s (x_T - sqrt(ᾱ_T) mu) / sqrt(ᾱ_T s² + 1 - ᾱ_T); the error is O(1/S)."""
    model = gaussian(diffusion_steps=1000)
    (noise, _), *_ = model.trajectory(200, frames=1, sampler="ddim", steps=1)
    a = model.schedule.alphas_cumprod[-1]
    exact = MU + S * (noise - np.sqrt(a) * MU) / np.sqrt(a * S**2 + 1 - a)
    errors = [np.abs(draw(model, 200, sampler="ddim", steps=n) - exact).mean() for n in (25, 50, 100, 200)]
    slopes = np.diff(np.log(errors)) / np.log(2)
    np.testing.assert_allclose(slopes, -1, atol=0.2)


def test_the_graph_draws_what_the_formulas_say():
    """One ancestral step, done by hand from the model's own noise."""
    from genzoo import rng
    from genzoo.diffusion import formulas

    model = gaussian(diffusion_steps=10)
    path = model.trajectory(4, seed=3, frames=10, sampler="ddpm", clip_denoised=False)
    for i, t in enumerate(range(9, 0, -1)):
        (x_t, x_0), (x_next, _) = path[i], path[i + 1]
        a, b = model.schedule.alpha_bar(t), model.schedule.alpha_bar(t - 1)
        z = rng.normal(x_t.shape, 3, i, rng.NOISE).numpy()
        expected = formulas.ddpm_step(x_0, formulas.eps_from_x0(x_t, x_0, *model.schedule.alpha_sigma(t)), z, a, b)
        np.testing.assert_allclose(x_next, expected, atol=1e-4)
    np.testing.assert_allclose(path[-1][0], path[-1][1], atol=1e-5)
