"""How fast training is on this machine: a short measurement, and what it says about the length of a run."""

import math
import sys
import time
from dataclasses import dataclass

from genzoo.stack import keras
from genzoo.training.loop import PREVIEW_IMAGES, SAMPLING_IMAGES

STEP_SECONDS = 2.0  # of steps that are timed
WARM_STEPS = 2  # compile and settle; not timed
STEP_EVALUATIONS = 3  # of the network that a step is worth: one forward, and a backward pass costs two
MOST_STEPS = 200
PICTURES = 8  # in a run, where nothing else is asked for
PICTURE_SHARE = 0.1  # of a run of so many minutes may go into those
TRACING_SHARE = 0.5  # of the time that the step's graph takes to trace: that of validation, and that of sampling
CLOSING_SECONDS = 2.0  # to start Python (before any clock), to draw the curves, to end the process


@dataclass(frozen=True)
class Speed:
    """How long the parts of a run take, in seconds.

    step, validation, picture: one of each, its graph being traced.   tracing: of the graph of a step.
    preparation: of sampling, beyond what a picture before the end takes.   memory: the most in use so far, in bytes.
    """

    step: float
    validation: float
    picture: float
    tracing: float
    preparation: float
    memory: int

    def seconds(self, steps, steps_per_epoch, every):
        """Expected seconds of a run, the step's graph being traced, with a picture each `every` steps (0: one)."""
        epochs = math.ceil(steps / steps_per_epoch)
        pictures = math.ceil(steps / every) if every else 1
        lasting = steps * self.step + epochs * self.validation + pictures * self.picture
        return lasting + 2 * TRACING_SHARE * self.tracing + self.preparation + CLOSING_SECONDS

    def seconds_after(self, steps, steps_per_epoch, every):
        """Those of them that follow the last step: validation, picture and files, whose graphs may be new."""
        graphs = (steps <= steps_per_epoch) + (not every or steps <= every)
        tracing = graphs * TRACING_SHARE * self.tracing
        return tracing + self.validation + self.picture + self.preparation + CLOSING_SECONDS


def measure(trainer):
    """The `Speed` of a Trainer, from some real steps; its state stays what it was.

    Validation and picture are counted, in evaluations of the network. To do them here would trace two more graphs, and
    keep a person waiting for the first step of the run that much longer.
    """
    before = trainer.state.snapshot()
    clock = _Clock(trainer.workers)
    batches = trainer.batches(0).repeat().take(MOST_STEPS)
    trainer.model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
    began = time.perf_counter()
    trainer.prepare_sampling(PREVIEW_IMAGES)
    preparation = time.perf_counter() - began
    trainer.state.put_back(before)
    evaluation = clock.step_seconds / STEP_EVALUATIONS / trainer.batch_size  # of one image
    most = min(SAMPLING_IMAGES, len(trainer.data.train_images))
    return Speed(
        step=clock.step_seconds,
        validation=trainer.validation_images * evaluation,
        picture=preparation + trainer.picture_evaluations * evaluation,
        tracing=clock.tracing_seconds,
        preparation=preparation * max(0, most / PREVIEW_IMAGES - 1),
        memory=_peak_memory(),
    )


def steps_within(seconds, speed, steps_per_epoch, every=None):
    """(steps, steps between pictures, reserve) of a run that ends `seconds` from now; the reserve is as of `Length`.

    every: steps between pictures where they are asked for (0: only one, at the end), else about PICTURES are drawn in
    all, fewer where they would take more than PICTURE_SHARE. At least one step is made.
    """
    lasting = speed.step + speed.validation / steps_per_epoch  # seconds that each step adds
    pictures = 1
    if every:
        lasting += speed.picture / every
    elif every is None:
        affordable = PICTURE_SHARE * seconds / speed.picture if speed.picture else PICTURES
        pictures = max(1, min(PICTURES, int(affordable)))
    fixed = speed.seconds(0, steps_per_epoch, 0) + speed.validation + (pictures - 1) * speed.picture
    steps = max(1, int((seconds - fixed) / lasting))
    if every is None:
        every = math.ceil(steps / pictures)
    return steps, every, speed.seconds_after(steps, steps_per_epoch, every) / speed.step


class _Clock(keras.callbacks.Callback):
    """Times steps and ends `fit` when STEP_SECONDS of them are timed."""

    def __init__(self, workers):
        super().__init__()
        self._times, self._workers = [], workers

    @property
    def step_seconds(self):
        timed = self._times[WARM_STEPS:]
        return (timed[-1] - timed[0]) / (len(timed) - 1)

    @property
    def tracing_seconds(self):
        return self._times[1] - self._times[0]

    def on_train_begin(self, logs=None):
        self._times.append(time.perf_counter())

    def on_train_batch_end(self, batch, logs=None):
        self._times.append(time.perf_counter())
        enough = len(self._times) > WARM_STEPS + 2 and self._times[-1] - self._times[WARM_STEPS] > STEP_SECONDS
        if self._workers.from_chief(enough):
            self.model.stop_training = True


def _peak_memory():
    """Bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
