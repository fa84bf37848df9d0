"""What of a model goes into files: its weights by name, and all that training changes."""

from genzoo.errors import CheckpointError
from genzoo.networks.blocks import named_weights
from genzoo.stack import tf_variable


class Stored:
    """For `GenerativeModel`, which has a `network`, its average `ema`, and an `early` one or None."""

    def extras(self):
        """Returns {name: weight} that sampling needs beside the averaged network."""
        return {}

    def _named(self, *networks):
        """{name: weight} of these networks, and what else sampling needs."""
        named = {f"{key}.{name}": w for key in networks for name, w in named_weights(getattr(self, key)).items()}
        return named | self.extras()

    def weights_dict(self):
        """Returns {name: array}: all that sampling needs, named alike on both stacks. The early twin is in it only where
        it is kept."""
        named = self._named("ema", "early") if self.has_early else self._named("ema")
        return {name: tf_variable(w).numpy() for name, w in named.items()}

    def load_weights_dict(self, arrays):
        """Takes what `weights_dict` gave, on either stack; raises CheckpointError unless names and shapes agree."""
        early = self.early is not None and any(name.startswith("early.") for name in arrays)
        mine = self._named("ema", "early") if early else self._named("ema")
        if set(mine) != set(arrays):
            odd = sorted(set(mine) ^ set(arrays))[0]
            raise CheckpointError(f"these weights are not of this model: {odd!r} is on one side only")
        for name, w in mine.items():
            if tuple(w.shape) != arrays[name].shape:
                raise CheckpointError(f"weight {name!r} has shape {arrays[name].shape}, expected {tuple(w.shape)}")
        for name, w in mine.items():
            w.assign(arrays[name])
        self.early_kept.assign(float(early))
        for average, weight in zip(self.ema.weights, self.network.weights, strict=True):
            weight.assign(average)

    def state_variables(self):
        """Returns {name: tf.Variable}: everything that training changes, but the optimizer's."""
        named = self._named("network", "ema")
        if self.early is not None:
            named |= self._named("early") | {"early_kept": self.early_kept}
        named |= {f"tracker.{name}.{v}": getattr(t, v) for name, t in self.trackers.items() for v in ("total", "count")}
        return {name: tf_variable(w) for name, w in named.items()}
