"""The loop: one `model.fit` an epoch, and after each step what keeps a run exact, visible and safe."""

import math
import time
from dataclasses import astuple, dataclass, replace

from genzoo.data.pipeline import chosen
from genzoo.data.pixels import Floats, to_uint8
from genzoo.errors import DivergedError
from genzoo.files import write_atomically
from genzoo.pictures.grids import grid, save_png
from genzoo.pictures.plots import loss_curves
from genzoo.progress import Progress
from genzoo.runs.run import Run
from genzoo.runs.state import TrainingState
from genzoo.stack import keras, tf
from genzoo.training.cluster import check_divides
from genzoo.training.interrupt import Interrupted, stop_request
from genzoo.training.length import Decision, Length
from genzoo.training.rate import learning_rate
from genzoo.training.workers import ALONE

ROWS, COLUMNS = 4, 10  # of a picture
VALIDATION_IMAGES = 2000  # at most, at each epoch's end
SAMPLING_IMAGES = 10_000  # at most, for `prepare_sampling` at the end of a run
MOST_NUMBERS = 2**27  # in these images, as floats half a gigabyte: fewer of them above 64x64x3
PREVIEW_IMAGES = 1000  # the same before the end, where it must not hold up the training
SAVE_SECONDS = 20.0  # an epoch's end saves where the last checkpoint is older than this


@dataclass(frozen=True)
class Summary:
    """What training did. `seconds`: training time of the whole run; `metrics`: the last row of metrics.csv;
    `note`: what `prepare_sampling` said, or None."""

    run: Run
    seconds: float
    images_per_second: float
    metrics: dict
    note: str | None

    @property
    def picture(self):
        """Path of the last picture."""
        return self.run.picture(self.run.total_steps)


