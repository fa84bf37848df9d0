"""Row 3: the time of a compiled `sample` call over that of its network evaluations alone."""

import numpy as np

from benchmarks.measuring import seconds_of, spread
from benchmarks.reporting import cells, median_and_range
from genzoo.pictures.tables import Cell, Column, Table
from genzoo.stack import tf

TITLE = "Sampler overhead of cddpm (its default sampler, guidance 1: a step is one evaluation)"
CASES = ((64, 10), (64, 100), (500, 10), (500, 100))  # (images, steps)
PASSES = 3  # of the network, timed before the call and after it


def measure(bench, cases=CASES):
    model = bench.trainer("cddpm").model
    forward = tf.function(lambda inputs: model.ema(*inputs), autograph=False)
    found = {f"{n} images, {steps} steps": [] for n, steps in cases}

    def once(n, steps):
        """(seconds of the call, seconds of its evaluations), the machine's drift met by passes on both sides."""
        inputs = [tf.repeat(example, n, axis=0) for example in model.example_inputs()]
        options = {"steps": steps, "guidance": 1.0}
        forward(inputs)
        before = [seconds_of(lambda: forward(inputs)) for _ in range(PASSES)]
        call = seconds_of(lambda: model.sample(n, **options))
        after = [seconds_of(lambda: forward(inputs)) for _ in range(PASSES)]
        return call, model.evaluations(**options) * np.median(before + after)

    model.sample(2, steps=2, guidance=1.0)  # compiles
    for _ in range(bench.rounds):
        for (n, steps), values in zip(cases, found.values(), strict=True):
            values.append(once(n, steps))
    return {
        name: {
            "call_seconds": spread([call for call, _ in values]),
            "evaluation_seconds": spread([alone for _, alone in values]),
            "overhead": spread([call / alone for call, alone in values]),
        }
        for name, values in found.items()
    }


def table(found):
    columns = [
        *median_and_range("overhead", "sample over evaluations", ".3f"),
        Column("call", "sample", format=".2f", unit="s"),
        Column("alone", "evaluations", format=".2f", unit="s"),
    ]
    rows = [
        (name, cells("overhead", case["overhead"])
        | {"call": Cell(case["call_seconds"]["median"]), "alone": Cell(case["evaluation_seconds"]["median"])})
        for name, case in found.items()
    ]  # fmt: skip
    return Table(columns, rows)
