"""Writes a page, and has it compared under node with what the runs' own models draw."""

import base64
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from genzoo.errors import UsageError
from genzoo.export.web.pack import pack
from genzoo.export.web.page import render
from genzoo.export.written import TooFarError, Written, checked
from genzoo.files import write_atomically
from genzoo.runs.load import load

HERE = Path(__file__).parent
MOST = 8_000_000  # bytes of a page
GREY = 2 / 255  # a grey level, where pixels reach from -1 to 1
PICTURES = 10  # of each run that are compared


def write(runs, path):
    """Writes a page of finished `Run`s to a file `path`; returns the `Written`.

    Where node is on PATH it draws the same pictures as the page would; else nothing is compared, which a note says.
    Raises UsageError for a page above MOST bytes, and as `pack` and `checked` do.
    """
    packed = pack(runs)
    html = render(runs, packed).encode()
    if len(html) > MOST:
        sizes = ", ".join(f"{run.name} {len(pack([run])) * 4 / 3e6:.1f}" for run in runs)
        too_large = f"the page would have {len(html) / 1e6:.1f} MB, {MOST / 1e6:.0f} at most"
        raise UsageError(f"{too_large}: leave runs out ({sizes} MB)")
    write_atomically(path, html)
    node = shutil.which("node")
    if not node:
        return Written({Path(path).name: len(html)}, None, GREY, notes=("not compared, since node is not on PATH",))
    difference, seconds = compare(node, runs, packed)
    return checked(Written({Path(path).name: len(html)}, difference, GREY, {PICTURES: seconds}))


def compare(node, runs, packed):
    """Returns the largest difference between pictures of a page and of the runs' own models, and the best seconds that
    a network took for PICTURES images."""
    asked = [list(np.arange(PICTURES) % max(1, run.config["model_config"]["num_classes"])) for run in runs]
    tasks = [
        {"run": i, "kind": "sample", "asked": list(map(int, labels)), "options": run_options(run) | {"seed": 0}}
        for i, (run, labels) in enumerate(zip(runs, asked, strict=True))
    ]
    answers = ask(node, packed, tasks)
    differences, seconds = [], []
    for run, labels, (drawn, spent) in zip(runs, asked, answers, strict=True):
        model = load(run.path)
        ours = model.sample(PICTURES, labels=labels if model.conditional else None, seed=0)
        differences.append(float(np.abs(np.clip(drawn.reshape(ours.shape), -1, 1) - ours).max()))
        seconds.append(spent / model.evaluations())
    return max(differences), min(seconds)


def run_options(run):
    """Returns what a page samples a run with unless told otherwise, as its engine takes it."""
    from genzoo.models.families import family

    return family(run.config["model"]).sampling_options({}, run.model_options)


def ask(node, packed, tasks, engine="wasm"):
    """Returns [(numbers, seconds)] of tasks of check.js, float32 each, done under node.

    packed: as of `pack`.    Raises TooFarError where node fails.
    """
    with tempfile.NamedTemporaryFile(suffix=".pack") as file:
        file.write(packed)
        file.flush()
        command = [node, HERE / "check.js", file.name, HERE / "engine.wasm"]
        words = json.dumps({"engine": engine, "tasks": tasks})
        done = subprocess.run(command, input=words, capture_output=True, text=True)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "Error" in line), "no word")
        raise TooFarError(f"the page does not run under node ({said}); nothing was written")
    return [
        (np.frombuffer(base64.b64decode(answer["numbers"]), "<f4"), answer["seconds"])
        for answer in json.loads(done.stdout)
    ]
