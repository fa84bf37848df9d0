"""Sets by name, the split, and the pipeline: what a batch holds, and in which order batches come."""

import numpy as np
import pytest

from genzoo.data.catalogue import FORMS
from genzoo.data.pipeline import permutation
from genzoo.data.pixels import to_float
from genzoo.data.sets import ImageData, load_data
from genzoo.data.sources import tfds
from genzoo.data.splits import hold_out
from genzoo.errors import UsageError


def made_up(count=50, shape=(5, 13, 3), tests=7):
    """A set whose every label is its image's index, and whose images differ."""
    images = np.random.RandomState(0).randint(0, 256, (count + tests, *shape)).astype(np.uint8)
    labels = np.arange(count + tests, dtype=np.int32)
    return ImageData(
        "made up", "", images[:count], labels[:count], images[count:], labels[count:], tuple(map(str, labels))
    )


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """No prepared data, and a host that does not answer."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setattr(tfds, "host_answers", lambda: False)


def gathered(batches):
    return [{key: value.numpy() for key, value in batch.items()} for batch in batches]


def labels_of(*args, **kwargs):
    return [batch["label"].tolist() for batch in gathered(args[0].train_batches(*args[1:], **kwargs))]


def test_digits_are_read_without_a_network(no_network):
    digits = load_data("digits")
    assert digits.name == "digits" and digits.native_shape == digits.image_shape == (32, 32, 1)
    assert len(digits.train_images) == 1500 and len(digits.test_images) == 297
    assert digits.class_names == tuple("0123456789") and digits.num_classes == 10
    counts = np.bincount(digits.test_labels)
    assert counts.min() >= 29 and counts.max() <= 31  # stratified
    assert digits.train_images.min() == 0 and digits.train_images.max() == 255


def test_digits_keep_their_shapes_when_enlarged(no_network):
    from sklearn.datasets import load_digits

    enlarged = load_data("digits", image_size=64)
    assert enlarged.native_shape == (64, 64, 1)
    # Averaged back to 8x8, each is an image of the original set, and nearest to one with its own label.
    small = enlarged.test_images.reshape(-1, 8, 8, 8, 8).mean((2, 4)).reshape(-1, 64) * (16 / 255)
    originals = load_digits()
    distance = ((small[:, None] - originals.data[None]) ** 2).mean(2)
    assert np.all(originals.target[distance.argmin(1)] == enlarged.test_labels)
    assert distance.min(1).max() < 4  # grey levels of 16, squared


def test_auto_falls_back_to_digits_and_says_why(no_network):
    fallen = load_data("auto")
    assert fallen.name == "digits" and "mnist is not prepared" in fallen.reason and "3 s" in fallen.reason
    assert load_data("digits").reason == "asked for"


@pytest.mark.parametrize("name", ["imagenet", "tfds:", "folder:", "", "Mnist"])
def test_unknown_names_are_answered_with_the_valid_ones(name):
    with pytest.raises(UsageError) as caught:
        load_data(name)
    assert all(valid in str(caught.value) for valid in FORMS)


@pytest.mark.parametrize("size", [0, -1, 7, 5000])
def test_impossible_image_sizes_are_refused(size):
    with pytest.raises(UsageError, match=str(size)):
        load_data("digits", image_size=size)


def test_padding_repeats_the_border_and_keeps_the_image_in_the_centre():
    images = np.arange(2 * 28 * 30, dtype=np.uint8).reshape(2, 28, 30, 1)
    padded = to_float(images)
    assert padded.shape == (2, 32, 32, 1) and padded.dtype == np.float32
    np.testing.assert_array_equal(np.round((padded[:, 2:30, 1:31] + 1) * 127.5), images)
    np.testing.assert_array_equal(padded[:, :2], np.broadcast_to(padded[:, 2:3], (2, 2, 32, 1)))
    np.testing.assert_array_equal(padded[:, :, -1], padded[:, :, -2])
    assert to_float(np.uint8([[[[0], [255]]]])).min() == -1 and to_float(np.uint8([[[[0], [255]]]])).max() == 1


def test_batches_hold_what_the_set_holds():
    made = made_up()
    assert made.image_shape == (8, 16, 3) and made.native_shape == (5, 13, 3)
    for batch in gathered(made.train_batches(8, seed=1, epoch=0)):
        assert batch["image"].shape == (8, 8, 16, 3) and batch["image"].dtype == np.float32
        assert batch["label"].dtype == np.int32
        # Within a bit of each other: graph optimisation may turn the division into a product.
        np.testing.assert_allclose(batch["image"], to_float(made.train_images[batch["label"]]), atol=2e-7)


def test_an_epoch_shows_each_image_once_in_an_order_of_its_own():
    made = made_up(count=48)
    epochs = [labels_of(made, 8, seed=seed, epoch=epoch) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    for epoch in epochs:
        assert sorted(sum(epoch, [])) == list(range(48))
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert epochs[0] == labels_of(made, 8, seed=0, epoch=0)


@pytest.mark.parametrize("skip", [0, 1, 5, 6])
def test_a_resumed_epoch_gives_the_very_batches_that_were_left(skip):
    made = made_up()
    whole = gathered(made.train_batches(8, seed=3, epoch=2))
    rest = gathered(made.train_batches(8, seed=3, epoch=2, skip=skip))
    assert len(whole) == made.steps_per_epoch(8) == 6 and len(rest) == 6 - skip
    for expected, batch in zip(whole[skip:], rest, strict=True):
        assert expected["image"].tobytes() == batch["image"].tobytes()
        assert expected["label"].tobytes() == batch["label"].tobytes()


def test_the_order_is_the_same_on_every_stack():
    # Written down once: a resumed run on another version of NumPy must not see another order.
    assert permutation(8, 0, 0).tolist() == [0, 3, 7, 5, 1, 2, 6, 4]
    assert permutation(8, 7, 3).tolist() == [7, 1, 6, 0, 4, 2, 3, 5]


def test_a_set_smaller_than_a_batch_is_one_batch():
    (batch,) = gathered(made_up(count=5).train_batches(64, seed=0, epoch=0))
    assert sorted(batch["label"]) == list(range(5)) and made_up(count=5).steps_per_epoch(64) == 1


def test_the_test_split_comes_whole_and_in_order():
    batches = gathered(made_up().test_batches(4))
    assert [len(batch["label"]) for batch in batches] == [4, 3]
    assert np.concatenate([batch["label"] for batch in batches]).tolist() == list(range(50, 57))


def test_the_number_of_batches_is_known_and_their_shapes_are_static():
    made = made_up()
    batches = made.train_batches(8, seed=0, epoch=0, skip=2)
    assert int(batches.cardinality()) == 4
    assert batches.element_spec["image"].shape.as_list() == [8, 8, 16, 3]
    assert int(made.test_batches(4).cardinality()) == 2


@pytest.mark.parametrize("batch_size", [0, -3])
def test_batch_sizes_below_one_are_refused(batch_size):
    with pytest.raises(UsageError, match="batch size"):
        made_up().train_batches(batch_size, seed=0, epoch=0)


def test_epochs_share_one_copy_of_the_pixels():
    made = made_up()
    made.train_batches(8, seed=0, epoch=0)
    held = made._train_tensors
    made.train_batches(8, seed=0, epoch=1)
    assert made._train_tensors is held


def test_the_fingerprint_tells_sets_apart():
    made = made_up()
    assert made.fingerprint == made_up().fingerprint and len(made.fingerprint) == 64
    for field, change in [("train_images", 1), ("train_labels", 1), ("test_images", 1), ("test_labels", 1)]:
        other = made_up()
        getattr(other, field).flat[0] += change
        assert other.fingerprint != made.fingerprint, field


def test_unlabelled_sets_have_one_label():
    flat = ImageData("flat", "", *[np.zeros(1)] * 4, class_names=())
    assert flat.num_classes == 0


def test_held_out_images_are_stratified_and_all_are_kept():
    labels = np.repeat(np.arange(4, dtype=np.int32), [100, 50, 30, 20])
    images = np.arange(200)
    (train, train_labels), (test, test_labels) = hold_out(images, labels)
    assert np.bincount(test_labels).tolist() == [10, 5, 3, 2]
    assert sorted([*train, *test]) == list(range(200))
    assert np.array_equal(labels[train], train_labels) and np.array_equal(labels[test], test_labels)
