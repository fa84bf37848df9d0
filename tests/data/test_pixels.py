import numpy as np
import pytest

from genzoo.data import pixels


@pytest.mark.parametrize(
    "native, padded", [((28, 28, 1), 32), ((27, 27, 3), 32), ((32, 32, 3), 32), ((8, 6, 1), 8)]
)
def test_to_uint8_undoes_scaling_and_padding(native, padded):
    original = np.random.default_rng(0).integers(0, 256, (5, *native)).astype(np.uint8)
    top, left = (padded - native[0]) // 2, (padded - native[1]) // 2
    floats = np.full((5, padded, padded, native[2]), -1, np.float32)
    floats[:, top : top + native[0], left : left + native[1]] = original.astype(np.float32) / 127.5 - 1
    np.testing.assert_array_equal(pixels.to_uint8(floats, native), original)


def test_to_uint8_clips_and_rounds():
    values = np.array([-2, -1, 0.9999 / 127.5 - 1, 0, 1, 7], np.float32).reshape(1, 1, 6, 1)
    assert pixels.to_uint8(values, (1, 6, 1)).ravel().tolist() == [0, 0, 1, 128, 255, 255]
