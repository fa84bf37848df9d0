"""Rows of images in a file, read where they are asked for: what a set is where it does not fit into memory."""

import numpy as np

READ_BYTES = 2**24  # of images that are read at once


class Rows:
    """Some images of a file of NumPy's format, uint8 [N, H, W, C], which is mapped into memory and not held there.

    It gives what an array gives: shape, dtype, len, and `images[rows]` for slices and indices, which reads those rows.

    path: of the file.    rows: indices of those that are meant, int [n]; None: all.
    channels: how many of each image's are meant, the first ones; None: all.
    """

    def __init__(self, path, rows=None, channels=None):
        self._file, self._rows = np.lib.format.open_memmap(path, mode="r"), rows
        self._said = path, rows, channels
        count, (_, height, width, most) = len(self._file if rows is None else rows), self._file.shape
        self.shape = count, height, width, channels or most
        self.dtype = self._file.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, which) -> np.ndarray:
        rows = which if self._rows is None else self._rows[which]
        return np.asarray(self._file[rows])[..., : self.shape[-1]]

    def __array__(self, dtype=None, copy=None):
        return self[:].astype(dtype or self.dtype)  # all of them: only who asks for that holds it

    def __reduce__(self):  # another process maps the file, too
        return Rows, self._said

    def narrowed(self, rows=slice(None), channels=None):
        """Returns the same images, but only the given rows, int [n], and only so many channels."""
        path, before, narrow = self._said
        return Rows(path, np.arange(len(self))[rows] if before is None else before[rows], channels or narrow)


def take(images, rows):
    """Returns the images at `rows`, int [n]: a copy of an array's, of `Rows` others that read the same file."""
    return images.narrowed(rows) if isinstance(images, Rows) else images[rows]


def one_channel(images):
    """Returns images of equal channels with the first alone, as `take` does."""
    if isinstance(images, Rows):
        return images.narrowed(channels=1)
    return np.ascontiguousarray(images[..., :1])


def stretches(images, most=None):
    """Yields slices that cover the images, each of READ_BYTES at most, and of `most` images where that is given."""
    size = at_once(images.shape[1:])
    size = min(size, most or size)
    for start in range(0, len(images), size):
        yield slice(start, min(start + size, len(images)))


def at_once(shape):
    """Returns how many images of a shape READ_BYTES hold, at least one."""
    return max(1, READ_BYTES // int(np.prod(shape)))
