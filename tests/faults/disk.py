"""File operations, counted as Python's audit events tell of them: each just before it happens."""

import os
import signal
import sys
from multiprocessing import util
from pathlib import Path

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")


class Disk:
    """Counts the operations that change something in a folder, and calls act() before each one after number `last`."""

    def __init__(self, act):
        self._act, self._folder = act, None
        sys.addaudithook(self._operation)  # for ever: Python has no way to take one away

    def watch(self, folder, last=None):
        self._folder, self._last, self.count = str(folder), last, 0

    def rest(self):
        self._folder = None

    def _operation(self, event, arguments):
        if self._folder is None or event not in OPERATIONS:
            return
        if event == "open" and arguments[1] is not None and not set("wax+") & set(arguments[1]):
            return  # for reading
        names = [str(name) for name in arguments[:2] if isinstance(name, (str, Path))]
        # A relative one is of `rmtree`, which goes down by open folders.
        if any(name.startswith(self._folder) or not os.path.isabs(name) for name in names):
            self.count += 1
            if self._last is not None and self.count > self._last:
                self._act()


def kill_before(number, folder):
    """This process dies by kill -9 just before the operation of that number in a folder."""
    Disk(lambda: os.kill(os.getpid(), signal.SIGKILL)).watch(folder, number)


def count_into(path, folder):
    """This process writes into a file how many operations there were in a folder, when it ends."""
    disk = Disk(None)
    disk.watch(folder)
    util.Finalize(None, lambda: Path(path).write_text(str(disk.count)), exitpriority=0)
