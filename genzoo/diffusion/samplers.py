"""Samplers as tables.

Every sampler here moves along the same line: the network reads x at time t, its output is split into the predicted
image x̂_0 and the predicted noise ε̂, and the next x is a mix of the last few of both, and fresh noise:

    x ← Σ_j image[i, j] x̂_0(i-j) + Σ_j noise[i, j] ε̂(i-j) + fresh[i] z          j = 0 … HISTORY-1

So a sampler *is* its table of (t, image, noise, fresh): computed here in float64 from the papers' formulas, walked by
one compiled loop in `models.ddpm`. A row is one network evaluation (NFE).

The formulas are written on symbols: `_x0(j)`, `_eps(j)` and `_z` are unit vectors, so whatever is computed from them
is the row of coefficients. `_state` is the x that the network has just read: sqrt(ᾱ) x̂_0 + sqrt(1-ᾱ) ε̂.
"""

from dataclasses import dataclass

import numpy as np

from genzoo.diffusion import formulas
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.options import completed, find

HISTORY = 3
_UNITS = np.eye(2 * HISTORY + 1)
_z = _UNITS[-1]


def _x0(j=0):
    return _UNITS[j]


def _eps(j=0):
    return _UNITS[HISTORY + j]


def _state(abar):
    return formulas.q_sample(_x0(), _eps(), abar)


@dataclass(frozen=True)
class Table:
    """t: int [K], the time of each evaluation; image, noise: [K, HISTORY], newest first; fresh: [K]. float64."""

    t: np.ndarray
    image: np.ndarray
    noise: np.ndarray
    fresh: np.ndarray

    @classmethod
    def of(cls, t, rows):
        """From the evaluated times and, for each, the next x as a vector of coefficients."""
        rows = np.array(rows)
        return cls(np.asarray(t), rows[:, :HISTORY], rows[:, HISTORY:-1], rows[:, -1])

    def __len__(self):
        return len(self.t)


def table(name, schedule, pairs, **asked):
    """Returns the `Table` of the sampler called `name` for a `NoiseSchedule` and time pairs [S, 2]; options as it declares.

    Raises UsageError for an unknown name or option.
    """
    entry = find(SAMPLERS, name, "sampler")
    return entry.load()(schedule, pairs, **completed(entry.options, asked, f"sampler {name}"))


def ddpm(schedule, pairs, variance):
    """Ancestral sampling (Ho et al. 2020); variance 'fixed_small' (β̃) or 'fixed_large' (β)."""
    large = variance == "fixed_large"
    levels = schedule.alpha_bar(pairs)
    return Table.of(pairs[:, 0], [formulas.ddpm_step(_x0(), _eps(), _z, a, a_p, large) for a, a_p in levels])


def ddim(schedule, pairs, eta):
    """DDIM (Song et al. 2021) with noise share eta, from 0 (deterministic) to 1 (the DDPM posterior)."""
    levels = schedule.alpha_bar(pairs)
    return Table.of(pairs[:, 0], [formulas.ddim_step(_x0(), _eps(), _z, a, a_p, eta) for a, a_p in levels])


INFINITE = 1000  # a σ from which the slope towards σ' says nothing: sqrt(ᾱ) < 0.001


def _sigma(abar):
    """σ = sqrt(1-ᾱ)/sqrt(ᾱ): the noise in x̂ = x/sqrt(ᾱ)."""
    return (1 - abar) ** 0.5 / max(abar, 1e-300) ** 0.5


def heun(schedule, pairs):
    """Heun's second-order method on dx̂/dσ = ε̂, x̂ = x/sqrt(ᾱ) (Karras et al. 2022, algorithm 1).

    Euler's step (which is DDIM) to σ', a second evaluation there, and the step again with the mean of both slopes:
    x̂' = x̂ + (σ' - σ) (ε̂ + ε̂')/2. Two evaluations a step; one in the last, to σ = 0, and in one from practically ∞.
    """
    t, rows = [], []
    for (s, p), (a, a_p) in zip(pairs, schedule.alpha_bar(pairs), strict=True):
        t.append(s)
        rows.append(formulas.ddim_step(_x0(), _eps(), _z, a, a_p))
        if p >= 0 and _sigma(a) < INFINITE:
            x_hat = _x0(1) + _sigma(a) * _eps(1)  # where the step began, one evaluation ago
            t.append(p)
            rows.append(a_p**0.5 * (x_hat + (_sigma(a_p) - _sigma(a)) * (_eps(0) + _eps(1)) / 2))
    return Table.of(t, rows)


def _half_log_snr(abar):
    """λ = ln(α/σ), α = sqrt(ᾱ), σ = sqrt(1-ᾱ); -∞ at pure noise, ∞ at the image."""
    with np.errstate(divide="ignore"):
        return 0.5 * (np.log(abar) - np.log1p(-abar))


def dpmpp_2m(schedule, pairs):
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): from time s to t,

    D = (1 + 1/(2r)) x̂_0(s) - 1/(2r) x̂_0(before s),   r = h_before / h,   h = λ_t - λ_s
    x_t = (σ_t/σ_s) x_s - α_t (e^{-h} - 1) D;   D = x̂_0(s) in the first step and the one to σ = 0.
    """
    rows, h_before = [], None
    for a_s, a_t in schedule.alpha_bar(pairs):
        h = _half_log_snr(a_t) - _half_log_snr(a_s)
        D = _x0()
        if h_before is not None and np.isfinite(h):
            r = h_before / h
            D = (1 + 1 / (2 * r)) * _x0() - 1 / (2 * r) * _x0(1)
        rows.append(((1 - a_t) / (1 - a_s)) ** 0.5 * _state(a_s) - a_t**0.5 * np.expm1(-h) * D)
        h_before = h
    return Table.of(pairs[:, 0], rows)


def unipc(schedule, pairs):
    """UniPC of order 2, B(h) = e^h - 1, on predicted images (Zhao et al. 2023, algorithms 1 and 2).

    The predictor is DPM-Solver++(2M). The corrector goes from s to t once more, now knowing x̂_0(t), before the next
    prediction sets out from there; it costs no evaluation. With D_1 = (x̂_0(before) - x̂_0(s))/r, D_t = x̂_0(t) - x̂_0(s):
    x_t = (σ_t/σ_s) x_s - α_t (e^{-h} - 1) (x̂_0(s) + ρ_1 D_1 + ρ_2 D_t).
    """
    levels = schedule.alpha_bar(pairs)
    lam = _half_log_snr(levels[:, 0])
    predictor = dpmpp_2m(schedule, pairs)
    rows = np.column_stack([predictor.image, predictor.noise, predictor.fresh])
    for i in range(1, len(pairs)):
        h, a_t = lam[i] - lam[i - 1], levels[i, 0]
        B = np.expm1(-h)
        b_1 = (B / -h - 1) / B
        b_2 = 2 * ((B / -h - 1) / -h - 1 / 2) / B
        D_t = _x0(0) - _x0(1)
        if i == 1:
            change = D_t / 2
        else:
            r = (lam[i - 2] - lam[i - 1]) / h
            D_1 = (_x0(2) - _x0(1)) / r
            rho_1 = (b_1 - b_2) / (1 - r)
            change = (rho_1 - 1 / 2) * D_1 + (b_1 - rho_1) * D_t  # the predictor has D_1 / 2 already
        # What the corrector adds to the x that the network read, and the predictor then carries on.
        rows[i] += ((1 - levels[i, 1]) / (1 - a_t)) ** 0.5 * -(a_t**0.5) * B * change
    return Table.of(pairs[:, 0], rows)
