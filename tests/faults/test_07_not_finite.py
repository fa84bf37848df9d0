"""Row 7: NaN or infinity, wherever it appears, ends a training within a step with exit code 3, and in no checkpoint."""

import numpy as np
import pytest

from genzoo.errors import DivergedError
from genzoo.runs.run import Run
from genzoo.stack import tf, tf_variable


def poison(where, value):
    """An action on a model: puts a value into one number of its network, its average or its optimizer."""

    def act(model):
        variables = {
            "weight": [tf_variable(v) for v in model.network.trainable_weights],
            "average": [tf_variable(v) for v in model.ema.weights],
            "optimizer": [tf_variable(v) for v in model.optimizer.variables if len(v.shape)],
        }
        variable = variables[where][0]
        changed = variable.numpy()
        changed.flat[0] = value
        variable.assign(changed)

    return act


def through_the_loss(value):
    """An action on a model: its loss is so many times itself in the coming step, and as ever in the next."""

    def act(model):
        real = model.loss_terms

        def loss_terms(*arguments, **options):
            model.loss_terms = real
            terms = real(*arguments, **options)
            return {name: term * value for name, term in terms.items()}

        object.__setattr__(model, "loss_terms", loss_terms)

    return act


@tf.custom_gradient
def _with_a_wild_gradient(x):
    return x, lambda up: up * np.nan


def through_the_gradient(model):
    """Its gradient is NaN in the coming step, and its loss as ever."""
    real = model.loss_terms

    def loss_terms(*arguments, **options):
        model.loss_terms = real
        return {name: _with_a_wild_gradient(term) for name, term in real(*arguments, **options).items()}

    object.__setattr__(model, "loss_terms", loss_terms)


FAULTS = {
    **{f"{value} in the {where}": (poison(where, value), where != "weight")
       for where in ("weight", "average", "optimizer") for value in (np.nan, np.inf, -np.inf)},
    "NaN in the loss of one step": (through_the_loss(np.nan), False),
    "infinity in the loss of one step": (through_the_loss(np.inf), False),
    "NaN in a gradient": (through_the_gradient, True),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.faults(7, "NaN or infinity in a training", few=3)
def test_it_stops(train, before_step, tmp_path, trials):
    for name, (act, later) in trials.of(FAULTS.items()):
        path = tmp_path / str(trials.tried)
        with pytest.raises(DivergedError, match=r"at step \d") as error:
            train(path, [before_step(6, act)])
        step = int(str(error.value).split("at step ")[1].split(";")[0])
        # What the loss of a step does not show yet is seen in that of the next, or when the next checkpoint is due.
        assert step == 6 if not later else 6 <= step <= 8, name
        assert error.value.exit_code == 3 and "step 4 is kept" in str(error.value) and "\n" not in str(error.value)
        run = Run.open(path)
        assert run.step == 4 and all(np.isfinite(array).all() for array in run.read_weights().values())
