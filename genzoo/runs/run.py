"""The run folder: everything that a training run leaves behind, and all that later commands need.

    config.json          how to rebuild the model and repeat the run     metrics.csv   one row an epoch
    checkpoints/         exact state, for resuming (see `state`)         samples/      fixed-seed pictures
    weights.safetensors  what sampling needs, readable on both stacks    curves.png    the losses
    tb/                  TensorBoard
    metrics.json         what `genzoo evaluate` found          sweep.csv, sweep.png   what `genzoo sweep` found
    README.md            the card, by `genzoo card`            samples.png   its picture, in a released run
    .lock                held by the process that trains

A released run (see `release`) has no checkpoints: its config says in "trained" how far it came.
Nothing here imports TensorFlow before a model is needed.
"""

import contextlib
import csv
import hashlib
import io
import json
import re
import shlex
import tempfile
from pathlib import Path

from genzoo.checksum import sha256
from genzoo.errors import CheckpointError
from genzoo.files import MOST_JSON, read_json, remove, write_atomically
from genzoo.runs import decisions, zoo
from genzoo.runs.lock import LOCK, locked
from genzoo.runs.schema import check_config

FORMAT = 2
CONTENTS = (
    "config.json", "metrics.csv", "curves.png", "weights.safetensors", "checkpoints", "samples", "tb",
    "metrics.json", "sweep.csv", "sweep.png", "README.md", "samples.png", LOCK,
)  # fmt: skip


