"""The time of a training step, as `fit` makes it."""

import time

from genzoo.stack import keras

MOST_STEPS = 100_000  # Keras 2 takes no endless data


class Stopwatch(keras.callbacks.Callback):
    """Ends `fit` after about `seconds`. `step_seconds`: the mean from the end of its first step to that of its last."""

    def __init__(self, seconds):
        super().__init__()
        self._seconds, self._marks = seconds, []

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the step, as the trainer does
        self._marks.append((time.perf_counter(), int(self.model.optimizer.iterations)))
        if len(self._marks) > 1 and self._marks[-1][0] - self._marks[0][0] >= self._seconds:
            self.model.stop_training = True

    @property
    def step_seconds(self):
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        return (ended - began) / (last - first)


def step_seconds(model, batches, seconds):
    """Seconds of a training step of a compiled model under `fit`, over about `seconds` of them.

    batches: a `tf.data.Dataset`, which is repeated. The first step, which may compile, is not counted.
    """
    watch = Stopwatch(seconds)
    model.fit(batches.repeat().take(MOST_STEPS), shuffle=False, verbose=0, callbacks=[watch])
    return watch.step_seconds
