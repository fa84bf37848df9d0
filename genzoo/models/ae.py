"""The autoencoder: a bottleneck, squared error, and a Gaussian mixture over its latents to sample from."""

import warnings

import numpy as np

from genzoo import rng
from genzoo.errors import UsageError
from genzoo.models.autoencoder import Autoencoder, squared_error

COMPONENTS = 10


class AE(Autoencoder):
    """Learns to copy images through `latent_dim` numbers.

    An autoencoder has no distribution of its own to sample from; `prepare_sampling` fits a Gaussian mixture to the
    latents of training images, and `sample` decodes draws from it.
    """

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        d = self.latent_dim
        self.shares = self.add_weight(name="shares", shape=(COMPONENTS,), initializer="zeros", trainable=False)
        self.means = self.add_weight(name="means", shape=(COMPONENTS, d), initializer="zeros", trainable=False)
        self.factors = self.add_weight(name="factors", shape=(COMPONENTS, d, d), initializer="zeros", trainable=False)

    def loss_terms(self, network, images, labels, step, training):
        return {"loss": squared_error(images, network(images))}

    def prepare_sampling(self, images):
        """Fits the mixture to the latents of `images`, with 10 components, or as many as there are images."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        latents = np.concatenate([self.encode(images[i : i + 500]) for i in range(0, len(images), 500)])
        k = min(COMPONENTS, len(latents))
        mixture = GaussianMixture(k, reg_covar=1e-3, max_iter=50, random_state=0, init_params="k-means++")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is good long before it has converged
            mixture.fit(latents.astype(np.float64))
        fitted = (mixture.weights_, mixture.means_, np.linalg.cholesky(mixture.covariances_))
        for weight, values in zip((self.shares, self.means, self.factors), fitted, strict=True):
            weight.assign(np.concatenate([values, np.zeros((COMPONENTS - k, *values.shape[1:]))]))
        return f"fitted a mixture of {k} Gaussians to the latents of {len(latents):,} training images"

    def extras(self):
        return {"mixture.shares": self.shares, "mixture.means": self.means, "mixture.factors": self.factors}

    def generate(self, n, labels, seed, progress):
        shares, means, factors = (np.asarray(w) for w in (self.shares, self.means, self.factors))
        if not shares.any():
            raise UsageError("this autoencoder has no mixture to sample from yet: call prepare_sampling(images) first")
        u = rng.uniform([n], seed, 0, rng.TIME).numpy()
        k = np.searchsorted(np.cumsum(shares)[:-1], u)
        z = rng.normal([n, self.latent_dim], seed, 0, rng.LATENT).numpy()
        return self.decode(means[k] + np.einsum("nij,nj->ni", factors[k], z))
