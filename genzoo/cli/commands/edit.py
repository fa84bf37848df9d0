"""The commands that start from given images, the test images of the run's data: one function each, as in `commands`."""

import time

import numpy as np

from genzoo.cli import checks
from genzoo.data.pipeline import pairs_of, permutation
from genzoo.data.pixels import pad, to_float, to_uint8
from genzoo.data.sets import load_again
from genzoo.errors import UsageError
from genzoo.pictures.grids import grid, save_png, strips
from genzoo.progress import evaluations_bar
from genzoo.runs.load import load
from genzoo.runs.run import Run

COLUMNS = 10  # of a picture at most
NOISE = 1 / 3  # of a standard deviation is shown as this share of the way from grey to black or white


def reconstruct(args):
    """Runs `genzoo reconstruct`: draws test images, each above what the model makes of it."""
    run = Run.open(args.run)
    checks.check_encodes(run)
    steps = checks.inversion_steps(run, args.ddim_steps)
    if args.show_noise and steps is None:
        raise UsageError(f"{run.config['model']} has no noise behind an image to show: leave out --show-noise")
    out = checks.output(run, args, "reconstruction.png", ".png")
    model, originals, labels, native = _start(run, args)
    options = {} if steps is None else {"steps": steps}
    rows = [originals, model.reconstruct(originals, labels, **options)]
    error = np.mean((rows[1] - originals) ** 2)
    if args.show_noise:
        rows.insert(1, NOISE * model.invert(originals, labels, **options))
    print(f"{len(originals)} test images, mean squared error {error:.4f} (pixels from -1 to 1)")
    _save(out, rows, native)


def interpolate(args):
    """Runs `genzoo interpolate`: draws a row for each pair of test images, the way from one to the other."""
    run = Run.open(args.run)
    checks.check_encodes(run)
    steps = checks.inversion_steps(run, args.ddim_steps)
    out = checks.output(run, args, "interpolation.png", ".png")
    data = load_again(run.config["data"], run.name, args.data_dir, args.cache)
    model = load(run.path)
    first, last = pairs_of(data.test_labels, args.n, args.seed, same_label=model.conditional)
    a, b = to_float(data.test_images[first]), to_float(data.test_images[last])
    options = {} if steps is None else {"ddim_steps": steps}
    between = model.interpolate(a, b, args.steps, data.test_labels[first] if model.conditional else None, **options)
    rows = np.concatenate([a[None], between, b[None]]).swapaxes(0, 1)  # [n, steps + 2, H, W, C]
    save_png(out, grid(to_uint8(rows, data.native_shape).reshape(-1, *data.native_shape), args.steps + 2))
    print(f"wrote {out}")


def img2img(args):
    """Runs `genzoo img2img`: draws test images, each above what becomes of it half-way to noise and back."""
    run = Run.open(args.run)
    checks.check_edits(run)
    checks.check_labels(run, args.labels)
    options = checks.sampling_options(run, args.options, "img2img")
    out = checks.output(run, args, "img2img.png", ".png")
    model, originals, labels, native = _start(run, args, args.labels)
    began = time.monotonic()
    with evaluations_bar() as bar:
        made = model.img2img(originals, labels, strength=args.strength, seed=args.seed, progress=bar, **options)
    print(f"{len(made)} images in {time.monotonic() - began:.1f} s")
    _save(out, [originals, made], native)


def inpaint(args):
    """Runs `genzoo inpaint`: draws test images, each above what is kept of it and what is made of that."""
    run = Run.open(args.run)
    checks.check_edits(run)
    checks.check_labels(run, args.labels)
    options = checks.sampling_options(run, args.options, "inpaint")
    mask = pad(checks.mask(run, args.box, args.mask)[..., None])  # [H, W, 1]
    out = checks.output(run, args, "inpainting.png", ".png")
    model, originals, labels, native = _start(run, args, args.labels)
    began = time.monotonic()
    with evaluations_bar() as bar:
        made = model.inpaint(originals, mask[..., 0], labels, seed=args.seed, progress=bar, **options)
    print(f"{len(made)} images in {time.monotonic() - began:.1f} s")
    _save(out, [originals, np.where(mask, 0, originals), made], native)


def _start(run, args, asked=None):
    """(model, images, labels, native shape): n test images as the model takes them, with the asked labels in turn, or
    their own; labels are None where the model takes none."""
    data = load_again(run.config["data"], run.name, args.data_dir, args.cache)
    model = load(run.path)
    chosen = permutation(len(data.test_images), args.seed)[: args.n]
    labels = data.test_labels[chosen] if asked is None else np.resize(asked, len(chosen))
    return model, to_float(data.test_images[chosen]), labels if model.conditional else None, data.native_shape


def _save(out, rows, native):
    """Writes a picture of versions of the same images, [n, H, W, C] each, below each other."""
    save_png(out, strips(to_uint8(np.stack(rows), native), COLUMNS))
    print(f"wrote {out}")
