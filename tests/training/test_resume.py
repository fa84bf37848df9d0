"""Each family, tiny: resumed in the middle of an epoch, a run ends in the bytes of the run that nothing interrupted."""

import contextlib
import shutil

import pytest
from small import OPTIONS, eagerly, families, few_latents

from genzoo.runs.run import Run

STEPS, HALF = 4, 2  # an epoch has 15


@pytest.mark.parametrize("family", families(pytest.mark.slow))
def test_a_resumed_run_ends_in_the_same_bytes(family, tmp_path):
    resumed_in_the_same_bytes(family, "float32", tmp_path, eagerly)


@pytest.mark.slow
@pytest.mark.parametrize("precision, how", [("float32", contextlib.nullcontext), ("bfloat16", eagerly)])
def test_so_does_one_with_graphs_and_one_in_bfloat16(precision, how, tmp_path):
    """Graphs take longer to trace than to run here; test_training.py has resumes with them, of another family."""
    resumed_in_the_same_bytes("cddpm", precision, tmp_path, how)


def resumed_in_the_same_bytes(family, precision, tmp_path, how):
    from genzoo.runs.state import state_sha256
    from genzoo.training.settings import TrainSettings
    from genzoo.training.start import resume, train

    settings = TrainSettings(
        family, "digits", image_size=8, steps=STEPS, batch_size=100, sample_every=HALF, out=tmp_path / "whole",
        options=OPTIONS[family] | {"precision": precision},
    )  # fmt: skip
    with how(), few_latents():
        whole = train(settings).run
    assert whole.config["model_config"]["precision"] == precision
    # Its checkpoints are both there: without the last one it is a run that was cut after the first.
    assert list(whole.checkpoints()) == [STEPS, HALF]
    shutil.copytree(whole.path, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    shutil.rmtree(run.checkpoints()[STEPS])
    for name in ("weights.safetensors", "metrics.csv"):
        (run.path / name).unlink()
    assert run.status() == ("interrupted", HALF)
    with how(), few_latents():
        resume(run.path)
    assert run.status() == ("finished", STEPS)
    assert state_sha256(run) == state_sha256(whole)
    for name in ("weights.safetensors", f"samples/step_{STEPS:07d}.png"):
        assert (run.path / name).read_bytes() == (whole.path / name).read_bytes()