class Trainer:
    """Trains one model on one data set, and leaves a run folder.

    model: a `GenerativeModel`.     data: an `ImageData`.
    train: the "train" part of a run's config. To be measured, a Trainer needs no more than batch_size, lr, ema, seed
        and jit_compile; `run` needs all of it.
    workers: with whom it trains as one, `Workers`. Of these the chief alone writes, validates and draws.

    at_once: images that this process has a step compute at the same time.

    Raises UsageError where a batch cannot be shared out to the workers, or into parts, evenly.
    """

    def __init__(self, model, data, train, workers=ALONE):
        self.model, self.data, self.train, self.workers = model, data, train, workers
        self.batch_size = min(train["batch_size"], len(data.train_images))
        accumulate = train.get("accumulate", 1)  # a run of an older version has none
        check_divides(self.batch_size, workers.count, accumulate)
        self.at_once = self.batch_size // workers.count // accumulate
        self.steps_per_epoch = data.steps_per_epoch(self.batch_size)
        model.seed, model.ema_decay, model.accumulate = train["seed"], train["ema"], accumulate
        workers.join(model, train["jit_compile"])
        compiled = train["jit_compile"] and workers.count == 1  # XLA does not know how to add up over processes
        model.compile(optimizer=keras.optimizers.Adam(train["lr"]), jit_compile=compiled)
        self.state = TrainingState(model)
        kept = chosen(len(data.test_images), VALIDATION_IMAGES)
        self._validation = replace(data, test_images=data.test_images[kept], test_labels=data.test_labels[kept])

    def run(self, run, callbacks=()):
        """Trains from the run's newest checkpoint, or from the start, to its end. -> Summary; None but for the chief.

        callbacks: Keras callbacks. Each epoch is a `fit` of its own, so they meet the start of training and epoch 0
            anew in each. One that sets `model.stop_training` ends the run there, as if it had been planned so.

        Raises DivergedError, Interrupted, CheckpointError when the folder cannot be written, and ClusterError where
        another worker has gone or differs.
        """
        workers = self.workers
        self._run, self._callbacks, self._note, self._began = run, callbacks, None, time.monotonic()
        self._step, self._rows, decisions = self._restored() if workers.chief else (0, [], [])
        self._step, decisions = workers.from_chief([self._step, decisions])
        if workers.count > 1:  # it fitted or read what the others did not
            self.state.load(workers.from_chief(self.state.dump() if workers.chief else b""))
        self._before = float(self.state.seconds.numpy())
        workers.begin(self._before)
        self._saved, self._replanned = self._seconds(), False
        # A run that was begun by an older version has no "seconds": its steps stand.
        settings, decisions = self.train, [Decision(*made) for made in decisions]
        self._length = Length(settings["steps"], settings.get("seconds"), settings.get("reserve"), decisions)
        with (
            stop_request() as self._stop,
            Progress(self._length.total, self._step, self.batch_size, shown=workers.chief) as self._bar,
        ):
            while self._step < self._length.total:
                self._epoch()
            if workers.chief:
                write_atomically(run.path / "curves.png", loss_curves(self._rows))
            workers.wait()  # none leaves before the chief has written
        if not workers.chief:
            return None
        return Summary(run, self._seconds(), self._bar.images_per_second, self._rows[-1], self._note)

    def _restored(self):
        """(step, rows of metrics.csv, decisions) of the run's newest checkpoint, whose state is taken."""
        run = self._run
        (run.path / "samples").mkdir(exist_ok=True)
        step = self.state.restore(run)
        if not step:
            self.model.prepare_training(self._some_images(SAMPLING_IMAGES)[0])
        return step, [row for row in run.read_metrics() if int(row["step"]) <= step], run.decisions(step)

    def batches(self, step):
        """The training batches from `step` to its epoch's end; with other workers, this one's rows of them."""
        epoch, done = divmod(step, self.steps_per_epoch)
        part = self.workers.part(self.batch_size)
        return self.data.train_batches(self.batch_size, seed=self.train["seed"], epoch=epoch, skip=done, part=part)

    def validate(self):
        """{"val_" + tracker: value} on the test split, with the averaged weights."""
        batches = self._validation.test_batches(self.batch_size)
        logs = self.model.evaluate(batches, verbose=0, return_dict=True)
        return {f"val_{metric.name}": logs[metric.name] for metric in self.model.metrics}

    def prepare_sampling(self, most):
        """`model.prepare_sampling` on at most that many training images; they become floats where it reads them."""
        return self.model.prepare_sampling(*self._some_images(most))

    def _some_images(self, most):
        """At most that many training images, with their labels."""
        images, labels = self.data.train_images, self.data.train_labels
        kept = chosen(len(images), min(most, MOST_NUMBERS // math.prod(self.data.image_shape)))
        return Floats(images, kept), labels[kept]

    def picture(self):
        """Samples of the averaged weights as one uint8 picture [H, W, C]: each time the same noise and labels."""
        columns = self._columns
        labels = list(range(columns)) * ROWS if self.model.conditional else None
        images = self.model.sample(ROWS * columns, labels=labels, seed=self.train["seed"])
        return grid(to_uint8(images, self.data.native_shape), columns)

    @property
    def picture_evaluations(self):
        """Network evaluations that a picture takes, of one image each."""
        return ROWS * self._columns * self.model.evaluations()

    @property
    def validation_images(self):
        """How many images `validate` looks at."""
        return len(self._validation.test_images)

    @property
    def _columns(self):
        return min(COLUMNS, self.model.num_classes) if self.model.conditional else COLUMNS

    def _own_seconds(self):
        return self._before + time.monotonic() - self._began

    def _seconds(self):
        return self.workers.seconds(self._own_seconds())

    def _epoch(self):
        """Trains to the end of the current epoch, or of the run, and writes the epoch's row."""
        done = self._step % self.steps_per_epoch
        self._epoch_end = self._step - done + self.steps_per_epoch
        trackers = self.state.snapshot() if done else {}
        callback = keras.callbacks.LambdaCallback(
            # `fit` has zeroed the trackers; those of an epoch that was cut go on where they were.
            on_epoch_begin=lambda epoch, logs: self.state.put_back(trackers),
            on_train_batch_begin=lambda batch, logs: self.before_step(),
            on_train_batch_end=lambda batch, logs: self.after_step(float(logs["loss"])),
        )
        self._bar.resume()
        batches, callbacks = self.batches(self._step), [callback, *self._callbacks]
        history = self.model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks).history
        if self.model.stop_training and self._step < self._length.total:  # one of the callbacks asked for it
            self._length.end(self._step)
        if self.workers.chief:
            self._write_row({metric.name: history[metric.name][-1] for metric in self.model.metrics} | self.validate())
        picture = self._picture_due() or self._step == self._length.total
        self._keep(picture, checkpoint=picture or self._seconds() - self._saved > SAVE_SECONDS)

    def _write_row(self, logs):
        row = {
            "epoch": math.ceil(self._step / self.steps_per_epoch),
            "step": self._step,
            "seconds": f"{self._seconds():.1f}",
            "images_per_second": f"{self._bar.images_per_second:.1f}",
            **{name: f"{value:.7g}" for name, value in logs.items()},
        }
        self._rows.append(row)
        self._run.write_metrics(self._rows)
        if self.train["tensorboard"]:
            self._to_tensorboard(logs)

    def before_step(self):
        """Sets the learning rate, and tells the other workers what came since the last step."""
        length = self._length
        self.workers.before_step(self._step, self._stop.signum, self._own_seconds())
        self.model.optimizer.learning_rate = learning_rate(length.position(self._step), length.steps, self.train["lr"])

    def after_step(self, loss):
        """Counts the step; stops where `loss`, the epoch's mean so far, is not finite; plans, draws and saves what is
        due."""
        self.workers.after_step(self._step)
        self._step += 1
        if not math.isfinite(loss):
            raise self._diverged(f"the loss became {loss}")
        self._bar.advance(loss)
        if self._length.step_done(self._step, self._seconds()):
            self._replanned = True
            self._bar.plan(self._length.total)
        if self._step == self._length.total:
            self.model.stop_training = True
        elif self._step < self._epoch_end:
            self._keep(self._picture_due(), checkpoint=self._picture_due())
            self._bar.resume()
        # At an epoch's end the row comes first, see `_epoch`.

    def _picture_due(self):
        every = self.train["sample_every"]
        return every > 0 and self._step % every == 0

    def _keep(self, picture, checkpoint):
        """Draws and saves what is due; after a decision and on a signal saves in any case; on a signal stops."""
        signum, finished = self.workers.signal(self._stop.signum), self._step == self._length.total
        stopped = signum is not None
        if checkpoint or stopped or self._replanned:
            broken = self.state.not_finite()
            if broken:
                raise self._diverged(f"{broken} holds NaN or infinity")
            self._check_workers()
            if self.workers.chief:
                self._save(picture, SAMPLING_IMAGES if finished else PREVIEW_IMAGES)
            self._saved, self._replanned = self._seconds(), False
        if stopped and not finished:
            self.workers.wait()
            raise Interrupted(
                f"stopped after step {self._step} of {self._length.total}, all saved; "
                f"go on with: train --resume {self._run.path}",
                signum,
            )

    def _save(self, picture, images):
        self._note = self.prepare_sampling(images)
        if picture:
            save_png(self._run.picture(self._step), self.picture())
        # The weights before the checkpoint: a run whose last checkpoint stands has its last weights too.
        self._run.write_weights(self.model.weights_dict())
        self.state.seconds.assign(self._seconds())
        self.state.save(self._run, self._step, [astuple(decision) for decision in self._length.decisions])

    def _check_workers(self):
        """Raises ClusterError where another worker's weights, average or optimizer differ."""
        if self.workers.count > 1:
            digest = self.state.sha256(("network.", "ema.", "optimizer."))
            do = "give all workers the same versions and kind of processor, and resume"
            self.workers.check_same(digest, f"weights at step {self._step}", do)

    def _diverged(self, what):
        kept = self._run.step if self.workers.chief else 0
        held = f"the checkpoint of step {kept} is kept" if kept else "no checkpoint was written yet"
        lr = self.train["lr"] / 3
        return DivergedError(f"{what} at step {self._step}; {held}; train anew with a lower --lr, such as {lr:.1g}")

    def _to_tensorboard(self, logs):
        with tf.summary.create_file_writer(str(self._run.path / "tb")).as_default(step=self._step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
