"""A released run: what is in it, what is not, and that it samples what the run samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import eagerly

import genzoo
from genzoo.errors import CheckpointError
from genzoo.runs import metrics_file, zoo
from genzoo.runs.release import _halved, portable, release
from genzoo.runs.run import Run

WHOLE = {"config.json", "metrics.csv", "samples.png", "weights.safetensors"}


@pytest.fixture(scope="module")
def released(trained, tmp_path_factory):
    run, folder = Run.open(trained("cvae")), tmp_path_factory.mktemp("released") / "cvae"
    with eagerly():
        return release(run, folder)


def test_it_is_a_finished_run_without_checkpoints(trained, released):
    run, again = Run.open(trained("cvae")), Run.open(released.path)
    assert {path.name for path in again.path.iterdir()} == WHOLE
    assert again.status() == run.status() == ("finished", 2) and again.total_steps == 2
    assert again.read_metrics() == run.read_metrics()[-1:]
    assert again.config["trained"] == {"step": 2, "seconds": float(run.read_metrics()[-1]["seconds"])}
    with Image.open(again.path / "samples.png") as picture:
        width, height = picture.size
    assert width * (6 * 10 + 2) == height * (10 * 10 + 2)  # ten columns, six rows of 8 + 2 pixels


def test_it_takes_half_the_place_and_samples_nearly_the_same(trained, released):
    sizes = [sum(a.nbytes for a in Run.open(path).read_weights().values()) for path in (trained("cvae"), released.path)]
    files = [(Path(path) / "weights.safetensors").stat().st_size for path in (trained("cvae"), released.path)]
    assert sizes[0] == sizes[1] and files[0] - files[1] > 0.45 * sizes[0]
    with eagerly():
        images = [genzoo.load(path).sample(labels=[1, 2, 3], seed=4) for path in (trained("cvae"), released.path)]
    assert 0 < np.abs(images[0] - images[1]).max() < 1e-2


def test_a_release_of_all_bits_keeps_what_was_measured_with_them(trained, tmp_path):
    shutil.copytree(trained("ae"), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    question = metrics_file.Question(10, (0,), {}, None)
    measured = json.loads((zoo.folder("ae-mnist") / "metrics.json").read_text())
    result = measured | {"asked": metrics_file.asked(run, question)}
    metrics_file.save(run, result)
    with eagerly():
        whole, half = release(run, tmp_path / "whole", half=False), release(run, tmp_path / "half")
    assert metrics_file.stored(whole, question) == result and metrics_file.latest(whole) == result
    assert genzoo.load(whole.path).weights_dict().keys() == run.read_weights().keys()
    assert metrics_file.latest(half) is None and not (half.path / "metrics.json").exists()


def test_an_unfinished_run_is_not_released(written, tmp_path):
    with pytest.raises(CheckpointError, match="interrupted at step 0 of 2; finish it first"):
        release(Run.open(written()), tmp_path / "released")
    assert not (tmp_path / "released").exists()


def test_paths_of_the_machine_stay_behind():
    config = {
        "data": {"name": "folder:/home/me/cats", "data_dir": "/home/me/sets"},
        "train": {"steps": 1, "from": {"run": "/home/me/runs/old", "weights_sha256": "0"}},
    }
    told = portable(config)
    assert "/" not in json.dumps(told)
    assert told["data"]["name"] == "folder:cats" and told["train"]["from"]["run"] == "old"
    assert config["data"]["data_dir"]  # the run's own stays as it is
    known = {"data": {"name": "tfds:emnist/letters", "data_dir": None}, "train": {"from": {"run": "zoo:ddpm-mnist"}}}
    assert portable(known) == known


def test_what_is_too_large_for_half_precision_stays_single():
    large, small, whole = np.float32([1e6, 1]), np.float32([1.5]), np.int64([2])
    assert _halved(large) is large and _halved(whole) is whole and _halved(small).dtype == np.float16


def test_weights_that_are_lost_are_not_to_be_resumed(released, tmp_path):
    shutil.copytree(released.path, tmp_path / "run")
    (tmp_path / "run" / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match="copy the released run here anew") as error:
        Run.open(tmp_path / "run").read_weights()
    assert "--resume" not in str(error.value)
