"""What the commands do: one function each, which takes what `parser` made of the words; those that start from given
images are in `edits`.

A command first checks all that can be checked cheaply, so that a mistake is answered at once and costs nothing;
TensorFlow starts after that.
"""

import math
import shlex
import time
from itertools import cycle, islice

import numpy as np

from genzoo import choices, registry
from genzoo.checkpoint import Run, check_free, load
from genzoo.data import load_data
from genzoo.errors import UsageError
from genzoo.images import grid, save_gif, save_npz, save_png, to_uint8
from genzoo.progress import evaluations_bar
from genzoo.settings import TrainSettings

FRAMES, FRAME_IMAGES = 40, 64  # of an animation at most
PICTURE_ROWS, PICTURE_IMAGES = 12, 4  # of a steps picture at most


def train(args):
    """`genzoo train`: a new run, or with --resume the rest of an interrupted one."""
    asked = {key: value for key, value in vars(args).items() if key not in ("command", "debug", "options")}
    if "resume" in asked:
        run = Run.open(asked.pop("resume"))
        others = ", ".join(f"--{key.replace('_', '-')}" for key in (*asked, *args.options))
        if others:
            raise UsageError(f"--resume goes on with the settings of {run.path}: leave out {others}")
        if run.status()[0] == "finished":
            return print(f"{run.path} is finished: nothing to resume")
        from genzoo.training import resume

        return _finish(resume(run.path))
    settings = TrainSettings(**asked, options=args.options)
    if settings.out is not None and not settings.dry_run:
        check_free(settings.out, overwrite=settings.overwrite)
    data = load_data(settings.data, image_size=settings.image_size, data_dir=settings.data_dir)
    choices.check_model_options(settings.model, args.options)
    from genzoo.training import train

    summary = train(settings, data)
    if summary is not None:  # else a dry run
        _finish(summary)


def sample(args):
    """`genzoo sample`: images from a run, as a picture or as arrays, and on request the way from noise to them."""
    run = Run.open(args.run)
    labels = choices.labels_to_draw(run, args.labels, args.n)
    options = choices.sampling_options(run, args.options)
    out = choices.output(args, "sample.png", ".png", ".npz")
    gif = choices.file_to_write(args.gif, args.overwrite, ".gif")
    steps_picture = choices.file_to_write(args.steps_picture, args.overwrite, ".png")
    if steps_picture == out:
        raise UsageError("--out and --steps-picture: expected different files")
    if gif or steps_picture:
        choices.check_way(run)

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


def _summary(model, n, options, seconds):
    """What was drawn, how, and how fast."""
    how = ""
    if "steps" in options:
        how = f", {options['steps']} steps"
    if "sampler" in options:
        how = f", {options['sampler']}{how}, {model.evaluations(**options)} network evaluations each"
    return f"{n} images{how}, in {seconds:.1f} s: {n / seconds:.1f} images/s"


def _save_way(way, gif, steps_picture, columns):
    """way: uint8 [steps, 2, n, H, W, C], at each step the input and the prediction."""
    if gif:
        save_gif(gif, [grid(images, columns) for images in way[:, 0]])
        print(f"wrote {gif}")
    if steps_picture:
        rows = np.unique(np.linspace(0, len(way) - 1, PICTURE_ROWS).round().astype(int))
        pairs = way[rows][:, :, :PICTURE_IMAGES].swapaxes(1, 2)  # [rows, n, 2, H, W, C]
        save_png(steps_picture, grid(pairs.reshape(-1, *pairs.shape[3:]), 2 * pairs.shape[1]))
        print(f"wrote {steps_picture}: a row a step, each two columns an input and its prediction")


def info(args):
    """`genzoo info`: what a run folder holds."""
    run = Run.open(args.run)
    config, (status, step) = run.config, run.status()
    data = config["data"]
    lines = {
        "run": run.path,
        "status": f"{status}, {step:,} of {run.total_steps:,} steps",
        "model": f"{config['model']}: {registry.family(config['model']).summary}",
        "options": _words(config["model_config"]),
        "data": f"{data['name']} ({data['reason']}), {'x'.join(map(str, data['native_shape']))}, "
        f"{data['num_classes']} classes, fingerprint {data['fingerprint'][:12]}",
        "training": _words(config["train"]),
        "versions": _words(config["versions"]),
    }
    if rows := run.read_metrics():
        lines["metrics"] = _words(rows[-1])
    if step:
        from genzoo.state import state_sha256

        weights = run.read_weights()
        lines["parameters"] = f"{sum(w.size for name, w in weights.items() if name.startswith('ema.')):,}"
        lines["state"] = f"sha256 {state_sha256(run)}"
    goes_on = "train --resume" if status == "interrupted" else "sample"
    lines["next"] = f"genzoo {goes_on} {shlex.quote(str(run.path))}"
    _print_aligned(lines)


def _finish(summary):
    """Says where everything is, and what to type next."""
    minutes, seconds = divmod(round(summary.seconds), 60)
    lines = {
        "steps": f"{summary.run.total_steps:,} in {minutes} min {seconds} s",
        "metrics": _words(summary.metrics),
        "note": summary.note,
        "run": summary.run.path,
        "picture": summary.picture,
        "next": f"genzoo sample {shlex.quote(str(summary.run.path))}",
    }
    _print_aligned({name: text for name, text in lines.items() if text})


def _columns(labels):
    """Of a grid: one a label where the labels come in turn, else as many as make it about square."""
    period = len(set(labels))
    if 1 < period <= 16 and labels == list(islice(cycle(labels[:period]), len(labels))):
        return period
    return math.ceil(math.sqrt(len(labels)))


def _print_aligned(lines):
    for name, text in lines.items():
        print(f"{name:<12}{text}")


def _words(values):
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
