"""What a person asks for, checked against the family, the run and the disk before anything slow starts."""

import inspect
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path

from genzoo import registry, samplers
from genzoo.errors import CheckpointError, UsageError
from genzoo.files import check_writable
from genzoo.schedules import make_schedule
from genzoo.spacings import time_steps

# What the classes say too, but behind the import of TensorFlow, which takes seconds.
LABELLED = ("cvae", "cddpm")
ENCODERS = ("ae", "vae", "cvae")
_DIFFUSION = ("sampler", "steps", "timesteps", "eta", "variance")
SAMPLING = {"blend": ("steps", "share"), "ddpm": _DIFFUSION, "cddpm": (*_DIFFUSION, "guidance")}

IMAGES = 64  # to draw, about, unless asked


def check_model_options(name, asked):
    """Raises UsageError unless the family's class takes these options, each of the kind of its default."""
    known = _constructor_options(name)
    for key, value in asked.items():
        if key not in known:
            raise UsageError(f"{name} has no option {key!r}: it takes {', '.join(known)}")
        kind = {float: (float, int), tuple: list}.get(type(known[key]), type(known[key]))
        if not isinstance(value, kind) or isinstance(value, bool) != isinstance(known[key], bool):
            raise UsageError(f"{key} of {name}: expected something like {known[key]!r}, got {value!r}")


def _constructor_options(name):
    """{option: default} of a family, read off the signatures of its class and that class's parents."""
    family = registry.family(name)
    cls = getattr(import_module(f"genzoo.models.{family.module}"), family.cls)
    options = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("genzoo."):
            parameters = inspect.signature(base.__init__).parameters.values()
            options |= {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return options | family.model


def labels_to_draw(run, labels, n):
    """A label for each image to draw, from the asked labels and number (None: not asked); -1 for all where the
    family takes no labels. Raises UsageError."""
    name, classes = run.config["model"], run.config["data"]["num_classes"]
    if name not in LABELLED:
        if labels is not None:
            raise UsageError(f"{name} takes no labels: use {' or '.join(LABELLED)} to ask for a class")
        return [-1] * (n or IMAGES)
    if labels is None:
        labels, n = list(range(classes)), n or classes * max(1, IMAGES // classes)
    if max(labels) >= classes:
        raise UsageError(f"label {max(labels)} is out of range: this run knows 0 to {classes - 1}")
    return list(islice(cycle(labels), n or len(labels)))


def sampling_options(run, asked):
    """The options for `model.sample`: those asked for, over the family's defaults. Raises UsageError."""
    name, config = run.config["model"], run.config["model_config"]
    takes = SAMPLING.get(name, ())
    for key in asked:
        if key not in takes:
            raise UsageError(f"{name} has no sampling option {key!r}: it takes {', '.join(takes) or 'none'}")
    options = registry.family(name).sample | asked
    if "sampler" in takes:
        if options["sampler"] not in samplers.SAMPLERS:
            raise UsageError(f"unknown sampler {options['sampler']!r}: choose from {', '.join(samplers.SAMPLERS)}")
        T = config["diffusion_steps"]
        if "steps" not in asked:  # the defaults' steps suit their own sampler and large T
            options["steps"] = T if options["sampler"] == "ddpm" else min(T, options.get("steps", T))
        time_steps(make_schedule(config["schedule"], T), options["steps"], options.get("timesteps", "trailing"))
    return options


def check_encoder(run):
    """Raises UsageError for a family that cannot take images in."""
    name = run.config["model"]
    if name not in ENCODERS:
        raise UsageError(f"{name} has no encoder to put images into: use {', '.join(ENCODERS)}")


def check_way(run):
    """Raises UsageError for a family that makes an image in one step."""
    name = run.config["model"]
    if name not in SAMPLING:
        raise UsageError(f"{name} makes an image in one step, so there is no way to show: use {', '.join(SAMPLING)}")


def output(args, default, *suffixes):
    """The file that a command writes: --out, or the first of RUN/NAME.png, RUN/NAME-2.png ... that is free.

    Raises UsageError unless it ends in one of `suffixes`, CheckpointError where it cannot be written or is there.
    """
    if args.out is not None:
        return file_to_write(args.out, args.overwrite, *suffixes)
    path = base = Path(args.run) / default
    number = 1
    while path.exists():
        number += 1
        path = base.with_stem(f"{base.stem}-{number}")
    check_writable(path)
    return path


def file_to_write(path, overwrite, *suffixes):
    """`path` as a Path, or None for None. Raises as `output` does."""
    if path is None:
        return None
    path = Path(path)
    if path.suffix not in suffixes:
        raise UsageError(f"cannot write {path}: expected a name that ends in {' or '.join(suffixes)}")
    check_writable(path)
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} exists; choose another name, or --overwrite it")
    return path
