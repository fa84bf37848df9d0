"""A judge that the project does not have, made here: it ranks the families of the zoo as the project's own does."""

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import genzoo
from genzoo.data.pixels import to_float, to_uint8
from genzoo.data.sets import load_data
from genzoo.evaluation.metrics.distances import frechet_distance
from genzoo.runs import metrics_file, zoo
from genzoo.runs.run import Run
from genzoo.stack import keras, layers

REAL = Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
N = 1000  # samples of each family
APART = 1.5  # a Fréchet distance so many times another is a better rank, whoever judges; below, seeds may decide
STEPS, BATCH, FEATURES, SEED = 700, 128, 48, 7


@pytest.fixture(scope="module")
def mnist():
    return load_data("mnist")


@pytest.fixture(scope="module")
def second(mnist):
    """Images → (scores, features). Large strided kernels and tanh, where the project's judge pools small ones, norms
    them and has relu; no shifted images, another rate, another seed."""
    keras.utils.set_random_seed(SEED)
    inputs = layers.Input(mnist.image_shape)
    x = layers.Conv2D(24, 5, strides=2, activation="tanh")(inputs)
    x = layers.Conv2D(48, 5, strides=2, activation="tanh")(x)
    seen = layers.Dense(FEATURES, activation="tanh")(layers.Flatten()(x))
    network = keras.Model(inputs, [layers.Dense(mnist.num_classes)(seen), seen])
    reader = keras.Model(inputs, network.outputs[0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reader.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, jit_compile=False)
    chosen = np.random.default_rng(SEED).permutation(len(mnist.train_images))
    for start in range(0, STEPS * BATCH, 10_000):  # floats of some images at a time
        part = np.take(chosen, range(start, min(start + 10_000, STEPS * BATCH)), mode="wrap")
        reader.fit(to_float(mnist.train_images[part]), mnist.train_labels[part], BATCH, epochs=1, verbose=0)
    return network


def read(network, images):
    """(classes, features) of uint8 images"""
    parts = [network(to_float(images[i : i + 500]), training=False) for i in range(0, len(images), 500)]
    return tuple(np.concatenate([np.asarray(part[k]) for part in parts]) for k in (0, 1))


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "mnist").is_dir(), reason=f"the real MNIST is not prepared in {REAL} (TFDS_DATA_DIR)")
def test_another_judge_ranks_the_families_alike(mnist, second):
    scores, seen = read(second, mnist.test_images)
    accuracy = (scores.argmax(axis=1) == mnist.test_labels).mean()
    assert accuracy > 0.97  # it can read
    real = read(second, mnist.train_images[:: len(mnist.train_images) // 20_000])[1]
    theirs, ours = {"real": frechet_distance(seen[:N], real)}, {}
    for name in zoo.names():
        run = Run.open(f"zoo:{name}")
        if run.config["data"]["name"] != "mnist":
            continue
        metrics = metrics_file.latest(run)
        ours["real"], ours[name] = (metrics[part]["frechet"]["value"] for part in ("floor", "metrics"))
        images = to_uint8(genzoo.load(f"zoo:{name}").sample(N, seed=11), mnist.native_shape)
        theirs[name] = frechet_distance(read(second, images)[1], real)
    assert len(ours) == 7  # six families, and real images
    told = {name: (round(ours[name], 2), round(theirs[name], 3)) for name in ours}
    for one, other in combinations(sorted(ours, key=ours.get), 2):
        if ours[other] > APART * ours[one]:
            assert theirs[other] > theirs[one], (one, other, told)
    print(f"the second judge reads {accuracy:.2%} right; its Fréchet distances beside the project's: {told}")
