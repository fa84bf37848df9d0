"""Row 12: no network, no home, a home or a cache that cannot be written, odd paths, a clock that jumps: commands work
all the same, or say in one line what is missing before they begin.

An evaluation without a cache for its judge is in tests/evaluation/test_judge.py.
"""

import os
import subprocess
import sys
import time

import pytest
from processes import DIGITS, of_family
from small import eagerly

TRAIN = ["train", *of_family("ae"), "--steps", 1, "--sample-every", 0]
SAMPLE = ["sample", "zoo:ae-mnist", "--n", 4]
UNSHARE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def run(words, folder, prefix=(), **environment):
    """-> (exit code, stdout, lines of stderr) of the command in a folder; None unsets a variable."""
    here = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": here, **environment}
    command = [*prefix, sys.executable, "-m", "genzoo", *map(str, words)]
    env = {name: value for name, value in env.items() if value is not None}
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=200)
    return ended.returncode, ended.stdout, [line for line in ended.stderr.splitlines() if not line.startswith("step ")]


def no_network(tmp_path):
    code, out, err = run([*TRAIN, "--dry-run"], tmp_path, UNSHARE, TFDS_DATA_DIR=str(tmp_path / "none"))
    assert code == 0 and "digits (the default, since mnist is not prepared" in out and not err, err


def no_network_for_a_set_that_needs_it(tmp_path):
    code, _, err = run(["train", "--data", "mnist"], tmp_path, UNSHARE, TFDS_DATA_DIR=str(tmp_path / "none"))
    assert code == 4 and len(err) == 1 and "cannot be downloaded" in err[0] and not list(tmp_path.iterdir())


def no_home(tmp_path):
    code, out, err = run([*SAMPLE, "--out", "a.png"], tmp_path, HOME=None, XDG_CACHE_HOME=None)
    assert code == 0 and not err and (tmp_path / "a.png").exists(), err


def a_home_that_cannot_be_written(tmp_path):
    code, out, err = run([*SAMPLE, "--out", "a.png"], tmp_path, HOME="/proc", XDG_CACHE_HOME="/proc/cache")
    assert code == 0 and not err and (tmp_path / "a.png").exists(), err


def an_output_that_cannot_be_written(tmp_path):
    began = time.monotonic()
    for words in ([*SAMPLE], [*SAMPLE, "--out", "/proc/a.png"], [*TRAIN, *DIGITS, "--out", "/proc/run"]):
        code, _, err = run(words, "/proc")
        assert code == 5 and len(err) == 1 and "cannot write" in err[0]
    assert time.monotonic() - began < 60  # before TensorFlow starts


PLACES = (no_home, a_home_that_cannot_be_written, an_output_that_cannot_be_written, no_network,
          no_network_for_a_set_that_needs_it)  # fmt: skip


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(12, "no network, no home, nothing to write to", few=1)
def test_surroundings(tmp_path, trials):
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("no network can be taken away here")
    for place in trials.of(PLACES):
        folder = tmp_path / place.__name__
        folder.mkdir()
        place(folder)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(12, "odd paths, and relative ones after a cd")
def test_odd_paths(train, call, tmp_path, monkeypatch, trials):
    for name in trials.of(["mit Lücke", "日本", "a'b\"c", "$x;ls", "-x", "%s{0}"]):
        folder = tmp_path / name / "in"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        assert train("run").path.resolve() == folder / "run"
        monkeypatch.chdir(tmp_path)
        with eagerly():
            assert call("sample", f"./{name}/in/run", "--n", 2)[0] == 0
        assert (folder / "run" / "sample.png").exists() and call("info", f"./{name}/in/run")[0] == 0


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(12, "a clock that jumps a day, either way")
def test_a_clock_that_jumps(train, before_step, tmp_path, monkeypatch, trials):
    """Seconds are those of a clock that does not."""
    from genzoo.runs.state import state_sha256

    real, made = time.time, set()
    for day in trials.of([86_400, -86_400]):
        with monkeypatch.context() as patch:
            jump = before_step(3, lambda _: patch.setattr(time, "time", lambda: real() + day))  # noqa: B023
            run = train(tmp_path / str(day), [jump])
        made.add(state_sha256(run))
        assert 0 < float(run.read_metrics()[-1]["seconds"]) < 100
    assert len(made) == 1
