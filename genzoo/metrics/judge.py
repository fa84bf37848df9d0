"""The judge: a small classifier, trained on a data set's training split, that reads samples."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genzoo.blocks import conv, keras, layers
from genzoo.data import to_float
from genzoo.errors import DataError
from genzoo.files import write_atomically
from genzoo.quiet import tf

RECIPE = {"version": 1, "epochs": 6, "least_steps": 1500, "batch": 128, "lr": 2e-3, "shift": 2, "features": 128}


@dataclass(frozen=True)
class Judge:
    """network: images → class scores; features: images → what the last layer sees; accuracy: on the test split."""

    network: keras.Model
    features: keras.Model
    accuracy: float

    def read(self, images):
        """Images [n, H, W, C] in [-1, 1] → class of each, int [n]."""
        return self.network.predict(images, batch_size=500, verbose=0).argmax(axis=1)


def _network(image_shape, num_classes):
    inputs = layers.Input(image_shape)
    x = conv(32)(inputs)
    for width in (32, 64, 128):
        x = layers.MaxPooling2D(2)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(conv(width)(x)))
    x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    features = layers.Dense(RECIPE["features"], activation="relu")(x)
    scores = layers.Dense(num_classes)(layers.Dropout(0.3)(features))
    return keras.Model(inputs, scores), keras.Model(inputs, features)


def _training_batches(data, steps):
    """Shuffled batches, each moved by up to `shift` pixels."""
    images, labels = to_float(data.train_images), data.train_labels
    size, shift = min(RECIPE["batch"], len(labels)), RECIPE["shift"]
    rng = np.random.default_rng(0)

    def batches():
        while True:
            order = rng.permutation(len(labels))
            for start in range(0, len(labels) - size + 1, size):
                chosen = order[start : start + size]
                yield np.roll(images[chosen], rng.integers(-shift, shift + 1, 2), axis=(1, 2)), labels[chosen]

    spec = (tf.TensorSpec([size, *images.shape[1:]]), tf.TensorSpec([size], tf.int32))
    return tf.data.Dataset.from_generator(batches, output_signature=spec).take(steps).prefetch(2)


def _cache_file(data):
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = json.dumps(RECIPE | {"data": data.fingerprint, "keras": int(hasattr(keras, "ops"))}, sort_keys=True)
    return root / "genzoo" / f"judge-{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"


def judge_of(data, say=print):
    """The `Judge` of an `ImageData`: from the user's cache folder, or trained now and put there.

    Raises DataError for data without labels.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save

    if not data.num_classes:
        raise DataError(f"{data.name} has no labels, so nothing can be trained to read its images")
    keras.utils.set_random_seed(0)
    network, features = _network(data.image_shape, data.num_classes)
    path = _cache_file(data)
    try:
        stored = load_file(path)
        network.set_weights([stored[str(i)] for i in range(len(network.weights))])
        return Judge(network, features, float(stored["accuracy"]))
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError, KeyError, ValueError):
        say(f"the judge in {path} is damaged: training it anew")

    size = min(RECIPE["batch"], len(data.train_labels))
    steps = max(RECIPE["least_steps"], RECIPE["epochs"] * (len(data.train_labels) // size))
    say(f"training a judge on {data.name} ({steps:,} steps), once: it is kept in {path}")
    rate = keras.optimizers.schedules.CosineDecay(RECIPE["lr"], steps)
    network.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    network.fit(_training_batches(data, steps), epochs=1, shuffle=False, verbose=0)
    read = network.predict(to_float(data.test_images), batch_size=500, verbose=0).argmax(axis=1)
    accuracy = float((read == data.test_labels).mean())
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {str(i): w for i, w in enumerate(network.get_weights())}
    write_atomically(path, save(arrays | {"accuracy": np.array([accuracy])}))
    return Judge(network, features, accuracy)
