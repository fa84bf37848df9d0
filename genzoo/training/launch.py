"""N workers on this machine: `genzoo train --workers N`."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial

from genzoo.errors import ClusterError
from genzoo.training.cluster import LOCAL

PR_SET_PDEATHSIG = 1  # of Linux' prctl
LINGER_SECONDS = 30.0  # that workers may go on after one has failed, to notice it and say so


def launch(command, count):
    """Runs a command, [program, words ...], in `count` processes on this machine, which train as one, and passes
    signals on to them. -> exit code, the chief's.

    What the chief says is to be seen; of the others, what those say last that end otherwise. On Linux the workers save
    and stop where this process is killed.
    """
    addresses, threads = free_addresses(count), str(max(1, (os.cpu_count() or 1) // count))
    prepare = partial(_end_with, os.getpid()) if sys.platform == "linux" else None
    with ExitStack() as stack:
        said, workers = [], []
        for index in range(count):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            more = {"TF_CONFIG": json.dumps(task), "TF_NUM_INTRAOP_THREADS": threads, "OMP_NUM_THREADS": threads}
            said.append(stack.enter_context(tempfile.TemporaryFile("w+")) if index else None)
            # A session of its own: Ctrl-C on the terminal reaches this process alone, and each worker once.
            workers.append(
                subprocess.Popen(
                    command, stderr=said[-1], env=more | os.environ, start_new_session=True, preexec_fn=prepare
                )
            )
        for signum in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(signum, lambda signum, frame: [w.send_signal(signum) for w in workers])
            stack.callback(signal.signal, signum, before)
        _wait(workers)
        code = workers[0].returncode
        for index, worker in enumerate(workers[1:], 1):
            said[index].seek(0)
            lines = said[index].read().strip().splitlines() or [f"ended with {worker.returncode}"]
            if worker.returncode != code:
                print(f"worker {index} of {count}: {lines[-1]}", file=sys.stderr)
    return code if code >= 0 else ClusterError.exit_code


def _end_with(launcher):
    """Is called in a new worker: it gets SIGTERM where the launcher is killed, and so saves and stops."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:  # it has gone already
        os._exit(1)


def free_addresses(count):
    """Returns so many "HOST:PORT" of this machine that nothing listens at."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server((LOCAL, 0))) for _ in range(count)]
        return [f"{LOCAL}:{server.getsockname()[1]}" for server in servers]


def _wait(workers):
    """Returns when all have ended; where one fails, the others may go on for LINGER_SECONDS."""
    deadline = None
    while any(worker.poll() is None for worker in workers):
        if deadline is None and any(worker.returncode for worker in workers):
            deadline = time.monotonic() + LINGER_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            for worker in workers:
                worker.kill()
        time.sleep(0.1)
