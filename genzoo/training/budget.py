"""How long training takes here: a short measurement, for `--minutes` and `--dry-run`."""

import sys
import time
from dataclasses import dataclass

from genzoo.stack import keras
from genzoo.training.loop import PREVIEW_IMAGES, SAMPLING_IMAGES

STEP_SECONDS = 2.0  # of steps that are timed
WARM_STEPS = 2  # compile and settle; not timed
STEP_EVALUATIONS = 3  # of the network that a step is worth: one forward, and a backward pass costs two
MOST_STEPS = 200
PICTURE_SHARE = 0.1  # of a timed run may go into pictures
MARGIN = 0.95  # of the time that is left is planned for; the rest absorbs checkpoints and drift


@dataclass(frozen=True)
class Speed:
    """Seconds of one training step, one validation, one picture, and of what a run does once; the most memory in use
    meanwhile, in bytes."""

    step: float
    validation: float
    picture: float
    once: float
    memory: int

    def seconds(self, steps, steps_per_epoch, pictures):
        """Expected time of a run."""
        epochs = -(-steps // steps_per_epoch)
        return steps * self.step + epochs * self.validation + pictures * self.picture + self.once


def measure(trainer):
    """The `Speed` of a Trainer, from some real steps; its state stays what it was.

    Validation and picture are counted, in evaluations of the network. To do them here would trace two more graphs, and
    keep a person waiting for the first step of the run that much longer.
    """
    before = trainer.state.snapshot()
    clock = _Clock()
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
        # The two graphs take about as long to trace as that of a step; the preparation grows with the images.
        once=clock.tracing_seconds + preparation * max(0, most / PREVIEW_IMAGES - 1),
        memory=_peak_memory(),
    )


def steps_within(seconds, speed, steps_per_epoch, pictures):
    """(steps, pictures) of a run that ends within `seconds` from now; at least one of each."""
    if speed.picture:
        pictures = max(1, min(pictures, int(PICTURE_SHARE * seconds / speed.picture)))
    left = MARGIN * seconds - pictures * speed.picture - speed.once
    return max(1, int(left / (speed.step + speed.validation / steps_per_epoch))), pictures


class _Clock(keras.callbacks.Callback):
    """Times steps and ends `fit` when STEP_SECONDS of them are timed."""

    def __init__(self):
        super().__init__()
        self._times = []

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
        if len(self._times) > WARM_STEPS + 2 and self._times[-1] - self._times[WARM_STEPS] > STEP_SECONDS:
            self.model.stop_training = True


def _peak_memory():
    """Bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
