"""Makes the zoo: trains each of its runs, releases it, measures it, and writes its card.

    python -m benchmarks.zoo                          # `make zoo`; on two cores an hour
    python -m benchmarks.zoo cddpm-digits --steps 100 --out tried
    python -m benchmarks.zoo --again                  # measures what is there with today's code, and trains nothing

A run trains in runs/zoo/NAME and stays there: one that was interrupted is gone on with, a finished one is taken as it
is. What is released lies below it until it is whole, metrics.json and all, and only then takes its place in the zoo.
What is measured are the weights that are shipped, in half precision.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from genzoo.data.sources.digits import TEST_IMAGES
from genzoo.errors import GenzooError
from genzoo.evaluation.card import card_of
from genzoo.files import write_atomically
from genzoo.runs import zoo
from genzoo.runs.release import release
from genzoo.runs.run import Run


class Entry(NamedTuple):
    """What a run of the zoo is trained as, and the samples from each seed that it is measured with: no more than there
    are test images, so that the floor has as many."""

    family: str
    data: str
    length: tuple  # ("steps", …), which anyone repeats, or ("minutes", …), which hold what the machine makes of them
    n: int = 5000


ENTRIES = {
    "cddpm-mnist": Entry("cddpm", "mnist", ("steps", 6400)),
    "ddpm-mnist": Entry("ddpm", "mnist", ("minutes", 5)),
    "blend-mnist": Entry("blend", "mnist", ("minutes", 5)),
    "cvae-mnist": Entry("cvae", "mnist", ("minutes", 5)),
    "vae-mnist": Entry("vae", "mnist", ("minutes", 5)),
    "ae-mnist": Entry("ae", "mnist", ("minutes", 5)),
    "cddpm-digits": Entry("cddpm", "digits", ("minutes", 2), TEST_IMAGES),
}
TRAINED = Path("runs/zoo")
SEED, SEEDS = 0, 3
MOST = 12e6  # bytes of the whole zoo: each installation brings it


def main(argv=None):
    args = parsed(argv)
    try:
        for name in args.names or ENTRIES:
            entry = ENTRIES[name]
            if args.again:
                run = again(Run.open(args.out / name))
            else:
                length = ("steps", args.steps) if args.steps else entry.length
                run = released(name, trained(name, entry._replace(length=length)))
            made = measured(run, args.n or entry.n)
            print(f"{name}: in {put(made, args.out / name).path}", flush=True)
    except GenzooError as error:
        sys.exit(f"error: {error}")
    size = sum(file.stat().st_size for file in args.out.rglob("*") if file.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB of at most {MOST / 1e6:.0f}")
    if size > MOST:
        sys.exit("error: the zoo is too large")


def trained(name, entry):
    """Returns the finished run of an entry, which is trained or gone on with where it has to be."""
    path = TRAINED / name
    if not path.exists():
        unit, length = entry.length
        asked = ("--model", entry.family, "--data", entry.data, f"--{unit}", length, "--seed", SEED)
        genzoo("train", *asked, "--out", path)
    run = Run.open(path)
    train = run.config["train"]
    length = next((unit, train[unit]) for unit in ("minutes", "steps") if train.get(unit))
    made_as, expected = (run.config["model"], run.config["data"]["name"], length, train["seed"]), (*entry[:3], SEED)
    if made_as != expected:
        sys.exit(f"error: {path} was trained as {made_as}, expected {expected}; move it away")
    if run.status()[0] != "finished":
        genzoo("train", "--resume", path)
    return run


def released(name, run):
    """Returns the run in the form that is shipped, below itself; one that is there already is kept with its numbers."""
    path = run.path / "released" / name
    return Run.open(path) if (path / "samples.png").exists() else release(run, path, overwrite=path.exists())


def again(run):
    """Returns a run of the zoo as released anew, with a picture of today's sampling and no numbers yet."""
    path = TRAINED / "again" / run.path.name
    made = release(run, path, overwrite=path.exists())
    (made.path / "metrics.json").unlink(missing_ok=True)
    return made


def measured(run, n):
    """Returns the same run with a metrics.json."""
    genzoo("evaluate", run.path, "--n", n, "--seeds", SEEDS)
    return run


def put(run, path):
    """Puts a released run with a card into its place, where it appears whole. -> the Run there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(run.path, unfinished)
    shutil.rmtree(path, ignore_errors=True)
    unfinished.rename(path)
    placed = Run.open(path)
    write_atomically(path / "README.md", card_of(placed, path).encode())
    return placed


def genzoo(*words):
    """Runs a command in a process of its own, as a user would: its minutes count from the launch."""
    code = subprocess.run([sys.executable, "-m", "genzoo", *map(str, words)]).returncode
    if code:
        sys.exit(code)


def parsed(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(ENTRIES)} (default: all)")
    parser.add_argument("--out", type=Path, default=zoo.FOLDER, help="the zoo (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="of each training (default: its own length, see ENTRIES)")
    parser.add_argument("--again", action="store_true", help="measure the runs that are in the zoo; train none")
    parser.add_argument("--n", type=int, help="samples from each of 3 seeds (default: its own)")
    args = parser.parse_args(argv)
    unknown = [name for name in args.names if name not in ENTRIES]
    if unknown:
        parser.error(f"unknown name {unknown[0]!r}: choose from {', '.join(ENTRIES)}")
    return args


if __name__ == "__main__":
    main()
