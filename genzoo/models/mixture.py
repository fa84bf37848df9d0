"""A Gaussian mixture over latents: what an autoencoder's codes of real images look like, to draw new ones from.

Source: ex-post density estimation, Ghosh et al. 2020.
"""

import warnings

import numpy as np

from genzoo import rng

COMPONENTS = 50
LEAST = 20  # latents a component: so few that the time of a fit grows as their number, which plans of runs count on


def fit(latents):
    """Returns shares [K], means [K, d] and Cholesky factors [K, d, d] of a mixture of K = COMPONENTS Gaussians.

    latents: [n, d]. From fewer than LEAST a component fewer Gaussians are made; the other shares are 0.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    k = max(1, min(COMPONENTS, len(latents) // LEAST))
    mixture = GaussianMixture(k, reg_covar=1e-3, max_iter=50, random_state=0, init_params="k-means++")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is good long before it has converged
        mixture.fit(latents.astype(np.float64))
    fitted = mixture.weights_, mixture.means_, np.linalg.cholesky(mixture.covariances_)
    return [np.concatenate([values, np.zeros((COMPONENTS - k, *values.shape[1:]))]) for values in fitted]


def draw(n, shares, means, factors, seed):
    """Returns n draws from the mixture that `fit` gave, float32 [n, d]."""
    u = rng.uniform([n], seed, 0, rng.TIME).numpy()
    k = np.searchsorted(np.cumsum(shares)[:-1], u)
    z = rng.normal([n, means.shape[1]], seed, 0, rng.LATENT).numpy()
    return means[k] + np.einsum("nij,nj->ni", factors[k], z)
