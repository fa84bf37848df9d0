"""What of a model goes into files: its weights by name, and all that training changes."""

from genzoo.errors import CheckpointError
from genzoo.networks.blocks import named_weights
from genzoo.stack import tf_variable


class Stored:
    """For `GenerativeModel`, which has a `network` and its average `ema`."""

    def extras(self):
        """Returns {name: weight} that sampling needs beside the averaged network."""
        return {}

    def weights_dict(self):
        """Returns {name: array}: all that sampling needs, named alike on both stacks."""
        weights = {f"ema.{name}": w for name, w in named_weights(self.ema).items()} | self.extras()
        return {name: tf_variable(w).numpy() for name, w in weights.items()}

    def load_weights_dict(self, arrays):
        """Takes what `weights_dict` gave, on either stack; raises CheckpointError unless names and shapes agree."""
        mine = {f"ema.{name}": w for name, w in named_weights(self.ema).items()} | self.extras()
        if set(mine) != set(arrays):
            odd = sorted(set(mine) ^ set(arrays))[0]
            raise CheckpointError(f"these weights are not of this model: {odd!r} is on one side only")
        for name, w in mine.items():
            if tuple(w.shape) != arrays[name].shape:
                raise CheckpointError(f"weight {name!r} has shape {arrays[name].shape}, expected {tuple(w.shape)}")
        for name, w in mine.items():
            w.assign(arrays[name])
        for average, weight in zip(self.ema.weights, self.network.weights, strict=True):
            weight.assign(average)

    def state_variables(self):
        """Returns {name: tf.Variable}: everything that training changes, but the optimizer's."""
        networks = {"network": self.network, "ema": self.ema}
        named = {f"{key}.{name}": w for key, net in networks.items() for name, w in named_weights(net).items()}
        named |= self.extras()
        named |= {f"tracker.{name}.{v}": getattr(t, v) for name, t in self.trackers.items() for v in ("total", "count")}
        return {name: tf_variable(w) for name, w in named.items()}
