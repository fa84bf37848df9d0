"""Another judge, of another architecture and seed, ranks the families of the zoo as the project's judge does."""

import numpy as np
import pytest
from data.test_tfds import REAL, needs_mnist

from genzoo.data.pipeline import permutation
from genzoo.data.pixels import to_float, to_uint8
from genzoo.data.sets import load_data
from genzoo.evaluation.metrics.distances import frechet_distance
from genzoo.models.families import MODELS
from genzoo.runs.load import load
from genzoo.runs.metrics_file import latest
from genzoo.runs.run import Run
from genzoo.stack import keras, layers

N = 1000
CLEAR = 2  # times as far, by our judge: both have to see that; closer ones may change places


def lenet(image_shape, classes):
    """After LeCun et al. 1998, with relu and maxima: 5×5 convolutions, and no norm; ours has 3×3, strides and norms."""
    x = image = layers.Input(image_shape)
    for channels in (16, 32):
        x = layers.MaxPooling2D()(layers.Conv2D(channels, 5, activation="relu", padding="same")(x))
    features = layers.Dense(84, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(classes)(features)), keras.Model(image, features)


@pytest.mark.slow
@pytest.mark.once
@needs_mnist
def test_the_families_of_the_zoo_are_ranked_alike():
    mnist = load_data("mnist", data_dir=REAL)
    keras.utils.set_random_seed(7)
    classifier, features = lenet(mnist.image_shape, mnist.num_classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"], jit_compile=False)
    order = permutation(len(mnist.train_images), 7)
    pixels, labels = to_float(mnist.train_images[order]), mnist.train_labels[order]
    classifier.fit(pixels, labels, batch_size=100, epochs=1, shuffle=False, verbose=0)
    test = to_float(mnist.test_images)
    assert classifier.evaluate(test, mnist.test_labels, batch_size=500, verbose=0)[1] > 0.97

    real = features.predict(test, batch_size=500, verbose=0)
    theirs, ours = {}, {}
    for family in MODELS:
        run = Run.open(f"zoo:{family}-mnist")
        samples = to_uint8(load(run.path).sample(N, seed=11), mnist.native_shape)
        theirs[family] = frechet_distance(real, features.predict(to_float(samples), batch_size=500, verbose=0))
        ours[family] = latest(run)["metrics"]["frechet"]["value"]
    ranks = [np.argsort(np.argsort([found[family] for family in MODELS])) for found in (ours, theirs)]
    assert np.corrcoef(ranks)[0, 1] > 0.9, theirs  # Spearman's: two neighbours may change places
    for one in MODELS:
        for other in MODELS:
            assert theirs[one] < theirs[other] or CLEAR * ours[one] > ours[other], (one, other, theirs)
