"""What all tests share."""

import contextlib
import ctypes
import gc
import json
import os
import sys

import pytest

from genzoo.cli import main
from genzoo.runs.run import FORMAT

TINY = ["--data", "digits", "--image-size", "8", "--batch-size", "32", "--sample-every", "0"]


if "PYTEST_XDIST_WORKER" in os.environ:
    # Two processes on two cores: more threads would only wait for each other, those of OpenMP (scikit-learn) and
    # OpenBLAS (NumPy) at full speed. Read where each library is first imported, so set before any is.
    threads = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    os.environ |= dict.fromkeys(threads, "1")


gc.set_threshold(50_000, 20, 1000)  # a file's end collects all; in between, old objects are millions, and alive


def pytest_addoption(parser):
    parser.addoption("--faults", action="store_true", help="the full counts of tests/faults, and their table")


@pytest.fixture(autouse=True, scope="module")
def forget_the_models():
    """Graphs refer to each other in circles: without this, a run of all tests holds gigabytes of them."""
    yield
    if "small" in sys.modules:
        sys.modules["small"].forget()
    gc.collect()
    gc.freeze()  # TensorFlow's modules and what else stays: the next collection need not look at it again
    if sys.platform == "linux":  # what is free goes back to the system, for the other process
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture
def call(capsys):
    """Runs a command in this process -> (exit code, stdout, stderr)."""

    def call(*argv):
        code = main.main([str(word) for word in argv])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def quick_judge(monkeypatch, tmp_path_factory):
    """quick_judge(steps): judges are trained for so many steps, and kept in a cache of the tests' own."""

    def quick_judge(steps):
        from genzoo.evaluation.metrics import judge  # here, since the process that shares out the tests needs none

        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp().parent / "cache"))
        monkeypatch.setattr(judge, "RECIPE", judge.RECIPE | {"epochs": 0, "least_steps": steps})

    return quick_judge


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """trained(family) -> the folder of a run of two steps, trained once for all processes, and without a graph: to
    trace one takes longer."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers

    def trained(family):
        from small import eagerly, few_latents  # here, since the process that shares out the tests needs no TensorFlow

        run = folder / "runs" / family
        if not run.exists():
            options = ["--set", "widths=[8]"]
            options += ["--set", "depth=1"] * (family in ("blend", "cddpm"))
            options += ["--diffusion-steps", "50"] * (family == "cddpm")
            options += ["--latent-dim", "4"] * (family in ("ae", "cvae"))
            made = tmp_path_factory.mktemp("trained") / family
            with eagerly(), few_latents():
                assert main.main(["train", "--model", family, "--steps", "2", "--out", str(made), *TINY, *options]) == 0
            run.parent.mkdir(exist_ok=True)
            with contextlib.suppress(OSError):  # another worker was quicker
                made.rename(run)
        return run

    return trained


@pytest.fixture
def written(tmp_path):
    """written(family, **changes) -> a run folder that holds a config.json only, as if trained on ten classes."""

    def written(family="cddpm", **changes):
        run = tmp_path / "run"
        run.mkdir()
        config = {
            "format": FORMAT,
            "model": family,
            "model_config": {"image_shape": [8, 8, 1], "num_classes": 10}
            | ({"diffusion_steps": 20} if family in ("ddpm", "cddpm") else {}),
            "data": {
                "name": "digits",
                "reason": "asked for",
                "image_size": 8,
                "data_dir": None,
                "native_shape": [8, 8, 1],
                "num_classes": 10,
                "fingerprint": "0" * 64,
            },
            "train": {"steps": 2},
            "versions": {"keras": "3.0.0"},
        }
        (run / "config.json").write_text(json.dumps(config | changes))
        return run

    return written
