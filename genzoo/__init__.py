"""genzoo: a zoo of generative image models in TensorFlow/Keras.

`build(name, …)` makes a model, `load(run)` brings one back from its run folder, `load_data(name)` reads images.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["build", "load", "load_data"]

# Imported when asked for: `genzoo --help` must not wait for TensorFlow.
_HOMES = {"build": "genzoo.models.families", "load": "genzoo.runs.load", "load_data": "genzoo.data.sets"}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'genzoo' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
