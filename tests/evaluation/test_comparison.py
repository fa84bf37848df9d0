"""What the pictures of a comparison show."""

import numpy as np

from genzoo.data.sets import ImageData
from genzoo.evaluation.comparison import examples
from genzoo.pictures.grids import GAP


def test_a_label_that_no_test_image_has_stays_blank():
    labels = np.array([2, 0, 2, 0, 2], np.int32)  # no 1
    images = np.broadcast_to(10 * np.arange(1, 6, dtype=np.uint8)[:, None, None, None], (5, 4, 4, 1))  # of 5 greys
    data = ImageData("few", "a test", images, labels, images, labels, ("a", "b", "c"))
    shown = examples(data, np.array([0, 0, 0, 1, 1, 2, 2, 2, 0]))[:, 0, 0, 0]
    assert set(shown[[0, 1, 2, 8]]) == {20, 40} and set(shown[5:8]) == {10, 30, 50}
    assert (shown[3:5] == GAP).all()
