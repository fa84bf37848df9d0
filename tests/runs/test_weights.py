"""weights.safetensors: whole or refused, in single or half precision, with a checksum or from before there was one."""

import random

import numpy as np
import pytest
from safetensors.numpy import save_file

from genzoo.checksum import sha256
from genzoo.errors import CheckpointError
from genzoo.runs.run import Run

ARRAYS = {"ema.b": np.arange(6, dtype=np.float32).reshape(2, 3), "ema.a": np.ones(3, np.float16), "n": np.arange(2)}


@pytest.fixture
def run(tmp_path):
    config = {"model": "vae", "model_config": {}, "data": {}, "train": {"steps": 10}, "versions": {}}
    run = Run.create(tmp_path / "run", config)
    run.write_weights(ARRAYS)
    return run


def test_they_come_back_with_floats_of_single_precision(run):
    found = run.read_weights()
    assert set(found) == set(ARRAYS) and found["n"].dtype == np.int64
    assert found["ema.a"].dtype == found["ema.b"].dtype == np.float32
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


def test_equal_weights_are_equal_files(run):
    before = run.weights_sha256()
    run.write_weights(dict(reversed(ARRAYS.items())))
    assert run.weights_sha256() == before


def test_files_of_older_runs_are_read(run):
    save_file(ARRAYS, run.path / "weights.safetensors")
    assert set(run.read_weights()) == set(ARRAYS)


def test_a_changed_bit_is_noticed_wherever_it_is(run):
    path = run.path / "weights.safetensors"
    whole, draw = path.read_bytes(), random.Random(0)
    for bit in draw.sample(range(8 * len(whole)), 1000):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match="damaged|cannot be read|holds weights of") as error:
            run.read_weights()
        assert "\n" not in str(error.value) and "--resume" in str(error.value), bit


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.float32([1, 2]), "c": np.float32([3])},  # a name
        {"a": np.float32([1, 2]), "b": np.float32([4])},  # a value
        {"a": np.float32([1, 2]), "b": np.float32([[3]])},  # a shape
        {"a": np.float32([1, 2]), "b": np.float32([3]).view(np.int32)},  # a type, of the same bytes
        {"a": np.float32([1]), "b": np.float32([2, 3])},  # where one ends
    ],
)
def test_the_checksum_is_of_names_types_shapes_and_bytes(other):
    mine = {"b": np.float32([3]), "a": np.float32([1, 2])}
    assert sha256(mine, mine.get) != sha256(other, other.get)
    assert sha256(mine, mine.get) == sha256(["a", "b"], mine.get)
