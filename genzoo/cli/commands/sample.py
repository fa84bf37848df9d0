"""`genzoo sample`."""

import math
import os
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from genzoo.cli import checks
from genzoo.cli.types import MOST_IMAGES
from genzoo.data.pixels import to_uint8
from genzoo.errors import UsageError
from genzoo.pictures.grids import grid, save_gif, save_npz, save_png
from genzoo.progress import evaluations_bar
from genzoo.runs.load import load
from genzoo.runs.run import Run

SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))  # a name that ends in one is a folder's
FRAMES, FRAME_IMAGES = 40, 64  # of an animation at most
PICTURE_ROWS, PICTURE_IMAGES = 12, 4  # of a steps picture at most


def sample(args):
    """Runs `genzoo sample`: draws images, as a picture or as arrays, and on request the way from noise to them."""
    run = Run.open(args.run)
    if args.out is not None and args.out.endswith(SEPARATORS):
        return _sample_shards(run, args)
    if args.part:
        raise UsageError("--part is for shards: name a folder, --out FOLDER/")
    if (args.n or 0) > MOST_IMAGES:
        raise UsageError(f"--n {args.n}: at most {MOST_IMAGES} images go into one file; for more name --out FOLDER/")
    labels = checks.labels_to_draw(run, args.labels, args.n)
    options = checks.sampling_options(run, args.options)
    out = checks.output(run, args, "sample.png", ".png", ".npz")
    gif = checks.file_to_write(args.gif, args.overwrite, ".gif")
    steps_picture = checks.file_to_write(args.steps_picture, args.overwrite, ".png")
    if steps_picture == out:
        raise UsageError("--out and --steps-picture: expected different files")
    if gif or steps_picture:
        checks.check_way(run)

    model, native = load(run.path), run.config["data"]["native_shape"]
    labels_of = (lambda n: labels[:n]) if model.conditional else (lambda n: None)
    began = time.monotonic()
    with evaluations_bar() as progress:
        images = model.sample(len(labels), labels=labels_of(None), seed=args.seed, progress=progress, **options)
    print(_summary(model, len(images), options, time.monotonic() - began))
    if out.suffix == ".npz":
        save_npz(out, images=to_uint8(images, native), labels=np.array(labels, np.int32))
    else:
        save_png(out, grid(to_uint8(images, native), _columns(labels)))
    print(f"wrote {out}")
    if gif or steps_picture:
        n = min(len(labels), FRAME_IMAGES)
        way = model.trajectory(n, labels=labels_of(n), seed=args.seed, frames=FRAMES, **options)
        _save_way(to_uint8(np.array(way), native), gif, steps_picture, _columns(labels[:n]))


def _sample_shards(run, args):
    """Draws the shards of a folder that are not there yet, or those of a part."""
    labels = checks.labels_to_draw(run, args.labels, None)
    options = checks.sampling_options(run, args.options)
    if args.gif or args.steps_picture:
        raise UsageError("--gif and --steps-picture go with one file: leave them out, or name --out FILE")
    from genzoo.runs.shards import Shards

    native, of = tuple(run.config["data"]["native_shape"]), np.array(labels, np.int32)
    shards = Shards(Path(args.out), args.n or len(of), native, args.seed, of, options, run.weights_sha256())
    shards.begin(args.overwrite)
    model = load(run.path)
    mine = shards.of_part(*(args.part or (1, 1)))
    missing = [number for number in mine if args.overwrite or not shards.path(number).exists()]
    began, drawn = time.monotonic(), 0
    for number in tqdm(missing, unit=" shards", disable=not sys.stderr.isatty(), leave=False):
        drawn += shards.draw(model, number)
    if drawn:
        print(_summary(model, drawn, options, time.monotonic() - began))
    there = f", {len(mine) - len(missing)} were there" if len(mine) > len(missing) else ""
    print(f"wrote {len(missing)} of {len(shards)} shards into {shards.folder}{there}")


def _summary(model, n, options, seconds):
    """Returns a line on what was drawn, how, and how fast."""
    how = ""
    if "steps" in options:
        sampler = f", {options['sampler']}" if "sampler" in options else ""
        how = f"{sampler}, {options['steps']} steps, {model.evaluations(**options)} network evaluations each"
    return f"{n} images{how}, in {seconds:.1f} s: {n / seconds:.1f} images/s"


def _save_way(way, gif, steps_picture, columns):
    """Writes the pictures of a way, uint8 [steps, 2, n, H, W, C]: at each step the input and the prediction."""
    if gif:
        save_gif(gif, [grid(images, columns) for images in way[:, 0]])
        print(f"wrote {gif}")
    if steps_picture:
        rows = np.unique(np.linspace(0, len(way) - 1, PICTURE_ROWS).round().astype(int))
        pairs = way[rows][:, :, :PICTURE_IMAGES].swapaxes(1, 2)  # [rows, n, 2, H, W, C]
        save_png(steps_picture, grid(pairs.reshape(-1, *pairs.shape[3:]), 2 * pairs.shape[1]))
        print(f"wrote {steps_picture}: a row a step, each two columns an input and its prediction")


def _columns(labels):
    """Returns the columns of a grid: one a label where labels come in turn, else as many as make it about square."""
    period = len(set(labels))
    if 1 < period <= 16 and labels == list(islice(cycle(labels[:period]), len(labels))):
        return period
    return math.ceil(math.sqrt(len(labels)))
