"""What a person sees while a model trains: a bar on a terminal, a line now and then in a log file."""

import contextlib
import sys
import time

from tqdm import tqdm

LOG_SECONDS = 30.0  # between lines where there is no terminal


class Progress:
    """Shows step, loss, images/s and time left on stderr, or counts alone. A context.

    total, initial: steps.     shown: whether anything is to be seen.
    """

    def __init__(self, total, initial, batch_size, shown=True):
        live = sys.stderr.isatty()
        self._stream = sys.stderr if live else _Lines(sys.stderr)
        self._bar = tqdm(
            total=total,
            initial=initial,
            file=self._stream,
            disable=not shown,
            mininterval=0.2 if live else LOG_SECONDS,
            maxinterval=LOG_SECONDS,
            miniters=1,
            dynamic_ncols=live,
            bar_format=("{l_bar}{bar}| " if live else "step ") + "{n_fmt}/{total_fmt}{postfix}, {remaining} left",
        )
        self._batch_size = batch_size
        self._since = None  # the first step compiles: it tells nothing about the speed
        self._seconds = self._steps = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    @property
    def images_per_second(self):
        """Over the steps of this process, without its pauses; 0 before the second step."""
        return self._steps * self._batch_size / self._seconds if self._seconds else 0.0

    def advance(self, loss):
        """One step is done."""
        now = time.perf_counter()
        if self._since is not None:
            self._seconds, self._steps = self._seconds + now - self._since, self._steps + 1
        self._since = now
        self._bar.set_postfix_str(f"loss {loss:.4g}, {self.images_per_second:.0f} images/s", refresh=False)
        self._bar.update()

    def plan(self, total):
        """The run has another number of steps from now on."""
        self._bar.total = total

    def resume(self):
        """Ends a pause: what was done since the last step was not training."""
        if self._since is not None:
            self._since = time.perf_counter()

    def say(self, line):
        """Prints a line above the bar."""
        self._bar.write(line, file=self._stream)


@contextlib.contextmanager
def evaluations_bar(what=None):
    """A progress(done, total) for sampling: a bar on a terminal, when the work takes longer than a second."""
    with tqdm(desc=what, disable=not sys.stderr.isatty(), delay=1, leave=False, unit=" evaluations") as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        yield progress


class _Lines:
    """Turns what tqdm writes for a terminal into the lines of a log."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        if text.strip():
            self._stream.write(text.strip() + "\n")

    def flush(self):
        self._stream.flush()
