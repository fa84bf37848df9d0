"""Ctrl-C and SIGTERM end every command within seconds: one line, its exit code, no process and no half file left."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from genzoo import stack
from genzoo.cli.signals import GRACE

SCRIPT = """
import hashlib, time
from genzoo.cli import main
from genzoo.cli.commands import info
from genzoo.evaluation.process import in_own_process
from genzoo.files import write_atomically
from genzoo.training.interrupt import Interrupted, stop_request

def work(args):
    print("at work")
    {}

info.info = work
main.console(["info", "RUN"])
"""
WORK = {
    "Python": "while True: write_atomically('file', bytes(10_000_000))",
    "one long call": "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
    "another process": "in_own_process(time.sleep, 60)",
    "what loses exceptions": "try: time.sleep(60)\n    except BaseException: raise SystemError from None",
}
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def launch(command, cwd=None):
    """A process in a session of its own, as a terminal's foreground job is a group of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def wait_for(process, word):
    """Reads the process' output up to a line with this word."""
    assert any(word in line for line in process.stdout), process.stderr.read()


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("signum, code", ENDS)
def test_a_signal_ends_a_command_whatever_it_is_at(work, signum, code, tmp_path):
    process = launch([sys.executable, "-c", SCRIPT.format(WORK[work])], tmp_path)
    wait_for(process, "at work")
    time.sleep(0.5)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signum)
    assert process.communicate(timeout=GRACE + 3)[1] == "genzoo: interrupted\n"
    assert process.returncode == code
    assert not psutil.wait_procs(children, 3)[1]
    assert [path.name for path in tmp_path.iterdir()] in ([], ["file"])


def test_the_import_of_tensorflow_is_not_unwound():
    """An exception in the middle of it may abort the process."""
    importing = """try: exec("time.sleep(60)", {"__name__": "genzoo.stack", "time": time})
    finally: print('unwound')"""
    process = launch([sys.executable, "-c", SCRIPT.format(importing)])
    wait_for(process, "at work")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10) == ("", "genzoo: interrupted\n") and process.returncode == 143


def test_a_second_signal_ends_it_at_once():
    tidying = "try: time.sleep(60)\n    finally: print('tidying'); time.sleep(60)"
    process = launch([sys.executable, "-c", SCRIPT.format(tidying)])
    wait_for(process, "at work")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    wait_for(process, "tidying")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[1] == "genzoo: interrupted\n" and process.returncode == 143
    assert time.monotonic() - began < GRACE / 2


def test_who_has_a_handler_of_its_own_gets_the_time_it_needs():
    """As training does, which finishes its step and saves."""
    saving = f"""with stop_request() as stop:
        while stop.signum is None: time.sleep(0.01)
        time.sleep({GRACE + 0.5})
    raise Interrupted("stopped, all saved", stop.signum)"""
    process = launch([sys.executable, "-c", SCRIPT.format(saving)])
    wait_for(process, "at work")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=10)[1].splitlines()
    assert said[-1] == "genzoo: stopped, all saved" and process.returncode == 143


@pytest.mark.parametrize("error, said", [(KeyboardInterrupt, ""), (ImportError, "chatter")])
def test_tensorflows_chatter_is_not_shown_where_its_import_is_interrupted(error, said, capfd):
    with pytest.raises(error), stack.muted():
        os.write(2, b"chatter")
        raise error
    assert capfd.readouterr().err == said


# The commands themselves.

N = 100_000
COMMANDS = {  # what to type, and the word after which the signal comes
    "sample": (["sample", "RUN", "--n", N], None),
    "the judge of evaluate": (["evaluate", "RUN", "--n", N], "training a judge"),
    "evaluate": (["evaluate", "RUN", "--n", N], "drawing"),
    "compare": (["compare", "RUN", "--n", N, "--out", "out"], "drawing"),
    "compare --train": (["compare", "--train", "cddpm", "--data", "digits", "--out", "out"], "training"),
    "sweep": (["sweep", "RUN", "--steps", "5,10", "--n", N], "drawing"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "signum, code, seconds", [(signal.SIGTERM, 143, 1), (signal.SIGINT, 130, 8), (signal.SIGKILL, -9, 6)]
)
def test_a_signal_ends_the_slow_commands(command, signum, code, seconds, trained, tmp_path, cache, monkeypatch):
    """At one moment TensorFlow still starts, at the others it works."""
    words, word = COMMANDS[command]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path if "judge" in command else cache))
    run = trained("cddpm")
    before = sorted(run.rglob("*"))
    process = launch([sys.executable, "-m", "genzoo", *(str(run if w == "RUN" else w) for w in words)], tmp_path)
    if word:
        wait_for(process, word)
    time.sleep(seconds)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill() if signum == signal.SIGKILL else os.killpg(process.pid, signum)
    _, said = process.communicate(timeout=GRACE + 10)
    assert process.returncode == code, said
    if signum != signal.SIGKILL:
        *_, last = said.splitlines()
        assert last == "genzoo: interrupted" or "stopped after step" in last
        assert len(said.splitlines()) == 1 or "--train" in command  # training has lines of progress
    assert "Traceback" not in said and not psutil.wait_procs(children, 10)[1]
    assert sorted(run.rglob("*")) == before and not list(tmp_path.rglob("*.tmp"))
