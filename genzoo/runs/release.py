"""A finished run as a folder to hand on: what sampling needs, and nothing of the machine that it was trained on.

    config.json, with "trained" {step, seconds}     weights.safetensors, in half precision where that is asked for
    metrics.csv, its last row                       metrics.json, where it was measured with these very weights
    samples.png

`genzoo card` adds README.md. All commands take such a folder; only training cannot go on in it.
"""

from pathlib import Path

import numpy as np

from genzoo.data.catalogue import SOURCES
from genzoo.data.pixels import to_uint8
from genzoo.errors import CheckpointError
from genzoo.pictures.grids import grid, save_png
from genzoo.runs import metrics_file, zoo
from genzoo.runs.load import load
from genzoo.runs.run import Run

COLUMNS, ROWS = 10, 6  # of the picture


def release(run, folder, half=True, overwrite=False):
    """Writes a finished run into an empty or new folder. -> the Run there.

    half: store weights as float16 where none of them is too large for that.     overwrite: a former run there.
    Raises CheckpointError where the run is not finished, or the folder cannot be written.
    """
    status, step = run.status()
    if status != "finished":
        raise CheckpointError(f"{run.path} is {status} at step {step:,} of {run.total_steps:,}; finish it first")
    weights, rows, metrics = run.read_weights(), run.read_metrics(), metrics_file.latest(run)
    config = portable(run.config) | {"trained": {"step": step, "seconds": float(rows[-1]["seconds"])}}
    released = Run.create(folder, config, overwrite=overwrite)
    released.write_weights({name: _halved(array) for name, array in weights.items()} if half else weights)
    released.write_metrics(rows[-1:])
    if metrics and metrics["asked"]["weights"] == released.weights_sha256():
        metrics_file.save(released, metrics)
    save_png(released.path / "samples.png", _picture(load(released.path), run.config["data"]["native_shape"]))
    return released


def portable(config):
    """Returns a run's config without paths of the machine: of folders the last name stays."""
    data, train = config["data"], config["train"]
    kind, _, rest = data["name"].partition(":")
    if kind in SOURCES and SOURCES[kind].takes == "PATH":
        data = data | {"name": f"{kind}:{Path(rest).name}"}
    if "from" in train and not train["from"]["run"].startswith(zoo.PREFIX):
        train = train | {"from": train["from"] | {"run": Path(train["from"]["run"]).name}}
    return config | {"data": data | {name: None for name in ("data_dir", "cache") if name in data}, "train": train}


def _halved(array):
    """Returns an array as float16 where it is one of floats and none becomes infinite."""
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.isfinite(half).all() else array


def _picture(model, native_shape):
    """Returns samples as one uint8 picture: a column a label, in turn, where the family takes labels."""
    columns = min(COLUMNS, model.num_classes) if model.conditional else COLUMNS
    labels = [*range(columns)] * ROWS if model.conditional else None
    return grid(to_uint8(model.sample(ROWS * columns, labels=labels, seed=0), native_shape), columns)
