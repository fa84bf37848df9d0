"""Training: from settings, or from a run folder that was interrupted, to a finished run folder.

Every choice that shapes a run stands in its config.json before the first step, and everything random is a function
of (seed, step). So a run that is resumed, wherever it was cut, ends in the same bytes as one that was not.
"""

import hashlib
import json
import math
import platform
from contextlib import nullcontext
from importlib.metadata import version

from genzoo import __version__
from genzoo.data.sets import load_again, load_data
from genzoo.errors import CheckpointError
from genzoo.models.families import build, family
from genzoo.runs.lock import locked
from genzoo.runs.run import Run, check_free
from genzoo.stack import keras
from genzoo.training.cost import STEP_FORWARD, cost_of
from genzoo.training.interrupt import Interrupted
from genzoo.training.loop import Summary, Trainer
from genzoo.training.settings import TrainSettings, check_fits
from genzoo.training.speed import PICTURES, measure, steps_within
from genzoo.training.workers import ALONE

__all__ = ["Interrupted", "Summary", "TrainSettings", "resume", "train"]


def train(settings, data=None, callbacks=(), workers=ALONE):
    """Trains as a `TrainSettings` says. -> Summary; None after a dry run, which says what it found and writes nothing,
    and of all workers but the chief, who alone writes.

    data: the `ImageData` that the settings name, where it is loaded already (which needs no TensorFlow, this does).
    callbacks: Keras callbacks, see `Trainer.run`.
    workers: with whom to train as one; each calls this with the same settings.

    Raises UsageError, DataError, CheckpointError (the run folder cannot be written), DivergedError (NaN or infinity;
    the last good checkpoint stays), Interrupted (SIGINT or SIGTERM; the state is saved) and ClusterError (another
    worker has gone or differs).
    """
    with workers.watched():
        return _train(settings, data, callbacks, workers)


def _train(settings, data, callbacks, workers):
    writes = workers.chief and not settings.dry_run
    preset = family(settings.model).train
    if settings.out is not None and writes:
        check_free(settings.out, overwrite=settings.overwrite)  # now: what follows takes a while
    data = data or load_data(**settings.source)
    check_fits(settings, data)
    if workers.chief:
        _announce(data)
    path = settings.free_path(data.name)
    if writes:
        check_free(path, overwrite=settings.overwrite)
    keras.utils.set_random_seed(settings.seed)
    model = build(settings.model, image_shape=data.image_shape, num_classes=data.num_classes, **settings.options)
    given = {name: getattr(settings, name) for name in ("batch_size", "lr", "ema")}
    shaping = {name: preset[name] if value is None else value for name, value in given.items()}
    shaping |= {name: getattr(settings, name) for name in ("accumulate", "seed", "jit_compile", "tensorboard")}
    source = {}
    if settings.from_run is not None:
        source = {"from": _begin_with(model, settings.from_run)}
    if workers.count > 1:
        asked = json.dumps([data.fingerprint, settings.model, model.config, shaping, source])
        digest = hashlib.sha256(asked.encode()).hexdigest()
        workers.check_same(digest, "data or settings", "give all workers the same")
    trainer = Trainer(model, data, shaping, workers)
    shaping |= source
    shaping |= _length(settings, preset, trainer)
    if settings.dry_run:
        return None
    config = {
        "model": settings.model,
        "model_config": model.config,
        "data": _describe(data, settings),
        "train": shaping,
        "versions": {
            "genzoo": __version__,
            "python": platform.python_version(),
            "tensorflow": version("tensorflow"),
            "keras": version("keras"),
        },
    }
    if not workers.chief:
        return trainer.run(Run(path, config), callbacks)
    run = Run.create(path, config, overwrite=settings.overwrite)
    with locked(run.path):
        if source:
            trainer.state.save(run, 0)  # so that a resume needs nothing of the other run
        return trainer.run(run, callbacks)


def resume(path, data_dir=None, callbacks=(), cache=None, workers=ALONE):
    """Goes on with an interrupted run from its newest whole checkpoint, on the same data. -> Summary; None where the
    run is finished. Of the time that a run of so many minutes has, only what it trained so far is gone.

    data_dir, cache: where the data moved to; None: it is where it was.     callbacks: see `Trainer.run`.
    workers: as of `train`; they may be more or fewer than before. The chief alone needs the folder.

    Raises what `train` raises, DataError where the data is not what the run began with, and CheckpointError where
    the folder holds no run, its config was changed by hand, its checkpoints belong to another stack, or another process
    trains it.
    """
    with workers.watched():
        return _resume(path, data_dir, cache, callbacks, workers)


