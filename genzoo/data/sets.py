"""Image sets by name."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from genzoo.data.cache import Cache
from genzoo.data.catalogue import AUTO, FORMS, SOURCES
from genzoo.data.pipeline import batches, permutation, tensors
from genzoo.data.pixels import padded
from genzoo.data.rows import Rows, stretches
from genzoo.data.sources.tfds import Unavailable
from genzoo.data.splits import hold_out
from genzoo.errors import DataError, UsageError


@dataclass(frozen=True, eq=False)
class ImageData:
    """A train and a test split of uint8 images at their native size, arrays in memory or `Rows` of a file."""

    name: str  # what was loaded: "mnist", "digits", "tfds:NAME", "folder:/ABSOLUTE/PATH"
    reason: str  # why this set, in one phrase
    train_images: np.ndarray | Rows  # uint8 [N, H, W, C]
    train_labels: np.ndarray  # int32 [N], all 0 when unlabelled
    test_images: np.ndarray | Rows
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
        return padded(self.native_shape)

    @property
    def num_classes(self) -> int:
        """How many labels there are; 0 when unlabelled, though every image then has the label 0."""
        return len(self.class_names)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) over shapes, pixels and labels of both splits."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            for part in stretches(array):
                digest.update(np.ascontiguousarray(array[part]))
        return digest.hexdigest()

    def train_batches(self, batch_size: int, *, seed: int, epoch: int, skip: int = 0, part: slice = slice(None)):
        """Returns one epoch as a `tf.data.Dataset` of {"image": float32 [B, H, W, C] in [-1, 1], "label": int32 [B]}.

        The order is a function of (seed, epoch) alone. The first `skip` batches, those that an interrupted epoch
        has done, are left out without being read. What does not fill a batch is left for other epochs; a set
        smaller than a batch is one batch. Of each batch the images of `part` alone are read, for workers that share it.
        """
        steps = self.steps_per_epoch(batch_size)
        order = permutation(len(self.train_images), seed, epoch)
        rows = order[: steps * batch_size].reshape(steps, -1)[skip:, part]  # [steps - skip, B]
        return batches(rows, self._train_tensors)

    def test_batches(self, batch_size: int):
        """Returns the test split like `train_batches`, but in its stored order and with a short last batch."""
        _check_batch_size(batch_size)
        return batches(np.arange(len(self.test_images)), self._test_tensors, batch_size)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Returns how many batches `train_batches` gives with skip=0."""
        _check_batch_size(batch_size)
        return max(1, len(self.train_images) // batch_size)

    @cached_property
    def _train_tensors(self):
        return tensors(self.train_images, self.train_labels)

    @cached_property
    def _test_tensors(self):
        return tensors(self.test_images, self.test_labels)


def load_data(
    name: str = "auto", *, image_size: int | None = None, data_dir: str | Path | None = None,
    cache: str | Path | None = None,
) -> ImageData:  # fmt: skip
    """Loads a set by its name, one of `catalogue.FORMS`.

    `image_size` resizes (antialiased) to squares of that many pixels; `data_dir` is where TFDS sets are
    prepared (default: TFDS_DATA_DIR, then ~/tensorflow_datasets). "auto" is mnist where it is prepared or
    can be downloaded, else digits; other names never fall back.
    `cache` is a folder where the images go into files, to be read from there now and later; without it only large sets
    do, in the user's cache folder.
    Raises UsageError for an unknown name or size, DataError where the set cannot be had or used, CheckpointError where
    it cannot be written into the cache.
    """
    if image_size is not None and not 8 <= image_size <= 1024:
        raise UsageError(f"image size {image_size}: expected 8 to 1024 pixels")
    if name == AUTO:
        try:
            return _load("mnist", "", "the default, and it is at hand", image_size, data_dir, cache)
        except Unavailable as error:
            why = f"the default, since mnist is not prepared and {error.why}"
            return _load("digits", "", why, image_size, None, cache)
    kind, _, rest = name.partition(":")
    if kind not in SOURCES or bool(rest) != bool(SOURCES[kind].takes):
        raise UsageError(f"unknown data set {name!r}: expected one of {', '.join(FORMS)}")
    return _load(kind, rest, "asked for", image_size, data_dir, cache)


def load_again(
    described: dict, whose: str | Path, data_dir: str | Path | None = None, cache: str | Path | None = None
) -> ImageData:
    """The set that the "data" part of a run's config describes; `data_dir` says where it moved to, a folder of images
    or one of TFDS sets, `cache` likewise.

    Raises DataError where it cannot be had, or is not what `whose` (the run's path) was trained on.
    """
    name = described["name"]
    if data_dir and name.startswith("folder:"):
        name = f"folder:{data_dir}"
    data_dir, kept = data_dir or described["data_dir"], described.get("cache")
    if cache is None and kept and Path(kept).is_dir():  # a config of a stranger makes no folder here
        cache = kept
    data = load_data(name, image_size=described["image_size"], data_dir=data_dir, cache=cache)
    if data.fingerprint != described["fingerprint"]:
        raise DataError(
            f"{data.name} is not what {whose} was trained on (fingerprint {data.fingerprint[:12]}, expected "
            f"{described['fingerprint'][:12]}); bring that data back, or train a new run"
        )
    return data


def _load(kind, rest, reason, image_size, data_dir, root) -> ImageData:
    source = SOURCES[kind]
    if source.takes == "PATH":
        rest = Path(rest).expanduser().resolve()
    cache = Cache((f"{kind}-{rest}", image_size, data_dir and str(Path(data_dir).absolute())), root)
    train, test, class_names, notes = source.load()(rest or source.rest, image_size, data_dir, cache)
    train, test = hold_out(*train) if test is None else (train, test)
    name = f"{kind}:{rest}" if rest else kind
    if not len(train[0]) or not len(test[0]):
        raise DataError(f"{name} has too few images: {len(train[0])} for training, {len(test[0])} for testing")
    data = ImageData(name, reason, *train, *test, class_names, notes)
    if cache.used:
        vars(data)["fingerprint"] = cache.fingerprint(data)
    return data


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise UsageError(f"batch size {batch_size}: expected at least 1")
