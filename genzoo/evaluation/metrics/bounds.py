"""The mathematics of `likelihood`: bounds on -log p of single images, in nats, from callables and tables."""

import math

import numpy as np

from genzoo.diffusion.formulas import q_sample
from genzoo.evaluation.metrics.pixels import HALF_BIN, log_levels
from genzoo.models.vae import kl_divergence, reparameterize
from genzoo.stack import tf

BATCH = 256

# Latent variables.


def log_weights(encode, decode, log_likelihood, images, noise):
    """log w = log p(x|z) + log p(z) - log q(z|x) for z ~ q: [K, B], in nats.

    encode: images → mean and log-variance of q(z|x), [B, D].    decode: z → the mean of p(x|z).
    log_likelihood: images, mean → log p(x|z), [B].              noise: standard normal [K, B, D], which makes the z.
    """
    z_mean, z_log_var = encode(images)

    def draw(noise):
        z = reparameterize(z_mean, z_log_var, noise)
        prior_to_posterior = 0.5 * tf.reduce_sum(noise**2 + z_log_var - z**2, axis=1)
        return log_likelihood(images, decode(z)) + prior_to_posterior

    return tf.map_fn(draw, noise, fn_output_signature=noise.dtype)


def elbo_and_importance(log_w):
    """Two upper bounds on -log p(x), [B] each, from log w [K, B]; the second is never above the first.

    -mean log w (the negative ELBO, Kingma & Welling 2014) and -log mean w (Burda et al. 2016, eq. 8).
    """
    return -log_w.mean(axis=0), math.log(len(log_w)) - np.logaddexp.reduce(log_w, axis=0)


# Diffusion. Everything is float64, but for what `denoise` does inside.


def prior_nats(schedule, x_0):
    """KL(q(x_T | x_0) ‖ N(0, I)) in nats, [B]; x_0: float64 [B, H, W, C]."""
    abar = schedule.alphas_cumprod[-1]
    return kl_divergence(np.sqrt(abar) * x_0.reshape(len(x_0), -1), np.log1p(-abar)).numpy()


def step_nats(schedule, t, x_0, guess, mse):
    """The term of each step t of the variational bound (Ho et al. 2020, eq. 5), in nats, [B].

    x_0, guess: float64 [B, H, W, C], images and what was predicted for them at t [B].
    mse: [T], of a pixel of the predictions on other images; it makes the variance of p, which Ho et al. choose by hand.

    t ≥ 1: KL(q(x_{t-1} | x_t, x_0) ‖ p), with p = N(the mean of `ddpm_step` from x̂_0 = guess kept in [-1, 1], ρ β̃_t):
        D/2 (log ρ + 1/ρ - 1) + Δ/(2ρ) ‖x_0 - x̂_0‖²,   Δ = SNR_{t-1} - SNR_t,  SNR = ᾱ/(1-ᾱ)  (Kingma et al. 2021).
        The best ρ is 1 + Δ mse_t (Bao et al. 2022, Analytic-DPM); ρ = 1 is 'fixed_small'.
    t = 0: -log p(x_0 | x_{t=0}), the level of each pixel under a normal around the guess. Its variance is mse_0 and
        that of a place within the bin, (1/255)²/3. The guess may lie beyond [-1, 1]: the outermost levels are open.
    """
    nats, last = np.empty(len(t)), t == 0
    deviation = (mse[0] + HALF_BIN**2 / 3) ** 0.5
    levels = log_levels(*(v[last].astype(np.float32) for v in (x_0, guess)), np.float32(deviation))
    nats[last] = -levels.numpy().sum(axis=(1, 2, 3), dtype=np.float64)
    t = t[~last]
    before, now = (a / (1 - a) for a in (schedule.alpha_bar(t - 1), schedule.alpha_bar(t)))
    delta, error = before - now, squared_errors(x_0[~last], guess[~last])
    rho = 1 + delta * mse[t]
    nats[~last] = (x_0[0].size * (np.log(rho) + 1 / rho - 1) + delta * error / rho) / 2
    return nats


def squared_errors(x_0, guess):
    """‖x_0 - x̂_0‖², [B], of guesses kept in [-1, 1]."""
    return ((x_0 - np.clip(guess, -1, 1)) ** 2).sum(axis=(1, 2, 3))


def guesses(denoise, schedule, x_0, labels, t, rng):
    """What `denoise` (x_t, t, labels → predicted x_0) makes of images x_0 [B, H, W, C] noised to the times t [B]."""
    shares = schedule.alpha_sigma(t[:, None, None, None])
    return denoise(q_sample(x_0, rng.standard_normal(x_0.shape), *shares), t, labels)


def prediction_mse(denoise, schedule, x_0, labels, seed=0):
    """The `mse` of `step_nats`, [T]: measured at some 25 times that thin out as t grows, and interpolated."""
    rng, steps = np.random.default_rng(seed), len(schedule)
    times = np.unique(np.geomspace(1, steps, 25).round().astype(int))  # t + 1
    each = (guesses(denoise, schedule, x_0, labels, np.full(len(x_0), t), rng) for t in times - 1)
    mse = [squared_errors(x_0, guess).sum() / x_0.size for guess in each]
    return np.interp(np.log(np.arange(steps) + 1), np.log(times), mse)


def variational_nats(denoise, schedule, x_0, labels, mse, terms=None, seed=0, progress=None):
    """The variational bound of each image, in nats, [n]: all T terms, or an unbiased estimate of them.

    The prior's term and that of t = 0 are always there. Of the others, `terms` are drawn for each image from
    P(t) ∝ 1/t, as the terms are found to fall with t, and count 1/(terms · P(t)). The draws lie evenly in P, and from
    image to image they are shifted evenly, so that all images together cover the t densely.
    """
    n, rest = len(x_0), np.arange(1, len(schedule))
    rng = np.random.default_rng(seed)
    if terms is None or terms >= len(rest):
        drawn, weight = np.tile(rest, (n, 1)), np.ones((n, len(rest)))
    else:
        share = 1 / rest / (1 / rest).sum()
        shift = (rng.permutation(n) + rng.uniform()) / n
        places = (np.arange(terms) + shift[:, None]) / terms  # [n, terms] in [0, 1)
        drawn = rest[np.minimum(np.searchsorted(np.cumsum(share), places, side="right"), len(rest) - 1)]
        weight = 1 / (terms * share[drawn - 1])
    t = np.pad(drawn, [(0, 0), (1, 0)]).ravel()
    weight = np.pad(weight, [(0, 0), (1, 0)], constant_values=1)
    image, nats = np.repeat(np.arange(n), len(t) // n), np.empty(len(t))
    for start in range(0, len(t), BATCH):
        rows = slice(start, start + BATCH)
        x = x_0[image[rows]]
        guess = guesses(denoise, schedule, x, labels[image[rows]], t[rows], rng)
        nats[rows] = step_nats(schedule, t[rows], x, guess, mse)
        if progress:
            progress(start + len(x), len(t))
    return prior_nats(schedule, x_0) + (weight * nats.reshape(n, -1)).sum(axis=1)
