"""One process at a time in a run folder."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from genzoo.errors import CheckpointError
from genzoo.runs.lock import locked
from genzoo.runs.run import check_free
from genzoo.training.start import resume

HOLD = """
import sys
from genzoo.runs.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(written):
    """A run folder in which another process is at work, and that process."""
    run = written()
    command = [sys.executable, "-c", HOLD, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield run, process
        process.kill()


def test_a_second_process_is_refused_and_the_first_goes_on(holder, call):
    run, process = holder
    before = sorted(run.iterdir())
    code, _, err = call("train", "--model", "vae", "--data", "digits", "--steps", "1", "--out", run, "--overwrite")
    assert code == 5 and "another process writes into" in err and err.count("\n") == 1
    assert process.poll() is None and sorted(run.iterdir()) == before


def test_a_resume_is_refused_as_well(holder):
    run, _ = holder
    config = (run / "config.json").read_text()
    (run / "config.json").write_text(config.replace('"keras": "3.0.0"', f'"keras": "{version("keras")}"'))
    with pytest.raises(CheckpointError, match="another process"):
        resume(run)


def test_a_killed_process_holds_nothing(holder):
    run, process = holder
    with pytest.raises(CheckpointError):
        check_free(run, overwrite=True)
    process.kill()
    process.wait()
    check_free(run, overwrite=True)


def test_it_is_free_again_afterwards_also_after_a_mistake(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), locked(tmp_path):
            raise KeyError
    with locked(tmp_path), pytest.raises(CheckpointError, match="choose another --out"), locked(tmp_path):
        raise AssertionError("it was held twice")
