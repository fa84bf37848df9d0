"""The formulas of diffusion models, each written once, in the letters of the papers.

Everything here works on NumPy arrays and on tensors alike, and knows no network. `abar` is ᾱ, broadcastable against
the images; `z` is standard normal noise.
"""

from genzoo.diffusion.catalogue import PREDICTIONS
from genzoo.errors import UsageError


def q_sample(x_0, eps, abar):
    """x_t = sqrt(ᾱ) x_0 + sqrt(1-ᾱ) ε (Ho et al. 2020, eq. 4)."""
    return abar**0.5 * x_0 + (1 - abar) ** 0.5 * eps


def eps_from_x0(x_t, x_0, abar):
    """The ε that makes `q_sample(x_0, ε)` equal to x_t."""
    return (x_t - abar**0.5 * x_0) / (1 - abar) ** 0.5


def target(predict, x_0, eps, abar):
    """What a network should output; v = sqrt(ᾱ) ε - sqrt(1-ᾱ) x_0 (Salimans & Ho 2022, appendix D)."""
    if predict == "eps":
        return eps
    if predict == "x0":
        return x_0
    if predict == "v":
        return abar**0.5 * eps - (1 - abar) ** 0.5 * x_0
    raise UsageError(f"unknown prediction {predict!r}: choose from {', '.join(PREDICTIONS)}")


def x0_from(predict, output, x_t, abar):
    """The image that the network's `output` stands for; the inverse of `target`, given x_t."""
    if predict == "eps":
        return (x_t - (1 - abar) ** 0.5 * output) / abar**0.5
    if predict == "x0":
        return output
    if predict == "v":
        return abar**0.5 * x_t - (1 - abar) ** 0.5 * output
    raise UsageError(f"unknown prediction {predict!r}: choose from {', '.join(PREDICTIONS)}")


def min_snr_weight(predict, abar, gamma):
    """Loss weight of a time step: min(SNR, γ) in terms of x_0, SNR = ᾱ/(1-ᾱ) (Hang et al. 2023, section 3.4).

    ε: m/SNR = min(1, γ/SNR);   x_0: m;   v: m/(SNR + 1) = min(ᾱ, γ (1-ᾱ)).     Works on tensors and on NumPy arrays.
    """
    noise = 1 - abar
    smaller = lambda a, b: (a + b - abs(a - b)) / 2  # noqa: E731 (NumPy's and TensorFlow's minimum in one)
    if predict == "v":
        return smaller(abar, gamma * noise)
    if predict == "x0":
        return smaller(abar, gamma * noise) / noise
    return smaller(abar, gamma * noise) / abar


def guide(conditional, unconditional, scale):
    """Classifier-free guidance (Ho & Salimans 2022, s = 1 + w): s = 1 is conditional, s = 0 unconditional."""
    return unconditional + scale * (conditional - unconditional)


def ddpm_step(x_0, eps, z, abar, abar_prev, large=False):
    """x_{t-1} ~ q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7), for any earlier time when steps are skipped.

    mean = sqrt(ᾱ_p) β / (1-ᾱ) x_0 + sqrt(α) (1-ᾱ_p) / (1-ᾱ) x_t,  α = ᾱ/ᾱ_p,  β = 1 - α.
    Variance: β̃ = β (1-ᾱ_p) / (1-ᾱ) ('fixed_small'), or β ('fixed_large'); none in the step to the clean image.
    """
    alpha = abar / abar_prev
    beta = 1 - alpha
    x_t = q_sample(x_0, eps, abar)
    mean = (abar_prev**0.5 * beta * x_0 + alpha**0.5 * (1 - abar_prev) * x_t) / (1 - abar)
    variance = beta * (abar_prev < 1) if large else beta * (1 - abar_prev) / (1 - abar)
    return mean + variance**0.5 * z


def ddim_step(x_0, eps, z, abar, abar_prev, eta=0.0):
    """One step of DDIM (Song et al. 2021, eq. 12 and 16); η = 1 is `ddpm_step`.

    σ = η sqrt((1-ᾱ_p)/(1-ᾱ)) sqrt(1 - ᾱ/ᾱ_p)
    x_p = sqrt(ᾱ_p) x_0 + sqrt(1-ᾱ_p-σ²) ε + σ z
    η = 0 is deterministic, and may also step towards more noise: inversion.
    """
    sigma = 0.0 if eta == 0 else eta * ((1 - abar_prev) / (1 - abar) * (1 - abar / abar_prev)) ** 0.5
    return abar_prev**0.5 * x_0 + (1 - abar_prev - sigma**2) ** 0.5 * eps + sigma * z
