"""SavedModels: TensorFlow alone draws our pictures from them, bit by bit."""

import json

import pytest
from small import families

from genzoo.models.families import MODELS

pytestmark = pytest.mark.slow  # each starts a process of TensorFlow


@pytest.mark.parametrize("name", families(pytest.mark.once))
def test_each_family_gives_its_pictures_bit_by_bit_without_genzoo(name, made, call, tmp_path):
    """The command itself compares them, in a process of TensorFlow alone."""
    steps = ["--steps", 4] if MODELS[name].in_steps else []
    code, out, err = call("export", made(name).path, "--format", "savedmodel", "--out", tmp_path / "out", *steps)
    assert code == 0, err
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said["difference"] == 0 and "saved_model.pb" in said["files"]
    assert "at most 0.0e+00" in out and (tmp_path / "out" / "variables").is_dir()


def test_a_run_in_bfloat16_too(made, call, tmp_path):
    run = made("cvae", precision="bfloat16")
    assert call("export", run.path, "--format", "savedmodel", "--out", tmp_path / "out")[0] == 0
