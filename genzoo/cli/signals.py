"""Ctrl-C and SIGTERM: the first one ends a command in good order, or after GRACE seconds; a second one at once."""

import os
import select
import signal
import socket
import threading
from contextlib import contextmanager

GRACE = 2.0  # seconds
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal asked for the end of a command. exit_code: 128 + signal, 130 for Ctrl-C and 143 for SIGTERM."""

    def __init__(self, signum=signal.SIGINT):
        super().__init__("interrupted")
        self.exit_code = 128 + signum


_stopped = []  # the signal that raised Stopped in the present command


def exit_code_of_signal():
    """Returns the exit code of the signal that stopped this command, or None: C++ code that calls Python may lose
    Stopped on its way, and raise an error of its own."""
    return 128 + _stopped[0] if _stopped else None


@contextmanager
def stopping():
    """Context of a command, in the main thread: the first of SIGNALS raises Stopped in it, so that files and processes
    are cleared away. Python raises it between two of its own steps, and one call into TensorFlow may take minutes:
    where the context still runs after GRACE seconds, the process ends there, with the same exit code.

    Who sets handlers of their own in the meantime, as training does, gets the signals alone.
    """
    _stopped.clear()
    try:
        stderr = os.dup(2)  # the import of TensorFlow mutes the other one
    except OSError:  # there is none
        stderr = os.open(os.devnull, os.O_WRONLY)

    def stop(signum, frame):
        if _importing(frame, "genzoo.stack"):
            _end(signum, stderr)
        if not _stopped:  # the second signal is the other thread's
            _stopped.append(signum)
            raise Stopped(signum)

    watched, woken = socket.socketpair()
    woken.setblocking(False)
    threading.Thread(target=_watch, args=(watched, stop, stderr), daemon=True).start()
    before = {signum: signal.signal(signum, stop) for signum in SIGNALS}
    wakeup = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for signum, handler in before.items():
            signal.signal(signum, handler)
        woken.close()
        os.close(stderr)


def _importing(frame, module):
    """Whether a module is being imported. An exception in the middle of TensorFlow's import may meet C++ code that
    aborts the process; and so early there is nothing to clear away."""
    while frame and (frame.f_code.co_name, frame.f_globals.get("__name__")) != ("<module>", module):
        frame = frame.f_back
    return frame is not None


def _end(signum, stderr):
    os.write(stderr, b"genzoo: interrupted\n")
    os._exit(128 + signum)


def _watch(watched, stop, stderr):
    """Is the thread that ends the process where the main thread does not. Its socket receives each signal's number as a
    byte, at once and whatever the main thread is at, and ends with the context."""
    while signum := int.from_bytes(watched.recv(1), "big"):
        if signal.getsignal(signum) is not stop:
            continue
        again, _, _ = select.select([watched], [], [], GRACE)
        if again and not watched.recv(1):  # the context has ended
            return
        _end(signum, stderr)
