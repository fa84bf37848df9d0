"""A function run in a process of its own, which ends with the process that waits for it."""

import multiprocessing
import os
import signal
import threading
from multiprocessing import resource_tracker
from multiprocessing.pool import ExceptionWithTraceback

from tqdm import tqdm


def in_own_process(function, *arguments):
    """Returns function(*arguments) from a new process, and raises here what the function raises there.

    The process has nothing of this one's memory and random states. It is killed where this call is interrupted, and
    ends by itself soon after this process is gone, even by kill -9.
    The function must be importable by its name; arguments and result are pickled.
    Raises ChildProcessError where the process dies, as for want of memory.
    """
    context = multiprocessing.get_context("spawn")  # a fork of a process that runs TensorFlow may hang
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,), daemon=True)
    _start_without_interrupts(process)
    theirs.close()  # so that the end of the process is the end of the pipe
    try:
        ours.send((function, arguments))
        result, error = ours.recv()
    except (EOFError, ConnectionError):
        process.join()
        raise ChildProcessError(f"the process of {function.__name__} ended with exit code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if error is not None:
        raise error
    return result


def _start_without_interrupts(process):
    """Starts a process that Ctrl-C does not reach: this one will end it, and the other would print a traceback."""
    resource_tracker.ensure_running()  # multiprocessing starts it otherwise, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(connection):
    """Is the process: receives a function with its arguments, and sends (result, None) or (None, exception)."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tqdm.set_lock(threading.RLock())  # its own one is a semaphore, which a killed process would leave behind
    function, arguments = connection.recv()
    try:
        answer = function(*arguments), None
    except Exception as error:
        answer = None, ExceptionWithTraceback(error, error.__traceback__)
    connection.send(answer)


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)
