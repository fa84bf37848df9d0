"""Square, antialiased resizing of uint8 images, and the memory that a whole set of them takes."""

import numpy as np
from PIL import Image, ImageOps

from genzoo.errors import DataError

MAX_BYTES = 8 * 2**30  # of one split that is held in memory: a larger one is refused before it is read


def fit(image: Image.Image, size: int) -> Image.Image:
    """Crops the centre to a square and resizes it to `size` pixels a side; Pillow's bicubic filter antialiases."""
    if image.size == (size, size):
        return image
    return ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)


def fit_array(pixels: np.ndarray, size: int) -> np.ndarray:
    """Does `fit` for a uint8 array [H, W, C] of one or three channels -> [size, size, C]."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return np.asarray(fit(image, size)).reshape(size, size, pixels.shape[-1])


def allocate(count: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Returns an uninitialised uint8 array [count, *shape]; raises DataError where it would pass MAX_BYTES."""
    needed = count * int(np.prod(shape))
    if needed > MAX_BYTES:
        raise DataError(
            f"{count:,} images of {'x'.join(map(str, shape))} take {needed / 2**30:.1f} GiB of memory, more"
            f" than the {MAX_BYTES / 2**30:.0f} GiB allowed: choose a --cache on a disk, or a smaller --image-size"
        )
    return np.empty((count, *shape), np.uint8)
