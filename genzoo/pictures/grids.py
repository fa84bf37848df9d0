"""Pictures: from model output to grids, PNG, GIF and npz. NumPy and Pillow; files are written atomically."""

import io
import warnings

import numpy as np
from PIL import Image

from genzoo.errors import UsageError
from genzoo.files import write_atomically

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")  # of a mask: others, as EPS, may run programs
GAP = 96  # the grey of the lines between the images of a grid: neither black nor white
TARGET = 900  # small pictures are enlarged towards this many pixels a side, MAX_SCALE times at most
MAX_SCALE = 8


def grid(images, columns, pad=2):
    """Returns uint8 images [N, H, W, C] as one picture [rows·(H + pad) + pad, columns·(W + pad) + pad, C].

    They lie in rows of `columns`, with `pad` grey pixels between and around. Cells left over in the last row stay grey.
    """
    images = np.asarray(images)
    n, height, width, channels = images.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    canvas = np.full((rows * (height + pad) + pad, columns * (width + pad) + pad, channels), GAP, np.uint8)
    for i, image in enumerate(images):
        top, left = (pad + (i // columns) * (height + pad), pad + (i % columns) * (width + pad))
        canvas[top : top + height, left : left + width] = image
    return canvas


def strips(versions, columns):
    """Returns k versions of n uint8 images [k, n, H, W, C] as one picture, as `grid` does.

    `columns` images lie beside each other, their other versions below them, then come the next images.
    """
    versions = np.asarray(versions)
    k, n, *shape = versions.shape
    columns = min(columns, n)
    whole = np.pad(versions, [(0, 0), (0, -n % columns)] + 3 * [(0, 0)], constant_values=GAP)
    rows = whole.reshape(k, -1, columns, *shape).swapaxes(0, 1)
    return grid(rows.reshape(-1, *shape), columns)


def read_mask(path, native_shape):
    """Returns a picture file as booleans [h, w], true where it is lighter than grey.

    Raises UsageError unless it can be read and has the size of images of `native_shape` (h, w, ...).
    """
    height, width = native_shape[:2]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # nothing is decoded yet
            image = Image.open(path, formats=FORMATS)
        with image:
            if image.size != (width, height):
                found = "x".join(map(str, image.size))
                raise UsageError(f"mask {path} is {found} pixels; expected those of the images, {width}x{height}")
            return np.asarray(image.convert("L")) > 127
    except UsageError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"cannot read the mask {path}: {error or type(error).__name__}") from error


def save_png(path, picture, scale=None):
    """Writes one uint8 picture [H, W, C], enlarged `scale` times without smoothing (None: as suits its size).
    Raises CheckpointError when it cannot be written."""
    write_atomically(path, png_bytes(picture, scale))


def png_bytes(picture, scale=1):
    """Returns the bytes that `save_png` writes."""
    buffer = io.BytesIO()
    _to_pillow(picture, scale).save(buffer, format="png")
    return buffer.getvalue()


def save_gif(path, frames, ms=80, scale=None):
    """Writes uint8 pictures [H, W, C] as an endless animation, `ms` milliseconds each, the last one longer.
    Raises CheckpointError when it cannot be written."""
    first, *rest = [_to_pillow(frame, scale) for frame in frames]
    durations = [ms] * len(rest) + [max(ms, 2000)]
    buffer = io.BytesIO()
    first.save(buffer, format="gif", save_all=True, append_images=rest, duration=durations, loop=0)
    write_atomically(path, buffer.getvalue())


def save_npz(path, **arrays):
    """Writes named arrays as a compressed npz; equal arrays give equal bytes. Raises CheckpointError."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def _to_pillow(picture, scale):
    height, width, channels = picture.shape
    scale = scale or min(MAX_SCALE, max(1, TARGET // max(height, width)))
    image = Image.fromarray(picture[..., 0] if channels == 1 else picture)
    return image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
