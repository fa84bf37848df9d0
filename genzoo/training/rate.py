"""The learning rate over a run."""

import math

WARMUP_SHARE, WARMUP_STEPS = 0.05, 500  # it rises over this share of a run, at most these steps


def learning_rate(step, total, peak):
    """Linear warm-up, then half a cosine down to 0 (Loshchilov & Hutter 2017). `step` of `total`, from 0; it need not
    be whole."""
    warmup = min(WARMUP_STEPS, WARMUP_SHARE * total)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
