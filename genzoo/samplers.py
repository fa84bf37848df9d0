"""Samplers as tables.

Every sampler here moves along the same line: the network reads x at time t, its output is split into the predicted
image x̂_0 and the predicted noise ε̂, and the next x is a mix of the last few of both, and fresh noise:

    x ← Σ_j a[i, j] x̂_0(i-j) + Σ_j b[i, j] ε̂(i-j) + σ[i] z          j = 0 … HISTORY-1

So a sampler *is* its table of (t, a, b, σ): computed here in float64 from the formulas of `diffusion`, walked by one
compiled loop in `models.ddpm`. A row is one network evaluation (NFE).
"""

from dataclasses import dataclass

import numpy as np

from genzoo import diffusion
from genzoo.errors import UsageError

HISTORY = 2


@dataclass(frozen=True)
class Table:
    """t: int [K], the time of each evaluation; image, noise: [K, HISTORY], newest first; fresh: [K]. float64."""

    t: np.ndarray
    image: np.ndarray
    noise: np.ndarray
    fresh: np.ndarray

    def __len__(self):
        return len(self.t)


def _leading(T, S):
    return np.arange(S) * (T // S)


def _linspace(T, S):
    return np.linspace(0, T - 1, S) if S > 1 else np.array([T - 1.0])


def _trailing(T, S):
    return np.round(T - np.arange(S - 1, -1, -1) * (T / S)) - 1


def _quad(T, S):
    return np.linspace(0, np.sqrt(T - 1), S) ** 2 if S > 1 else np.array([T - 1.0])


SPACINGS = {"uniform": _leading, "linspace": _linspace, "trailing": _trailing, "quad": _quad}


def time_steps(T, S, spacing="trailing"):
    """S distinct time steps out of 0 … T-1, descending.

    'uniform' (leading): i·⌊T/S⌋, the spacing of the DDIM paper; starts below T-1 when S > 1 does not divide it.
    'linspace', 'trailing' (Lin et al. 2023, table 2) and 'quad' (dense near the image) start at T-1.
    Raises UsageError for S outside 1 … T or an unknown spacing.
    """
    if spacing not in SPACINGS:
        raise UsageError(f"unknown spacing of time steps {spacing!r}: choose from {', '.join(SPACINGS)}")
    if isinstance(S, bool) or int(S) != S or not 1 <= S <= T:
        raise UsageError(f"steps must be an integer from 1 to {T} (the model's diffusion steps), got {S}")
    S = int(S)
    t = np.round(SPACINGS[spacing](T, S)).astype(int)
    i = np.arange(S)
    # Rounding may repeat an entry: the nearest strictly increasing sequence inside 0 … T-1 does not.
    t = np.maximum.accumulate(t - i) + i
    return np.minimum(t, T - S + i)[::-1]


def time_pairs(T, S, spacing="trailing"):
    """[S, 2]: each evaluated time t beside the time it leads to; the last leads to -1, the clean image."""
    t = time_steps(T, S, spacing)
    return np.stack([t, np.append(t[1:], -1)], axis=1)


def _one_step(schedule, pairs, step):
    """The table of a sampler without memory, read off its `step(x_0, eps, z, abar, abar_prev)`, which is linear."""
    pairs = np.asarray(pairs)
    abar, abar_prev = schedule.alpha_bar(pairs[:, 0]), schedule.alpha_bar(pairs[:, 1])
    image, noise, fresh = (step(*unit, abar, abar_prev) * np.ones(len(pairs)) for unit in np.eye(3))
    pad = np.zeros((len(pairs), HISTORY - 1))
    return Table(pairs[:, 0], np.column_stack([image, pad]), np.column_stack([noise, pad]), fresh)


def ddpm(schedule, pairs, variance="fixed_small"):
    """Ancestral sampling; variance 'fixed_small' (β̃) or 'fixed_large' (β)."""
    if variance not in ("fixed_small", "fixed_large"):
        raise UsageError(f"variance must be fixed_small or fixed_large, got {variance!r}")
    return _one_step(schedule, pairs, lambda *a: diffusion.ddpm_step(*a, large=variance == "fixed_large"))


def ddim(schedule, pairs, eta=0.0):
    """DDIM with noise share eta, from 0 (deterministic) to 1 (the DDPM posterior)."""
    if not 0 <= eta <= 1:
        raise UsageError(f"eta must be between 0 and 1, got {eta}")
    return _one_step(schedule, pairs, lambda *a: diffusion.ddim_step(*a, eta=eta))


SAMPLERS = {"ddpm": ddpm, "ddim": ddim}
