"""A Gaussian mixture over latents: what an autoencoder's codes of real images look like, to draw new ones from.

Source: ex-post density estimation, Ghosh et al. 2020.
"""

import warnings

import numpy as np

from genzoo import rng
from genzoo.stack import tf

COMPONENTS = 50  # in all, where no label has less than one
LEAST = 20  # latents a component: so few that the time of a fit grows as their number, which plans of runs count on


def components(count):
    """Returns how many Gaussians each of `count` labels has."""
    return max(1, COMPONENTS // count)


def fit(latents, labels, count):
    """Returns shares [count, K], means [count, K, d] and Cholesky factors [count, K, d, d]: K Gaussians for each label.

    latents: [n, d].     labels: of these, int [n] below `count`; a label that none has is fitted to all latents.
    From fewer than LEAST latents a component fewer Gaussians are made; the other shares are 0.
    One thread does it: many small products of matrices gain nothing from more, which wait for each other at full speed
    (beside other work ten times the CPU time), and round otherwise on each number of cores.
    """
    from threadpoolctl import threadpool_limits

    of_label = [latents[labels == i] if (labels == i).any() else latents for i in range(count)]
    with threadpool_limits(1, user_api="blas"):
        fitted = [_fit(part.astype(np.float64), components(count)) for part in of_label]
    return [np.stack(values) for values in zip(*fitted, strict=True)]


def _fit(latents, most):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    k = max(1, min(most, len(latents) // LEAST))
    if len(latents) < 2:  # a point has no spread
        latents = np.repeat(latents, 2, axis=0)
    mixture = GaussianMixture(k, reg_covar=1e-3, max_iter=50, random_state=0, init_params="k-means++")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is good long before it has converged
        mixture.fit(latents)
    fitted = mixture.weights_, mixture.means_, np.linalg.cholesky(mixture.covariances_)
    return [np.concatenate([values, np.zeros((most - k, *values.shape[1:]))]) for values in fitted]


def draw(labels, shares, means, factors, seed):
    """Returns a draw for each of the labels, int [n], from the mixture that `fit` gave, float32 [n, d]."""
    uniform = rng.uniform([len(labels)], seed, 0, rng.TIME)
    noise = rng.normal([len(labels), means.shape[-1]], seed, 0, rng.LATENT)
    return drawn(labels, shares, means, factors, uniform, noise).numpy()


def drawn(labels, shares, means, factors, uniform, noise, constant=tf.constant):
    """The same by given numbers, in a graph too: uniform [n] in [0, 1) decide the Gaussians, noise [n, d] the draws.

    constant: what makes a tensor of the numbers that uniform ones are compared with.
    """
    K, d = means.shape[1:]
    passed = uniform[:, None] >= tf.gather(constant(ends(shares)), labels)
    k = tf.reduce_sum(tf.cast(passed, tf.int32), axis=1) + K * labels
    means, factors = means.astype(np.float32).reshape(-1, d), factors.astype(np.float32).reshape(-1, d, d)
    return tf.gather(means, k) + tf.reduce_sum(tf.gather(factors, k) * noise[:, None, :], axis=2)


def ends(shares):
    """Returns where in [0, 1) each Gaussian's share ends, and the next begins, float32 [count, K - 1]."""
    return np.cumsum(shares, axis=1)[:, :-1].astype(np.float32)
