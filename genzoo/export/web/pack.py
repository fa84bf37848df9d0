"""What a page holds of runs: their weights as float16, how they are sampled, and what to call them."""

import gzip
import json
import struct
import warnings

import numpy as np

from genzoo.diffusion import samplers
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.errors import UsageError
from genzoo.models import families

# Steps to choose from: of a sampler that needs few, and of one that takes all unless told otherwise.
FEW, MANY = (2, 3, 5, 7, 10, 15, 20, 30, 50), (10, 20, 50, 100, 250)
FILL_STEPS = 100  # of inpainting, where genzoo takes 250: fast enough to watch
UNUSED = ("ema.encoder.",)  # weights that no page needs


def pack(runs):
    """Returns the bytes that pack.js reads: what `manifest` says, and all weights, gzipped.

    The upper bytes of the float16 numbers stand before the lower ones: sign and exponent compress, the rest does not.
    Raises UsageError for a run that a page cannot draw, or whose weights float16 cannot hold.
    """
    weights = [_weights(run) for run in runs]
    words = json.dumps(manifest(runs, weights), separators=(",", ":")).encode()
    numbers = np.concatenate([array.ravel() for arrays in weights for array in arrays.values()])
    halves = numbers.astype("<f2").view(np.uint8).reshape(-1, 2)
    parts = struct.pack("<I", len(words)), words, halves[:, 1].tobytes(), halves[:, 0].tobytes()
    return gzip.compress(b"".join(parts), mtime=0)


def manifest(runs, weights):
    """Returns what a page has to know of runs but the numbers themselves, as JSON holds it."""
    described = [_described(run, arrays) for run, arrays in zip(runs, weights, strict=True)]
    schedules = {run["schedule"]: config["schedule"] for run, config in described if "schedule" in run}
    return {
        "runs": [run for run, _ in described],
        "tables": {name: _tables(*key, _asked(described, name)) for name, key in schedules.items()},
    }


def _weights(run):
    arrays = {name: w for name, w in sorted(run.read_weights().items()) if not name.startswith(UNUSED)}
    for name, array in arrays.items():
        with np.errstate(over="ignore"):
            if not np.isfinite(array.astype(np.float16)).all():
                raise UsageError(f"{run.name}: weight {name} is too large for the float16 of a page; export it as onnx")
    return arrays


def _described(run, arrays):
    """(what the page knows of a run, its key of noise schedules)"""
    entry, config, data = families.family(run.config["model"]), run.config["model_config"], run.config["data"]
    options = entry.model_options(run.model_options, config["image_shape"], config["num_classes"])
    sampling, kind = entry.sampling_options({}, options), kind_of(entry, options, run.name)
    invents = not entry.labels and options.get("clusters", 0) > 0
    said = {
        "name": run.name,
        "family": entry.name,
        "kind": kind,
        "image_shape": config["image_shape"],
        "native_shape": data["native_shape"],
        "labels": config["num_classes"] if entry.labels else options.get("clusters", 0),
        "invents": invents,
        "class_names": data.get("class_names") or [str(label) for label in range(config["num_classes"])],
        "weights": {name: list(array.shape) for name, array in arrays.items()},
        "sampling": sampling,
    }
    if kind == "latent":
        if not arrays["mixture.shares"].any():
            raise UsageError(f"{run.name} has no mixture to draw latents from: finish it with genzoo train --resume")
        return said | {"latent_dim": options["latent_dim"]}, {}
    said["interval"] = sampling["guidance_interval"]
    if kind == "blend":
        return said | {"steps": list(FEW)}, {}
    key = options["schedule"], options["diffusion_steps"], options["zero_snr"]
    said |= {name: options[name] for name in ("predict", "diffusion_steps")} | {"schedule": "-".join(map(str, key))}
    for task, asked in (("img2img", {}), ("inpaint", {"steps": min(FILL_STEPS, options["diffusion_steps"])})):
        chosen = entry.sampling_options(asked, options, task)
        said[task] = {name: chosen[name] for name in ("sampler", "steps")}
    return said, {"schedule": key}


def kind_of(entry, options, name):
    """Returns which class of sampling.js draws a run. Raises UsageError where none does."""
    network = options.get("network")
    if entry.diffuses and network == "unet":
        return "diffusion"
    if entry.name == "blend" and network == "unet":
        return "blend"
    if entry.role == "autoencoder" and network == "conv":
        return "latent"
    known = "the families of genzoo with the networks unet and conv"
    raise UsageError(
        f"{name} is {entry.name} with network {network}, but a page knows {known}; export it as savedmodel"
    )


def _asked(described, schedule):
    """The sampling that runs of a schedule need beyond what can be chosen: {(sampler, steps)}."""
    tasks = ("sampling", "img2img", "inpaint")
    mine = [run for run, _ in described if run.get("schedule") == schedule]
    return {(run[task]["sampler"], run[task]["steps"]) for run in mine for task in tasks}


def _tables(name, T, zero_snr, needed):
    """{sampler: {steps: rows}}. A row: t, α, σ, σ/α, the share of fresh noise, and the weights of x̂_0 and of ε̂ as in
    `samplers.Table`, but for columns of zeros at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the run's training has given them
        schedule = make_schedule(name, T, zero_snr)
    found = {}
    for sampler, entry in SAMPLERS.items():
        choice = {steps for steps in (FEW if entry.steps else MANY) if steps <= T} or {T}
        choice |= {steps for other, steps in needed if other == sampler}
        found[sampler] = {steps: _rows(schedule, sampler, steps) for steps in sorted(choice)}
    return found


def _rows(schedule, sampler, steps):
    table = samplers.table(sampler, schedule, time_pairs(schedule, steps))
    alpha, sigma = (share.astype(np.float32) for share in schedule.alpha_sigma(table.t))
    level = np.minimum(schedule.noise_level(table.t), 1e30)  # JSON has no infinity
    acting = (table.x0_weights != 0).any(axis=0) | (table.eps_weights != 0).any(axis=0)
    past = 1 + np.flatnonzero(acting)[-1]
    weights = (*table.x0_weights.T[:past], *table.eps_weights.T[:past])
    columns = table.t, alpha, sigma, level, table.fresh, *weights
    return [[float(f"{number:.9g}") for number in row] for row in np.column_stack(columns)]
