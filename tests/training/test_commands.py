"""The real command, in a process of its own: on a signal it ends well.

Whether it ends on time is measured, by `python -m benchmarks.bench --rows minutes`, and simulated in test_length.py.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genzoo.runs.run import Run

ROOT = Path(__file__).parents[2]
SMALL = ["--data", "digits", "--image-size", "8", "--set", "widths=[8]"]
VAE, CDDPM = [*SMALL, "--model", "vae"], [*SMALL, "--model", "cddpm", "--depth", "1"]
# (family, steps, steps between pictures); where each has one, nearly all the time is pictures.
RUNS = {"training": (VAE, 400, 100), "pictures": (CDDPM, 30, 1)}

pytestmark = pytest.mark.slow


def launch(*words):
    command = [sys.executable, str(ROOT / "train.py"), *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **streams)


def finish(*words):
    process = launch(*words)
    said = process.communicate(timeout=500)[0]
    assert process.returncode == 0, said


def wait_for(happened, process, seconds=200):
    deadline = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


# Signals.


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """undisturbed(words) -> the run that they train."""
    folder = tmp_path_factory.mktemp("undisturbed")

    def run(words):
        path = folder / words[words.index("--model") + 1]
        if not path.exists():
            finish(*words, "--out", path)
        return Run.open(path)

    return run


@pytest.mark.parametrize("at", RUNS)
@pytest.mark.parametrize("delay", [0.0, pytest.param(0.3, marks=pytest.mark.once)])
def test_sigterm_saves_and_the_run_goes_on_exactly(tmp_path, undisturbed, at, delay):
    from genzoo.runs.state import state_sha256

    family, steps, every = RUNS[at]
    words = [*family, "--steps", steps, "--sample-every", every]
    whole, path = undisturbed(words), tmp_path / "run"
    with launch(*words, "--out", path) as process:
        wait_for(lambda: path.exists() and Run(path, {}).checkpoints(), process)
        time.sleep(delay)
        process.terminate()
        assert process.wait(60) == 143
    run = Run.open(path)
    assert run.status()[0] == "interrupted"
    finish("--resume", path)
    assert state_sha256(run) == state_sha256(whole)
    for name in ("weights.safetensors", f"samples/step_{steps:07d}.png"):
        assert (path / name).read_bytes() == (whole.path / name).read_bytes()


def test_sigterm_while_planning_leaves_nothing_behind(tmp_path):
    with launch(*CDDPM, "--minutes", 1, "--out", tmp_path / "run") as process:
        assert process.stdout.readline().startswith("data: ")  # next the model is built and measured
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    assert not any(tmp_path.iterdir())
