"""What happens where one of two workers fails: `python -m benchmarks.worker_faults`, a table of docs/howto/workers.md.

Two processes on this machine train a tiny autoencoder, one of them is hit, and the other's end is timed.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from genzoo.training.launch import free_addresses

WORDS = (
    "train --model ae --latent-dim 6 --set widths=[8,8] --data digits --image-size 8 --batch-size 32 --sample-every 50"
    " --steps 1000000 --out"
)
RAISE = """
import sys
from genzoo.training.loop import Trainer
after_step = Trainer.after_step
def fail(self, loss):
    after_step(self, loss)
    if self._step == 120:
        raise RuntimeError("on purpose")
Trainer.after_step = fail
sys.argv = ["genzoo", *sys.argv[1:]]
from genzoo.cli.main import console
console()
"""
FAULTS = {  # name: (which of the two is hit, by which signal; None: it raises an exception by itself)
    "kill -9 of a worker": (1, signal.SIGKILL),
    "kill -9 of the chief": (0, signal.SIGKILL),
    "SIGSTOP of a worker": (1, signal.SIGSTOP),
    "SIGSTOP of the chief": (0, signal.SIGSTOP),
    "an exception in a worker": (1, None),
    "SIGTERM to a worker": (1, signal.SIGTERM),
    "a network that is cut": (None, "cut"),
    "a worker does not come": (1, "absent"),
}


def start(addresses, rank, folder, words, how=("-m", "genzoo")):
    """Begins a worker, whose stderr goes to folder/RANK.txt. -> Popen"""
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
    with open(folder / f"{rank}.txt", "w") as said:
        return subprocess.Popen(
            [sys.executable, *how, *words],
            stderr=said,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"TF_CONFIG": json.dumps(config)},
        )


def hit(fault, folder):
    """Trains, and lets a fault happen. -> (seconds until all others had ended, their exit codes, their last lines)."""
    rank, how = FAULTS[fault]
    addresses, words = free_addresses(2), [*WORDS.split(), str(folder / "run")]
    began = time.monotonic()
    workers = {}
    for each in range(2):
        if each != rank or how != "absent":
            raising = each == rank and how is None
            workers[each] = start(addresses, each, folder, words, ("-c", RAISE) if raising else ("-m", "genzoo"))
    if how != "absent":
        _until(lambda: list((folder / "run" / "checkpoints").glob("step_*")), workers)
        if how is None:
            workers[rank].wait(120)
        began = time.monotonic()
        if how == "cut":
            subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        elif how is not None:
            workers[rank].send_signal(how)
    others = {each: worker for each, worker in workers.items() if each != rank or how == signal.SIGTERM}
    codes = [worker.wait(150) for worker in others.values()]
    seconds = time.monotonic() - began
    for worker in workers.values():
        worker.kill()
        worker.wait()
    return seconds, codes, [(folder / f"{each}.txt").read_text().strip().splitlines()[-1] for each in others]


def _until(true, workers):
    while not true():
        if any(worker.poll() is not None for worker in workers.values()):
            raise RuntimeError("a worker ended before it was hit")
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", nargs="+", default=list(FAULTS), choices=list(FAULTS), metavar="NAME")
    parser.add_argument("--in-namespace", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    for fault in args.faults:
        if FAULTS[fault][1] == "cut" and not args.in_namespace:  # a network of its own, for root alone
            again = [sys.executable, "-m", "benchmarks.worker_faults", "--in-namespace", "--faults", fault]
            subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again], check=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            seconds, codes, lines = hit(fault, Path(folder))
        said = re.sub(r"/\S+/run", "RUN", " / ".join(dict.fromkeys(lines)))
        print(f"| {fault} | {seconds:.0f} | {', '.join(map(str, codes))} | {said} |", flush=True)


if __name__ == "__main__":
    main()
