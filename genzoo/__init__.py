"""genzoo: a zoo of generative image models in TensorFlow/Keras.

`genzoo.build(name, …)` makes a model, `genzoo.load(run)` brings one back from its run folder.
"""

__version__ = "0.1.0"
__all__ = ["build", "load"]


def __getattr__(name):
    # Late imports: `genzoo --help` must not wait for TensorFlow.
    if name == "build":
        from genzoo.registry import build

        return build
    if name == "load":
        from genzoo.checkpoint import load

        return load
    raise AttributeError(f"module 'genzoo' has no attribute {name!r}")
