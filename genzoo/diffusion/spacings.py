"""Spacings: which of the T times a sampler visits."""

import numpy as np

from genzoo.diffusion.catalogue import SPACINGS
from genzoo.errors import UsageError
from genzoo.options import find

# Each gives S times out of 0 … T-1, ascending, not yet rounded or free of repetitions; `time_steps` makes them so.


def leading(T, S, _):
    """i ⌊T/S⌋ (Song et al. 2021): from 0 on, and below T-1 unless S = T."""
    return np.arange(S) * (T // S)


def linspace(T, S, _):
    """From 0 to T-1, evenly (Lin et al. 2023, table 2)."""
    return np.round(np.linspace(T - 1, 0, S)[::-1])


def trailing(T, S, _):
    """T - 1 - i T/S: evenly down from T-1 (Lin et al. 2023, table 2)."""
    return np.round(T - T / S * np.arange(S - 1, -1, -1)) - 1


def quad(T, S, _):
    """Squares of even steps from 0 to sqrt(T-1) (Song et al. 2021, appendix D.2): dense near the image."""
    return np.round(np.linspace(np.sqrt(T - 1), 0, S)[::-1] ** 2)


def log_snr(T, S, schedule):
    """Evenly in λ = ln(α/σ), half of the logarithm of the signal-to-noise ratio (Lu et al. 2022)."""
    lam = schedule.half_log_snr(np.arange(T))  # falls with t
    if np.isneginf(lam[-1]):  # pure noise counts as one more step of the size before it
        lam[-1] = 2 * lam[max(0, T - 2)] - lam[max(0, T - 3)]
    return np.round(np.interp(-np.linspace(lam[-1], lam[0], S)[::-1], -lam, np.arange(T)))


def time_steps(schedule, S, spacing="trailing"):
    """S distinct times out of 0 … T-1 of a `NoiseSchedule`, descending.

    'uniform' is i ⌊T/S⌋, the spacing of the DDIM paper, also known as leading. It starts below T-1 unless S = T.
    The others start at T-1. 'linspace' and 'trailing' are those of Lin et al. (2023, table 2). 'quad' takes squares of
    even steps, dense near the image. 'logsnr' is even in the logarithm of the signal-to-noise ratio.
    Raises UsageError for S outside 1 … T and for an unknown spacing.
    """
    T = len(schedule)
    spaced = find(SPACINGS, spacing, "spacing of time steps").load()
    if isinstance(S, bool) or int(S) != S or not 1 <= S <= T:
        raise UsageError(f"steps must be an integer from 1 to {T} (the model's diffusion steps), got {S}")
    S = int(S)
    t, i = spaced(T, S, schedule).astype(int), np.arange(S)
    # Rounding may repeat an entry: the nearest strictly increasing sequence inside 0 … T-1 does not.
    t = np.maximum.accumulate(t - i) + i
    return np.minimum(t, T - S + i)[::-1]


def time_pairs(schedule, S, spacing="trailing"):
    """[S, 2]: each of the `time_steps` beside the time that it leads to; the last leads to -1, the clean image."""
    t = time_steps(schedule, S, spacing)
    return np.stack([t, np.append(t[1:], -1)], axis=1)
