"""The judge: a small classifier, trained on a data set's training split, that reads samples."""

import hashlib
import json
import os
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from genzoo.data.pipeline import chosen
from genzoo.data.pixels import to_float
from genzoo.data.rows import stretches, take
from genzoo.errors import CheckpointError, DataError
from genzoo.evaluation.metrics.classifier import make_network, train_network, training_steps
from genzoo.evaluation.process import in_own_process
from genzoo.files import user_cache, write_atomically
from genzoo.stack import keras, tf

RECIPE = {"version": 2, "epochs": 6, "least_steps": 1500, "batch": 128, "lr": 2e-3, "shift": 14, "features": 128}
READ_AT_ONCE = 500  # images at most: bounds the memory
EXAMINED = 20_000  # test images that its accuracy is taken on, at most


class Reading(NamedTuple):
    """What a judge says of n images: their classes, int [n]; how sure it is of each, its probability, float32 [n]; and
    their features, float32 [n, d]."""

    classes: np.ndarray
    sureness: np.ndarray
    features: np.ndarray


@dataclass(frozen=True, eq=False)
class Judge:
    """A trained classifier of images of one data set.

    weights: of its network, in Keras' order.      accuracy: on the test split.      recipe: how it was trained.
    """

    image_shape: tuple
    num_classes: int
    recipe: dict
    weights: list
    accuracy: float

    @cached_property
    def network(self):
        """Images → (class scores, features), the features being what its last layer sees. Made when it is first needed:
        until then a GPU is left to the processes that draw samples."""
        network = make_network(self.image_shape, self.num_classes, self.recipe["features"])
        network.set_weights(self.weights)
        return network

    @property
    def arrays(self):
        """{name: array} of its file, all but the checksum."""
        return {str(i): w for i, w in enumerate(self.weights)} | {"accuracy": np.array([self.accuracy])}

    @property
    def identity(self):
        """Which judge this is, as JSON can hold it: judges with equal identities read alike."""
        return {"sha256": _sha256(self.arrays).tobytes().hex(), "recipe": self.recipe}

    def read(self, images):
        """Returns the `Reading` of uint8 images [n, h, w, c]."""
        n, d = len(images), self.recipe["features"]
        read = Reading(np.empty(n, np.int64), np.empty(n, np.float32), np.empty((n, d), np.float32))
        for part in stretches(images, READ_AT_ONCE):
            scores, features = self.network(to_float(images[part]), training=False)
            shares = tf.nn.softmax(scores).numpy()
            read.classes[part], read.sureness[part], read.features[part] = shares.argmax(1), shares.max(1), features
        return read


def judge_of(data, say=print):
    """Returns the `Judge` of an `ImageData`: from the user's cache folder, or trained now and put there.

    It is trained in a process of its own, so that random states and accelerators of this one are left alone.
    Where it cannot be kept, a warning says so. Raises DataError for data without labels, or of fewer than two classes.
    """
    if data.num_classes < 2:
        raise DataError(f"{data.name} has no labels, so nothing can be trained to read its images")
    path = _cache_file(data)
    if path and os.path.isfile(path):
        try:
            return _stored(path, data)
        except (OSError, KeyError, ValueError):
            say(f"the judge in {path} is damaged: training it anew")
    once = f", once: it is kept in {path}" if path else ""
    say(f"training a judge on {data.name} ({training_steps(data, RECIPE):,} steps){once}")
    judge = in_own_process(train_judge, replace(data), RECIPE)  # a copy, without the tensors that `data` may hold
    _keep(judge, path)
    return judge


def train_judge(data, recipe):
    """Returns a new `Judge` of an `ImageData`. It changes global random states, see `judge_of`."""
    weights = train_network(data, recipe).get_weights()
    judge = Judge(data.image_shape, data.num_classes, recipe, weights, float("nan"))
    kept = chosen(len(data.test_images), EXAMINED)
    accuracy = float((judge.read(take(data.test_images, kept)).classes == data.test_labels[kept]).mean())
    return Judge(data.image_shape, data.num_classes, recipe, weights, accuracy)


def _cache_file(data):
    """The file that keeps the judge of this data, recipe and stack; None where no home folder is known."""
    folder = user_cache()
    if folder is None:
        return None
    key = json.dumps(RECIPE | {"data": data.fingerprint, "keras": int(hasattr(keras, "ops"))}, sort_keys=True)
    return folder / f"judge-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"


def _stored(path, data):
    """The judge in a file. Raises OSError, KeyError or ValueError where it is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise ValueError(error) from error
    if not np.array_equal(arrays.pop("sha256"), _sha256(arrays)):
        raise ValueError("some bits have changed")
    accuracy = float(arrays.pop("accuracy")[0])
    weights = [arrays[str(i)] for i in range(len(arrays))]
    return Judge(data.image_shape, data.num_classes, RECIPE, weights, accuracy)


def _keep(judge, path):
    from safetensors.numpy import save

    try:
        if path is None:
            raise OSError("no home folder is known; set HOME or XDG_CACHE_HOME")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(judge.arrays | {"sha256": _sha256(judge.arrays)}))
    except (OSError, CheckpointError) as error:
        warnings.warn(f"the judge cannot be kept, so that each evaluation trains one: {error}", stacklevel=3)


def _sha256(arrays):
    """The checksum of {name: array}, uint8 [32]."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
