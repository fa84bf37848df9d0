"""What can be asked of a run's model by a file that was made of it: inputs, and what the model itself gives for them.

    network    of families that start from noise: x [n, H, W, C], time [n] (0 … 1000), labels [n] → output [n, H, W, C]
    encoder    of autoencoders: images, labels → latents [n, d], and log_variance [n, d] where they are distributions
    decoder    latents, labels → images
    sampler    of all: random numbers, labels → images in [-1, 1]

The random numbers are `noise`, standard normal, [n, H, W, C] or of autoencoders [n, d]; `uniform` [n] in [0, 1), where
a group or a Gaussian is drawn by them; and `noises` [F, n, H, W, C], standard normal, where F steps take some.
Labels are int32. An input that a model has no use for is left out.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from genzoo import rng
from genzoo.errors import UsageError
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.blend import Blend
from genzoo.models.ddpm import DDPM
from genzoo.stack import tf

SEED = 0


class Case(NamedTuple):
    """inputs: {name: array}, of some images.     ours: a function that gives {output: array}.
    evaluates: whether it is one evaluation of the network."""

    inputs: dict
    ours: Callable
    evaluates: bool = False


def cases(model, sampling, n):
    """Returns {what: Case} of n images; sampling: all options of `model.sample`, whose random numbers these are.

    Raises UsageError for a family that is not known here.
    """
    labels = {"labels": (np.arange(n) % model.num_classes).astype(np.int32)} if model.conditional else {}
    for kind, make in KINDS.items():
        if isinstance(model, kind):
            return make(model, sampling, n, labels) | {"sampler": _sampler(model, sampling, n, labels)}
    raise UsageError(f"{model.family} has no export yet: say in genzoo/export/cases.py what can be asked of it")


def _sampler(model, sampling, n, labels):
    inputs = {"noise": _noise(model, n)} | _draws(model, sampling, n) | labels
    return Case(inputs, lambda: {"images": model.sample(n, seed=SEED, **labels, **sampling)})


def _noise(model, n):
    shape, stream = (model.image_shape, rng.START) if isinstance(model, (DDPM, Blend)) else (
        (model.latent_dim,), rng.LATENT)  # fmt: skip
    return rng.normal([n, *shape], SEED, 0, stream).numpy()


def _draws(model, sampling, n):
    """The further random numbers that `model.sample` uses for its seed."""
    if isinstance(model, Autoencoder):
        mixed = sampling.get("prior", "mixture") == "mixture" and np.asarray(model.shares).any()
        return {"uniform": rng.uniform([n], SEED, 0, rng.TIME).numpy()} if mixed else {}
    draws = {"uniform": rng.uniform([n], SEED, 0, rng.DROP).numpy()} if model.invents else {}
    if isinstance(model, DDPM):
        rows = model.plan(**sampling).rows
        fresh = rows.number[rows.fresh > 0]
        if len(fresh):
            draws["noises"] = np.stack([rng.normal([n, *model.image_shape], SEED, i, rng.NOISE) for i in fresh])
    return draws


def _starts_from_noise(model, sampling, n, labels):
    """x is noise, more and less of it, at the times that belong to it."""
    told = {"labels": (np.arange(n) % (model.label_count + 1)).astype(np.int32)} if model.label_count else {}
    time = np.linspace(0, 1000, n, endpoint=False, dtype=np.float32)[::-1].copy()
    inputs = {"x": _noise(model, n), "time": time, **told}
    return {"network": Case(inputs, lambda: {"output": model.ema(*map(tf.constant, inputs.values())).numpy()}, True)}


def _autoencoder(model, sampling, n, labels):
    latents = _noise(model, n)
    images = rng.uniform([n, *model.image_shape], SEED, 0, rng.NOISE).numpy() * 2 - 1

    def encoded():
        codes = tf.split(model.ema.encoder(images, labels.get("labels")), model.codes, axis=-1)
        return {name: one.numpy() for name, one in zip(("latents", "log_variance"), codes, strict=False)}

    return {
        "encoder": Case({"images": images, **labels}, encoded),
        "decoder": Case({"latents": latents, **labels}, lambda: {"images": model.decode(latents, **labels)}, True),
    }


KINDS = {Autoencoder: _autoencoder, Blend: _starts_from_noise, DDPM: _starts_from_noise}
