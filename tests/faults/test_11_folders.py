"""Row 11: a second process is refused; a run folder that is gone, or can no longer be written, ends a training with one
line, and what was saved stays.
"""

import json
import os
import subprocess
from importlib.metadata import version

import pytest
from processes import Command

from genzoo.errors import CheckpointError
from genzoo.runs.lock import locked
from genzoo.runs.run import Run


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(11, "a second process on one run folder")
def test_a_second_process(run, tmp_path, trials):
    """While this one holds it; tests/runs/test_lock.py does it the other way round."""
    config = json.loads((run.path / "config.json").read_text())
    config["versions"]["keras"] = version("keras")
    (run.path / "config.json").write_text(json.dumps(config))
    anew = ["train", "--model", "vae", "--data", "digits", "--steps", 1, "--out", run.path, "--overwrite"]
    with locked(run.path):
        before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
        for words in trials.of([anew, ["train", "--resume", run.path]]):
            code, said = Command(words, tmp_path / "log").wait()
            assert code == 5 and len(said) == 1 and "another process" in said[0]
            assert before == {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}


def read_only(path):
    """The folder on a disk that can only be read: for root too."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)


FATES = {
    "deleted": lambda path: subprocess.run(["rm", "-r", path], check=True),
    "renamed": lambda path: path.rename(path.with_name("renamed")),
    "a file": lambda path: (path.rename(path.with_name("before")), path.touch()),
    "read-only": read_only,
}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(11, "run folder deleted, renamed, replaced, made read-only", few=3)
def test_a_folder_that_goes(train, before_step, tmp_path, trials):
    fates = dict(FATES)
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        del fates["read-only"]  # mounts are not allowed here
    for name, fate in trials.of(fates.items()):
        path = tmp_path / str(trials.tried) / "run"
        try:
            with pytest.raises(CheckpointError, match="cannot write") as error:
                train(path, [before_step(6, lambda _: fate(path))])  # noqa: B023
        finally:
            if name == "read-only":
                subprocess.run(["umount", path], check=True)
        assert error.value.exit_code == 5 and "\n" not in str(error.value)
        left = {"renamed": path.with_name("renamed"), "a file": path.with_name("before"), "read-only": path}.get(name)
        assert left is None or Run.open(left).step == 4
        assert name != "deleted" or not path.exists()
