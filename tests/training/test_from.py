"""`train --from`: a run that begins with the weights of another one, and needs nothing of that one afterwards."""

import json
import shutil

import numpy as np
import pytest
from small import OPTIONS, eagerly

from genzoo.data.sets import load_data
from genzoo.errors import CheckpointError, DataError, UsageError
from genzoo.runs.load import load
from genzoo.runs.run import Run
from genzoo.training.settings import TrainSettings, check_fits

STEPS, HALF = 4, 2
BATCH = 100


def settings(out, **changes):
    asked = {"data": "digits", "image_size": 8, "steps": STEPS, "batch_size": BATCH, "sample_every": HALF}
    return TrainSettings(**asked | {"out": out, "seed": 3} | changes)


def train(out, **changes):
    from genzoo.training.start import train

    with eagerly():
        return train(settings(out, **changes)).run


def resume(run):
    from genzoo.training.start import resume

    with eagerly():
        resume(run.path)


def sha(run):
    from genzoo.runs.state import state_sha256

    return state_sha256(run)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Weights to begin with, as they are handed on: of a run of cddpm, without its checkpoints."""
    folder = tmp_path_factory.mktemp("source") / "run"
    run = train(folder, model="cddpm", options=OPTIONS["cddpm"], seed=0)
    config = run.config | {"trained": {"step": STEPS, "seconds": 1.0}}
    shutil.rmtree(folder / "checkpoints")
    (folder / "config.json").write_text(json.dumps(config))
    return Run.open(folder)


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "run", from_run=str(source.path))


def test_it_says_where_it_comes_from(source, whole):
    origin = {"run": str(source.path), "weights_sha256": source.weights_sha256()}
    assert whole.config["train"]["from"] == origin
    assert whole.config["model"] == "cddpm" and whole.config["model_config"] == source.config["model_config"]
    assert whole.status() == ("finished", STEPS) and list(whole.checkpoints()) == [STEPS, HALF]


def test_its_first_loss_is_that_of_the_weights(source, tmp_path):
    run = train(tmp_path / "run", from_run=str(source.path), steps=1)
    model = load(source.path)
    model.seed = 3
    batch = next(iter(load_data("digits", image_size=8).train_batches(BATCH, seed=3, epoch=0)))
    loss = model.loss_terms(model.network, batch["image"], batch["label"], np.int64(0), training=True)["loss"]
    assert float(run.read_metrics()[0]["loss"]) == pytest.approx(float(loss), rel=1e-4)


def cut(whole, folder, step):
    """The run as kill -9 would leave it after `step`, with no later trace."""
    shutil.copytree(whole.path, folder)
    run = Run.open(folder)
    for later in [path for number, path in run.checkpoints().items() if number > step]:
        shutil.rmtree(later)
    for name in ("weights.safetensors", "metrics.csv"):
        (run.path / name).unlink()
    return run


@pytest.mark.slow
def test_cut_at_a_checkpoint_it_goes_on_exactly(whole, tmp_path):
    run = cut(whole, tmp_path / "run", HALF)
    resume(run)
    assert sha(run) == sha(whole)


@pytest.mark.slow
def test_cut_before_the_first_checkpoint_it_begins_with_the_same_weights(source, tmp_path, whole, monkeypatch):
    """A checkpoint of step 0 holds them: the other run may be gone."""
    from genzoo.training.loop import Trainer

    def die(trainer):
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "before_step", die)
        gone = tmp_path / "gone"
        shutil.copytree(source.path, gone)
        with pytest.raises(InterruptedError):
            train(tmp_path / "run", from_run=str(gone))
    shutil.rmtree(gone)
    run = Run.open(tmp_path / "run")
    assert list(run.checkpoints()) == [0] and run.status() == ("interrupted", 0)
    resume(run)
    assert sha(run) == sha(whole)


def test_cut_before_step_0_was_saved_it_reads_the_other_run_again(source, whole, tmp_path):
    run = cut(whole, tmp_path / "run", -1)
    assert run.status() == ("interrupted", 0) and not run.checkpoints()
    resume(run)
    assert sha(run) == sha(whole)
    other = cut(whole, tmp_path / "other", -1)
    changed = tmp_path / "changed"
    shutil.copytree(source.path, changed)
    Run.open(changed).write_weights({name: array + 1 for name, array in source.read_weights().items()})
    other.config["train"]["from"]["run"] = str(changed)
    (other.path / "config.json").write_text(json.dumps(other.config))
    with pytest.raises(CheckpointError, match="has other weights now"):
        resume(other)


def test_damaged_weights_are_refused_before_a_folder_is_made(source, tmp_path):
    shutil.copytree(source.path, tmp_path / "source")
    file = tmp_path / "source" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        train(tmp_path / "run", from_run=str(tmp_path / "source"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [{"model": "cddpm"}, {"options": {"depth": 2}}])
def test_family_and_options_are_those_of_the_source(given, source, tmp_path):
    with pytest.raises(UsageError, match="leave out --(model|depth)"):
        settings(tmp_path / "run", from_run=str(source.path), **given)


@pytest.mark.parametrize("size, shape", [(16, "16x16x1"), (12, "16x16x1"), (32, "32x32x1")])
def test_images_of_another_shape_do_not_fit(size, shape, source):
    data = load_data("digits", image_size=size)
    asked = settings(None, from_run=str(source.path))
    with pytest.raises(DataError, match=f"for images of 8x8x1, those of digits are {shape}"):
        check_fits(asked, data)
    check_fits(asked, load_data("digits", image_size=8))


def test_as_many_classes_are_needed_where_labels_are_taken(source, trained):
    from dataclasses import replace

    data = replace(load_data("digits", image_size=8), class_names=("even", "odd"))
    with pytest.raises(DataError, match="for 10 classes, digits has 2"):
        check_fits(settings(None, from_run=str(source.path)), data)
    check_fits(settings(None, from_run=str(trained("ae"))), data)


def test_the_words_of_the_command(source, tmp_path, call):
    words = ["train", "--from", source.path, "--data", "digits", "--out", tmp_path / "run"]
    for more, code, phrase in (
        (["--model", "vae"], 2, "leave out --model"),
        (["--set", "depth=2", "--widths", "8,8"], 2, "leave out --depth, --widths"),
        (["--resume", source.path], 2, "leave out --"),
        ([], 4, "for images of 8x8x1, those of digits are 32x32x1"),
    ):
        got, _, err = call(*words, *more)
        assert got == code and phrase in err and err.count("\n") == 1, err
    assert call("train", "--from", tmp_path / "absent")[0] == 5
    assert not (tmp_path / "run").exists()
