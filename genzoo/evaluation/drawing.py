"""Samples drawn in a process of their own, so that their time and memory are those of drawing and of nothing else."""

import math
import time
from dataclasses import dataclass

import numpy as np

from genzoo.data.pipeline import permutation
from genzoo.evaluation.process import in_own_process
from genzoo.models.families import family

WARM = 2  # images sampled before the clock starts: they compile


@dataclass(frozen=True)
class Drawn:
    """The samples of a run in one setting, and what they cost.

    images: uint8 [seeds, n, h, w, c].       parameters: how many the sampling network has.
    nfe: network evaluations an image.       seconds_1000: time of 1,000 images, without start and compilation.
    memory: the most bytes that the whole process held.
    """

    images: np.ndarray
    parameters: int
    nfe: int
    seconds_1000: float
    memory: int


def labels_to_ask(run, data, n):
    """Returns the labels to ask a run's family for, int [n]; None where it takes none.

    They are those of the first n images of the floor, so that both have as many of each label.
    """
    if not family(run.config["model"]).labels:
        return None
    return np.resize(data.test_labels[permutation(len(data.test_images), 0)], n)


def draw(path, n, seeds, settings, labels=None):
    """Draws n samples of each seed from the run at `path`, in each of the settings. Returns a list of `Drawn`.

    settings: dicts of options of `sample`.     labels: int [n], or None.
    Raises MemoryError where the process dies, and what `load` and `sample` raise.
    """
    try:
        return in_own_process(_draw, path, n, seeds, settings, labels)
    except ChildProcessError:
        raise MemoryError(f"drawing {n:,} samples from {path} was killed; ask for fewer with --n") from None


def _draw(path, n, seeds, settings, labels):
    from genzoo.evaluation.memory import PeakMemory
    from genzoo.runs.load import load

    drawn = []
    with PeakMemory() as memory:
        model = load(path)
        for options in settings:
            _sampled(model, min(WARM, n), 0, options, labels)
            images, seconds = zip(*(_sampled(model, n, seed, options, labels) for seed in seeds), strict=True)
            nfe, seconds_1000 = model.evaluations(**options), 1000 * sum(seconds) / (n * len(seeds))
            drawn.append(Drawn(np.array(images), _parameters(model), nfe, seconds_1000, memory.bytes))
    return drawn


def _sampled(model, n, seed, options, labels):
    """(uint8 images [n, h, w, c], seconds that they took)"""
    from genzoo.progress import evaluations_bar

    words = [model.family, *(f"{name} {options[name]}" for name in ("sampler", "steps", "guidance") if name in options)]
    with evaluations_bar(f"{', '.join(words)}, seed {seed}") as bar:
        began = time.perf_counter()
        how = {"labels": None if labels is None else labels[:n], "seed": seed, "progress": bar, **options}
        images = model.sample_pixels(n, model.run_config["data"]["native_shape"], **how)
        return images, time.perf_counter() - began


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.ema.weights)
