"""Guidance by the early state of a model's own weights."""

import numpy as np
import pytest
from small import shaken, small

from genzoo.models.families import MODELS

GUIDED = [name for name, family in MODELS.items() if family.keeps_early]
ONE_STEP = {"ddpm": {"sampler": "ddim", "guidance_interval": None, "clip_denoised": False}}


def twins(name):
    """A model whose early weights and averaged ones differ."""
    model = shaken(small(name), seed=1)
    model.keep_early()
    return shaken(model, seed=2)


def test_early_weights_are_kept_once_and_travel_with_the_others():
    model = shaken(small("ddpm"))
    before = model.weights_dict()
    assert not model.has_early and not any(name.startswith("early.") for name in before)
    model.keep_early()
    kept = model.weights_dict()
    for name in before:
        np.testing.assert_array_equal(kept[name.replace("ema.", "early.")], before[name])
    shaken(model, seed=2).keep_early()
    later = model.weights_dict()
    other = small("ddpm")
    other.load_weights_dict(later)
    for name, array in other.weights_dict().items():
        np.testing.assert_array_equal(array, (kept if name.startswith("early.") else later)[name])
    other.load_weights_dict(before)  # of a model without
    assert not other.has_early


@pytest.mark.parametrize("name", ["blend", "ddpm"])
def test_guidance_steers_away_from_the_early_weights(name):
    """In one step a picture is the prediction, which guidance moves along a line."""
    model = twins(name)

    def picture(scale):
        options = {"guidance_interval": None, "steps": 1, "guidance": scale} | ONE_STEP.get(name, {})
        return next(iter(model.way(3, np.zeros(3, int), 0, 1, **model.sampling_options(options))))[2].numpy()

    early, own = picture(0.0), picture(1.0)
    assert np.abs(early - own).max() > 1e-3
    np.testing.assert_allclose(picture(2.5), early + 2.5 * (own - early), atol=1e-5)


@pytest.mark.parametrize("name", GUIDED)
def test_it_costs_a_second_evaluation_where_it_acts(name):
    model, options = twins(name), {"steps": 10, "guidance_interval": None}
    assert [model.evaluations(guidance=scale, **options) for scale in (0.0, 1.0, 2.0)] == [10, 10, 20]
    some = model.evaluations(guidance=2.0, **options | {"guidance_interval": (0.3, 2.0)})
    assert 10 < some < 20


@pytest.mark.parametrize("name", ["blend", "ddpm"])
def test_without_early_weights_nothing_is_guided(name):
    model = shaken(small(name))
    guided, plain = (model.sample(2, steps=4, guidance=scale) for scale in (3.0, 1.0))
    np.testing.assert_array_equal(guided, plain)
    assert model.evaluations(steps=4, guidance=3.0) == 4
