"""The front of drawing: what is asked for is checked and completed, and images come in chunks that bound the memory."""

import numpy as np

from genzoo.data.pixels import to_uint8
from genzoo.errors import UsageError
from genzoo.models.families import those

CHUNK = 256  # images sampled at once: bounds the memory of sample(n) for any n


class Sampling:
    """For `GenerativeModel`, which defines `generate` and, where it samples in steps, `way`."""

    def sample(self, n=None, *, labels=None, seed=0, progress=None, **options):
        """Returns new images, float32 [n, H, W, C] in [-1, 1].

        labels: n integers, for families that take labels (default: 0, 1, … in turn).     seed: one seed, one picture.
        progress: called as progress(done, total) in network evaluations.
        options: those of sampling that the family's entry declares; the others get their defaults.
        Raises UsageError for what this family cannot do.
        """
        n, labels = self._requested(n, labels)
        images = np.empty((n, *self.image_shape), np.float32)
        for part, chunk in self._chunks(n, labels, seed, 0, progress, options):
            images[part] = chunk
        return images

    def sample_pixels(self, n, native_shape, *, labels=None, seed=0, first=0, progress=None, **options):
        """Returns new images as `sample` does, but uint8 [n, h, w, c] of native_shape; few are floats at a time.

        first: the number of the first one among those that the seed gives, a multiple of CHUNK.
        """
        n, labels = self._requested(n, labels)
        images = np.empty((n, *native_shape), np.uint8)
        for part, chunk in self._chunks(n, labels, seed, first, progress, options):
            images[part] = to_uint8(chunk, native_shape)
        return images

    def _chunks(self, n, labels, seed, first, progress, options):
        """Yields (slice, images) of at most CHUNK images each."""
        options = self.sampling_options(options)
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            report = progress and (
                lambda done, total, start=start, size=size: progress(start * total + done * size, n * total)
            )
            part = slice(start, start + size)
            chunk = self.generate(size, labels[part], chunk_seed(seed, first + start), report, **options)
            yield part, np.clip(np.asarray(chunk), -1, 1)

    def sampling_options(self, asked, task="sample"):
        """Returns all options of sampling for a task of `families.TASKS`: what was asked, and else its defaults."""
        return self.entry.sampling_options(asked, self.options, task)

    def _requested(self, n, labels):
        if n is None and labels is None:
            raise UsageError("say how many images to sample: n, or labels")
        if n is not None and (isinstance(n, bool) or int(n) != n or n < 1):
            raise UsageError(f"n must be an integer ≥ 1, got {n!r}")
        return self._labels(n, labels)

    def _labels(self, n, labels):
        """Returns (n, int32 labels [n]), the labels zeros where the family takes none."""
        if not self.conditional:
            if labels is not None:
                raise UsageError(f"{self.family} takes no labels: use {those('labels')} to ask for a class")
            return n, np.zeros(n, np.int32)
        if labels is None:
            return n, (np.arange(n) % self.num_classes).astype(np.int32)
        labels = np.asarray(labels)
        if labels.ndim != 1 or not labels.size or (n is not None and n != labels.size):
            raise UsageError(f"labels must be a list of {n or 'one or more'} integers, got shape {labels.shape}")
        if labels.dtype.kind not in "iu":
            raise UsageError(f"labels must be integers, got {labels.tolist()[0]!r}")
        if labels.min() < 0 or labels.max() >= self.num_classes:
            bad = labels.min() if labels.min() < 0 else labels.max()
            raise UsageError(f"label {bad} is out of range: this model knows 0 to {self.num_classes - 1}")
        return labels.size, labels.astype(np.int32)

    def check_images(self, images):
        """Returns the images as float32 [n, H, W, C]; raises UsageError unless they fit this model."""
        images = np.asarray(images, dtype=np.float32)
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise UsageError(f"images must have shape [n, {', '.join(map(str, self.image_shape))}], got {images.shape}")
        if not np.isfinite(images).all() or np.abs(images).max() > 1 + 1e-5:
            raise UsageError("images must be finite and within [-1, 1]; scale uint8 images by x / 127.5 - 1")
        return images

    def evaluations(self, **options):
        """Returns the NFE: network evaluations for one image with these sampling options."""
        return 1

    def reconstruct(self, images, labels=None):
        """Returns what the model makes of images, [n, H, W, C]; labels: n integers, for families that take labels.
        Raises UsageError where images cannot be put in."""
        raise UsageError(f"{self.family} has no encoder to put images into: use {those('encodes')}")

    def interpolate(self, a, b, steps, labels=None):
        """Returns `steps` images on the way from each image of a to that of b, [steps, n, H, W, C]. Raises as
        `reconstruct` does."""
        raise UsageError(f"{self.family} has no encoder to put images into: use {those('encodes')}")

    def trajectory(self, n=None, *, labels=None, seed=0, frames=9, **options):
        """Returns [(x, predicted image)] at about `frames` points from noise to images, [n, H, W, C] each.

        The last pair is the finished image and the last prediction. Other arguments are as of `sample`.
        Raises UsageError for a family that makes an image in one step.
        """
        if not self.entry.in_steps:
            able = those("in_steps")
            raise UsageError(f"{self.family} makes an image in one step, so there is no way to show: use {able}")
        n, labels = self._requested(n, labels)
        way = self.way(n, labels, seed, frames, **self.sampling_options(options))
        path = [[np.asarray(x) for x in stretch] for stretch in way]
        return [(x, x_0) for x, x_0, _ in path] + [(path[-1][2], path[-1][1])]

    def prepare_sampling(self, images, labels=None):
        """Makes what sampling needs beyond the weights, from training images [n, H, W, C]; returns a line, or None.

        labels: of the images, int [n], for families that take labels.
        images: an array, or what gives one for each slice, so that not all need be in memory as floats at once.
        """


def chunk_seed(seed, start):
    """Returns the seed of the chunk of images from `start` on; the first chunk's is `seed` itself."""
    return int(seed) + start * 1_000_003

