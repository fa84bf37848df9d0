"""Whether N workers train what one does: `python -m benchmarks.workers`, the table of docs/howto/workers.md.

Each family, tiny, is trained for some steps by one process and by N on this machine; of what they end with, the largest
difference of a weight or an average is told. The workers themselves compare theirs to the last bit.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

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
    parser.add_argument("--here", metavar="FOLDER", help=argparse.SUPPRESS)  # of a worker
    args = parser.parse_args()
    if args.here:
        return train_here(args.here, args.families, args.steps)
    with tempfile.TemporaryDirectory() as folder:
        for count in args.workers:
            for family, found in compare(Path(folder), args.families, args.steps, count).items():
                print(f"| {family} | {count} | {found:.1e} |", flush=True)


if __name__ == "__main__":
    main()
