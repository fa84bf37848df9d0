"""Image sets in memory, and `tf.data` pipelines of them whose order is a function of (seed, epoch)."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from genzoo.errors import DataError, UsageError
from genzoo.folders import load_folder
from genzoo.resize import fit_array
from genzoo.tfds_sets import Unavailable, load_tfds

TFDS_NAMES = ("mnist", "fashion_mnist", "kmnist", "cifar10")
DATASETS = ("auto", *TFDS_NAMES, "digits", "tfds:NAME", "folder:PATH")
DEFAULT_SIZE = 32  # of digits and folders, where no size is asked for
SIDE_MULTIPLE = 8  # the networks halve the sides up to three times
TEST_SHARE = 0.1  # held out where a set has no test split


@dataclass(frozen=True, eq=False)
class ImageData:
    """A train and a test split of uint8 images, held in memory at their native size."""

    name: str  # what was loaded: "mnist", "digits", "tfds:NAME", "folder:/ABSOLUTE/PATH"
    reason: str  # why this set, in one phrase
    train_images: np.ndarray  # uint8 [N, H, W, C]
    train_labels: np.ndarray  # int32 [N], all 0 when unlabelled
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]  # () when unlabelled
    notes: tuple[str, ...] = ()  # lines for the user, such as what was skipped

    @property
    def native_shape(self) -> tuple[int, int, int]:
        """(H, W, C) as stored."""
        return self.train_images.shape[1:]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) as the models see it, the sides padded to multiples of 8."""
        height, width, channels = self.native_shape
        return height + -height % SIDE_MULTIPLE, width + -width % SIDE_MULTIPLE, channels

    @property
    def num_classes(self) -> int:
        """How many labels there are; 1 when unlabelled, for the label 0 that every image then has."""
        return max(1, len(self.class_names))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) over shapes, pixels and labels of both splits."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    @cached_property
    def _train_tensors(self):
        return _tensors(self.train_images, self.train_labels)

    @cached_property
    def _test_tensors(self):
        return _tensors(self.test_images, self.test_labels)


def load_data(
    name: str = "auto", *, image_size: int | None = None, data_dir: str | Path | None = None
) -> ImageData:
    """Load a set by its name, one of DATASETS.

    `image_size` resizes (antialiased) to squares of that many pixels; `data_dir` is where TFDS sets are
    prepared (default: TFDS_DATA_DIR, then ~/tensorflow_datasets). "auto" is mnist where it is prepared or
    can be downloaded, else digits; other names never fall back.
    Raises UsageError for an unknown name or size, DataError where the set cannot be had or used.
    """
    if image_size is not None and not 8 <= image_size <= 1024:
        raise UsageError(f"image size {image_size}: expected 8 to 1024 pixels")
    kind, _, rest = name.partition(":")
    if name == "auto":
        try:
            return _from_tfds("mnist", "mnist", "the default, and it is at hand", image_size, data_dir)
        except Unavailable as error:
            return _digits(f"the default, since mnist is not prepared and {error.why}", image_size)
    if name == "digits":
        return _digits("asked for", image_size)
    if name in TFDS_NAMES or (kind == "tfds" and rest):
        return _from_tfds(name, rest or name, "asked for", image_size, data_dir)
    if kind == "folder" and rest:
        images, labels, class_names, notes = load_folder(rest, image_size or DEFAULT_SIZE)
        resolved = f"folder:{Path(rest).expanduser().resolve()}"
        return ImageData(resolved, "asked for", *_hold_out(images, labels), class_names, notes)
    raise UsageError(f"unknown data set {name!r}: expected one of {', '.join(DATASETS)}")


def load_again(described: dict, whose: str | Path, data_dir: str | Path | None = None) -> ImageData:
    """The set that the "data" part of a run's config describes; `data_dir` says where it moved to.

    Raises DataError where it cannot be had, or is not what `whose` (the run's path) was trained on.
    """
    data = load_data(described["name"], image_size=described["image_size"], data_dir=data_dir or described["data_dir"])
    if (data.name, data.fingerprint) != (described["name"], described["fingerprint"]):
        raise DataError(
            f"{data.name} is not what {whose} was trained on (fingerprint {data.fingerprint[:12]}, expected "
            f"{described['fingerprint'][:12]}); bring that data back, or train a new run"
        )
    return data


