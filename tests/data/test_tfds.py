"""Sets of tensorflow-datasets: prepared data first, the network last, and errors that say what to do."""

import io
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from genzoo.data.sets import load_data
from genzoo.data.sources import tfds
from genzoo.errors import DataError

MADE = {"train": 30, "test": 8}  # images of each split


def prepare(root, name="mnist", version="1.0.0", splits=None, shape=(28, 28, 1), config=None, **changes):
    """Write a small set as tensorflow-datasets would: image i is filled with i and has the label i % 3."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features = {
        "image": tfds.features.Image(shape=shape),
        "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
    }
    features.update(changes.pop("features", {}))

    def rows(count):
        for i in range(count):
            side = [s or 20 + i for s in shape]
            yield {
                "image": np.full(side, i, features["image"].np_dtype),
                "label": changes.get("label", i % 3),
            }

    signature = {key: tf.TensorSpec(feature.shape, feature.tf_dtype) for key, feature in features.items()}
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name, version=version, data_dir=root, features=tfds.features.FeaturesDict(features),
        split_datasets={
            split: tf.data.Dataset.from_generator(lambda n=count: rows(n), output_signature=signature)
            for split, count in (splits or MADE).items()
        },
        **({"config": config} if config else {}),
    )  # fmt: skip
    return Path(root)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """Any attempt to reach the network fails the test; nothing is prepared in the default places."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setattr(tfds, "host_answers", lambda: pytest.fail("asked the network"))


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(tfds, "host_answers", lambda: False)


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(tfds, "host_answers", lambda: True)


def test_prepared_data_is_read_whole_without_the_network(prepared):
    loaded = load_data("mnist", data_dir=prepared)
    assert loaded.name == "mnist" and loaded.reason == "asked for" and loaded.class_names == ("a", "b", "c")
    assert loaded.native_shape == (28, 28, 1) and loaded.image_shape == (32, 32, 1)
    for images, labels, count in [
        (loaded.train_images, loaded.train_labels, 30),
        (loaded.test_images, loaded.test_labels, 8),
    ]:
        assert images.dtype == np.uint8 and images.shape == (count, 28, 28, 1) and labels.dtype == np.int32
        assert sorted(images[:, 0, 0, 0]) == list(range(count))
        assert (images == images[:, :1, :1]).all() and (labels == images[:, 0, 0, 0] % 3).all()
    assert load_data("tfds:mnist", data_dir=prepared).fingerprint == loaded.fingerprint


@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_the_place_comes_from_the_environment(prepared, monkeypatch, name):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    loaded = load_data(name)
    assert loaded.name == "mnist" and len(loaded.train_images) == 30
    assert ("default" in loaded.reason) == (name == "auto")


def test_the_home_folder_is_the_default_place(prepared, monkeypatch, tmp_path):
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(prepared, tmp_path / "tensorflow_datasets")
    assert len(load_data("mnist").train_images) == 30


def test_the_newest_finished_version_is_taken(tmp_path):
    for version, count in [("2.0.0", 10), ("10.0.0", 20), ("9.0.0", 10)]:
        prepare(tmp_path, version=version, splits={"train": count, "test": 1})
    shutil.copytree(tmp_path / "mnist" / "9.0.0", tmp_path / "mnist" / "incomplete.X_11.0.0")
    (tmp_path / "mnist" / "12.0.0").mkdir()
    assert len(load_data("mnist", data_dir=tmp_path).train_images) == 20


def test_a_resized_set(prepared, tmp_path):
    loaded = load_data("mnist", image_size=16, data_dir=prepared)
    assert loaded.native_shape == (16, 16, 1) and sorted(loaded.test_images[:, 5, 5, 0]) == list(range(8))


def test_images_of_varying_sizes_need_a_size(tmp_path):
    prepare(tmp_path, "varied", shape=(None, None, 3))
    with pytest.raises(DataError, match="--image-size"):
        load_data("tfds:varied", data_dir=tmp_path)
    loaded = load_data("tfds:varied", image_size=8, data_dir=tmp_path)
    assert loaded.name == "tfds:varied" and loaded.train_images.shape == (30, 8, 8, 3)
    assert sorted(loaded.train_images[:, 0, 0, 0]) == list(range(30))


@pytest.mark.parametrize("splits, train, test", [({"train": 30}, 27, 3), ({"train": 30, "validation": 5}, 30, 5)])
def test_a_set_without_a_test_split(tmp_path, splits, train, test):
    prepare(tmp_path, splits=splits)
    loaded = load_data("mnist", data_dir=tmp_path)
    assert len(loaded.train_images) == train and len(loaded.test_images) == test
    assert load_data("mnist", data_dir=tmp_path).fingerprint == loaded.fingerprint


def test_configs_are_found_or_asked_for(tmp_path, prepared):
    shutil.copytree(prepared / "mnist", tmp_path / "emnist" / "letters")
    assert len(load_data("tfds:emnist", data_dir=tmp_path).train_images) == 30
    shutil.copytree(prepared / "mnist", tmp_path / "emnist" / "digits")
    assert len(load_data("tfds:emnist/digits", data_dir=tmp_path).train_images) == 30
    with pytest.raises(DataError, match="tfds:emnist/digits, tfds:emnist/letters"):
        load_data("tfds:emnist", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["../mnist", "a/../../b", "/etc", "mnist/..", "a b", "mnist:3.0.1"])
def test_a_name_is_never_a_path(name):
    with pytest.raises(DataError, match="no TFDS set"):
        load_data(f"tfds:{name}")


