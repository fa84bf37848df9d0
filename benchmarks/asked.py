"""The share of a conditional run's samples that a classifier reads as asked.

    python benchmarks/asked.py runs/cddpm-mnist --n 1000 --set steps=50 guidance=2

The classifier is trained on the run's training split, with its accuracy on the test split printed beside the result.
"""

import argparse
import time

import numpy as np

import genzoo
from genzoo.cli import types
from genzoo.data.pixels import to_uint8
from genzoo.data.sets import load_again
from genzoo.evaluation.metrics.judge import judge_of
from genzoo.runs.run import Run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], type=types.setting, metavar="KEY=VALUE", help="of sampling")
    args = parser.parse_args()

    config = Run.open(args.run).config
    data = load_again(config["data"], args.run)
    judge = judge_of(data)
    model = genzoo.load(args.run)
    options = dict(args.set)
    labels = np.arange(args.n) % data.num_classes
    began = time.perf_counter()
    images = model.sample(labels=labels, seed=args.seed, **options)
    seconds = time.perf_counter() - began
    # Read what a user would save: cropped, rounded to 8 bits.
    read = judge.read(to_uint8(images, data.native_shape)).classes
    print(f"judge: {100 * judge.accuracy:.2f} % of {len(data.test_labels):,} test images")
    print(f"as asked: {100 * (read == labels).mean():.2f} % of {args.n:,} samples, seed {args.seed}, {options}")
    print("by label: " + ", ".join(f"{k} {100 * (read[labels == k] == k).mean():.0f}" for k in range(data.num_classes)))
    print(f"{args.n / seconds:.1f} images/s")


if __name__ == "__main__":
    main()
