"""Which sampler, at how many evaluations: conditional accuracy of a cddpm run, as a table, and pictures of each.

    python benchmarks/samplers.py runs/cddpm-mnist --n 500 --out docs

A row is a sampler with its number of steps; NFE counts network evaluations an image (a guided step counts two).
'as asked': the share of samples that a classifier, trained on the run's training split, reads as asked.
'error': for deterministic samplers without guidance, the root-mean-square distance of 60 images (pixels from -1 to 1)
from where Heun's method with 150 steps takes the same noise.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import genzoo
from genzoo.data.pixels import to_uint8
from genzoo.data.sets import load_again
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.evaluation.metrics.judge import judge_of
from genzoo.pictures.grids import grid, save_png
from genzoo.runs.run import Run

STEPS = (5, 10, 20, 50)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument("--timesteps", default="trailing")
    parser.add_argument("--ancestral", type=int, default=100, help="samples by ddpm with all steps; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    args = parser.parse_args()

    config = Run.open(args.run).config
    data = load_again(config["data"], args.run)
    judge = judge_of(data)
    model = genzoo.load(args.run)
    print(f"judge: {100 * judge.accuracy:.2f} % of {len(data.test_labels):,} test images; seed {args.seed}")
    model.sample(10, sampler="ddim", steps=2)  # compiles
    print("sampler    steps  guidance   NFE     n  as asked  images/s   error", flush=True)

    few = np.arange(60) % data.num_classes
    spaced = {"timesteps": args.timesteps}
    common = {"labels": few, "seed": args.seed, "guidance": 1.0} | spaced
    target = model.sample(**common, sampler="heun", steps=150)

    def error(sampler, steps):
        return np.sqrt(np.mean((model.sample(**common, sampler=sampler, steps=steps) - target) ** 2))

    def row(sampler, steps, guidance, n):
        options = {"sampler": sampler, "steps": steps, "guidance": guidance, "guidance_interval": None} | spaced
        labels = np.arange(n) % data.num_classes
        began = time.perf_counter()
        images = to_uint8(model.sample(labels=labels, seed=args.seed, **options), data.native_shape)
        seconds = time.perf_counter() - began
        share = (judge.read(images).classes == labels).mean()
        print(
            f"{sampler:<10}{steps:>6}{guidance:>10g}{model.evaluations(**options):>6}{n:>6}"
            f"{100 * share:>9.1f}%{n / seconds:>10.1f}"
            + (f"{error(sampler, steps):>8.3f}" if guidance == 1 and sampler != "ddpm" else ""),
            flush=True,
        )
        return images

    pictures = {}
    for sampler in SAMPLERS:
        for steps in STEPS:
            # Heun evaluates twice a step: half the steps stand beside the others' cost.
            asked = max(2, steps // 2) if sampler == "heun" else steps
            for guidance in args.guidance:
                pictures[sampler, steps] = row(sampler, asked, guidance, args.n)[: 2 * data.num_classes]
    if args.ancestral:
        all_steps = model.diffusion_steps
        pictures["ddpm", all_steps] = row("ddpm", all_steps, args.guidance[-1], args.ancestral)[: 2 * data.num_classes]
    if args.out:
        for (sampler, steps), images in pictures.items():
            if sampler in ("ddim", "dpmpp_2m") or steps > max(STEPS):
                save_png(args.out / f"{sampler}-{steps}.png", grid(images, data.num_classes))


if __name__ == "__main__":
    main()
