"""Kills training runs with kill -9 at random moments, resumes them, and compares the end with an undisturbed run's.

    python tests/training/kill_resume.py --kills 20 -- --model cddpm --data digits --steps 60

What follows `--` goes to `genzoo train`. Each of the kills is of a run of its own, at a moment drawn evenly from the
time that the undisturbed run took, start-up included; the run is then resumed to its end. Exit code 1 unless every
one ends with the same sha256 of weights, EMA and optimizer state.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def train(*words):
    """Starts `genzoo train` with these words."""
    command = [sys.executable, "-c", "from genzoo.cli.main import console; console()", "train", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process):
    """Waits for a training that has to end well."""
    errors = process.communicate()[1]
    if process.returncode:
        sys.exit(f"training failed with exit code {process.returncode}: {errors[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("words", nargs="*", help="options of `genzoo train`")
    args = parser.parse_args()
    from genzoo.runs.run import Run
    from genzoo.runs.state import state_sha256

    draw = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        finish(train(*args.words, "--out", f"{folder}/undisturbed"))
        whole = time.monotonic() - began
        expected = state_sha256(Run.open(f"{folder}/undisturbed"))
        print(f"undisturbed: {expected} in {whole:.0f} s", flush=True)
        same = 0
        for number in range(1, args.kills + 1):
            path, moment = Path(folder) / str(number), draw.uniform(0, whole)
            process = train(*args.words, "--out", path)
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if (path / "config.json").exists():
                status, step = Run.open(path).status()
                finish(train("--resume", path))
            else:  # killed before the run began: there is nothing to resume
                status, step = "not begun", 0
                finish(train(*args.words, "--out", path))
            sha = state_sha256(Run.open(path))
            same += sha == expected
            print(f"{number:3}: killed after {moment:5.1f} s ({status}, checkpoint {step}): {sha[:16]}", flush=True)
    print(f"{same} of {args.kills} the same")
    return same != args.kills


if __name__ == "__main__":
    sys.exit(main())
