"""Pixels: uint8 at an image's native size on the disk, float32 in [-1, 1] and padded inside the models."""

import numpy as np

SIDE_MULTIPLE = 8  # the networks halve the sides up to three times


def to_float(images: np.ndarray) -> np.ndarray:
    """Turns uint8 [..., H, W, C] in 0..255 into float32 in [-1, 1], padded as the models see it."""
    return scale(pad(images).astype(np.float32))


class Floats:
    """Some uint8 images, as floats where they are read: floats[i:j], or floats[indices], is as of `to_float`.

    images: uint8 [N, H, W, C], an array or `Rows`.     rows: indices of those that are meant, int [n].
    """

    def __init__(self, images, rows: np.ndarray):
        self._images, self._rows = images, rows

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, part: slice) -> np.ndarray:
        return to_float(self._images[self._rows[part]])


def pad(images: np.ndarray) -> np.ndarray:
    """Pads the sides of [..., H, W, C] to multiples of 8 by repeating the border, which is background.

    The image stays in the centre: `extra // 2` rows above it, the rest below, and columns alike.
    """
    extra = [-side % SIDE_MULTIPLE for side in images.shape[-3:-1]]
    widths = [(0, 0)] * (images.ndim - 3) + [(more // 2, more - more // 2) for more in extra] + [(0, 0)]
    return np.pad(images, widths, mode="edge")


def padded(shape):
    """Returns what becomes of a shape (H, W, C) by `pad`."""
    height, width, channels = shape
    return height + -height % SIDE_MULTIPLE, width + -width % SIDE_MULTIPLE, channels


def scale(pixels):
    """Scales pixels 0..255, a float32 array or tensor, to [-1, 1]."""
    return pixels / 127.5 - 1.0


def crop(images, native_shape):
    """Cuts the padding around `native_shape` (h, w, c) off: array or tensor [..., H, W, C] -> [..., h, w, C].

    The padding lies (H - h) // 2 above and (W - w) // 2 to the left, the rest on the other sides.
    """
    height, width = native_shape[:2]
    top, left = (images.shape[-3] - height) // 2, (images.shape[-2] - width) // 2
    return images[..., top : top + height, left : left + width, :]


def to_uint8(images, native_shape):
    """Undoes `to_float`: floats in [-1, 1] to uint8, with the padding around `native_shape` cropped off.

    images [..., H, W, C]; native_shape (h, w, c) with h <= H and w <= W. -> [..., h, w, C]
    """
    images = crop(np.asarray(images), native_shape) + 1.0
    images *= 127.5  # in place: there may be many
    return np.clip(np.rint(images, out=images), 0, 255, out=images).astype(np.uint8)
