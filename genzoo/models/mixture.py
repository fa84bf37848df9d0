"""A Gaussian mixture over latents: what an autoencoder's codes of real images look like, to draw new ones from.

Source: ex-post density estimation, Ghosh et al. 2020.
"""

import warnings

import numpy as np

from genzoo import rng

COMPONENTS = 50
LEAST = 20  # latents a component: so few that the time of a fit grows as their number, which plans of runs count on


def fit(latents, labels, count):
    """Returns shares [count, K], means [K, d] and Cholesky factors [K, d, d] of a mixture of K = COMPONENTS Gaussians.

    latents: [n, d]. From fewer than LEAST a component fewer Gaussians are made; the other shares are 0.
    labels: of the latents, int [n] below `count`. Row i of the shares is of those with label i, since the Gaussians
    that these lie in differ; of a label that none has it is of all.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    k = max(1, min(COMPONENTS, len(latents) // LEAST))
    mixture = GaussianMixture(k, reg_covar=1e-3, max_iter=50, random_state=0, init_params="k-means++")
    latents = latents.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is good long before it has converged
        members = mixture.fit(latents).predict_proba(latents)
    of_label = [members[labels == i] if (labels == i).any() else members for i in range(count)]
    shares = np.pad([rows.mean(axis=0) for rows in of_label], [(0, 0), (0, COMPONENTS - k)])
    fitted = mixture.means_, np.linalg.cholesky(mixture.covariances_)
    return [shares, *(np.concatenate([values, np.zeros((COMPONENTS - k, *values.shape[1:]))]) for values in fitted)]


def draw(labels, shares, means, factors, seed):
    """Returns a draw for each of the labels, int [n], from the mixture that `fit` gave, float32 [n, d]."""
    u = rng.uniform([len(labels)], seed, 0, rng.TIME).numpy()
    ends = np.cumsum(shares, axis=1)[labels, :-1]
    k = (u[:, None] >= ends).sum(axis=1)
    z = rng.normal([len(labels), means.shape[1]], seed, 0, rng.LATENT).numpy()
    return means[k] + np.einsum("nij,nj->ni", factors[k], z)