class Run:
    """A run folder. `path`: where it is; `config`: the content of its config.json, a dict with the keys
    format, model, model_config, data, train and versions, and "trained" {step, seconds} where it is released."""

    def __init__(self, path, config):
        self.path, self.config = Path(path), config

    @classmethod
    def create(cls, path, config, *, overwrite=False):
        """Begins a run: an empty or new folder that holds config.json. With `overwrite`, what a former run wrote
        there is removed first, and nothing else. Raises CheckpointError as `check_free` does."""
        path = Path(path)
        check_free(path, overwrite=overwrite)
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in CONTENTS[::-1]:  # config.json last: while it stands, the folder is known as a run
                remove(path / name)
        except OSError as error:
            raise CheckpointError(f"cannot write {path}: {error.strerror}; choose another --out") from error
        run = cls(path, {"format": FORMAT, **config})
        write_atomically(path / "config.json", (json.dumps(run.config, indent=2) + "\n").encode())
        return run

    @classmethod
    def open(cls, path):
        """An existing run, of a path, or of the zoo by a string "zoo:NAME". Raises CheckpointError when there is none
        that this version can read, UsageError for a name that the zoo does not have."""
        if isinstance(path, str) and path.startswith(zoo.PREFIX):
            path = zoo.folder(path.removeprefix(zoo.PREFIX))
        path = Path(path)
        if not path.is_dir():
            raise CheckpointError(f"{path} is not a folder; expected a run folder, such as runs/NAME")
        try:
            config = read_json(path / "config.json")
        except FileNotFoundError as error:
            raise CheckpointError(f"{path} has no config.json; expected a run folder, such as runs/NAME") from error
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path / 'config.json'} cannot be read ({error}); train this run anew") from error
        if not isinstance(config, dict) or not isinstance(config.get("format"), int):
            raise CheckpointError(f"{path / 'config.json'} is not a run's; expected a folder that genzoo trained")
        if config["format"] > FORMAT:
            raise CheckpointError(
                f"{path} has format {config['format']}, this genzoo reads up to {FORMAT}; install a newer genzoo"
            )
        if config["format"] < FORMAT:
            raise CheckpointError(
                f"{path} has format {config['format']}: an older genzoo trained it, with other networks; train it anew"
            )
        check_config(config, path / "config.json")
        return cls(path, config)

    @property
    def name(self):
        """What to call it by in a command: zoo:NAME, or its path."""
        inside = zoo.name_of(self.path)
        return f"{zoo.PREFIX}{inside}" if inside else str(self.path)

    @property
    def model_options(self):
        """The options of its model, {name: value}: the model_config but for the shape of the data."""
        config = self.config["model_config"]
        return {name: config[name] for name in config if name not in ("image_shape", "num_classes")}

    @property
    def outputs(self):
        """The folder where commands leave what they make of it: its own, or for a run of the zoo, which stays as it
        is, runs/zoo-NAME in the current folder."""
        inside = zoo.name_of(self.path)
        return Path("runs") / f"zoo-{inside}" if inside else self.path

    def output(self, name):
        """Returns the path of a file in `outputs`, which is made where it is missing. Raises CheckpointError."""
        try:
            self.outputs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot write {self.outputs}: {error.strerror}; work in another folder") from error
        return self.outputs / name

    @property
    def step(self):
        """Steps done, as of the newest checkpoint, or of the release; 0 before the first."""
        return max(self.checkpoints(), default=self.config.get("trained", {"step": 0})["step"])

    @property
    def total_steps(self):
        """Steps of the whole run: as its newest checkpoint knows them, for those of a run of so many minutes change."""
        for step in self.checkpoints():
            try:
                decided = self.decisions(step)
            except ValueError:  # damaged: a resume passes it over too
                continue
            return decided[-1][2] if decided else self.config["train"]["steps"]
        return self.config.get("trained", {"step": self.config["train"]["steps"]})["step"]

    def decisions(self, step):
        """What was decided about the run's length until the checkpoint of `step`: a list of (step, progress, total).

        From that step on, where the run was at that progress (0 to 1), it goes on evenly to its end at `total` steps.
        Raises ValueError where the file is damaged, or missing in a checkpoint.
        """
        folder = self.checkpoints().get(step)
        if folder is None:
            return []
        try:
            found, _ = decisions.read(folder)
            return [(int(step), float(progress), int(total)) for step, progress, total in found]
        except TypeError as error:
            raise ValueError(f"{decisions.NAME}: {error}") from error

    def check_unchanged(self):
        """Raises CheckpointError, which names the field, where config.json is no longer that of the newest whole
        checkpoint: training could not go on exactly. What is in `decisions.FREE` may change."""
        for folder in self.checkpoints().values():
            with contextlib.suppress(ValueError):  # damaged: a resume passes it over too
                _, before = decisions.read(folder)
                break
        else:
            return
        if before:
            decisions.check_unchanged(before, self.config, self.path / "config.json")

    def status(self):
        """("finished" or "interrupted", step)."""
        return ("finished" if self.step >= self.total_steps else "interrupted"), self.step

    def check_finished(self):
        """Raises CheckpointError for a run that is not."""
        status, step = self.status()
        if status != "finished":
            raise CheckpointError(
                f"{self.path} is {status} at step {step:,} of {self.total_steps:,}; finish it with: "
                f"genzoo train --resume {shlex.quote(str(self.path))}"
            )

    def picture(self, step):
        """Path of the picture drawn at `step`."""
        return self.path / "samples" / f"step_{step:07d}.png"

    def checkpoints(self):
        """{step: folder} of the checkpoints, newest first."""
        folders = (self.path / "checkpoints").glob("step_*")
        steps = {int(folder.name[5:]): folder for folder in folders if re.fullmatch(r"step_[0-9]{7,18}", folder.name)}
        return dict(sorted(steps.items(), reverse=True))

    def read_metrics(self):
        """metrics.csv as a list of dicts of strings, one an epoch. Raises CheckpointError where it is damaged."""
        path = self.path / "metrics.csv"
        try:
            if path.stat().st_size > MOST_JSON:
                raise ValueError("it is too large")
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            for row in rows:
                int(row["step"]), float(row["seconds"])
                if None in row or None in row.values():
                    raise ValueError("a row is too short or too long")
            return rows
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, csv.Error) as error:
            raise CheckpointError(f"{path} is damaged ({error}); remove it: it tells of the training only") from error

    def write_metrics(self, rows):
        """Rewrites metrics.csv with these dicts, all of the same keys."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.path / "metrics.csv", text.getvalue().encode())

    def write_weights(self, arrays):
        """Rewrites weights.safetensors. arrays: {name: ndarray}, as `model.weights_dict()` gives them."""
        from safetensors.numpy import save

        # With the family: blend's and ddpm's weights are alike in names and shapes. One entry: the order of two varies.
        said = f"{sha256(arrays, arrays.get)} {self.config['model']}"
        content = save(dict(sorted(arrays.items())), metadata={"sha256": said})
        write_atomically(self.path / "weights.safetensors", content)

    def read_weights(self):
        """{name: ndarray} of weights.safetensors, what is stored as float16 as float32. Raises CheckpointError, also
        where a single bit has changed, or for another family's; files of older runs have no checksum."""
        import numpy as np
        from safetensors import SafetensorError, safe_open

        path = self.path / "weights.safetensors"
        try:
            with safe_open(path, "numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
                metadata = file.metadata()
        except FileNotFoundError as error:
            mending = self._mending() if "trained" in self.config else f"go on with: train --resume {self.path}"
            raise CheckpointError(f"{self.path} holds no weights yet; {mending}") from error
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"{path} cannot be read ({error}); {self._mending()}") from error
        if metadata is not None:
            found, space, family = metadata.get("sha256", "").partition(" ")
            if len(metadata) > 1 or found != sha256(arrays, arrays.get):
                raise CheckpointError(f"{path} is damaged: some bits have changed; {self._mending()}")
            if space and family != self.config["model"]:  # files of older runs do not say it
                expected = self.config["model"]
                raise CheckpointError(f"{path} holds weights of {family!r}, expected {expected}; {self._mending()}")
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise CheckpointError(f"{path}: {name!r} holds NaN or infinity; {self._mending()}")
        return {name: array.astype("float32") if array.dtype == "float16" else array for name, array in arrays.items()}

    def weights_sha256(self):
        """The sha256 (hex) of the file weights.safetensors. Raises CheckpointError."""
        path = self.path / "weights.safetensors"
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror}); {self._mending()}") from error

    def _mending(self):
        if "trained" in self.config:
            return "install genzoo anew" if zoo.name_of(self.path) else "copy the released run here anew"
        return f"where checkpoints are left, train --resume {self.path} writes it anew"


def check_free(path, *, overwrite=False):
    """Raises CheckpointError where a new run could not be written: something else is there, another process trains
    there, or no permission."""
    path = Path(path)
    try:
        occupied = path.exists() and (not path.is_dir() or any(path.iterdir()))
        if not occupied:
            existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
            tempfile.TemporaryFile(dir=existing).close()  # the one honest test of permission
            return
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}; choose another --out") from error
    if not overwrite:
        raise CheckpointError(f"{path} exists and is not empty; choose another --out, or --overwrite a former run")
    try:
        Run.open(path)
    except CheckpointError as error:
        raise CheckpointError(f"--overwrite replaces former runs only: {error}") from error
    with locked(path):
        pass  # no other process is at work there
