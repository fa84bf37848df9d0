"""A folder of PNG and JPEG files as arrays: one subfolder a class, or flat and unlabelled."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from genzoo.data.resize import allocate, fit
from genzoo.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 64_000_000  # of one file, read from its header: a few kilobytes can decode to gigabytes
SIZE = 32  # pixels a side, where none is asked for
NAMED = 3  # how many skipped files a note names


class Refused(Exception):
    """A file that is left out, with the heading under which it is counted."""


def load(path: str | Path, size: int | None, _=None):
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
    folders = [entry for entry in _entries(root) if entry.is_dir() and _stays(entry, root, skipped)]
    files = {folder: _image_files(folder, root, skipped) for folder in folders}
    loose = _image_files(root, root, skipped)
    if not any(files.values()):
        files = {root: loose}
    elif loose:
        skipped["beside the class folders"] = [file.name for file in loose]

    images = allocate(sum(map(len, files.values())), (size, size, 3))
    labels: list[int] = []
    class_names: list[str] = []
    for folder, members in files.items():
        first = len(labels)
        for file in members:
            try:
                images[len(labels)] = _read(file, size)
                labels.append(len(class_names))
            except Refused as refusal:
                skipped.setdefault(str(refusal), []).append(str(file.relative_to(root)))
        if len(labels) > first:  # a class without a usable image is no class
            name = os.fsencode(folder.name).decode("utf-8", "replace")
            class_names.append("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name))

    notes = tuple(_note(heading, names) for heading, names in skipped.items())
    if len(labels) < 2:  # one to train on, one to test on
        found = "; ".join((f"{len(labels)} usable PNG or JPEG files", *notes))
        raise DataError(f"{path}: {found}; expected at least 2, in it or in one subfolder a class")
    images = images[: len(labels)]
    if (images == images[..., :1]).all():
        images = np.ascontiguousarray(images[..., :1])
    names = () if root in files else tuple(class_names)
    return (images, np.array(labels, np.int32)), None, names, notes


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}") from None


def _image_files(folder: Path, root: Path, skipped: dict[str, list[str]]) -> list[Path]:
    """Returns the PNG and JPEG files directly in `folder`, and passes over those of other kinds."""
    files = [entry for entry in _entries(folder) if entry.suffix.lower() in SUFFIXES and not entry.is_dir()]
    return [file for file in files if _stays(file, root, skipped)]


def _stays(entry: Path, root: Path, skipped: dict[str, list[str]]) -> bool:
    """Tells whether `entry`, with its links followed, lies in `root`; one that does not is noted as skipped."""
    try:
        inside = entry.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        inside = False
    if not inside:
        skipped.setdefault("links that leave the folder", []).append(str(entry.relative_to(root)))
    return inside


def _read(file: Path, size: int) -> np.ndarray:
    """Decodes one file to uint8 [size, size, 3]; raises Refused for a broken or an oversized one."""
    try:
        if not file.is_file():  # a pipe would block, a dangling link has nothing to read
            raise Refused("broken")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Refused(f"larger than {MAX_PIXELS / 1e6:.0f} megapixels")
                return np.asarray(fit(_as_rgb(ImageOps.exif_transpose(image)), size))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused(f"larger than {MAX_PIXELS / 1e6:.0f} megapixels") from None
    except Refused:
        raise
    except Exception:  # decoders fail in many ways (OSError, SyntaxError, ValueError, zlib.error, ...)
        raise Refused("broken") from None


def _as_rgb(image: Image.Image) -> Image.Image:
    """Returns an image of any mode as RGB: 16-bit grey is scaled and not clipped, transparency lies over white."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _note(heading: str, names: list[str]) -> str:
    # repr: a file name may hold line breaks or terminal codes.
    shown = ", ".join(map(repr, names[:NAMED])) + (", ..." if len(names) > NAMED else "")
    return f"skipped {len(names)} ({heading}): {shown}"
