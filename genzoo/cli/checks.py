"""What a person asks for, checked against the family, the run and the disk before anything slow starts."""

import warnings
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_steps
from genzoo.errors import CheckpointError, UsageError
from genzoo.files import check_writable
from genzoo.models import families
from genzoo.pictures.grids import read_mask

IMAGES = 64  # to draw, about, unless asked


def check_labels(run, labels):
    """Raises UsageError unless the run's family and data know these labels (None: not asked)."""
    name, classes = run.config["model"], run.config["data"]["num_classes"]
    if labels is not None and not families.family(name).labels:
        raise UsageError(f"{name} takes no labels: use {families.those('labels')} to ask for a class")
    if labels is not None and max(labels) >= classes:
        raise UsageError(f"label {max(labels)} is out of range: this run knows 0 to {classes - 1}")


def labels_to_draw(run, labels, n):
    """Returns a label for each image to draw, from the asked labels and number (None: not asked).

    All are -1 where the family takes no labels.     Raises UsageError.
    """
    check_labels(run, labels)
    if not families.family(run.config["model"]).labels:
        return [-1] * (n or IMAGES)
    if labels is None:
        classes = run.config["data"]["num_classes"]
        labels, n = list(range(classes)), n or classes * max(1, IMAGES // classes)
    return list(islice(cycle(labels), n or len(labels)))


def sampling_options(run, asked, task="sample"):
    """Returns all options of `model.sample` for a task of `families.TASKS`: what was asked, and else the defaults.

    Raises UsageError.
    """
    entry, config = families.family(run.config["model"]), run.config["model_config"]
    model = entry.model_options(run.model_options, config["image_shape"], config["num_classes"])
    options = entry.sampling_options(asked, model, task)
    if entry.diffuses:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the model will give them
            schedule = make_schedule(model["schedule"], model["diffusion_steps"], model["zero_snr"])
        time_steps(schedule, options["steps"], options["timesteps"])
    return options


def inversion_steps(run, asked):
    """Returns how many DDIM steps lead from an image to its noise; None where none are needed. Raises UsageError."""
    name = run.config["model"]
    if families.family(name).diffuses:
        return sampling_options(run, {"steps": asked}, "invert")["steps"]
    if asked is not None:
        raise UsageError(f"{name} puts images into its encoder at once, without steps")
    return None


def check_encodes(run):
    """Raises UsageError for a family that cannot take images in."""
    name = run.config["model"]
    if not families.family(name).encodes:
        raise UsageError(f"{name} has no encoder to put images into: use {families.those('encodes')}")


def check_edits(run):
    """Raises UsageError for a family that cannot change images."""
    name = run.config["model"]
    if not families.family(name).diffuses:
        raise UsageError(f"{name} cannot start from a given image: use {families.those('diffuses')}")


def check_way(run):
    """Raises UsageError for a family that makes an image in one step."""
    name = run.config["model"]
    if not families.family(name).in_steps:
        those = families.those("in_steps")
        raise UsageError(f"{name} makes an image in one step, so there is no way to show: use {those}")


def mask(run, box, path):
    """Returns where to inpaint, booleans [h, w] of native pixels.

    box: (top, left, height, width).   path: a picture file, whose light parts count.   Without both: the lower half.
    Raises UsageError.
    """
    height, width = run.config["data"]["native_shape"][:2]
    if path is not None:
        inside = read_mask(path, (height, width))
        if not inside.any():
            raise UsageError(f"mask {path} is dark all over: what is to be made anew must be light")
        return inside
    top, left, high, wide = box or (height // 2, 0, height - height // 2, width)
    if min(high, wide) < 1 or top + high > height or left + wide > width:
        asked = f"{top},{left},{high},{wide}"
        raise UsageError(f"box {asked} does not lie inside the images, which are {height} high and {width} wide")
    inside = np.zeros((height, width), bool)
    inside[top : top + high, left : left + wide] = True
    return inside


def output(run, args, default, *suffixes):
    """Returns the file that a command writes: --out, or of NAME.png, NAME-2.png … the first that is not yet among the
    run's outputs.

    Raises UsageError unless it ends in one of `suffixes`, CheckpointError where it cannot be written or is there.
    """
    if args.out is not None:
        return file_to_write(args.out, args.overwrite, *suffixes)
    path = base = run.output(default)
    number = 1
    while path.exists():
        number += 1
        path = base.with_stem(f"{base.stem}-{number}")
    check_writable(path)
    return path


def file_to_write(path, overwrite, *suffixes):
    """Returns `path` as a Path, or None for None. Raises as `output` does."""
    if path is None:
        return None
    path = Path(path)
    if path.suffix not in suffixes:
        raise UsageError(f"cannot write {path}: expected a name that ends in {' or '.join(suffixes)}")
    check_writable(path)
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists; choose another name, or --overwrite it")
    return path
