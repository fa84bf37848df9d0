"""Noise schedules: tables over the times t = 0 … T-1, in float64, cast where they are used.

A schedule is fixed by its `alphas_cumprod`, the ᾱ_t of q(x_t | x_0) = N(sqrt(ᾱ_t) x_0, (1-ᾱ_t) I).
"""

import warnings

import numpy as np

from genzoo.diffusion.catalogue import SCHEDULES
from genzoo.errors import UsageError
from genzoo.options import find

TERMINAL_SIGNAL = 0.02  # sqrt(ᾱ_T) above this leaves visible signal in what sampling takes for pure noise


class NoiseSchedule:
    """The tables that follow from `betas`, [T] each and named as by Ho et al. (2020).

    betas: the variances β_t of the forward steps, in (0, 1].
    alphas_cumprod: ᾱ_t = Π (1-β_s) over s ≤ t.   sqrt_alphas_cumprod, sqrt_one_minus_alphas_cumprod: of ᾱ_t and 1-ᾱ_t.
    All are float64: next to the image 1-ᾱ_t may be 1e-8, which float32 takes for 0 once it is subtracted from 1.
    A warning is given when x_{T-1} still shows the image: sampling starts from N(0, I), which such a model never saw.
    """

    def __init__(self, betas):
        betas = np.asarray(betas, dtype=np.float64)
        if betas.ndim != 1 or betas.size == 0 or not ((betas > 0) & (betas <= 1)).all():
            raise UsageError(f"betas must be a vector of numbers in (0, 1], got {betas!r}")
        self.betas = betas
        self.alphas_cumprod = np.cumprod(1 - betas)
        self.sqrt_alphas_cumprod = np.sqrt(self.alphas_cumprod)
        self.sqrt_one_minus_alphas_cumprod = np.sqrt(1 - self.alphas_cumprod)
        self.terminal_signal = float(self.sqrt_alphas_cumprod[-1])
        if self.terminal_signal > TERMINAL_SIGNAL:
            warnings.warn(
                f"the schedule ends at sqrt(alphas_cumprod) = {self.terminal_signal:.3f} (> {TERMINAL_SIGNAL}): "
                "sampling starts from pure noise, which training never shows; use more steps or larger betas",
                stacklevel=3,
            )

    def __len__(self):
        return len(self.betas)

    # The methods take integers t ≥ -1 of any shape. At t = -1 stands the clean image.

    def alpha_bar(self, t):
        """ᾱ_t; 1 at t = -1."""
        return _at(self.alphas_cumprod, t, clean=1.0)

    def alpha_sigma(self, t):
        """(α_t, σ_t) = (sqrt(ᾱ_t), sqrt(1-ᾱ_t)), the shares of image and noise in x_t; (1, 0) at t = -1."""
        return _at(self.sqrt_alphas_cumprod, t, clean=1.0), _at(self.sqrt_one_minus_alphas_cumprod, t, clean=0.0)

    def noise_level(self, t):
        """σ_t/α_t, the deviation of the noise in x_t/α_t (Karras et al. 2022); 0 at t = -1, ∞ at pure noise."""
        alpha, sigma = self.alpha_sigma(t)
        with np.errstate(divide="ignore"):
            return sigma / alpha

    def half_log_snr(self, t):
        """λ_t = ln(α_t/σ_t) (Lu et al. 2022); ∞ at t = -1, -∞ at pure noise."""
        alpha, sigma = self.alpha_sigma(t)
        with np.errstate(divide="ignore"):
            return np.log(alpha) - np.log(sigma)


def _at(table, t, clean):
    """The entries of a table [T] at the times t, and `clean` where t = -1."""
    t = np.asarray(t)
    return np.where(t < 0, clean, table[t])


def linear(steps):
    """β from 1e-4 to 0.02 for T = 1000 (Ho et al. 2020, section 4), scaled by 1000/T so that any T ends in noise."""
    scale = 1000 / steps
    return np.minimum(np.linspace(1e-4 * scale, 0.02 * scale, steps), 0.999)


def cosine(steps):
    """β_i = min(1 - f((i+1)/T) / f(i/T), 0.999), f(u) = cos²((u + .008)/1.008 · π/2) (Nichol & Dhariwal, eq. 17)."""
    f = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], 0.999)


def zero_terminal_snr(betas):
    """The betas rescaled so that x_{T-1} is pure noise, β_{T-1} = 1 (Lin et al. 2023, algorithm 1).

    With a = sqrt(ᾱ):  a_t ← (a_t - a_{T-1}) a_0 / (a_0 - a_{T-1}).
    """
    a = np.sqrt(np.cumprod(1 - np.asarray(betas, dtype=np.float64)))
    if len(a) < 2:
        raise UsageError("zero terminal SNR needs at least 2 diffusion steps, got 1")
    a = (a - a[-1]) * a[0] / (a[0] - a[-1])
    a_bar = a**2
    return 1 - a_bar / np.concatenate([[1.0], a_bar[:-1]])


def make_schedule(name, steps, zero_snr=False):
    """A `NoiseSchedule` by name ('linear' or 'cosine') with `steps` = T time steps."""
    if not isinstance(steps, int) or steps < 1:
        raise UsageError(f"the number of diffusion steps must be an integer ≥ 1, got {steps!r}")
    betas = find(SCHEDULES, name, "schedule").load()(steps)
    return NoiseSchedule(zero_terminal_snr(betas) if zero_snr else betas)
