"""Row 7: whether minutes are minutes, from the launch of a command to its end: where nothing else runs, where as many
busy processes as there are cores begin halfway, and where a dry run said how long so many steps would take."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

from benchmarks.measuring import interleaved, ratio, seconds_of, spread
from benchmarks.processes import ROOT
from benchmarks.reporting import cells, median_and_range
from genzoo.pictures.tables import Table
from genzoo.runs.run import Run

TITLE = "Minutes asked for or foretold, and taken, by a training of cddpm"


def measure(bench, minutes=1.0, options=()):
    """options: words of the command, of the model."""
    words = ["--model", "cddpm", "--data", bench.data_name, "--overwrite", *options]
    run = bench.folder / "minutes"

    def alone():
        return seconds_of(lambda: command(*words, "--minutes", str(minutes), "--out", str(run))) / 60

    def disturbed():
        with others_work_after(30 * minutes):
            return alone()

    alone()  # warms the disk, and makes so many steps
    steps = ["--steps", str(Run.open(run).step)]

    def foretold():
        said = command(*words, *steps, "--dry-run")
        return float(said.split("about ")[-1].split(" minutes")[0])

    def made():
        return seconds_of(lambda: command(*words, *steps, "--out", str(run))) / 60

    taken = interleaved({f.__name__: f for f in (alone, disturbed, foretold, made)}, bench.rounds)
    asked = [minutes] * bench.rounds
    told = {"alone": asked, "others begin halfway": asked, "steps, by a dry run": taken.pop("foretold")}
    return {
        name: {"taken": spread(values), "over": ratio(values, said)}
        for (name, said), values in zip(told.items(), taken.values(), strict=True)
    }


def command(*words):
    """Runs `train.py WORDS` to its end. -> its standard output."""
    done = subprocess.run([sys.executable, "train.py", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


@contextmanager
def others_work_after(seconds):
    """From so many seconds on until the block ends, as many processes as there are cores do nothing, at full speed."""
    processes = []

    def begin():
        processes.extend(subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count()))

    timer = threading.Timer(seconds, begin)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for process in processes:
            process.kill()
            process.wait()


def table(found):
    columns = [
        *median_and_range("taken", "taken", ".2f", "min"),
        *median_and_range("over", "of what was asked for or foretold", ".2f"),
    ]
    rows = [(name, cells("taken", row["taken"]) | cells("over", row["over"])) for name, row in found.items()]
    return Table(columns, rows)
