"""Times and rates, taken side by side: each contender in turn, again and again, because a machine's speed drifts."""

import time

import numpy as np


def interleaved(contenders, rounds):
    """{name: a function that measures} → {name: its values, one a round}."""
    found = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            found[name].append(measure())
    return found


def spread(values):
    """The values with their median and range, as a dict."""
    values = [float(value) for value in values]
    return {"median": float(np.median(values)), "low": min(values), "high": max(values), "values": values}


def ratio(above, below):
    """The `spread` of the quotients of two contenders, round by round: a drift that meets both cancels."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def exponent(x, y):
    """p of the power law y ∝ x^p that fits best: the slope of log y over log x, by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def seconds_of(work):
    """Seconds that one call of `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def seconds_a_call(work, seconds):
    """Seconds of a call, the mean over as many as fill about `seconds`; at least one."""
    began, calls = time.perf_counter(), 0
    while True:
        work()
        calls += 1
        passed = time.perf_counter() - began
        if passed >= seconds:
            return passed / calls
