"""The judge: a small classifier, trained on a data set's training split, that reads samples."""

import hashlib
import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from genzoo.data.pixels import to_float
from genzoo.errors import DataError
from genzoo.files import write_atomically
from genzoo.networks.blocks import conv
from genzoo.stack import keras, layers, tf

RECIPE = {"version": 2, "epochs": 6, "least_steps": 1500, "batch": 128, "lr": 2e-3, "shift": 14, "features": 128}
READ_AT_ONCE = 500  # images: bounds the memory


@dataclass(frozen=True)
class Judge:
    """network: images → (class scores, features), the features being what its last layer sees; accuracy: on the test
    split."""

    network: keras.Model
    accuracy: float

    def look(self, images):
        """uint8 images [n, h, w, c] of the set's native shape → (class of each, int [n]; features, float32 [n, d])."""
        classes, features = [], []
        for start in range(0, len(images), READ_AT_ONCE):
            scores, seen = self.network(to_float(images[start : start + READ_AT_ONCE]), training=False)
            classes.append(np.argmax(scores, axis=1))
            features.append(np.asarray(seen))
        return np.concatenate(classes), np.concatenate(features)

    def read(self, images):
        """uint8 images [n, h, w, c] → class of each, int [n]."""
        return self.look(images)[0]


def _network(image_shape, num_classes):
    inputs = layers.Input(image_shape)
    x = conv(32)(inputs)
    for width in (32, 64, 128):
        x = layers.MaxPooling2D(2, padding="same")(x)
        # Keras' momentum of 0.99 would still remember the start after some hundred steps.
        x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.95)(conv(width)(x)))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D(2, padding="same")(x)))
    features = layers.Dense(RECIPE["features"], activation="relu")(x)
    scores = layers.Dense(num_classes)(layers.Dropout(0.3)(features))
    return keras.Model(inputs, [scores, features])


def _training_batches(data, steps):
    """Shuffled batches, each moved by up to a `shift`-th of its side: two pixels of MNIST."""
    images, labels = to_float(data.train_images), data.train_labels
    size, shift = min(RECIPE["batch"], len(labels)), min(data.native_shape[:2]) // RECIPE["shift"]
    rng = np.random.default_rng(0)

    def batches():
        while True:
            order = rng.permutation(len(labels))
            for start in range(0, len(labels) - size + 1, size):
                chosen = order[start : start + size]
                yield np.roll(images[chosen], rng.integers(-shift, shift + 1, 2), axis=(1, 2)), labels[chosen]

    spec = (tf.TensorSpec([size, *images.shape[1:]]), tf.TensorSpec([size], tf.int32))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=spec).take(steps)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def _cache_file(data):
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = json.dumps(RECIPE | {"data": data.fingerprint, "keras": int(hasattr(keras, "ops"))}, sort_keys=True)
    return root / "genzoo" / f"judge-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"


def judge_of(data, say=print):
    """The `Judge` of an `ImageData`: from the user's cache folder, or trained now and put there.

    Raises DataError for data without labels, or of fewer than two classes.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save

    if data.num_classes < 2:
        raise DataError(f"{data.name} has no labels, so nothing can be trained to read its images")
    keras.utils.set_random_seed(0)
    network = _network(data.image_shape, data.num_classes)
    path = _cache_file(data)
    try:
        stored = load_file(path)
        if not np.array_equal(stored.pop("sha256"), _sha256(stored)):
            raise ValueError("some bits have changed")
        network.set_weights([stored[str(i)] for i in range(len(network.weights))])
        return Judge(network, float(stored["accuracy"][0]))
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError, KeyError, ValueError):
        say(f"the judge in {path} is damaged: training it anew")

    steps = _steps(data)
    say(f"training a judge on {data.name} ({steps:,} steps), once: it is kept in {path}")
    _train(network, data, steps)
    judge = Judge(network, float("nan"))
    judge = replace(judge, accuracy=float((judge.read(data.test_images) == data.test_labels).mean()))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {str(i): w for i, w in enumerate(network.get_weights())} | {"accuracy": np.array([judge.accuracy])}
    write_atomically(path, save(arrays | {"sha256": _sha256(arrays)}))
    return judge


def _sha256(arrays):
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _steps(data):
    size = min(RECIPE["batch"], len(data.train_labels))
    return max(RECIPE["least_steps"], RECIPE["epochs"] * (len(data.train_labels) // size))


def _train(network, data, steps):
    reader = keras.Model(network.inputs, network.outputs[0])  # the features need no loss
    rate = keras.optimizers.schedules.CosineDecay(RECIPE["lr"], steps)
    reader.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    with tqdm(total=steps, unit=" steps", disable=not sys.stderr.isatty(), leave=False) as bar:
        advance = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
        reader.fit(_training_batches(data, steps), epochs=1, shuffle=False, verbose=0, callbacks=[advance])
