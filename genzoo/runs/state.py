"""The exact state of a training run, saved in TensorFlow's checkpoint format: each tensor carries a CRC."""

import shutil

import numpy as np

from genzoo.checksum import sha256
from genzoo.errors import CheckpointError
from genzoo.runs.decisions import write as write_decisions
from genzoo.stack import tf, tf_variable

KEEP = 2  # checkpoints
_NAME = "state"
_STATE = "variables/"  # how the names of the state's tensors begin in a checkpoint
_UNREADABLE = (tf.errors.OpError, AssertionError, IndexError, RuntimeError, ValueError)  # a bad CRC, a cut file ...


class TrainingState:
    """All that training changes, as one flat dict `variables` {name: tf.Variable}: the model's `state_variables()`
    and the optimizer's. It does not depend on how Keras nests its objects. `seconds`: training time so far."""

    def __init__(self, model):
        model.optimizer.build(model.trainable_variables)
        optimizer = {f"optimizer.{i:03d}": tf_variable(v) for i, v in enumerate(model.optimizer.variables)}
        self.variables = {**model.state_variables(), **optimizer}
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._checkpoint = tf.train.Checkpoint(variables=self.variables, seconds=self.seconds)

    def snapshot(self):
        """Copies of all values, for `put_back`."""
        return {name: variable.numpy().copy() for name, variable in self.variables.items()}

    def put_back(self, values):
        """Sets the variables to a snapshot's values."""
        for name, value in values.items():
            self.variables[name].assign(value)

    def dump(self):
        """The values of all variables and of `seconds` as bytes, for `load` of a model built alike."""
        return b"".join(variable.numpy().tobytes() for variable in (*self.variables.values(), self.seconds))

    def load(self, content):
        """Takes what `dump` gave."""
        at = 0
        for variable in (*self.variables.values(), self.seconds):
            values = np.zeros(variable.shape, variable.dtype.as_numpy_dtype)
            variable.assign(np.frombuffer(content, values.dtype, values.size, at).reshape(values.shape))
            at += values.nbytes

    def sha256(self, prefixes):
        """sha256 (hex) over the variables whose names begin with one of these."""
        return sha256([n for n in self.variables if n.startswith(prefixes)], lambda name: self.variables[name].numpy())

    def not_finite(self):
        """The name of a variable that holds NaN or infinity, or None."""
        floats = ((name, v) for name, v in self.variables.items() if v.dtype.is_floating)
        return next((name for name, v in floats if not np.isfinite(v.numpy()).all()), None)

    def save(self, run, step, decisions=()):
        """Writes checkpoints/step_N and removes all but the newest KEEP. The folder appears by one rename, so that it
        is whole or not there at all. Raises CheckpointError when it cannot be written.

        decisions: about the run's length, as `Run.decisions` gives them.
        """
        parent = run.path / "checkpoints"
        folder, unfinished = parent / f"step_{step:07d}", parent / "unfinished"
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            self._checkpoint.write(str(unfinished / _NAME))
            write_decisions(unfinished, list(decisions), run.config)
            if folder.exists():  # damaged, or from before a resume: it would hold the same
                shutil.rmtree(folder)
            unfinished.rename(folder)
            for old in list(run.checkpoints().values())[KEEP:]:
                shutil.rmtree(old)
        except (OSError, tf.errors.OpError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise CheckpointError(f"cannot write {folder}: {reason}; free some space, then --resume") from error

    def restore(self, run, warn=print):
        """Reads the newest whole checkpoint and returns its step: 0 where no checkpoint was written yet, and nothing
        is changed. A damaged one is passed over with a warning; CheckpointError when all are."""
        found = run.checkpoints()
        for step, folder in found.items():
            try:
                run.decisions(step)
                self._checkpoint.read(str(folder / _NAME)).assert_consumed()
                return step
            except _UNREADABLE as error:
                warn(f"warning: {folder} is damaged ({str(error).splitlines()[0]}); trying the one before")
        if found:
            raise CheckpointError(f"no checkpoint in {run.path} can be read; train this run anew with --overwrite")
        return 0


def state_sha256(run):
    """sha256 (hex) over weights, EMA and optimizer state in the run's newest checkpoint: names, types, shapes and
    bytes, sorted by name. The time spent is not part of it. Raises CheckpointError."""
    if not run.checkpoints():
        raise CheckpointError(f"{run.path} holds no checkpoint yet; go on with: train --resume {run.path}")
    folder = run.checkpoints()[run.step]
    try:
        reader = tf.train.load_checkpoint(str(folder / _NAME))
        names = [name for name in reader.get_variable_to_shape_map() if name.startswith(_STATE)]
        return sha256(names, reader.get_tensor)
    except _UNREADABLE as error:
        raise CheckpointError(
            f"{folder} is damaged ({str(error).splitlines()[0]}); --resume uses the one before"
        ) from error
