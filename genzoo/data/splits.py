"""A test split for sets that have none."""

import numpy as np

from genzoo.data.pipeline import permutation
from genzoo.data.rows import take

TEST_SHARE = 0.1


def hold_out(images, labels: np.ndarray, count: int | None = None):
    """Splits off `count` images (default: TEST_SHARE of them) -> (train images, labels), (test images, labels).

    images: an array or `Rows`. Stratified: of the shuffled images, sorted by label, every k-th is taken.
    """
    total = len(labels)
    count = count or max(1, round(total * TEST_SHARE))
    shuffled = permutation(total, 0)
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    test = np.zeros(total, bool)
    test[by_label[(np.arange(count) * total + total // 2) // count]] = True
    return tuple((take(images, rows), labels[rows]) for rows in map(np.flatnonzero, (~test, test)))