def _resume(path, data_dir, cache, callbacks, workers):
    run = Run.open(path) if workers.chief else None
    config = workers.from_chief(run.config if run and run.status()[0] != "finished" else None)
    if config is None:
        return None
    run = run or Run(path, config)
    theirs, ours = (text.split(".")[0] for text in (config["versions"].get("keras", "?"), version("keras")))
    if theirs != ours:
        raise CheckpointError(
            f"{run.path} was trained with Keras {theirs} and this is Keras {ours}; resume it there (Keras 2: "
            "Python 3.10 or 3.11, Keras 3: Python 3.12 or newer). Sampling from it works on both"
        )
    with locked(run.path) if workers.chief else nullcontext():
        if workers.chief:
            run.check_unchanged()
        data = load_again(config["data"], run.path, data_dir, cache)
        if workers.chief:
            _announce(data)
        keras.utils.set_random_seed(config["train"]["seed"])
        model = build(config["model"], **config["model_config"])
        source = config["train"].get("from")
        if source and workers.chief and not run.checkpoints():  # it ended before the first was written
            found = _begin_with(model, source["run"])
            if found != source:
                raise CheckpointError(
                    f"{source['run']} has other weights now than {run.path} began with; train it anew"
                )
        return Trainer(model, data, config["train"], workers).run(run, callbacks)


def _begin_with(model, path):
    """Gives a model the weights of a run. -> what config["train"]["from"] says of it. Raises CheckpointError."""
    source = Run.open(path)
    model.load_weights_dict(source.read_weights())
    return {"run": str(path), "weights_sha256": source.weights_sha256()}


def _length(settings, preset, trainer):
    """What config["train"] says of a run's length. Says it too, with the expected time where it is a dry run.

    minutes, seconds, reserve: None where steps or epochs were asked for; else what was asked for, what is left of that
    after the start, and what a `Length` keeps for the end.     steps: as planned.     sample_every: 0: only at the end.
    """
    began, per_epoch, every = settings.elapsed(), trainer.steps_per_epoch, settings.sample_every
    steps = settings.steps or (settings.epochs or 0) * per_epoch
    minutes = settings.minutes or (None if steps else preset["minutes"])
    if settings.dry_run:
        _report_cost(cost_of(trainer.model), trainer.batch_size, trainer.at_once)
    speed = measure(trainer) if minutes or settings.dry_run else None
    seconds = reserve = None
    if minutes:
        began = settings.elapsed()
        seconds = 60 * minutes - began
        steps, every, reserve = steps_within(seconds, speed, per_epoch, every)
        if trainer.workers.chief:
            print(f"{minutes:g} minutes: about {steps:,} steps of {trainer.batch_size} images")
    elif every is None:
        every = math.ceil(steps / PICTURES)
    if settings.dry_run and trainer.workers.chief:
        if not minutes:
            began += speed.tracing
        _report(trainer, speed, steps, began + speed.seconds(steps, per_epoch, every))
    length = {"minutes": minutes, "seconds": seconds, "reserve": reserve, "steps": steps, "sample_every": every}
    return trainer.workers.from_chief(length)


def _announce(data):
    height, width, channels = data.native_shape
    labels = f"{data.num_classes} classes" if data.num_classes else "no labels"
    print(
        f"data: {data.name} ({data.reason}): {len(data.train_images):,} images to train on, "
        f"{len(data.test_images):,} to test, {height}x{width}x{channels}, {labels}"
    )
    print(*data.notes, sep="\n", end="\n" if data.notes else "")


def _describe(data, settings):
    return {
        "name": data.name,
        "reason": data.reason,
        "image_size": settings.image_size,
        "data_dir": settings.data_dir,
        "cache": settings.cache,
        "native_shape": list(data.native_shape),
        "image_shape": list(data.image_shape),
        "num_classes": data.num_classes,
        "class_names": list(data.class_names),
        "fingerprint": data.fingerprint,
    }


def _report_cost(cost, batch_size, at_once):
    """Prints what a dry run counts, before it measures anything: a step of a large network takes minutes on a CPU."""
    step, memory = STEP_FORWARD * batch_size * cost.flops, cost.memory(at_once) / 2**30
    print(f"parameters: {cost.parameters:,}")
    print(f"operations: {cost.flops / 1e9:.3g} GFLOP an image, forward; about {step / 1e12:.3g} TFLOP a step")
    print(f"memory:     about {memory:.1f} GiB for weights, averages, Adam and {at_once} images, estimated", flush=True)


def _report(trainer, speed, steps, seconds):
    """Prints what a dry run found. seconds: that the whole command would take."""
    print(f"steps:      {steps:,} of {trainer.batch_size} images, {trainer.steps_per_epoch:,} an epoch")
    print(f"speed:      {trainer.batch_size / speed.step:.0f} images/s; a picture takes {speed.picture:.1f} s")
    print(f"used:       {speed.memory / 2**30:.1f} GiB of memory at most so far")
    print(f"time:       about {seconds / 60:.1f} minutes; nothing was written")
