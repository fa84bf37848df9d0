"""Samples in shards: a folder of npz files, each a stretch of the images that one seed gives.

An image depends on the seed and its number alone, so that any number of processes may draw shards of one folder, in any
order and at any time, and all shards in their order are the one file that `genzoo sample --out FILE.npz` writes.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genzoo.errors import CheckpointError
from genzoo.files import check_writable, read_json, remove, write_atomically
from genzoo.models.sampling import CHUNK
from genzoo.pictures.grids import save_npz

ABOUT = "samples.json"  # beside the shards: what they are of
SHARD_BYTES, SHARD_CHUNKS = 2**26, 16  # in a shard at most, but always one chunk


@dataclass(frozen=True)
class Shards:
    """The shards of n images.

    folder: that holds them.     n: images in all.     native_shape: (h, w, c) of each.     seed: of all of them.
    labels: int32 [k]; image i has the label i modulo k.     options: of `model.sample`.     weights: their sha256.
    """

    folder: Path
    n: int
    native_shape: tuple
    seed: int
    labels: np.ndarray
    options: dict
    weights: str

    @property
    def size(self):
        """Images in a shard, but for the last: whole chunks."""
        return CHUNK * min(SHARD_CHUNKS, max(1, SHARD_BYTES // (CHUNK * math.prod(self.native_shape))))

    def __len__(self):
        return -(-self.n // self.size)

    def path(self, number):
        """The file of shard `number`, from 0."""
        return self.folder / f"images-{number + 1:05}-of-{len(self):05}.npz"

    def of_part(self, part, parts):
        """The numbers of the shards of one of so many parts, from 1."""
        return range(part - 1, len(self), parts)

    def begin(self, overwrite=False):
        """Makes the folder. Raises CheckpointError where it cannot be written, or holds other samples; with
        `overwrite` those are removed."""
        about = {
            "format": 1, "n": self.n, "shard": self.size, "seed": self.seed, "labels": self.labels.tolist(),
            "options": self.options, "weights": self.weights,
        }  # fmt: skip
        about, path = json.loads(json.dumps(about)), self.folder / ABOUT
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = read_json(path)
        except FileNotFoundError:
            found = None
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read ({error}); choose another --out") from error
        if found == about:
            return check_writable(path)
        if found is not None and not overwrite:
            found = found if isinstance(found, dict) else {}
            other = next((key for key in about if found.get(key) != about[key]), "format")
            raise CheckpointError(f"{self.folder} holds samples of other {other}: choose another --out, or --overwrite")
        for left in self.folder.glob("images-*-of-*.npz"):
            if found is None:
                raise CheckpointError(f"{left} is there, and no {ABOUT} that says of what; choose another --out")
            remove(left)
        write_atomically(path, json.dumps(about).encode())

    def draw(self, model, number):
        """Draws shard `number` by a model with these weights, and writes it. Returns how many images it has."""
        start, stop = number * self.size, min((number + 1) * self.size, self.n)
        labels = self.labels[np.arange(start, stop) % len(self.labels)]
        asked = labels if model.conditional else None
        how = {"labels": asked, "seed": self.seed, "first": start, **self.options}
        images = model.sample_pixels(stop - start, self.native_shape, **how)
        save_npz(self.path(number), images=images, labels=labels)
        return len(images)
