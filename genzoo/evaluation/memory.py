"""The most memory in use during a stretch of work."""

import threading

import psutil

INTERVAL = 0.02  # seconds between looks


class PeakMemory:
    """A context that measures this process. `bytes` is its largest resident set, looked at every 20 ms."""

    def __enter__(self):
        self._process, self._done = psutil.Process(), threading.Event()
        self.bytes = self._process.memory_info().rss
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self):
        while not self._done.wait(INTERVAL):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def __exit__(self, *_):
        self._done.set()
        self._watch.join()
