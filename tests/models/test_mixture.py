"""The mixture that latents are drawn from."""

import numpy as np
import pytest
from small import images, shaken, small

from genzoo.errors import UsageError
from genzoo.models import mixture


def latents(n=300):
    """Points around three centres in turn, and their labels; the first two have labels of their own."""
    rng, of = np.random.default_rng(0), np.arange(n) % 3
    centres = np.array([[4.0, 0], [-4, 0], [0, 6]])
    return centres[of] + rng.normal(size=(n, 2)) * [0.3, 0.6], of % 2


def test_draws_lie_where_latents_of_their_label_do():
    z, labels = latents()
    fitted = mixture.fit(z, labels, 3)
    assert np.allclose(fitted[0].sum(axis=1), 1)
    for label in (0, 1):
        drawn = mixture.draw(np.full(1000, label), *fitted, seed=1)
        np.testing.assert_allclose(drawn.mean(axis=0), z[labels == label].mean(axis=0), atol=0.3)
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(z[labels == label].T), atol=0.7)
    absent = mixture.draw(np.full(1000, 2), *fitted, seed=1)  # no latent has this label: like all of them
    np.testing.assert_allclose(absent.mean(axis=0), z.mean(axis=0), atol=0.4)


def test_a_seed_and_a_label_decide_a_draw():
    z, labels = latents()
    fitted = mixture.fit(z, labels, 2)
    drawn = mixture.draw(np.array([0, 1, 0]), *fitted, seed=1)
    np.testing.assert_array_equal(mixture.draw(np.array([0, 1]), *fitted, seed=1), drawn[:2])
    assert np.abs(mixture.draw(np.array([1, 1, 0]), *fitted, seed=1) - drawn)[0].max() > 1
    assert np.abs(mixture.draw(np.array([0, 1, 0]), *fitted, seed=2) - drawn).max() > 0.01


def test_a_vae_has_a_prior_of_its_own():
    model = small("vae")
    np.testing.assert_array_equal(model.sample(3), model.sample(3, prior="normal"))  # before there is a mixture
    shaken(model)
    assert np.abs(model.sample(3) - model.sample(3, prior="normal")).max() > 1e-3


def test_a_cvae_needs_the_labels_of_the_images():
    with pytest.raises(UsageError, match="labels: give one for each"):
        small("cvae").prepare_sampling(images(40))


def test_labels_share_the_gaussians_and_few_latents_have_fewer():
    assert [mixture.components(count) for count in (1, 10, 1000)] == [50, 5, 1]
    z, _ = latents(3)
    shares, means, factors = mixture.fit(z, np.arange(3), 3)  # a latent a label
    assert (np.count_nonzero(shares, axis=1) == 1).all()
    np.testing.assert_allclose(means[:, 0], z)
    assert np.abs(mixture.draw(np.arange(3), shares, means, factors, seed=0) - z).max() < 0.3  # reg_covar alone
