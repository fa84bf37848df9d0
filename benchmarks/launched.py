"""`genzoo` in this process, that says on a connection when its first training step is done, and its memory at the end.

Run by `processes.started`. argv: a connection's number; {"words": of the command line, "whole": go on to the end}.
Sends the seconds since the epoch at the first step; with "whole", bytes of the largest resident set at the end.
"""

import json
import os
import sys
import time
from multiprocessing.connection import Connection

from genzoo.cli import main as genzoo
from genzoo.evaluation.memory import PeakMemory
from genzoo.progress import Progress


def main():
    connection, asked = Connection(int(sys.argv[1])), json.loads(sys.argv[2])
    advance = Progress.advance

    def first(bar, loss):
        Progress.advance = advance
        connection.send(time.time())
        if not asked["whole"]:
            os._exit(0)  # at once: nothing that is left would be measured
        advance(bar, loss)

    Progress.advance = first
    with PeakMemory() as memory:
        code = genzoo.main(asked["words"])
    connection.send(memory.bytes)
    sys.exit(code)


if __name__ == "__main__":
    main()
