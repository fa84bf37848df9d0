"""Samplers as tables.

Every sampler here moves along the same line. The network reads x at time t. Its output is split into the predicted
image x̂_0 and the predicted noise ε̂. The next x mixes the last few of both with fresh noise z:

    x ← Σ_j x0_weights[i, j] x̂_0(i-j) + Σ_j eps_weights[i, j] ε̂(i-j) + fresh[i] z          j = 0 … HISTORY-1

Here x̂_0(i-j) and ε̂(i-j) are the predictions of j evaluations ago. So a sampler *is* its table of t, x0_weights,
eps_weights and fresh. It is computed here in float64 from the papers' formulas, and one compiled loop in `models.ddpm`
walks it. A row is one network evaluation.

The formulas are written on symbols: `_x0(j)`, `_eps(j)` and `_z` are unit vectors, so that whatever is computed from
them is a row of weights. `_state` is the x that the network has just read, α x̂_0 + σ ε̂.
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


def _state(alpha, sigma):
    return formulas.q_sample(_x0(), _eps(), alpha, sigma)


@dataclass(frozen=True)
class Table:
    """t: int [K], the time of each evaluation; x0_weights, eps_weights: [K, HISTORY], newest first; fresh: [K]."""

    t: np.ndarray
    x0_weights: np.ndarray
    eps_weights: np.ndarray
    fresh: np.ndarray

    @classmethod
    def of(cls, t, rows):
        """The table of K times and of K vectors of weights, each of which is the next x."""
        rows = np.array(rows)
        return cls(np.asarray(t), rows[:, :HISTORY], rows[:, HISTORY:-1], rows[:, -1])

    def __len__(self):
        return len(self.t)


def table(name, schedule, pairs, **asked):
    """Returns the `Table` of the sampler called `name`, for a `NoiseSchedule` and the pairs of `time_pairs`, [S, 2].

    asked: options that the sampler declares.      Raises UsageError for an unknown name or option.
    """
    entry = find(SAMPLERS, name, "sampler")
    return entry.load()(schedule, pairs, **completed(entry.options, asked, f"sampler {name}"))


# Each sampler takes a `NoiseSchedule` and pairs, as `table`. Further arguments are its options.


def ddpm(schedule, pairs, variance):
    """Ancestral sampling (Ho et al. 2020); variance 'fixed_small' (β̃) or 'fixed_large' (β)."""
    large = variance == "fixed_large"
    levels = schedule.alpha_bar(pairs)
    return Table.of(pairs[:, 0], [formulas.ddpm_step(_x0(), _eps(), _z, a, a_p, large) for a, a_p in levels])


def ddim(schedule, pairs, eta):
    """DDIM (Song et al. 2021) with noise share eta, from 0 (deterministic) to 1 (the DDPM posterior)."""
    levels = schedule.alpha_bar(pairs)
    return Table.of(pairs[:, 0], [formulas.ddim_step(_x0(), _eps(), _z, a, a_p, eta) for a, a_p in levels])


INFINITE = 1000  # a noise level from which the slope towards the next one says nothing


def heun(schedule, pairs):
    """Heun's second-order method on dx̂/dn = ε̂, with x̂ = x/α and the noise level n = σ/α (Karras et al. 2022, alg. 1).

    Euler's step to n', which is DDIM's, is followed by a second evaluation there, and by the step again with the mean
    of both slopes: x̂' = x̂ + (n' - n) (ε̂ + ε̂')/2.
    A step takes two evaluations, but one where n' = 0 (the last) or n is practically infinite (the first).
    """
    abar, level = schedule.alpha_bar(pairs), schedule.noise_level(pairs)
    t, rows = [], []
    for i, (s, p) in enumerate(pairs):
        t.append(s)
        rows.append(formulas.ddim_step(_x0(), _eps(), _z, *abar[i]))
        n, n_p = level[i]
        if p >= 0 and n < INFINITE:
            x_hat = _x0(1) + n * _eps(1)  # where the step began, one evaluation ago
            t.append(p)
            rows.append(abar[i, 1] ** 0.5 * (x_hat + (n_p - n) * (_eps(0) + _eps(1)) / 2))
    return Table.of(t, rows)


def dpmpp_2m(schedule, pairs):
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2). From time s to t, with h = λ_t - λ_s and r = h_before/h:

    D = (1 + 1/(2r)) x̂_0(s) - 1/(2r) x̂_0(before s)
    x_t = (σ_t/σ_s) x_s - α_t (e^{-h} - 1) D
    D = x̂_0(s) in the first step, which has none before it, and in the step to the image, where h is infinite.
    """
    alpha, sigma = schedule.alpha_sigma(pairs)
    lam = schedule.half_log_snr(pairs)
    rows, h_before = [], None
    for i, h in enumerate(lam[:, 1] - lam[:, 0]):
        D = _x0()
        if h_before is not None and np.isfinite(h):
            r = h_before / h
            D = (1 + 1 / (2 * r)) * _x0() - 1 / (2 * r) * _x0(1)
        x_s = _state(alpha[i, 0], sigma[i, 0])
        rows.append(sigma[i, 1] / sigma[i, 0] * x_s - alpha[i, 1] * np.expm1(-h) * D)
        h_before = h
    return Table.of(pairs[:, 0], rows)


def unipc(schedule, pairs):
    """UniPC of order 2, B(h) = e^h - 1, on predicted images (Zhao et al. 2023, algorithms 1 and 2).

    The predictor is DPM-Solver++(2M). The corrector goes from s to t once more, now knowing x̂_0(t), before the next
    prediction sets out from there. It costs no evaluation.
    x_t = (σ_t/σ_s) x_s - α_t (e^{-h} - 1) (x̂_0(s) + ρ_1 D_1 + ρ_2 D_t)
    D_1 = (x̂_0(before s) - x̂_0(s))/r,   D_t = x̂_0(t) - x̂_0(s),   r = (λ_{before s} - λ_s)/h
    """
    alpha, sigma = schedule.alpha_sigma(pairs)
    lam = schedule.half_log_snr(pairs[:, 0])
    predictor = dpmpp_2m(schedule, pairs)
    rows = np.column_stack([predictor.x0_weights, predictor.eps_weights, predictor.fresh])
    for i in range(1, len(pairs)):
        h = lam[i] - lam[i - 1]
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
        # The corrector adds this to the x_t that the network has read, and the predictor carries it on.
        rows[i] += sigma[i, 1] / sigma[i, 0] * (-alpha[i, 0] * B * change)
    return Table.of(pairs[:, 0], rows)
