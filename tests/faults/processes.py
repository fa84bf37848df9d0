"""Commands in processes of their own, forked from one that has imported TensorFlow: to start one costs no seconds."""

import contextlib
import multiprocessing
import os
import sys
import time

import psutil
from small import OPTIONS, eagerly, few_latents

_PRELOADED = [
    "genzoo.training.start", "genzoo.cli.commands.train", "small", "sklearn.datasets", "scipy.stats",
    "matplotlib.backends.backend_agg", "matplotlib.figure",
]  # fmt: skip
DIGITS = ["--data", "digits", "--image-size", "8", "--batch-size", "32"]


class Command:
    """`genzoo WORDS`, begun.     setup: called first, there. It can be pickled."""

    def __init__(self, words, log, setup=None):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        self.log = log
        self._process = context.Process(target=_run, args=([str(word) for word in words], str(log), setup))
        self._process.start()
        self.began, self.pid = time.monotonic(), self._process.pid

    def wait(self, seconds=120):
        """-> its exit code, below 0 where a signal ended it, and what it said to stderr, as lines."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "it does not end"
        return self._process.exitcode, self.log.read_text().splitlines()

    def send(self, signum):
        """Sends it a signal, where it has not ended yet."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def children(self):
        """The processes that it has started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).children(recursive=True)
        return []


def _run(words, log, setup):
    from genzoo.cli import main

    with eagerly(), few_latents():  # a graph takes longer to trace than to run here
        # The log comes last: who waits for it may send a signal, which the command and nothing else is to get.
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        if setup:
            setup()
        main.console(words)


def of_family(family):
    """The words that make a model of a family as small as those of `small`."""
    return ["--model", family, *(f"--set={name}={_literal(value)}" for name, value in OPTIONS[family].items())]


def _literal(value):
    return list(value) if isinstance(value, tuple) else value
