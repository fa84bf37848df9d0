"""Labels that a model invents, and guidance by them."""

import numpy as np
import pytest
from small import eagerly, images, shaken, shared, small

from genzoo.models import clusters
from genzoo.models.families import MODELS

INVENTING = [name for name, family in MODELS.items() if any(o.name == "clusters" for o in family.options)]
GUIDED = [name for name, family in MODELS.items() if any(o.name == "guidance" for o in family.sampling)]
EVERYWHERE = {"guidance_interval": None}


def blobs(counts=(60, 30, 10), noise=0.05):
    """Images around as many grey levels as there are counts, and the level of each."""
    levels = np.repeat(np.arange(len(counts)), counts)
    means = np.linspace(-0.8, 0.8, len(counts))[levels]
    return (means[:, None, None, None] + noise * images(len(levels))).astype("float32"), levels


def test_clusters_are_found_with_their_shares():
    x, levels = blobs()
    centres, shares = clusters.fit(x, 3)
    found = clusters.nearest(x, centres).numpy()
    assert len(set(zip(found, levels, strict=True))) == 3  # one number a level
    np.testing.assert_allclose(shares[found], np.array([0.6, 0.3, 0.1])[levels], atol=1e-6)
    np.testing.assert_allclose(centres[found].mean(axis=(1, 2, 3)), np.linspace(-0.8, 0.8, 3)[levels], atol=0.03)


def test_more_clusters_than_images_are_empty():
    x = images(4)
    centres, shares = clusters.fit(x, 6)
    assert np.isfinite(centres).all() and sorted(shares) == pytest.approx([0, 0, 0.25, 0.25, 0.25, 0.25])
    assert sorted(clusters.nearest(x, centres).numpy()) == [0, 1, 2, 3]


def test_only_what_is_seen_of_an_image_tells_its_cluster():
    centres = np.stack([np.full((8, 8, 1), level, np.float32) for level in (-0.5, 0.5)])
    x = np.full((2, 8, 8, 1), 0.5, np.float32)
    x[:, :6] = -0.5  # most of it is dark
    seen = np.zeros((2, 8, 8, 1), bool)
    seen[1, 6:] = True
    seen[0] = True
    np.testing.assert_array_equal(clusters.nearest(x, centres, seen), [0, 1])


def taught(name, **options):
    """A model that invented three labels, with weights moved away from their start."""
    model = shaken(small(name, clusters=3, **options))
    model.prepare_training(blobs()[0])
    return model


@pytest.mark.parametrize("name", INVENTING)
def test_groups_are_drawn_as_often_as_they_are_found_and_images_beside_stay(name):
    model = taught(name)
    drawn = model.labels_to_draw(np.zeros(4000, int), seed=5)
    shares = np.bincount(drawn, minlength=3) / 4000
    np.testing.assert_allclose(shares, model.cluster_shares, atol=0.03)
    np.testing.assert_array_equal(model.labels_to_draw(np.zeros(10, int), seed=5), drawn[:10])
    assert (model.labels_to_draw(np.zeros(4000, int), seed=6) != drawn).any()


@pytest.mark.parametrize("name", GUIDED)
def test_a_share_of_the_labels_is_hidden_in_training(name):
    model = shared(name) if name not in INVENTING else taught(name)
    x, levels = blobs((600, 300, 100))
    own = np.asarray(model.network_labels(x, levels))
    told = np.asarray(model.training_labels(x, levels, 3))
    hidden = told == model.label_count
    assert hidden.mean() == pytest.approx(0.1, abs=0.03) and (told[~hidden] == own[~hidden]).all()
    assert (np.asarray(model.training_labels(x, levels, 4)) != told).any()


@pytest.mark.parametrize("name", INVENTING)
def test_guidance_moves_a_prediction_along_a_line(name):
    """In one step a picture is the prediction: of the group at 1, of no group at 0, and beyond the first at 3."""
    model = taught(name)
    options = {"steps": 1} | ({"sampler": "ddim", "clip_denoised": False} if name == "ddpm" else {})

    def picture(scale):
        asked = model.sampling_options(options | EVERYWHERE | {"guidance": scale})
        with eagerly():
            return next(iter(model.way(6, np.zeros(6, int), 0, 1, **asked)))[2].numpy()

    none, own = picture(0.0), picture(1.0)
    assert np.abs(none - own).max() > 1e-3
    np.testing.assert_allclose(picture(3.0), none + 3 * (own - none), atol=1e-4)


@pytest.mark.parametrize("name", GUIDED)
def test_it_costs_a_second_evaluation_where_it_acts(name):
    model = small(name)
    costs = [model.evaluations(steps=10, guidance=scale, **EVERYWHERE) for scale in (0.0, 1.0, 2.0)]
    assert costs == [10, 10, 20]
    assert 10 < model.evaluations(steps=10, guidance=2.0, guidance_interval=(0.3, 2.0)) < 20


@pytest.mark.parametrize("name", INVENTING)
def test_without_clusters_nothing_is_guided(name):
    model = shaken(small(name, clusters=0))
    model.prepare_training(images(20))
    with eagerly():
        guided, plain = (model.sample(2, steps=4, guidance=scale) for scale in (3.0, 1.0))
    np.testing.assert_array_equal(guided, plain)
    assert model.evaluations(steps=4, guidance=3.0) == 4
    assert set(model.weights_dict()) == {n for n in model.weights_dict() if n.startswith("ema.")}
    assert not any("label" in n for n in model.weights_dict())


def test_the_label_of_an_edited_image_is_that_of_what_is_known_of_it(monkeypatch):
    model = taught("ddpm")
    x, levels = blobs()
    told = []
    monkeypatch.setattr(model, "arrive", lambda start, plan, labels, *rest: told.append(labels) or start)
    model.img2img(x[-3:])
    assert np.array_equal(told.pop(), model.network_labels(x[-3:], None))
    other = x[-3:].copy()
    other[:, :6] = x[:1, :6]  # three quarters are of another group, and hidden
    mask = np.zeros((8, 8), bool)
    mask[:6] = True
    model.inpaint(other, mask)
    assert np.array_equal(told.pop(), model.network_labels(x[-3:], None))


def test_a_group_has_its_price_in_the_likelihood():
    from genzoo.evaluation.metrics.likelihood import diffusion_bound

    model = taught("ddpm")
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    training = x, np.zeros(20, int)
    before = diffusion_bound(model, x, np.zeros(20, int), training)["elbo"].nats
    labels = model.network_labels(x / 127.5 - 1, None).numpy()
    price = model.label_nats(labels).mean()
    model.cluster_shares.assign(np.ones(3))  # -log 1: for nothing
    assert price > 0.1
    after = diffusion_bound(model, x, np.zeros(20, int), training)["elbo"].nats
    assert before - after == pytest.approx(price, rel=1e-3)


def test_training_goes_on_with_the_same_clusters():
    model = taught("ddpm")
    centres = np.asarray(model.cluster_centres)
    other = small("ddpm", clusters=3)
    other.load_weights_dict(model.weights_dict())
    np.testing.assert_array_equal(np.asarray(other.cluster_centres), centres)
    assert {"cluster_centres", "cluster_shares"} <= set(model.state_variables())
