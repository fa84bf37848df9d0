"""A function in a process of its own: what comes back, and that the process never outlives who waits for it."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from genzoo.errors import UsageError
from genzoo.evaluation.process import in_own_process


def refuse(word):
    raise UsageError(f"cannot take {word}")


def test_results_errors_and_deaths_come_back():
    assert in_own_process(os.getppid) == os.getpid()
    with pytest.raises(UsageError, match="cannot take this") as caught:
        in_own_process(refuse, "this")
    assert "in refuse" in str(caught.value.__cause__)  # where it was raised over there
    with pytest.raises(ChildProcessError, match="abort ended with exit code -6"):
        in_own_process(os.abort)


def heed_interrupts():
    """A shell that starts the tests in the background has its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_its_parent_however_that_ends(signum):
    waits = "import time; from genzoo.evaluation.process import in_own_process as run; run(time.sleep, 60)"
    parent = subprocess.Popen([sys.executable, "-c", waits], stderr=subprocess.DEVNULL, preexec_fn=heed_interrupts)
    try:
        while len(children := psutil.Process(parent.pid).children()) < 2:  # the other is multiprocessing's tracker
            time.sleep(0.05)
        time.sleep(0.5)
        assert all(child.is_running() for child in children)
        parent.send_signal(signum)
        assert parent.wait(10) == -signum
        assert not psutil.wait_procs(children, 10)[1]
    finally:
        parent.kill()


def test_an_interrupt_of_the_terminal_reaches_the_waiting_process_alone():
    """Ctrl-C goes to all processes of the group. The child's would be a traceback more."""
    waits = "import time; from genzoo.evaluation.process import in_own_process as run; run(time.sleep, 60)"
    how = {"stderr": subprocess.PIPE, "start_new_session": True, "text": True, "preexec_fn": heed_interrupts}
    parent = subprocess.Popen([sys.executable, "-c", waits], **how)
    while len(psutil.Process(parent.pid).children()) < 2:
        time.sleep(0.05)
    os.killpg(parent.pid, signal.SIGINT)
    assert parent.communicate(timeout=10)[1].count("Traceback") == 1
