"""Row 6: how long until something happens, and what it takes: memory of training and of drawing, bytes on disk."""

import subprocess
import sys
import time

from benchmarks.measuring import seconds_of, spread
from benchmarks.processes import ROOT, started
from benchmarks.reporting import cells, median_and_range
from benchmarks.within import options_within
from genzoo.evaluation.drawing import draw
from genzoo.pictures.tables import Cell, Column, Table

TITLE = "Start-up, memory and disk of cddpm"
STEPS = 200  # of the run whose memory and size are taken
SAMPLES = 10_000


def measure(bench, steps=STEPS, samples=SAMPLES, warm=1):
    """warm: rounds that only warm the disk."""
    words = ["train", "--model", "cddpm", "--data", bench.data_name]
    run = bench.folder / "run"
    first = {
        "train --help": [*words[:1], "--help"],
        "launch to first step, of so many steps": [*words, "--steps", str(steps), "--out", str(bench.folder / "cut")],
        "launch to first step, of so many minutes": [*words, "--minutes", "2", "--out", str(bench.folder / "planned")],
    }
    times = {name: [] for name in first}
    for i in range(warm + bench.rounds):
        for name, asked in first.items():
            took = help_seconds(asked) if "--help" in asked else first_step_seconds([*asked, "--overwrite"])
            times[name] += [took] * (i >= warm)
    whole = {"words": [*words, "--steps", str(steps), "--out", str(run)], "whole": True}
    with started("benchmarks.launched", whole) as connection:
        connection.recv()  # the first step is done
        training = connection.recv()
    options = options_within(bench.trainer("cddpm").model)
    (drawn,) = draw(run, samples, [0], [options], [i % bench.data.num_classes for i in range(samples)])
    return {
        "seconds": {name: spread(values) for name, values in times.items()},
        "training_bytes": training,
        "sampling_bytes": drawn.memory,
        "samples": samples,
        "sampling_seconds": drawn.seconds_1000 * samples / 1000,
        "evaluations": drawn.nfe,
        "disk_bytes": sum(file.stat().st_size for file in run.rglob("*") if file.is_file()),
        "weights_bytes": (run / "weights.safetensors").stat().st_size,
    }


def help_seconds(words):
    command = [sys.executable, "train.py", *words[1:]]
    return seconds_of(lambda: subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL))


def first_step_seconds(words):
    """From the start of the process to the end of the first training step, tracing, planning and data included."""
    began = time.time()
    with started("benchmarks.launched", {"words": words, "whole": False}) as connection:
        return connection.recv() - began


def table(found):
    columns = [*median_and_range("time", "time", ".2f", "s"), Column("size", "size", format=",.0f", unit="MB")]
    rows = [(name, cells("time", seconds)) for name, seconds in found["seconds"].items()]
    rows.append(("peak memory of training", {"size": Cell(found["training_bytes"] / 1e6)}))
    note = f"{found['evaluations']} evaluations an image, in a process of its own; the time is that of drawing"
    rows.append((
        f"peak memory of drawing {found['samples']:,}",
        {"time": Cell(found["sampling_seconds"], reason=note), "size": Cell(found["sampling_bytes"] / 1e6)},
    ))  # fmt: skip
    rows.append(("run folder", {"size": Cell(found["disk_bytes"] / 1e6)}))
    rows.append(("of which weights", {"size": Cell(found["weights_bytes"] / 1e6)}))
    return Table(columns, rows)
