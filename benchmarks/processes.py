"""Processes that are measured from outside, each at the other end of a connection. Not for Windows."""

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 5  # seconds that a process has to end by itself


@contextmanager
def started(module, asked, python=sys.executable):
    """The connection to a new process `python -m module NUMBER ASKED`, asked: a dict, handed over as JSON.

    Its standard output is dropped. At the end of the block it is told by the end of the connection, and ended where
    it does not obey within seconds. Receiving raises EOFError once it has died.
    """
    mine, theirs = socket.socketpair()
    with mine, theirs:
        process = subprocess.Popen(
            [python, "-m", module, str(theirs.fileno()), json.dumps(asked)],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL,
        )  # fmt: skip
        connection = Connection(mine.detach())
    # This side of theirs is closed now: else the death of the process would go unnoticed.
    try:
        yield connection
    finally:
        connection.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def course_versions(python):
    """{"torch", "diffusers": version} as that interpreter has them, for the course's baseline; None without them."""
    code = "import importlib.metadata as m, json; print(json.dumps({p: m.version(p) for p in ('torch', 'diffusers')}))"
    asked = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(asked.stdout) if asked.returncode == 0 else None


def save_for_course(data, path):
    """Puts the training images of an `ImageData` where the course's baseline reads them."""
    import numpy as np

    np.savez(path, images=data.train_images, labels=data.train_labels)
