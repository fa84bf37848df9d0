"""What a person can ask of a training run, checked before anything slow starts."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from genzoo.errors import DataError, UsageError
from genzoo.models.families import family
from genzoo.runs.run import Run


@dataclass(frozen=True)
class TrainSettings:
    """The choices behind one training run; None means the family's own default (see `families.MODELS`)."""

    model: str | None = None  # the family; None: cddpm, or that of `from_run`
    data: str = "auto"
    image_size: int | None = None  # pixels; None: the set's own size
    data_dir: str | None = None  # where TFDS sets are prepared
    cache: str | None = None  # a folder whose files hold the images; None: for large sets that of the user
    epochs: int | None = None  # at most one of epochs, steps and minutes
    steps: int | None = None
    minutes: float | None = None  # wall time of the whole command, from `started`
    batch_size: int | None = None
    accumulate: int = 1  # parts of a batch that a step takes one after the other, in less memory
    lr: float | None = None  # peak learning rate
    seed: int = 0
    ema: float | None = None  # decay of the averaged weights; 0: off
    jit_compile: bool = False  # XLA; on a CPU it is several times slower
    options: dict = field(default_factory=dict)  # further arguments of `families.build`
    out: str | None = None  # the run folder; None: the first free of runs/MODEL-DATA, -2, -3 ...
    overwrite: bool = False
    sample_every: int | None = None  # steps between pictures; None: about PICTURES in all; 0: only at the end
    tensorboard: bool = False
    dry_run: bool = False
    from_run: str | None = None  # a run, or zoo:NAME, to begin with: its weights, its family and that one's options
    started: float = field(default_factory=time.monotonic)  # when the command began, in seconds

    def __post_init__(self):
        """Completes `model`, and `options` where they are those of `from_run`.

        Raises UsageError for a value that no run could use, CheckpointError where `from_run` cannot be opened.
        """
        if self.from_run is not None:
            self._take_over(Run.open(self.from_run))
        elif self.model is None:
            object.__setattr__(self, "model", "cddpm")
        lengths = {name: getattr(self, name) for name in ("epochs", "steps", "minutes")}
        given = [name for name, value in lengths.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given; expected at most one of epochs, steps and minutes")
        sizes = {"batch size": self.batch_size, "accumulate": self.accumulate, "lr": self.lr}
        for name, value in {**lengths, **sizes}.items():
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} {value}: expected a number above 0")
        if self.ema is not None and not 0 <= self.ema < 1:
            raise UsageError(f"ema {self.ema}: expected a decay from 0 (off) to below 1, such as 0.999")
        if self.sample_every is not None and self.sample_every < 0:
            raise UsageError(f"sample every {self.sample_every} steps: expected 0 (only at the end) or more")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"seed {self.seed}: expected an integer from 0 to 2147483647")

    def _take_over(self, source):
        given = ["model"] * (self.model is not None) + list(self.options)
        if given:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"--from takes the family and its options from {source.name}: leave out {words}")
        object.__setattr__(self, "model", source.config["model"])
        object.__setattr__(self, "options", source.model_options)

    @property
    def source(self):
        """What `load_data` takes, {name: value}."""
        return {"name": self.data, "image_size": self.image_size, "data_dir": self.data_dir, "cache": self.cache}

    def elapsed(self):
        """Seconds since the command began."""
        return time.monotonic() - self.started

    def free_path(self, data_name):
        """The folder to write to: `out`, or the first of runs/MODEL-DATA, runs/MODEL-DATA-2 ... that is free."""
        if self.out is not None:
            return Path(self.out)
        kind, _, rest = data_name.partition(":")
        base = Path("runs") / f"{self.model}-{Path(rest).name.replace('/', '-') if rest else kind}"
        if self.overwrite:
            return base
        path, number = base, 1
        while path.exists():
            path, number = base.with_name(f"{base.name}-{number + 1}"), number + 1
        return path


def check_fits(settings, data):
    """Raises DataError where an `ImageData` is not for the family, or not for the weights of `settings.from_run`."""
    family(settings.model).check_labels(data.num_classes, data.name)
    if settings.from_run is None:
        return
    source = Run.open(settings.from_run)
    shape, classes = tuple(source.config["model_config"]["image_shape"]), source.config["model_config"]["num_classes"]
    if data.image_shape != shape:
        raise DataError(
            f"the weights of {source.name} are for images of {_shaped(shape)}, those of {data.name} are "
            f"{_shaped(data.image_shape)} (sides padded to multiples of 8): give other --data or --image-size"
        )
    if family(settings.model).labels and data.num_classes != classes:
        raise DataError(
            f"the weights of {source.name} are for {classes} classes, {data.name} has {data.num_classes}: give other "
            "--data"
        )


def _shaped(shape):
    return "x".join(map(str, shape))
