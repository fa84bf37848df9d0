"""A folder of PNG and JPEG files as arrays: one subfolder a class, or flat and unlabelled."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from genzoo.data.cache import Cache, stamp_of
from genzoo.data.resize import fit
from genzoo.data.rows import at_once, one_channel, take
from genzoo.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 64_000_000  # of one file, read from its header: a few kilobytes can decode to gigabytes
SIZE = 32  # pixels a side, where none is asked for
NAMED = 3  # how many skipped files a note names


BROKEN, TOO_LARGE = -1, -2
REFUSALS = {BROKEN: "broken", TOO_LARGE: f"larger than {MAX_PIXELS / 1e6:.0f} megapixels"}


class Refused(Exception):
    """A file that is left out, with one of REFUSALS."""


def load(path: str | Path, size: int | None, _=None, cache=None):
    """Reads a folder of images, cropped to squares of `size` pixels a side: a loader, see `data.catalogue`.

    The images have one channel where every one is grey, else three; the class names are sorted, () for a flat folder,
    where all labels are 0; the notes say what was left out. There is no test split.
    Raises DataError where the folder is missing or holds no image that can be used.
    """
    size = size or SIZE
    root = Path(path).expanduser()
    if not root.is_dir():
        raise DataError(
            f"no folder at {path}: expected one that holds PNG or JPEG files, or one subfolder a class"
        )
    root = root.resolve()
    skipped: dict[str, list[str]] = {}
    folders = sorted(entry.name for entry in _entries(root) if _is_dir(entry) and _stays(entry, root, skipped))
    files = {folder: _image_files(root / folder, root, skipped) for folder in folders}
    loose = _image_files(root, root, skipped)
    if not any(files.values()):
        files = {"": loose}
    elif loose:
        skipped["beside the class folders"] = loose

    folders, names = list(files), [name for members in files.values() for name in members]
    owners = np.repeat(np.arange(len(folders)), [len(members) for members in files.values()])
    place = lambda i: os.path.join(folders[owners[i]], names[i])  # noqa: E731
    shape = (size, size, 3)
    read = partial(_decoded, lambda i: _read(root / place(i), size), owners, shape)
    stamp = lambda: stamp_of(root / place(i) for i in range(len(names)))  # noqa: E731
    images, facts = (cache or Cache()).images("all", len(names), shape, read, stamp)

    for i in np.flatnonzero(facts < 0):
        skipped.setdefault(REFUSALS[facts[i]], []).append(place(i))
    notes = tuple(_note(heading, names) for heading, names in skipped.items())
    usable = np.flatnonzero(facts >= 0)
    if len(usable) < 2:  # one to train on, one to test on
        found = "; ".join((f"{len(usable)} usable PNG or JPEG files", *notes))
        raise DataError(f"{path}: {found}; expected at least 2, in it or in one subfolder a class")
    if len(usable) < len(facts):
        images = take(images, usable)
    found, colour = np.divmod(facts[usable], 2)
    if not colour.any():
        images = one_channel(images)
    present = np.unique(found)  # a class without a usable image is no class
    class_names = () if "" in files else tuple(_printable(folders[k]) for k in present)
    return (images, np.searchsorted(present, found).astype(np.int32)), None, class_names, notes


def _decoded(read, owners, shape, start):
    """Yields (images uint8 [n, *shape], facts int32 [n]) from file `start` on.

    A fact is twice the number of a file's folder, and one more where it has colours; or one of REFUSALS.
    Threads decode, as many as there are cores: Pillow does not hold the interpreter while it does.
    """

    def decoded(i):
        try:
            image = read(i)
            return image, 2 * owners[i] + bool((image != image[..., :1]).any())
        except Refused as refusal:
            return np.zeros(shape, np.uint8), refusal.args[0]

    with ThreadPoolExecutor(os.cpu_count()) as pool, warnings.catch_warnings():  # here, since filters are all threads'
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for first in range(start, len(owners), at_once(shape)):
            images, facts = zip(*pool.map(decoded, range(len(owners))[first : first + at_once(shape)]), strict=True)
            yield np.stack(images), np.int32(facts)


def _entries(folder: Path):
    """Yields what is in a folder, but for hidden files, in any order."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}") from None


def _image_files(folder: Path, root: Path, skipped: dict[str, list[str]]) -> list[str]:
    """Returns the names of the PNG and JPEG files directly in `folder`, sorted; passes over those of other kinds."""
    return sorted(
        entry.name for entry in _entries(folder)
        if entry.name.lower().endswith(SUFFIXES) and not _is_dir(entry) and _stays(entry, root, skipped)
    )  # fmt: skip


def _is_dir(entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _stays(entry, root: Path, skipped: dict[str, list[str]]) -> bool:
    """Tells whether `entry`, with its links followed, lies in `root`; one that does not is noted as skipped."""
    if not entry.is_symlink():  # and what it lies in was looked at before
        return True
    try:
        inside = Path(entry.path).resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        inside = False
    if not inside:
        skipped.setdefault("links that leave the folder", []).append(os.path.relpath(entry.path, root))
    return inside


def _read(file: Path, size: int) -> np.ndarray:
    """Decodes one file to uint8 [size, size, 3]; raises Refused for a broken or an oversized one."""
    try:
        if not file.is_file():  # a pipe would block, a dangling link has nothing to read
            raise Refused(BROKEN)
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Refused(TOO_LARGE)
            return np.asarray(fit(_as_rgb(ImageOps.exif_transpose(image)), size))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused(TOO_LARGE) from None
    except Refused:
        raise
    except Exception:  # decoders fail in many ways (OSError, SyntaxError, ValueError, zlib.error, ...)
        raise Refused(BROKEN) from None


def _as_rgb(image: Image.Image) -> Image.Image:
    """Returns an image of any mode as RGB: 16-bit grey is scaled and not clipped, transparency lies over white."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _printable(name: str) -> str:
    name = os.fsencode(name).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


def _note(heading: str, names: list[str]) -> str:
    # repr: a file name may hold line breaks or terminal codes.
    shown = ", ".join(map(repr, sorted(names)[:NAMED])) + (", ..." if len(names) > NAMED else "")
    return f"skipped {len(names)} ({heading}): {shown}"
