"""Weights written on either stack load on this one, and sample the same picture."""

import functools
import json

import numpy as np
import pytest
from make_exchange import FOLDER, request
from safetensors import safe_open
from small import eagerly

import genzoo
from genzoo.models.families import MODELS


@functools.cache
def built(name, config):
    """The model that a config describes, one for both stacks where they agree."""
    return genzoo.build(name, **json.loads(config))


@pytest.mark.parametrize("stack", ["keras2", "keras3"])
@pytest.mark.parametrize("name", MODELS)
def test_the_other_stack_wrote_it_and_this_one_samples_it(stack, name):
    with safe_open(FOLDER / f"{stack}-{name}.safetensors", "numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        model = built(name, file.metadata()["config"])
    expected = arrays.pop("sampled")
    model.load_weights_dict(arrays)
    with eagerly():
        np.testing.assert_allclose(request(model, name), expected, atol=1e-3)
    assert expected.std() > 0.1
