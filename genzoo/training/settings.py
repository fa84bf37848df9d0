"""What a person can ask of a training run, checked before anything slow starts."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from genzoo.errors import UsageError


@dataclass(frozen=True)
class TrainSettings:
    """The choices behind one training run; None means the family's own default (see `families.MODELS`)."""

    model: str = "cddpm"
    data: str = "auto"
    image_size: int | None = None  # pixels; None: the set's own size
    data_dir: str | None = None  # where TFDS sets are prepared
    epochs: int | None = None  # at most one of epochs, steps and minutes
    steps: int | None = None
    minutes: float | None = None  # wall time of the whole command, from `started`
    batch_size: int | None = None
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
    started: float = field(default_factory=time.monotonic)  # when the command began, in seconds

    def __post_init__(self):
        """Raises UsageError for a value that no run could use."""
        lengths = {name: getattr(self, name) for name in ("epochs", "steps", "minutes")}
        given = [name for name, value in lengths.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given; expected at most one of epochs, steps and minutes")
        for name, value in {**lengths, "batch size": self.batch_size, "lr": self.lr}.items():
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} {value}: expected a number above 0")
        if self.ema is not None and not 0 <= self.ema < 1:
            raise UsageError(f"ema {self.ema}: expected a decay from 0 (off) to below 1, such as 0.999")
        if self.sample_every is not None and self.sample_every < 0:
            raise UsageError(f"sample every {self.sample_every} steps: expected 0 (only at the end) or more")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"seed {self.seed}: expected an integer from 0 to 2147483647")

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
