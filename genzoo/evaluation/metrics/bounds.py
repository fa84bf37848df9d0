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
    """Returns log w = log p(x|z) + log p(z) - log q(z|x) for K draws z ~ q(z|x) of each image, [K, B], in nats.

    encode: images → mean and log-variance of q(z|x), [B, D].    decode: z → the mean of p(x|z).
    log_likelihood: images, mean → log p(x|z), [B].
    noise: standard normal [K, B, D]; the draws are z = mean + deviation · noise.
    """
    z_mean, z_log_var = encode(images)

    def draw(noise):
        z = reparameterize(z_mean, z_log_var, noise)
        prior_to_posterior = 0.5 * tf.reduce_sum(noise**2 + z_log_var - z**2, axis=1)  # log p(z) - log q(z|x)
        return log_likelihood(images, decode(z)) + prior_to_posterior

    return tf.map_fn(draw, noise, fn_output_signature=noise.dtype)


def elbo_and_importance(log_w):
    """Returns two upper bounds on -log p(x) from log w [K, B]: (ELBO, importance), [B] each.

    The first is the negative ELBO (Kingma & Welling 2014). The second (Burda et al. 2016, eq. 8) is never above it.
    """
    elbo = -log_w.mean(axis=0)  # -mean log w
    importance = math.log(len(log_w)) - np.logaddexp.reduce(log_w, axis=0)  # -log mean w
    return elbo, importance


# Diffusion. Everything is float64, but for what `denoise` does inside.


def prior_nats(schedule, x_0):
    """Returns KL(q(x_T | x_0) ‖ N(0, I)) of images x_0, float64 [B, H, W, C], in nats, [B]."""
    abar = schedule.alphas_cumprod[-1]
    return kl_divergence(np.sqrt(abar) * x_0.reshape(len(x_0), -1), np.log1p(-abar)).numpy()


def step_nats(schedule, t, x_0, guess, mse):
    """Returns the term of each step t in the variational bound (Ho et al. 2020, eq. 5), in nats, [B].

    t: int [B].      x_0: the images, float64 [B, H, W, C].      guess: what was predicted for them at t, alike.
    mse: squared error of a predicted pixel at each of the T times, [T]. It has to come from other images.

    A step t ≥ 1 costs the divergence of two normal distributions of x_{t-1}: of the true one, q(x_{t-1} | x_t, x_0),
    from the model's. The model's mean is that of `ddpm_step` with the guess, kept in [-1, 1], for x_0. Its variance is
    ρ times the true one. Ho et al. choose ρ by hand (1 is 'fixed_small'); the best ρ follows from the mse (Bao et al.
    2022, Analytic-DPM).
    The step t = 0 costs the negative log-likelihood of the images' levels, see `level_nats`.
    """
    nats, last = np.empty(len(t)), t == 0
    nats[last] = level_nats(x_0[last], guess[last], mse[0])
    t, x_0, guess = t[~last], x_0[~last], guess[~last]
    abar, abar_before = schedule.alpha_bar(t), schedule.alpha_bar(t - 1)
    delta = abar_before / (1 - abar_before) - abar / (1 - abar)  # SNR_{t-1} - SNR_t (Kingma et al. 2021)
    rho = 1 + delta * mse[t]
    dims = math.prod(x_0.shape[1:])
    # KL = D/2 (log ρ + 1/ρ - 1) + Δ/(2ρ) ‖x_0 - x̂_0‖²
    nats[~last] = dims / 2 * (np.log(rho) + 1 / rho - 1) + delta / (2 * rho) * squared_errors(x_0, guess)
    return nats


def level_nats(x_0, guess, mse):
    """Returns -log p(x_0 | guess), [B]: every pixel is one of 256 levels, under a normal distribution around its guess.

    mse: of a pixel of such guesses. The variance is that and the variance of a place within a level's bin,
    (1/255)²/3. A guess may lie beyond [-1, 1], since the outermost bins are open.
    """
    deviation = (mse + HALF_BIN**2 / 3) ** 0.5
    logs = log_levels(x_0.astype(np.float32), guess.astype(np.float32), np.float32(deviation))
    return -logs.numpy().sum(axis=(1, 2, 3), dtype=np.float64)


def squared_errors(x_0, guess):
    """Returns ‖x_0 - x̂_0‖², [B], the guesses being kept in [-1, 1]."""
    return ((x_0 - np.clip(guess, -1, 1)) ** 2).sum(axis=(1, 2, 3))


def guesses(denoise, schedule, x_0, labels, t, rng):
    """Returns the predicted x_0 of images [B, H, W, C] that are noised to the times t [B].

    denoise: x_t, t, labels → predicted x_0.     rng: a NumPy generator, which draws the noise.
    """
    shares = schedule.alpha_sigma(t[:, None, None, None])
    return denoise(q_sample(x_0, rng.standard_normal(x_0.shape), *shares), t, labels)


def prediction_mse(denoise, schedule, x_0, labels, seed=0):
    """Returns the `mse` of `step_nats`, [T], as images x_0 have it.

    It is measured at about 25 times, which are denser near 0, and interpolated between them over log(t + 1).
    """
    rng, steps = np.random.default_rng(seed), len(schedule)
    times = np.unique(np.geomspace(1, steps, 25).round().astype(int))  # t + 1
    each = (guesses(denoise, schedule, x_0, labels, np.full(len(x_0), t), rng) for t in times - 1)
    mse = [squared_errors(x_0, guess).sum() / x_0.size for guess in each]
    return np.interp(np.log(np.arange(steps) + 1), np.log(times), mse)


def variational_nats(denoise, schedule, x_0, labels, mse, terms=None, seed=0, progress=None):
    """Returns the variational bound of each image, or an unbiased estimate of it, in nats, [n].

    terms: how many of the steps t ≥ 1 are computed for each image; None: all of them. The prior and t = 0 always are.
    progress: None, or progress(done, total) in network evaluations.

    The estimate draws t from P(t) ∝ 1/t, since the terms are found to fall with t, and weighs each by
    1/(terms · P(t)). The draws of an image lie evenly in P. Those of the next image are shifted, so that all images
    together cover the times densely.
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
