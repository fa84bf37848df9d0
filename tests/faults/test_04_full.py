"""Row 4: a full disk, or a limit on the size of files, ends a command with one line and exit code 5, leaves no half
file, and the last checkpoint whole; where there is space again, the run goes on.

A full disk is a small tmpfs, which takes the right to mount one; the limit is RLIMIT_FSIZE, which everybody may set.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from itertools import product

import pytest
from evaluation.conftest import draw_here  # noqa: F401
from small import eagerly

from genzoo.errors import CheckpointError
from genzoo.runs.run import Run
from genzoo.training.start import resume

SIZE = 16_000_000  # bytes of the disk
SIZES = (0, 1, 100, 1000, 4096, 5000, 8192, 10_000, 12_000, 20_000)  # bytes of room on it


class Limit:
    """No file may become larger than so many bytes."""

    def __init__(self, folder):
        self.folder = folder

    @contextlib.contextmanager
    def room(self, size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Disk:
    """A disk on which there is room for so many bytes."""

    def __init__(self, folder):
        self.folder = folder

    @contextlib.contextmanager
    def room(self, size):
        filler = self.folder / "filler"
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
        filler.write_bytes(bytes(max(0, free - size)))
        try:
            yield
        finally:
            filler.unlink()


@pytest.fixture
def disk(request, tmp_path):
    if request.param == "EFBIG":
        yield Limit(tmp_path)
        return
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def assert_no_half_file(folder):
    assert not [path for path in folder.rglob("*") if path.suffix in (".tmp", ".old")]


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("disk", ["ENOSPC", "EFBIG"], indirect=True)
@pytest.mark.faults(4, "no room for a training's files", few=2, many=20)
def test_a_training(disk, train, before_step, tmp_path, trials, capsys):
    """From the start, or where its last save is due. capsys: what it prints goes to no file with a limit."""
    from genzoo.runs.state import state_sha256

    whole = state_sha256(train(tmp_path / "whole"))
    for draw in trials:
        path = disk.folder / f"run{trials.tried}"
        with contextlib.ExitStack() as stack:
            late = trials.tried % 2
            size = draw.choice(SIZES)
            fill = before_step(6, lambda _: stack.enter_context(disk.room(size)))  # noqa: B023
            if not late:
                stack.enter_context(disk.room(size))
            try:
                train(path, [fill] if late else [], tensorboard=trials.tried % 4 == 3)
            except CheckpointError as error:
                assert "\n" not in str(error) and error.exit_code == 5
        if (path / "config.json").exists():
            run = Run.open(path)
            assert run.step == (4 if late else 0) or run.step in (4, 8)
            assert_no_half_file(path)
            resume(path)
        else:
            train(path)
        assert state_sha256(Run.open(path)) == whole
        assert_no_half_file(path)


COMMANDS = {  # {command: (its words, what it writes)}
    "sample": ("sample RUN --n 100 --out DISK/a.png", ["a.png"]),
    "npz": ("sample RUN --n 500 --out DISK/a.npz", ["a.npz"]),
    "evaluate": ("evaluate RUN --n 50 --seeds 1", ["run/metrics.json"]),
    "compare": ("compare RUN --n 50 --seeds 1 --out DISK/out", ["out/table.md", "out/report.html"]),
}


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """There is a judge of the digits, which has learnt nothing."""
    from genzoo.data.sets import load_data
    from genzoo.evaluation.metrics import judge
    from genzoo.evaluation.metrics.classifier import make_network

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = load_data("digits", image_size=8)
    weights = make_network(data.image_shape, data.num_classes, judge.RECIPE["features"]).get_weights()
    made = judge.Judge(data.image_shape, data.num_classes, judge.RECIPE, weights, 0.1)
    judge._keep(made, judge._cache_file(data))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("disk", ["ENOSPC", "EFBIG"], indirect=True)
@pytest.mark.faults(4, "no room for what sample, evaluate, compare write", few=2)
def test_a_command(disk, train, judged, draw_here, call, trials):  # noqa: F811
    run = train(disk.folder / "run").path
    shutil.rmtree(run / "samples")
    before = sorted(disk.folder.rglob("*"))
    for size, command in trials.of(product(SIZES, COMMANDS)):
        words, written = COMMANDS[command]
        words = words.replace("RUN", str(run)).replace("DISK", str(disk.folder)).split()
        with disk.room(size), eagerly():
            code, _, err = call(*words)
        if code == 0:  # there was room enough
            assert size > 1000 and all((disk.folder / name).exists() for name in written)
        else:
            assert code == 5 and err.splitlines()[-1].startswith("genzoo: error: "), err
            assert "Traceback" not in err and not (disk.folder / written[-1]).exists()
        assert_no_half_file(disk.folder)
        shutil.rmtree(disk.folder / "out", ignore_errors=True)
        for path in set(disk.folder.rglob("*")) - set(before):
            path.unlink(missing_ok=True)
    with eagerly():
        assert call(*words)[0] == 0  # there is room again


@pytest.mark.faults(4, "stdout full")
def test_output_that_nobody_can_write(written, trials):
    """/dev/full says of each write that there is no space."""
    script = "from genzoo.cli.main import console; console()"
    for words in trials.of((["info", written()], ["zoo"])):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-c", script, *map(str, words)]
            ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 5 and ended.stderr.count("\n") == 1 and "No space left" in ended.stderr
