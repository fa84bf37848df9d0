"""A training state of a few variables, which is restored in milliseconds."""

import numpy as np

from genzoo.stack import keras, tf_variable


class StandIn:
    """A model of one layer and its optimizer: all that `TrainingState` asks of one."""

    def __init__(self):
        self._layer = keras.layers.Dense(30)
        self._layer.build((None, 20))
        self.trainable_variables, self.optimizer = self._layer.trainable_variables, keras.optimizers.Adam()

    def state_variables(self):
        return {"network/kernel": tf_variable(self._layer.kernel), "network/bias": tf_variable(self._layer.bias)}


def filled(value):
    """The `TrainingState` of a `StandIn` with this value everywhere."""
    from genzoo.runs.state import TrainingState

    state = TrainingState(StandIn())
    for variable in state.variables.values():
        variable.assign(np.full(variable.shape, value, variable.dtype.as_numpy_dtype))
    return state


def value_of(state):
    """The value that is everywhere in a state; None where there are several."""
    values = np.concatenate([np.ravel(variable) for variable in state.variables.values()])
    return values[0] if (values == values[0]).all() else None
