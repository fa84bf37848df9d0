"""Row 7: how time and memory of cddpm grow: the exponents p of the power laws ∝ x^p that fit best."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import psutil

from benchmarks.measuring import exponent, interleaved, seconds_of, spread
from benchmarks.reporting import cells, median_and_range
from benchmarks.stopwatch import step_seconds
from genzoo.data.pipeline import untuned
from genzoo.evaluation.memory import PeakMemory
from genzoo.models.families import build
from genzoo.pictures.tables import Cell, Column, Table
from genzoo.stack import keras, tf

TITLE = "Growth of cddpm"
SIDE, BATCH, STEPS, SAMPLES = 32, 16, 2, 64  # of what does not grow
POINTS = {
    "training step, by batch size": (16, 64, 256),
    "training step, by image side": (32, 64, 128),
    "training step, by channels": (32, 64, 128),
    "sampling, by number of images": (256, 1024, 4096),
    "sampling, by steps": (5, 20, 80),
}
# Of what runs before memory is looked at; 2 for the others.
TINY = {"training step, by image side": 16, "training step, by channels": 8}
LEAST = 1e6  # bytes: what cannot be told from nothing


def measure(bench, points=POINTS):
    works = {kind: work(kind, bench.seconds / 2) for kind in points}
    cases = {(kind, x): lambda kind=kind, x=x: works[kind](x) for kind, values in points.items() for x in values}
    for once in cases.values():
        once()  # compiles
    seconds = interleaved(cases, bench.rounds)
    found = {}
    for kind, values in points.items():
        memory = [max(LEAST, in_child(memory_above, kind, x)) for x in values]
        rounds = zip(*(seconds[kind, x] for x in values), strict=True)
        found[kind] = {
            "points": list(values),
            "seconds": [spread(seconds[kind, x]) for x in values],
            "bytes": memory,
            "time_exponent": spread([exponent(values, times) for times in rounds]),
            "memory_exponent": exponent(values, memory),
        }
    return found


def work(kind, seconds):
    """A function of what grows, which does the work and says how many seconds it took (those of one training step)."""
    models = {}

    def model(side=SIDE, **options):
        key = side, *options.values()
        if key not in models:
            models[key] = build("cddpm", image_shape=(side, side, 1), num_classes=10, **options)
            models[key].compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
        return models[key]

    def train(batch=BATCH, side=SIDE, **options):
        return step_seconds(model(side, **options), _batches(side, batch), seconds)

    def sample(n, steps):
        options = {"steps": steps, "guidance": 1.0}
        return seconds_of(lambda: model().sample(n, **options))

    return {
        "training step, by batch size": lambda batch: train(batch),
        "training step, by image side": lambda side: train(side=side),
        "training step, by channels": lambda width: train(widths=(width, width)),
        "sampling, by number of images": lambda n: sample(n, STEPS),
        "sampling, by steps": lambda steps: sample(SAMPLES, steps),
    }[kind]


def _batches(side, size):
    """One batch of noise; its size is no part of its type, so that one graph serves all sizes."""
    images = np.random.default_rng(0).uniform(-1, 1, (size, side, side, 1)).astype(np.float32)
    batch = {"image": images, "label": (np.arange(size) % 10).astype(np.int32)}
    signature = {"image": tf.TensorSpec([None, side, side, 1]), "label": tf.TensorSpec([None], tf.int32)}
    return untuned(tf.data.Dataset.from_generator(lambda: [batch], output_signature=signature))


def memory_above(kind, x):
    """Bytes that the work at x takes at most, above what the process held after the same work at next to nothing."""
    do = work(kind, 0.0)
    do(TINY.get(kind, 2))
    before = psutil.Process().memory_info().rss
    with PeakMemory() as memory:
        do(x)
    return memory.bytes - before


def in_child(function, *arguments):
    """What the function returns in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def table(found):
    columns = [
        *median_and_range("time", "exponent of time", ".2f"),
        Column("memory", "exponent of memory", format=".2f"),
        Column("most_time", "time at the last", format=".2f", unit="s"),
        Column("most_memory", "memory there", format=",.0f", unit="MB"),
    ]
    rows = []
    for kind, row in found.items():
        span = f"{kind}: {', '.join(map(str, row['points']))}"
        last = Cell(row["seconds"][-1]["median"]), Cell(row["bytes"][-1] / 1e6, reason=memory_above.__doc__)
        ends = dict(zip(("most_time", "most_memory"), last, strict=True))
        rows.append((span, cells("time", row["time_exponent"]) | {"memory": Cell(row["memory_exponent"])} | ends))
    return Table(columns, rows)
