"""Ctrl-C and SIGTERM while training: a request to stop at the next step's end."""

import os
import signal
import threading
from contextlib import contextmanager

from genzoo.errors import GenzooError


class Interrupted(GenzooError):
    """Training was stopped by a signal, its state saved. Exit code 128 + signal: 130 for Ctrl-C, 143 for SIGTERM."""

    def __init__(self, message, signum):
        super().__init__(message)
        self.exit_code = 128 + signum


class StopRequest:
    """`signum` is the first signal that came, or None. Further ones change nothing, so that a save is never cut."""

    def __init__(self):
        self.signum = None

    def __call__(self, signum, _frame):
        if self.signum is None:
            self.signum = signum
            # Not print: a handler may run in the middle of another write to the same buffer.
            os.write(2, b"\nstopping: finishing this step and saving\n")


@contextmanager
def stop_request():
    """Context: SIGINT and SIGTERM are noted in the StopRequest that it yields. Outside the main thread, where Python
    does not deliver signals, nothing is changed."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {signum: signal.signal(signum, request) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
