"""Writes tests/runs/exchange/keras{2,3}-FAMILY.safetensors on the stack that runs it, for `test_exchange`.

    PYTHONPATH=tests python tests/runs/make_exchange.py        # once on each stack, after a change of the networks

A file holds the sampling weights of a tiny model, its config, and what it sampled.
"""

import json
from pathlib import Path

from safetensors.numpy import save_file
from small import shaken, small

from genzoo.models.families import MODELS
from genzoo.stack import keras

FOLDER = Path(__file__).parent / "exchange"
REQUEST = {"n": 4, "seed": 11}
ANCESTRAL = {"sampler": "ddpm", "steps": 4}
OPTIONS = {"blend": {"steps": 4}, "ddpm": ANCESTRAL, "cddpm": ANCESTRAL | {"guidance": 2.0, "guidance_interval": None}}


def request(model, name):
    return model.sample(**REQUEST, **OPTIONS.get(name, {}))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    stack = "keras3" if hasattr(keras, "ops") else "keras2"
    for family in MODELS:
        tiny = shaken(small(family), scale=0.2)
        arrays = tiny.weights_dict() | {"sampled": request(tiny, family)}
        save_file(arrays, FOLDER / f"{stack}-{family}.safetensors", metadata={"config": json.dumps(tiny.config)})
