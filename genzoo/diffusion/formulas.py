"""The formulas of diffusion models, each written once, in the letters of the papers.

A noisy image is x_t = α x_0 + σ ε, where ε is standard normal noise. `alpha` is α = sqrt(ᾱ), the share of the image,
and `sigma` is σ = sqrt(1-ᾱ), the share of the noise; `NoiseSchedule.alpha_sigma` gives both for a time. All arguments
broadcast against each other. No function here knows a network, and those that training uses work on NumPy arrays and
on tensors alike.
"""

import numpy as np

from genzoo.diffusion.catalogue import PREDICTIONS
from genzoo.errors import UsageError


def _unknown(predict):
    return UsageError(f"unknown prediction {predict!r}: choose from {', '.join(PREDICTIONS)}")


def q_sample(x_0, eps, alpha, sigma):
    """x_t = α x_0 + σ ε (Ho et al. 2020, eq. 4)."""
    return alpha * x_0 + sigma * eps


def eps_from_x0(x_t, x_0, alpha, sigma):
    """ε = (x_t - α x_0)/σ, for which `q_sample` of x_0 and ε is x_t."""
    return (x_t - alpha * x_0) / sigma


def target(predict, x_0, eps, alpha, sigma):
    """What a network should output; v = α ε - σ x_0 (Salimans & Ho 2022, appendix D)."""
    if predict == "eps":
        return eps
    if predict == "x0":
        return x_0
    if predict == "v":
        return alpha * eps - sigma * x_0
    raise _unknown(predict)


def x0_from(predict, output, x_t, alpha, sigma):
    """The image that the network's `output` stands for: the inverse of `target`, given x_t."""
    if predict == "eps":
        return (x_t - sigma * output) / alpha
    if predict == "x0":
        return output
    if predict == "v":
        return alpha * x_t - sigma * output
    raise _unknown(predict)


def min_snr_weight(predict, abar, gamma):
    """The loss weight of a time: min(SNR, γ) on the error in x_0, SNR = ᾱ/(1-ᾱ) (Hang et al. 2023, section 3.4).

    With m = min(SNR, γ) the weight is m/SNR for ε, m for x_0, and m/(SNR + 1) for v. As m (1-ᾱ) = min(ᾱ, γ (1-ᾱ)),
    none of them computes an SNR, which is infinite at the image. abar: ᾱ, a float64 NumPy array.
    """
    weight = np.minimum(abar, gamma * (1 - abar))
    if predict == "eps":
        return weight / abar
    if predict == "x0":
        return weight / (1 - abar)
    if predict == "v":
        return weight
    raise _unknown(predict)


def guide(conditional, unconditional, scale):
    """Classifier-free guidance (Ho & Salimans 2022, s = 1 + w): s = 1 is conditional, s = 0 unconditional."""
    return unconditional + scale * (conditional - unconditional)


# One step of a sampler, from a time with ᾱ to an earlier one with ᾱ_p. z is fresh standard normal noise. The tables of
# `samplers` are made of these, in float64.


def ddpm_step(x_0, eps, z, abar, abar_prev, large=False):
    """x_p ~ q(x_p | x_t, x_0) (Ho et al. 2020, eq. 7), for any earlier time p when steps are skipped.

    mean = sqrt(ᾱ_p) β / (1-ᾱ) x_0 + sqrt(1-β) (1-ᾱ_p) / (1-ᾱ) x_t,   β = 1 - ᾱ/ᾱ_p
    The variance is β̃ = β (1-ᾱ_p) / (1-ᾱ) ('fixed_small') or β ('fixed_large'). The step to the clean image has none.
    """
    kept = abar / abar_prev
    beta = 1 - kept
    x_t = q_sample(x_0, eps, abar**0.5, (1 - abar) ** 0.5)
    mean = (abar_prev**0.5 * beta * x_0 + kept**0.5 * (1 - abar_prev) * x_t) / (1 - abar)
    variance = beta * (abar_prev < 1) if large else beta * (1 - abar_prev) / (1 - abar)
    return mean + variance**0.5 * z


def ddim_step(x_0, eps, z, abar, abar_prev, eta=0.0):
    """One step of DDIM (Song et al. 2021, eq. 12 and 16); η = 1 is `ddpm_step`.

    x_p = sqrt(ᾱ_p) x_0 + sqrt(1-ᾱ_p-s²) ε + s z,   s² = η² (1-ᾱ_p) ρ,   ρ = (1 - ᾱ/ᾱ_p)/(1-ᾱ)
    The noise of x_p has variance 1-ᾱ_p, of which the share η² ρ is fresh. The other share is written without
    subtracting numbers that may be equal, as 1 - η² ρ = (1-η²) + η² (1-ρ) with 1-ρ = ᾱ/ᾱ_p (1-ᾱ_p)/(1-ᾱ).
    η = 0 is deterministic, and may also step towards more noise: inversion.
    """
    fresh, old = 0.0, 1.0
    if eta:
        kept = abar / abar_prev
        fresh = eta**2 * (1 - kept) / (1 - abar)
        old = 1 - eta**2 + eta**2 * kept * (1 - abar_prev) / (1 - abar)
    return abar_prev**0.5 * x_0 + ((1 - abar_prev) * old) ** 0.5 * eps + ((1 - abar_prev) * fresh) ** 0.5 * z