def train_batches(data: ImageData, batch_size: int, *, seed: int, epoch: int, skip: int = 0):
    """One epoch as a `tf.data.Dataset` of {"image": float32 [B, H, W, C], "label": int32 [B]}.

    The order is a function of (seed, epoch) alone. The first `skip` batches, those that an interrupted epoch
    has done, are left out without being read. What does not fill a batch is left for other epochs; a set
    smaller than a batch is one batch.
    """
    steps = steps_per_epoch(data, batch_size)
    order = permutation(len(data.train_images), seed, epoch)
    rows = order[: steps * batch_size].reshape(steps, -1)[skip:]  # [steps - skip, B]
    return _batches(rows, data._train_tensors)


def test_batches(data: ImageData, batch_size: int):
    """The test split like `train_batches`, but in its stored order and with a short last batch."""
    _check_batch_size(batch_size)
    return _batches(np.arange(len(data.test_images)), data._test_tensors, batch_size)


def steps_per_epoch(data: ImageData, batch_size: int) -> int:
    """How many batches `train_batches` gives with skip=0."""
    _check_batch_size(batch_size)
    return max(1, len(data.train_images) // batch_size)


def to_float(images: np.ndarray) -> np.ndarray:
    """uint8 [..., H, W, C] in 0..255 -> float32 in [-1, 1], padded as the models see it."""
    return _scale(pad(images).astype(np.float32))


def pad(images: np.ndarray) -> np.ndarray:
    """Pad the sides of [..., H, W, C] to multiples of 8 by repeating the border, which is background.

    The image stays in the centre: `extra // 2` rows above it, the rest below, and columns alike.
    """
    extra = [-side % SIDE_MULTIPLE for side in images.shape[-3:-1]]
    widths = [(0, 0)] * (images.ndim - 3) + [(more // 2, more - more // 2) for more in extra] + [(0, 0)]
    return np.pad(images, widths, mode="edge")


def permutation(count: int, *key: int) -> np.ndarray:
    """A permutation of range(count), int64, that depends on the key's integers (>= 0) alone.

    It sorts the raw output of a counter-based generator, which NumPy promises to keep the same in all its
    versions, unlike `Generator.permutation`.
    """
    return np.argsort(np.random.Philox(np.random.SeedSequence(key)).random_raw(count), kind="stable")


def _scale(pixels):
    """Pixels 0..255, a float32 array or tensor -> [-1, 1]."""
    return pixels / 127.5 - 1.0


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise UsageError(f"batch size {batch_size}: expected at least 1")


def _tensors(images: np.ndarray, labels: np.ndarray):
    """A split, padded, as tensors in the main memory; pipelines capture them, so they are held once."""
    from genzoo.quiet import tf

    with tf.device("CPU"):
        return tf.constant(pad(images)), tf.constant(labels)


def _batches(indices: np.ndarray, tensors, batch_size: int | None = None):
    """Batches of the images at `indices`: rows of them [S, B], or a flat list to be cut into batches."""
    from genzoo.quiet import tf

    images, labels = tensors

    def gather(index):
        pixels = tf.cast(tf.gather(images, index), tf.float32)
        return {"image": _scale(pixels), "label": tf.gather(labels, index)}

    dataset = tf.data.Dataset.from_tensor_slices(indices)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(
        tf.data.AUTOTUNE
    )


def _from_tfds(name: str, tfds_name: str, reason: str, image_size: int | None, data_dir) -> ImageData:
    train, test, class_names = load_tfds(tfds_name, image_size, data_dir)
    splits = _hold_out(*train) if test is None else (*train, *test)
    if not len(splits[0]) or not len(splits[2]):
        raise DataError(
            f"{name} has too few images: {len(splits[0])} for training, {len(splits[2])} for testing"
        )
    return ImageData(name, reason, *splits, class_names)


def _digits(reason: str, image_size: int | None) -> ImageData:
    """scikit-learn's 1,797 handwritten digits (8x8, 17 grey levels), enlarged."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    images = np.stack([fit_array(image, image_size or DEFAULT_SIZE) for image in pixels])
    splits = _hold_out(images, bunch.target.astype(np.int32), count=297)
    return ImageData("digits", reason, *splits, tuple(map(str, bunch.target_names)))


def _hold_out(images: np.ndarray, labels: np.ndarray, count: int | None = None):
    """Split off `count` images (default: TEST_SHARE of them) -> train images, labels, test images, labels.

    Stratified: of the shuffled images, sorted by label, every k-th is taken.
    """
    total = len(labels)
    count = count or max(1, round(total * TEST_SHARE))
    shuffled = permutation(total, 0)
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    test = np.zeros(total, bool)
    test[by_label[(np.arange(count) * total + total // 2) // count]] = True
    return images[~test], labels[~test], images[test], labels[test]
