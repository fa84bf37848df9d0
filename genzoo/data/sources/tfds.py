"""Labelled image sets of tensorflow-datasets as arrays: what is prepared on disk first, the network last."""

import contextlib
import os
import re
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from genzoo.data.cache import Cache, stamp_of
from genzoo.data.pipeline import untuned
from genzoo.data.resize import fit_array
from genzoo.data.rows import at_once
from genzoo.errors import DataError, GenzooError

HOST = "storage.googleapis.com"  # where tensorflow-datasets asks first, and where MNIST comes from
HOST_SECONDS = 3.0
NAME = re.compile(r"[a-z0-9_]+(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")  # SET or SET/CONFIG, and never a path
VERSION = re.compile(r"\d+\.\d+\.\d+")


class Unavailable(DataError):
    """A set that is neither prepared nor to be had from the network; `why` is a phrase for the user."""

    def __init__(self, name: str, root: Path, why: str):
        self.why = why
        super().__init__(
            f"{name} is not prepared in {root} and {why}: prepare it on a machine with a network and point"
            " --data-dir or TFDS_DATA_DIR there, or use --data digits, or --data folder:PATH"
        )


def load(name: str, size: int | None, data_dir: str | Path | None, cache=None):
    """Reads a set's train and test splits whole: a loader, see `data.catalogue`.

    name: SET or SET/CONFIG.   size: of squares to resize to.   The validation split stands in for a missing test split.
    Raises Unavailable for a set that is neither prepared nor downloadable, DataError for one that does not
    exist, is not made of labelled images, or cannot be read.
    """
    if not NAME.fullmatch(name):
        raise DataError(f"{name!r} is no TFDS set: expected SET or SET/CONFIG, such as emnist/letters")
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = _prepared(root, name)
    if folder is None and not host_answers():
        raise Unavailable(name, root, f"cannot be downloaded ({HOST} did not answer in {HOST_SECONDS:.0f} s)")

    import genzoo.stack  # noqa: F401, I001 (first, since the next one imports TensorFlow)
    import tensorflow_datasets as tfds  # slow to import: here, so that the other sources do without

    if folder is None:
        builder = _download(tfds, name, root)
    else:
        try:
            builder = tfds.builder_from_directory(folder)
        except Exception as error:
            raise DataError(f"{folder} cannot be opened ({_line(error)}): prepare it again") from None
    class_names, shape = _check_features(tfds, builder, name)
    if size is not None:
        shape = (size, size, shape[-1])
    elif None in shape:
        raise DataError(f"the images of {name} vary in size: say --image-size, for example --image-size 32")

    splits = builder.info.splits
    if "train" not in splits:
        raise DataError(f"{name} has no train split, only {', '.join(splits) or 'none at all'}")
    test, cache = next((split for split in ("test", "validation") if split in splits), None), cache or Cache()
    try:
        return (
            _read(tfds, builder, "train", shape, size, len(class_names), cache),
            test and _read(tfds, builder, test, shape, size, len(class_names), cache),
            class_names,
            (),
        )
    except GenzooError:
        raise
    except Exception as error:
        raise DataError(
            f"{name} in {builder.data_path} cannot be read ({_line(error)}): prepare it again"
        ) from None


def host_answers() -> bool:
    """Tells whether the download host answers in time (through the user's proxy, where there is one)."""
    answered = threading.Event()

    def ask():
        try:
            request = urllib.request.Request(f"https://{HOST}", method="HEAD")
            urllib.request.urlopen(request, timeout=HOST_SECONDS).close()
        except urllib.error.HTTPError:
            pass  # a refusal is an answer, too
        except (OSError, ValueError):
            return
        answered.set()

    # In a thread, since looking up a name heeds no timeout.
    threading.Thread(target=ask, daemon=True).start()
    return answered.wait(HOST_SECONDS)


def _prepared(root: Path, name: str) -> Path | None:
    """Returns the folder of the newest prepared version of a set, or None; the network is not asked."""
    folder = root / name
    versions = _versions(folder)
    if not versions and "/" not in name and folder.is_dir():  # a set with configs: ROOT/SET/CONFIG/VERSION
        configs = [config for config in sorted(folder.iterdir()) if _versions(config)]
        if len(configs) > 1:
            choices = ", ".join(f"tfds:{name}/{config.name}" for config in configs)
            raise DataError(f"{name} is prepared in several configs: say which, {choices}")
        versions = _versions(configs[0]) if configs else []
    return versions[-1] if versions else None


def _versions(folder: Path) -> list[Path]:
    """Returns the prepared versions in a folder, oldest first; half-written ones have another kind of name."""
    found = [info.parent for info in folder.glob("*/dataset_info.json")]
    found = [version for version in found if VERSION.fullmatch(version.name)]
    return sorted(found, key=lambda version: tuple(map(int, version.name.split("."))))


def _download(tfds, name: str, root: Path):
    try:
        with contextlib.redirect_stdout(sys.stderr):  # its progress is worth seeing, but is no output of ours
            builder = tfds.builder(name, data_dir=root)
            builder.download_and_prepare()
        return builder
    except tfds.core.DatasetNotFoundError:
        raise DataError(f"tensorflow-datasets knows no set {name!r}: look it up in its catalogue") from None
    except Exception as error:
        raise Unavailable(name, root, f"its download failed ({_line(error)})") from None


def _check_features(tfds, builder, name: str):
    """Returns class names and image shape (sides may be None) of a labelled image set; raises DataError for others."""
    features = builder.info.features
    fields = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    image, label = fields.get("image"), fields.get("label")
    if not isinstance(image, tfds.features.Image) or not isinstance(label, tfds.features.ClassLabel):
        has = ", ".join(f"{key} ({type(field).__name__})" for key, field in fields.items())
        raise DataError(
            f"{name} is no labelled image set: expected an image (Image) and a label (ClassLabel),"
            f" it has {has or type(features).__name__}"
        )
    dtype, channels = np.dtype(image.np_dtype), image.shape[-1]
    if dtype != np.uint8 or channels not in (1, 3):
        raise DataError(f"the images of {name} are {dtype} of {channels} channels: expected uint8 of 1 or 3")
    return tuple(label.names), tuple(image.shape)


def _read(tfds, builder, split: str, shape, size: int | None, classes: int, cache):
    """Reads one split, in its stored order -> images uint8 [N, *shape], labels int32 [N]."""
    count = builder.info.splits[split].num_examples

    def read(start):
        once = tfds.ReadConfig(try_autocache=False)  # it is read once, so a cache would only be a second copy
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=once).skip(start)
        dataset = dataset.map(lambda row: (row["image"], row["label"]))
        dataset = dataset.batch(min(256, at_once(shape)) if size is None else 1)
        for batch, labels in untuned(dataset.prefetch(4)).as_numpy_iterator():
            images = batch if size is None else np.stack([fit_array(image, size) for image in batch])
            yield images, labels.astype(np.int32)
            start += len(labels)
        if start != count:
            raise DataError(f"{builder.data_path} holds {start} of {count} {split} images: prepare it again")

    files = sorted(Path(builder.data_path).iterdir())
    images, labels = cache.images(split, count, shape, read, lambda: stamp_of(files))
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(f"the {split} split of {builder.name} has images without a label: it cannot be used")
    return images, labels


def _line(error: Exception) -> str:
    """Returns the first line of an error, short enough to stand inside one of ours."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]
