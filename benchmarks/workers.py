"""Whether N workers train what one does: `python -m benchmarks.workers`, the table of docs/howto/workers.md.

Each family, tiny, is trained for some steps by one process and by N on this machine; of what they end with, the largest
difference of a weight or an average is told. The workers themselves compare theirs to the last bit.

With --speed a core each trains cddpm with its defaults instead, and images a second are told, of 1 and N in turn.
"""

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measuring import interleaved, ratio, spread
from genzoo.models.families import MODELS
from genzoo.runs.run import Run
from genzoo.training.cluster import of_tf_config
from genzoo.training.launch import launch

OPTIONS = {"ae": {"latent_dim": 6}, "vae": {"latent_dim": 6}, "cvae": {"latent_dim": 6}, "blend": {}}
DIFFUSION = {"depth": 1, "diffusion_steps": 20}


def train_here(folder, families, steps):
    """Is a worker: trains the families, one after the other."""
    from genzoo.training.settings import TrainSettings
    from genzoo.training.start import train
    from genzoo.training.workers import ALONE, Workers

    cluster = of_tf_config(os.environ["TF_CONFIG"])
    workers = Workers(cluster) if cluster else ALONE
    for family in families:
        options = {"widths": (8, 8)} | OPTIONS.get(family, DIFFUSION)
        train(TrainSettings(
            family, "digits", image_size=8, steps=steps, batch_size=32, sample_every=0, options=options,
            out=str(Path(folder) / family),
        ), workers=workers)  # fmt: skip


def time_here(folder, data_name):
    """Is a worker, on a core of its own: times steps of cddpm; the chief writes images a second into a file."""
    cluster = of_tf_config(os.environ["TF_CONFIG"])
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[cluster.rank if cluster else 0]})
    from benchmarks.bench import default_trainer
    from genzoo.data.sets import load_data
    from genzoo.training.speed import measure
    from genzoo.training.workers import ALONE, Workers

    workers = Workers(cluster) if cluster else ALONE
    trainer = default_trainer("cddpm", load_data(data_name), workers=workers)
    speed = measure(trainer)
    if workers.chief:
        Path(folder).write_text(str(trainer.batch_size / speed.step))


def time_all(folder, counts, data_name, rounds):
    """Returns {count: [images a second, one a round]} of workers with a core each."""
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a core each, for one too
    command = [sys.executable, "-m", "benchmarks.workers", "--speed", "--data", data_name, "--here"]

    def rate(count):
        if launch([*command, str(folder / "rate")], count):
            raise SystemExit(f"{count} workers failed")
        return float((folder / "rate").read_text())

    return interleaved({count: partial(rate, count) for count in counts}, rounds)


def compare(folder, families, steps, count):
    """Trains with `count` workers. -> {family: largest difference from what lies in folder/1}."""
    command = [sys.executable, "-m", "benchmarks.workers", "--steps", str(steps), "--families", *families]
    for number in {1, count}:
        if not (folder / str(number)).exists():
            code = launch([*command, "--here", str(folder / str(number))], number)
            if code:
                raise SystemExit(f"{number} workers ended with {code}")
    return {family: difference(folder / "1" / family, folder / str(count) / family) for family in families}


def difference(one, other):
    """The largest difference between the weights and averages in two runs' newest checkpoints."""
    from genzoo.stack import tf

    readers = [
        tf.train.load_checkpoint(str(next(iter(Run.open(path).checkpoints().values())) / "state"))
        for path in (one, other)
    ]
    kinds = "variables/network", "variables/ema"
    names = [name for name in readers[0].get_variable_to_shape_map() if name.startswith(kinds)]
    return max(float(np.abs(readers[0].get_tensor(name) - readers[1].get_tensor(name)).max()) for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--families", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--speed", action="store_true", help="tell images a second instead")
    parser.add_argument("--data", default="mnist", help="of --speed (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of --speed (default: %(default)s)")
    parser.add_argument("--here", metavar="PATH", help=argparse.SUPPRESS)  # of a worker
    args = parser.parse_args()
    if args.here:
        return time_here(args.here, args.data) if args.speed else train_here(args.here, args.families, args.steps)
    if args.speed:
        with tempfile.TemporaryDirectory() as folder:
            rates = time_all(Path(folder), [1, *args.workers], args.data, args.rounds)
        for count, found in rates.items():
            cells = [f"{one['median']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
                     for one in (spread(found), ratio(found, rates[1]))]  # fmt: skip
            print(f"| {count} | {' | '.join(cells)} |")
        return None
    with tempfile.TemporaryDirectory() as folder:
        for count in args.workers:
            for family, found in compare(Path(folder), args.families, args.steps, count).items():
                print(f"| {family} | {count} | {found:.1e} |", flush=True)


if __name__ == "__main__":
    main()
