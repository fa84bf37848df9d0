"""Models as runs, and what the page's engine makes of them under node."""

import base64
import shutil

import numpy as np
import pytest

from genzoo.export.web.pack import pack
from genzoo.export.web.write import ask
from genzoo.runs.run import Run

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(not NODE, reason="no node on PATH to run the page's engine in: apt-get install nodejs")


class Given(Run):
    """A run of a model in memory, whose weights become random numbers of float16: those that a page has."""

    def __init__(self, model, name="given"):
        random, rounded = np.random.default_rng(0), {}
        for key, value in model.weights_dict().items():
            if key.startswith("ema."):
                value = value + 0.1 * random.normal(size=value.shape)
            elif key.endswith("shares"):
                value = random.dirichlet(np.ones(value.shape[-1]), value.shape[:-1])
            else:
                value = random.normal(size=value.shape)
            rounded[key] = value.astype(np.float16).astype(np.float32)
        model.load_weights_dict(rounded)
        data = {"native_shape": list(model.image_shape)}
        config = {"model": model.family, "model_config": model.config, "data": data}
        super().__init__(name, config)
        self.rounded = rounded

    def read_weights(self):
        return self.rounded


def asked(run, *tasks, engine="wasm"):
    """The numbers of tasks of check.js, flat."""
    return [numbers for numbers, _ in ask(NODE, pack([run]), tasks, engine)]


def text(numbers):
    """Numbers as check.js takes them."""
    return base64.b64encode(np.ascontiguousarray(numbers, "<f4").tobytes()).decode()
