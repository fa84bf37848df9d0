"""What the trainer hands to a model: images for sampling and validation, and noise."""

import numpy as np
import pytest
from small import AUTOENCODERS, CLASSES, compiled, eagerly, images, small

from genzoo.data.pipeline import chosen
from genzoo.data.pixels import Floats, to_float
from genzoo.data.sets import ImageData
from genzoo.models.families import MODELS
from genzoo.training.loop import SAMPLING_IMAGES, VALIDATION_IMAGES, Trainer

TRAIN = {"batch_size": 16, "lr": 1e-3, "ema": 0.9, "seed": 0, "jit_compile": False}


def cyclic(count, tests=20):
    """Images of 8x8 whose labels go round: 0, 1, 2, 3, 0, 1 …"""
    pixels = np.random.default_rng(0).integers(0, 256, (count + tests, 8, 8, 1), dtype=np.uint8)
    labels = (np.arange(count + tests) % CLASSES).astype(np.int32)
    names = tuple("abcd"[:CLASSES])
    return ImageData("cyclic", "", pixels[:count], labels[:count], pixels[count:], labels[count:], names)


@pytest.mark.parametrize("most", [VALIDATION_IMAGES, SAMPLING_IMAGES])
def test_some_of_many_images_are_of_all_classes(most):
    labels = np.arange(4 * most) % 10
    counts = np.bincount(labels[chosen(len(labels), most)], minlength=10)
    assert counts.sum() == most and counts.min() > 0.8 * most / 10
    np.testing.assert_array_equal(chosen(len(labels), most), chosen(len(labels), most))


def test_all_images_are_taken_in_their_order_where_they_are_few():
    np.testing.assert_array_equal(chosen(7, 7), np.arange(7))
    np.testing.assert_array_equal(chosen(7, 9), np.arange(7))


def test_validation_sees_all_classes():
    data = cyclic(20, CLASSES * VALIDATION_IMAGES)
    trainer = Trainer(small("vae"), data, TRAIN)
    assert trainer.validation_images == VALIDATION_IMAGES
    assert len(np.unique(trainer._validation.test_labels)) == CLASSES


def test_floats_are_the_images_that_were_chosen():
    data = cyclic(50)
    rows = chosen(50, 20)
    floats = Floats(data.train_images, rows)
    assert len(floats) == 20
    np.testing.assert_array_equal(floats[5:12], to_float(data.train_images[rows])[5:12])


@pytest.mark.parametrize("family", MODELS)
def test_images_become_floats_in_parts_and_only_where_they_are_read(family, monkeypatch):
    made = []

    def watched(pixels):
        made.append(len(pixels))
        return to_float(pixels)

    monkeypatch.setattr("genzoo.data.pixels.to_float", watched)
    monkeypatch.setattr("genzoo.models.mixture.COMPONENTS", 4)  # to fit 50 takes seconds
    trainer = Trainer(small(family), cyclic(1200), TRAIN)
    with eagerly():
        trainer.prepare_sampling(1100)
    assert made == ([500, 500, 100] if family in AUTOENCODERS else [])


def test_validation_draws_noise_that_no_step_of_training_draws(monkeypatch):
    """A step's noise is keyed by its number, from 0; validation's by numbers below, the same at each evaluation."""
    model, steps = compiled(small("vae")), []
    terms = model.loss_terms

    def watched(network, images, labels, step, training):
        steps.append(int(step))
        return terms(network, images, labels, step, training)

    monkeypatch.setattr(model, "loss_terms", watched)
    batch = {"image": images(16), "label": np.zeros(16, np.int32)}
    values = []
    for _ in range(2):
        for metric in model.metrics:
            metric.reset_state()
        values.append([float(model.test_step(batch)["loss"]) for _ in range(3)])
    assert steps == 2 * [-1, -17, -33]
    assert values[0] == values[1] and len(set(values[0])) == 3


def test_a_picture_and_its_cost_agree():
    trainer = Trainer(small("cddpm"), cyclic(40), TRAIN)
    seen = []
    trainer.model.sample = lambda n, **options: seen.append((n, options)) or np.zeros((n, 8, 8, 1))
    trainer.picture()
    n, options = seen[0]
    options = {k: v for k, v in options.items() if k not in ("labels", "seed")}
    assert trainer.picture_evaluations == n * trainer.model.evaluations(**options)