def test_sets_of_another_kind_are_refused(tmp_path):
    import tensorflow_datasets as tfds

    prepare(tmp_path, "no_classes", features={"label": tfds.features.Scalar(np.int64)})
    prepare(
        tmp_path,
        "deep",
        features={"image": tfds.features.Image(shape=(9, 9, 1), dtype=np.uint16)},
        shape=(9, 9, 1),
    )
    prepare(tmp_path, "clear", shape=(9, 9, 4))
    prepare(tmp_path, "no_train", splits={"test": 3})
    prepare(tmp_path, "one", splits={"train": 1})
    prepare(tmp_path, "unlabelled", label=-1)
    for name, words in {
        "no_classes": r"no labelled image set.*label \(Scalar\)",
        "deep": "uint16",
        "clear": "4 channels",
        "no_train": "no train split",
        "one": "too few",
        "unlabelled": "without a label",
    }.items():
        with pytest.raises(DataError, match=words):
            load_data(f"tfds:{name}", data_dir=tmp_path)


@pytest.mark.parametrize("damage", ["cut", "gone", "info", "features"])
@pytest.mark.parametrize("name", ["mnist", "auto"])
def test_damaged_data_is_said_to_be_damaged(prepared, tmp_path, damage, name):
    folder = shutil.copytree(prepared / "mnist", tmp_path / "mnist") / "1.0.0"
    (records,) = folder.glob("*train.tfrecord*")
    if damage == "cut":
        records.write_bytes(records.read_bytes()[:-40])
    if damage == "gone":
        records.unlink()
    if damage == "info":
        (folder / "dataset_info.json").write_text("{")
    if damage == "features":
        (folder / "features.json").unlink()
    with pytest.raises(DataError, match="prepare it again") as caught:
        load_data(name, data_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "kmnist", "tfds:emnist/letters"])
def test_a_name_never_falls_back(offline, name):
    with pytest.raises(DataError) as caught:
        load_data(name)
    for advice in ("TFDS_DATA_DIR", "--data-dir", "--data digits", "folder:PATH"):
        assert advice in str(caught.value)


def test_a_silent_host_costs_a_few_seconds(monkeypatch):
    over = threading.Event()

    def urlopen(request, timeout):
        over.wait(60)
        raise TimeoutError

    monkeypatch.undo()
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    start = time.monotonic()
    with pytest.raises(DataError, match="did not answer"):
        load_data("kmnist", data_dir="nothing")
    assert time.monotonic() - start < 4.5
    over.set()


@pytest.mark.parametrize(
    "outcome, answered",
    [
        (None, True),
        (urllib.error.HTTPError("", 400, "", {}, None), True),  # a refusal is an answer, too
        (urllib.error.URLError("no route"), False),
        (TimeoutError(), False),
    ],
)
def test_any_answer_of_the_host_counts(monkeypatch, outcome, answered):
    def urlopen(request, timeout):
        assert request.full_url == "https://storage.googleapis.com"
        if outcome is not None:
            raise outcome
        return io.BytesIO()

    monkeypatch.undo()
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(tfds, "HOST_SECONDS", 0.5)
    assert tfds.host_answers() == answered


def test_what_is_not_prepared_is_downloaded(online, monkeypatch, tmp_path, capfd):
    import tensorflow_datasets as tfds

    class Builder:
        def __init__(self, name, data_dir):
            self.name, self.root = name, data_dir

        def download_and_prepare(self):
            print("Downloading ...")
            prepare(self.root, self.name)

        def __getattr__(self, key):
            return getattr(tfds.builder_from_directory(self.root / self.name / "1.0.0"), key)

    monkeypatch.setattr(tfds, "builder", Builder)
    assert len(load_data("auto", data_dir=tmp_path).train_images) == 30
    assert "Downloading" not in capfd.readouterr().out


def test_a_failed_download_is_one_error_and_auto_goes_on(online, monkeypatch):
    import tensorflow_datasets as tfds

    def builder(name, data_dir):
        raise OSError("connection reset\nand a long traceback")

    monkeypatch.setattr(tfds, "builder", builder)
    with pytest.raises(DataError, match="connection reset") as caught:
        load_data("mnist")
    assert "\n" not in str(caught.value)
    loaded = load_data("auto")
    assert loaded.name == "digits" and "connection reset" in loaded.reason


def test_unknown_sets_are_said_to_be_unknown(online, monkeypatch):
    import tensorflow_datasets as tfds

    def builder(name, data_dir):
        raise tfds.core.DatasetNotFoundError(name)

    monkeypatch.setattr(tfds, "builder", builder)
    with pytest.raises(DataError, match="knows no set 'nonesuch'"):
        load_data("tfds:nonesuch")


@pytest.mark.slow
def test_nothing_of_tensorflow_reaches_the_user(prepared):
    code = (
        "from genzoo import load_data\n"
        "import sys; assert 'tensorflow' not in sys.modules\n"
        "for batch in load_data('mnist').train_batches(8, seed=0, epoch=0): pass"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")}
    environment["TFDS_DATA_DIR"] = str(prepared)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


REAL = Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
needs_mnist = pytest.mark.skipif(
    not (REAL / "mnist").is_dir(), reason=f"the real MNIST is not prepared in {REAL} (TFDS_DATA_DIR)"
)


@pytest.mark.slow
@needs_mnist
def test_the_real_mnist():
    mnist = load_data("mnist", data_dir=REAL)
    assert mnist.train_images.shape == (60_000, 28, 28, 1) and mnist.test_images.shape == (10_000, 28, 28, 1)
    # The counts that its authors publish.
    assert np.bincount(mnist.train_labels).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert 33.2 < mnist.train_images.mean() < 33.4  # 0.1307 of 255
    assert sum(1 for _ in mnist.train_batches(128, seed=0, epoch=0)) == 468
