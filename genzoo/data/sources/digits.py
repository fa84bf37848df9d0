"""The 1,797 real handwritten digits (8x8, 17 grey levels) that scikit-learn brings, enlarged."""

import numpy as np

from genzoo.data.resize import fit_array
from genzoo.data.splits import hold_out

SIZE = 32  # pixels a side, where none is asked for
TEST_IMAGES = 297


def load(_, image_size, __):
    """A loader, see `data.catalogue`: it takes neither a name nor a folder."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    images = np.stack([fit_array(image, image_size or SIZE) for image in pixels])
    splits = hold_out(images, bunch.target.astype(np.int32), TEST_IMAGES)
    return *splits, tuple(map(str, bunch.target_names)), ()
