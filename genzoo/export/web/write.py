"""Writes a page, and has it compared under node with what the runs' own models draw."""

import base64
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from genzoo.errors import CheckpointError, UsageError
from genzoo.export.checks import GREY
from genzoo.export.web.pack import pack
from genzoo.export.web.page import render
from genzoo.export.written import Written, checked
from genzoo.files import write_atomically
from genzoo.models import families
from genzoo.runs.load import load

HERE = Path(__file__).parent
MOST = 8_000_000  # bytes of a page
PICTURES = 10  # of each run that are compared


def write(runs, path):
    """Writes a page of finished `Run`s to a file `path`; returns the `Written`.

    Where node is on PATH it draws the same pictures as the page would; else nothing is compared, which a note says.
    Raises UsageError for a page above MOST bytes, and as `pack` and `compare` do.
    """
    packed = pack(runs)
    html = render(runs, packed).encode()
    if len(html) > MOST:
        sizes = ", ".join(f"{run.name} {len(pack([run])) * 4 / 3e6:.1f}" for run in runs)
        too_large = f"the page would have {len(html) / 1e6:.1f} MB, {MOST / 1e6:.0f} at most"
        raise UsageError(f"{too_large}: leave runs out ({sizes} MB)")
    write_atomically(path, html)
    files, node = {"page.html": len(html)}, shutil.which("node")
    if not node:
        return Written(files, None, GREY, notes=("not compared with the model, since node is not on PATH",))
    difference, rounding, seconds = compare(node, runs, packed)
    notes = (f"weights as float16 move pixels by up to {rounding:.1e}",) if rounding else ()
    return checked(Written(files, difference, GREY, {PICTURES: seconds}, notes))


def compare(node, runs, packed):
    """Returns (difference, rounding, seconds) of PICTURES images of each run.

    difference: the largest between those of a page and those of the runs' models with the page's float16 weights.
    rounding: the largest between these and those of the models with their own weights.
    seconds: the best of an evaluation of a network.
    Raises CheckpointError where node fails.
    """
    asked = [[i % max(1, run.config["model_config"]["num_classes"]) for i in range(PICTURES)] for run in runs]
    tasks = [
        {"run": i, "kind": "sample", "asked": labels, "options": run_options(run) | {"seed": 0}}
        for i, (run, labels) in enumerate(zip(runs, asked, strict=True))
    ]
    differences, roundings, seconds = [], [], []
    for run, labels, (drawn, spent) in zip(runs, asked, ask(node, packed, tasks), strict=True):
        model = load(run.path)
        weights, wish = model.weights_dict(), {"labels": labels if model.conditional else None, "seed": 0}
        halves = {name: array.astype(np.float16).astype(np.float32) for name, array in weights.items()}
        own = None
        if any((halves[name] != array).any() for name, array in weights.items()):
            own = model.sample(PICTURES, **wish)
            model.load_weights_dict(halves)
        ours = model.sample(PICTURES, **wish)
        differences.append(float(np.abs(np.clip(drawn.reshape(ours.shape), -1, 1) - ours).max()))
        roundings.append(0.0 if own is None else float(np.abs(own - ours).max()))
        seconds.append(spent / model.evaluations())
    return max(differences), max(roundings), min(seconds)


def run_options(run):
    """Returns what a page samples a run with unless told otherwise, as its engine takes it."""
    return families.family(run.config["model"]).sampling_options({}, run.model_options)


def ask(node, packed, tasks, engine="wasm"):
    """Returns [(numbers, seconds)] of tasks of check.js, float32 each, done under node.

    packed: as of `pack`.    Raises CheckpointError where node fails.
    """
    with tempfile.NamedTemporaryFile(suffix=".pack") as file:
        file.write(packed)
        file.flush()
        command = [node, HERE / "check.js", file.name, HERE / "engine.wasm"]
        words = json.dumps({"engine": engine, "tasks": tasks})
        done = subprocess.run(command, input=words, capture_output=True, text=True)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "Error" in line), "no word")
        raise CheckpointError(f"the page does not run under node ({said}); nothing was written")
    return [
        (np.frombuffer(base64.b64decode(answer["numbers"]), "<f4"), answer["seconds"])
        for answer in json.loads(done.stdout)
    ]
