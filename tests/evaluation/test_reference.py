"""The reference: what is fed in decides what comes out."""

from dataclasses import replace

import numpy as np
import pytest

from genzoo.data import pipeline
from genzoo.evaluation import scores
from genzoo.evaluation.metrics import judge, reference
from genzoo.evaluation.metrics.reference import Reference


def values(scores):
    return {name: score.get("value") for name, score in scores.items()}


def test_real_test_images_give_the_floor(real, digits):
    order = real.test_order
    fed = real.measure(digits.test_images[order], digits.test_labels[order])
    assert values(fed) == pytest.approx(values(real.floor(297)))
    assert real.floor(10_000) is real.floor(297)  # there are no more
    assert fed["accuracy"]["value"] == pytest.approx(real.judge.accuracy)
    assert fed["accuracy"]["value"] > 0.9 and fed["coverage"]["value"] > 0.4
    for name in ("frechet", "coverage", "nearest"):
        assert fed[name]["n"] == 297 and fed[name]["reference"] == "1,500 training images"


def test_of_very_many_images_some_are_read(real, digits, monkeypatch):
    monkeypatch.setattr(reference, "READ", 400)
    monkeypatch.setattr(judge, "EXAMINED", 50)
    few = Reference(digits)  # by the same judge, which is kept
    np.testing.assert_allclose(few.features, real.features[:400], rtol=1e-4, atol=1e-4)
    fed = few.measure(digits.test_images[:297], None)
    assert {fed[name]["reference"] for name in ("frechet", "kid", "coverage")} == {"400 training images"}
    assert fed["nearest"]["reference"] == "1,500 training images"
    known = real.judge.read(digits.test_images).classes == digits.test_labels
    monkeypatch.setattr(judge, "train_network", lambda data, recipe: real.judge.network)
    assert judge.train_judge(digits, real.judge.recipe).accuracy == pytest.approx(
        known[pipeline.chosen(297, 50)].mean()
    )


def test_noise_is_far_off(real, digits):
    noise = np.random.default_rng(0).integers(0, 256, digits.test_images.shape).astype(np.uint8)
    floor, fed = real.floor(297), real.measure(noise, digits.test_labels)
    assert fed["frechet"]["value"] > 10 * floor["frechet"]["value"]
    # Five standard errors: what a judge of two seconds makes of noise differs from one type of CPU to another.
    assert fed["kid"]["value"] > floor["kid"]["value"] + 5 * (fed["kid"]["error"] + floor["kid"]["error"])
    assert fed["coverage"]["value"] < 0.1 * floor["coverage"]["value"]
    assert fed["nearest"]["value"] > 2 * floor["nearest"]["value"]
    assert fed["accuracy"]["value"] < 0.3


def test_copies_of_training_images_are_flagged_as_memorised(real, digits):
    result = {"floor": real.floor(297), "metrics": real.measure(digits.train_images[:297], None)}
    assert result["metrics"]["copies"]["value"] == 1 and scores.memorised(result)
    assert result["metrics"]["nearest"]["value"] == pytest.approx(0, abs=1e-3)
    assert any("MEMORISED" in line for line in scores.remarks({"thief": result}))
    result["metrics"] = result["floor"]
    assert not scores.memorised(result) and not [line for line in scores.remarks({"honest": result}) if "MEM" in line]


def test_of_two_digits_at_once_the_judge_is_not_sure(real, digits):
    a, b = digits.test_images[digits.test_labels == 3], digits.test_images[digits.test_labels == 7]
    both = (a[:25] // 2 + b[:25] // 2).astype(np.uint8)
    assert real.measure(both, None)["sure"]["value"] < 0.85 < 0.9 < real.floor(297)["sure"]["value"]


def test_a_model_that_knows_few_classes_spreads_over_few(real, digits):
    assert real.floor(297)["classes"]["value"] > 9.5
    images = np.concatenate([digits.test_images[digits.test_labels == k][:20] for k in (0, 1, 6, 7)])
    few = real.measure(images, None)
    assert few["classes"]["value"] == pytest.approx(4, abs=0.5) and few["sure"]["value"] > 0.8


def test_swapped_labels_drop_accuracy_to_chance(real, digits):
    rng = np.random.default_rng(0)
    swapped = np.concatenate([rng.permutation(digits.test_labels) for _ in range(5)])
    fed = real.measure(np.concatenate([digits.test_images] * 5), swapped)["accuracy"]
    assert fed["interval"][0] < 0.1 < fed["interval"][1]
    shares = fed["per_class"].values()
    assert sum(share["n"] for share in shares) == fed["n"] == 5 * 297 and len(shares) == 10
    assert sum(share["n"] * share["value"] for share in shares) == pytest.approx(fed["n"] * fed["value"])


def test_too_few_images_give_a_reason_instead_of_a_number(real, digits):
    fed = real.measure(digits.test_images[:39], digits.test_labels[:39])
    assert fed["frechet"] == {"reason": "needs 256 images, there are 39"}
    assert fed["kid"] == {"reason": "needs 40 images, there are 39"}
    assert fed["coverage"] == fed["density"] == {"reason": "needs 50 images, there are 39"}
    assert fed["accuracy"]["n"] == fed["nearest"]["n"] == 39


def test_images_without_labels_have_no_judge(digits):
    zeros = {"train_labels": 0 * digits.train_labels, "test_labels": 0 * digits.test_labels}
    unlabelled = replace(digits, class_names=(), **zeros)
    fed = Reference(unlabelled).measure(digits.test_images, None)
    for name in ("frechet", "kid", "density", "coverage", "accuracy"):
        assert fed[name] == {"reason": "digits has no labels to train a judge on"}
    assert fed["nearest"]["value"] > 0


def test_the_floor_needs_no_more_than_there_is():
    assert reference.LEAST["frechet"] >= 2 * judge.RECIPE["features"]
