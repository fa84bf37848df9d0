"""How far apart two sets of feature vectors are: the Fréchet distance of their Gaussians, and a kernel distance.

They are those of FID and KID, but on the features of a `Judge`: values compare with each other, not with values on
Inception's features.
"""

import numpy as np

MOMENTS = 100_000  # vectors at once
KID_BLOCK = 1000  # vectors compared at once, where there are enough


def frechet_distance(x, y):
    """Returns the squared Fréchet (2-Wasserstein) distance of the Gaussians fitted to x [n, d] and y [m, d].

    It is biased upwards for few vectors, so that only values of equal n compare.   Source: Heusel et al. 2017.
    Raises ValueError for fewer than two vectors.
    """
    # |μ_x - μ_y|² + tr(C_x + C_y - 2 (C_x^½ C_y C_x^½)^½)
    (mean_x, cov_x), (mean_y, cov_y) = _moments(x), _moments(y)
    root = _symmetric_root(cov_x)
    # The product is symmetric, so that its eigenvalues are real and `sqrtm`'s complex rounding noise does not arise.
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_y @ root), 0, None)).sum()
    return float(np.square(mean_x - mean_y).sum() + np.trace(cov_x) + np.trace(cov_y) - 2 * cross)


def kernel_distance(x, y):
    """Returns the KID (Bińkowski et al. 2018) of x [n, d] and y [m, d], and its standard error.

    It is the squared maximum mean discrepancy under a cubic kernel, unbiased, so that it may fall below 0.
    It is the mean over disjoint blocks, whose scatter gives the error. There are at least ten blocks where the vectors
    allow 20 in each. Raises ValueError for fewer than 40 vectors on a side.
    """
    n = min(len(x), len(y))
    blocks = max(2, n // KID_BLOCK) if n >= 10 * KID_BLOCK else min(10, n // 20)
    if blocks < 2:
        raise ValueError(f"expected at least 40 vectors, got {n}")
    size = n // blocks
    values = [_mmd2(x[i : i + size], y[i : i + size]) for i in range(0, blocks * size, size)]
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(blocks))


def _mmd2(x, y):
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731  (a·b/d + 1)³
    k_xx, k_yy = kernel(x, x), kernel(y, y)
    n, m = len(x), len(y)
    within = (k_xx.sum() - np.trace(k_xx)) / (n * (n - 1)) + (k_yy.sum() - np.trace(k_yy)) / (m * (m - 1))
    return within - 2 * kernel(x, y).mean()


def _moments(x):
    if len(x) < 2:
        raise ValueError(f"expected at least 2 vectors, got {len(x)}")
    # Of float64 copies of a part at a time, put together as Chan et al. 1979 do.
    n, mean, scatter = 0, 0.0, 0.0
    for start in range(0, len(x), MOMENTS):
        part = np.asarray(x[start : start + MOMENTS], np.float64)
        m, centre = len(part), part.mean(axis=0)
        part = part - centre
        apart = centre - mean
        scatter = scatter + part.T @ part + np.outer(apart, apart) * (n * m / (n + m))
        n, mean = n + m, mean + apart * (m / (n + m))
    return mean, scatter / (n - 1)


def _symmetric_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
