"""What nearest neighbours tell: whether samples lie where real images do, cover them all, and are no copies."""

import numpy as np

NEIGHBOURS = 5
COPY_RATIO = 1 / 2  # a sample this much closer to one training image than to its `COPY_RANK`-th nearest is a copy
COPY_RANK = 50
SEARCHED = 2**26  # numbers in the training images that are searched at once


def prdc(real, fake, k=NEIGHBOURS):
    """Returns {"precision", "recall", "density", "coverage"} of fake [m, d] with respect to real [n, d] vectors.

    Every vector has a ball that reaches to its k-th nearest neighbour in its own set.

    precision: share of the fake vectors that lie inside any real ball      (Kynkäänniemi et al. 2019)
    recall:    share of the real vectors that lie inside any fake ball
    density:   in how many real balls a fake vector lies, over k            (Naeem et al. 2020, eq. 4; may pass 1)
    coverage:  share of the real balls with any fake vector inside          (eq. 5)

    Raises ValueError unless n, m > k.
    """
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"expected more than {k} vectors, got {min(len(real), len(fake))}")
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    nearest_fake = np.full(len(real), np.inf)
    recalled = np.zeros(len(real), bool)
    inside = 0  # pairs of a fake vector and a real ball around it
    precise = 0
    for rows in np.array_split(np.arange(len(fake)), -(-len(fake) // 1000)):  # bounds the memory
        distances = _distances(fake[rows], real)
        in_ball = distances < real_radii
        inside += in_ball.sum()
        precise += in_ball.any(axis=1).sum()
        nearest_fake = np.minimum(nearest_fake, distances.min(axis=0))
        recalled |= (distances < fake_radii[rows, None]).any(axis=0)
    return {
        "precision": float(precise / len(fake)),
        "recall": float(recalled.mean()),
        "density": float(inside / (k * len(fake))),
        "coverage": float((nearest_fake < real_radii).mean()),
    }


def nearest_training(images, training):
    """Returns (distance, copied), [n] each, of uint8 images [n, h, w, c] from training images [m, h, w, c], which may
    be `Rows`.

    distance: to the nearest training image, root mean square over pixels that run from 0 to 1.
    copied: whether that image stands out, at less than half of the distance of the 50th nearest one (a relative
        distance, after Carlini et al. 2023, section 4). A blurred image is near many, a copy is near one.
    """
    from sklearn.neighbors import NearestNeighbors

    flat = lambda a: a.reshape(len(a), -1).astype(np.float32) / 255  # noqa: E731
    rank = min(COPY_RANK, len(training))
    parts = np.array_split(np.arange(len(images)), -(-len(images) // 1000))
    distances = np.full((len(images), rank), np.inf)
    size = max(1, SEARCHED // int(np.prod(images.shape[1:])))
    for start in range(0, len(training), size):  # bounds the memory
        seen = flat(training[start : start + size])
        search = NearestNeighbors(n_neighbors=min(rank, len(seen)), algorithm="brute").fit(seen)
        for part in parts:
            both = np.concatenate([distances[part], search.kneighbors(flat(images[part]))[0]], axis=1)
            distances[part] = np.sort(both, axis=1)[:, :rank]
    copied = distances[:, 0] < COPY_RATIO * distances[:, -1]
    return distances[:, 0] / np.sqrt(np.prod(images.shape[1:])), copied


def _radii(x, k):
    """Distance of each vector to its k-th nearest neighbour among the others."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()[0][:, -1]


def _distances(x, y):
    from sklearn.metrics import pairwise_distances

    return pairwise_distances(x, y)
