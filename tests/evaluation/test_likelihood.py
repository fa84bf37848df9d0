"""The likelihood of every family: its bounds, or a reason why there is none."""

import math
from functools import partial

import numpy as np
import pytest
from small import CLASSES, shaken, shared, small

from genzoo.data.sets import ImageData
from genzoo.errors import UsageError
from genzoo.evaluation.evaluate import NO_WEIGHTS, _likelihood
from genzoo.evaluation.metrics.likelihood import BOUNDS, Bound, autoencoder_bounds, diffusion_bound, likelihood
from genzoo.models.families import MODELS, Family


def noise_images(n=24, seed=0):
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(0, 256, (n, 6, 6, 1)).astype("uint8"), (np.arange(n) % CLASSES).astype("int32")
    return ImageData("noise", "a test", images, labels, images[::-1], labels[::-1], tuple("abcd"))


@pytest.mark.parametrize("name", [*(n for n in MODELS if n != "vae"), pytest.param("vae", marks=pytest.mark.slow)])
def test_every_family_gives_its_bounds_or_a_reason(name):
    model, data = shaken(shared(name)), noise_images()
    assert MODELS[name].likelihood in ("", *BOUNDS)
    if not MODELS[name].likelihood:
        with pytest.raises(UsageError, match=f"{name} has no likelihood: {MODELS[name].no_likelihood}"):
            likelihood(model, data)
        return
    calls = []
    found = likelihood(model, data, n=10, progress=lambda done, total: calls.append((done, total)))
    assert list(found) == (["elbo", "importance"] if name.endswith("vae") else ["elbo"])
    assert found == likelihood(model, data, n=10)
    assert calls and calls[-1][0] == calls[-1][1]
    for value in found.values():
        assert value.n == 10 and value.dims == 36 and 0 < value.error < value.nats < math.inf
        # Uniform noise holds 8 bits a pixel; nothing can do better.
        assert value.bits_per_dim > 8 * 0.95


@pytest.mark.parametrize("predict, zero_snr", [("eps", False), ("x0", True), ("v", True)])
def test_every_prediction_has_a_bound(predict, zero_snr):
    model, data = shaken(shared("cddpm", predict=predict, zero_snr=zero_snr)), noise_images()
    training = data.train_images, data.train_labels
    full = diffusion_bound(model, *training, training, terms=None)["elbo"]
    few = diffusion_bound(model, *training, training, terms=4, seed=1)["elbo"]
    assert full.method == "variational bound, all 20 terms"
    assert few.method == "variational bound, 5 of 20 terms an image, unbiased"
    assert abs(few.nats - full.nats) < 4 * few.error


@pytest.mark.parametrize("name", ["cvae", "cddpm"])
def test_labels_enter_the_bound_of_labelled_families(name):
    model, data = shaken(shared(name), scale=0.3), noise_images()
    bound_of = diffusion_bound if name == "cddpm" else partial(autoencoder_bounds, samples=4)
    training = data.train_images, data.train_labels
    assert bound_of(model, *training, training) != bound_of(model, data.train_images, training[1] * 0, training)


def test_the_padding_does_not_count_for_autoencoders():
    """A decoder that is wrong in the padding only loses nothing: the native pixels' likelihood is exact."""
    model, data = small("vae"), noise_images()
    training = data.train_images, data.train_labels
    plain = autoencoder_bounds(model, *training, training, samples=2)
    decoder = model.ema.decoder
    frame = np.pad(np.zeros((6, 6)), 1, constant_values=5.0).astype("float32")[None, :, :, None]

    class Wrong:
        encoder = staticmethod(model.ema.encoder)
        decoder = staticmethod(lambda z, labels: decoder(z, labels) + frame)

    model.__dict__["ema"] = Wrong
    assert autoencoder_bounds(model, *training, training, samples=2) == plain


class Uniform:
    """A model that declares each level of each pixel as likely, and says so itself."""

    family, entry = "uniform", Family("uniform", "noise", "")

    def nats(self, images, labels, training, seed):
        assert len(images) == len(labels) and len(training[0]) == len(training[1])
        return np.full(len(images), images[0].size * math.log(256)), "exact likelihood"


def test_a_model_can_say_its_likelihood_itself(monkeypatch):
    data = noise_images()
    undeclared = {"reason": "none is declared for it"}
    assert _likelihood(Uniform(), data) == dict.fromkeys(("elbo", "importance", "bits"), undeclared)
    monkeypatch.setattr(Uniform, "entry", Family("uniform", "noise", "", likelihood="own"))
    scores = _likelihood(Uniform(), data)
    assert scores["bits"]["value"] == pytest.approx(8) and scores["bits"]["error"] == pytest.approx(0)
    assert scores["elbo"]["reference"] == "test images; exact likelihood" and scores["elbo"]["n"] == 24
    assert scores["importance"] == {"reason": NO_WEIGHTS}


def test_bits_are_nats_over_the_dimensions():
    assert Bound(nats=784 * math.log(2), error=1.0, n=2, dims=784, method="").bits_per_dim == pytest.approx(1)
