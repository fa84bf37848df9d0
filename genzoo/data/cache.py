"""Where the images of a set go while it is read: into memory, or where they are many into files, once for all runs."""

import contextlib
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import PIL
from filelock import FileLock, Timeout
from tqdm import tqdm

from genzoo.data.resize import allocate
from genzoo.data.rows import Rows
from genzoo.errors import CheckpointError
from genzoo.files import read_json, remove, user_cache, write_atomically

LARGE = 2**30  # bytes of one split, above which it goes into files though nobody asked for that
FORMAT = 1
SAVE_SECONDS = 5.0  # between the moments from which an interrupted pass goes on


class Cache:
    """Takes the images of one set in, a split after the other, as a loader of `data.catalogue` reads them.

    key: what tells the set from others, as JSON; None: all goes into memory.
    root: a folder that was asked for, into which any set goes. None: the user's cache folder, for large ones.
    say: is told in a line where an earlier file cannot be used.     used: the names of splits that are in files.

    The files of a set lie in a folder of their own. Of a split these are NAME.npy, the images; NAME.facts.npy; and
    NAME.json, written last, which says of what they are. While they are written they end in '.part', and a pass that is
    cut goes on there. Later runs, and other processes on the machine, map the same files.
    """

    def __init__(self, key=None, root=None, say=print):
        self._asked, self._say, self.used = root is not None, say, []
        if "\0" in str(root):
            raise CheckpointError(f"cannot write {str(root)!r}: no path holds a NUL; choose another --cache")
        home = user_cache()
        root = Path(root).expanduser() if self._asked else home and home / "sets"
        self.folder = None
        if key is not None and root is not None:
            slug = re.sub(r"[^A-Za-z0-9_]+", "-", str(key[0]))[-40:].strip("-")
            self.folder = root.absolute() / f"{slug}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]}"

    def images(self, name, count, shape, read, stamp):
        """Returns (images, facts): uint8 [count, *shape], an array or `Rows`, and int32 [count].

        read: a function of a row's number that yields (images uint8 [n, *shape], facts int32 [n]) from there on, in
            order, `count` in all. A fact is what the source wants to know of an image beside its pixels.
        stamp: a function that returns a text, another one where the source has changed.
        Raises DataError where the images are too many for the memory, CheckpointError where a file cannot be written.
        """
        if self.folder is None or not (self._asked or self.used or count * int(np.prod(shape)) > LARGE):
            images, facts, start = allocate(count, shape), np.empty(count, np.int32), 0
            for pixels, told in read(0):
                stop = start + len(told)
                images[start:stop], facts[start:stop], start = pixels, told, stop
            return images, facts
        about = {"format": FORMAT, "stamp": stamp(), "shape": [count, *shape]}
        files = self._files(name)
        try:
            if not self._whole(name, about, self._say):
                self.folder.mkdir(parents=True, exist_ok=True)
                with self._alone():
                    if not self._whole(name, about):
                        self._write(name, about, read)
        except OSError as error:
            raise CheckpointError(
                f"cannot write {files[0]}: {error.strerror or error}; free some space, or choose another --cache"
            ) from error
        self.used.append(name)
        return Rows(files[0]), np.load(files[1])

    def fingerprint(self, data):
        """Returns the fingerprint of an ImageData of these images: it is computed once, and kept beside the files."""
        files = [file for name in self.used for file in (*self._files(name), self.folder / f"{name}.json")]
        of = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
        kept = self.folder / "fingerprint.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = read_json(kept)
            if known["of"] == of:
                return known["sha256"]
        with contextlib.suppress(CheckpointError):  # the folder may be another user's
            write_atomically(kept, json.dumps({"of": of, "sha256": data.fingerprint}).encode())
        return data.fingerprint

    def _files(self, name):
        return self.folder / f"{name}.npy", self.folder / f"{name}.facts.npy"

    def _whole(self, name, about, say=lambda line: None):
        """Tells whether the files of a split are what `about` says; why not, where they should have been."""
        path = self.folder / f"{name}.json"
        try:
            found = read_json(path)
            sizes = [file.stat().st_size for file in self._files(name)]
            why = next((why for key, why in WHY.items() if found.get(key) != about[key]), None)
            why = why or ("some of it is missing" if found.get("bytes") != sizes else None)
        except (FileNotFoundError, NotADirectoryError):
            why = "some of it is missing" if path.exists() else ""
        except (OSError, ValueError, AttributeError) as error:
            why = f"it cannot be read, {error}"
        if why:
            say(f"the cache in {self.folder} is of no use, {why}: writing it anew")
        return why is None

    @contextlib.contextmanager
    def _alone(self):
        """In this context no other process writes into the folder; waits until that is so."""
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self._say(f"waiting for another process, which writes into {self.folder}")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _write(self, name, about, read):
        files, said, (count, *shape) = self._files(name), self.folder / f"{name}.json", about["shape"]
        parts, progress = [_part(file) for file in files], _part(said)
        layouts = ((count, *shape), np.uint8), ((count,), np.int32)
        for file in (said, *files):  # of an earlier set, whose space is needed
            remove(file)
        with contextlib.ExitStack() as stack:
            done = _done(progress, parts, about)
            open_files = [
                stack.enter_context(_opened(part, *layout, done)) for part, layout in zip(parts, layouts, strict=True)
            ]
            live = sys.stderr.isatty()
            bar = stack.enter_context(tqdm(total=count, initial=done, unit=" images", disable=not live, leave=False))

            def save():
                for file in open_files:
                    file.flush()
                    os.fsync(file.fileno())
                write_atomically(progress, json.dumps(about | {"done": done}).encode())

            saved = time.monotonic()
            for arrays in read(done):
                for file, array, (_, dtype) in zip(open_files, arrays, layouts, strict=True):
                    file.write(np.ascontiguousarray(array, dtype))
                done += len(arrays[1])
                bar.update(len(arrays[1]))
                if time.monotonic() - saved > SAVE_SECONDS:
                    save()
                    saved = time.monotonic()
            save()
        for part, file in zip(parts, files, strict=True):
            part.rename(file)
        write_atomically(said, json.dumps(about | {"bytes": [file.stat().st_size for file in files]}).encode())
        remove(progress)


WHY = {"format": "another version wrote it", "stamp": "the set has changed since", "shape": "the set has changed since"}


def stamp_of(files):
    """Returns a checksum of the names, sizes and times of files, and of what decodes them."""
    digest = hashlib.sha256(f"Pillow {PIL.__version__}".encode())
    for file in files:
        try:
            stat = os.stat(file)
            told = f"{stat.st_size} {stat.st_mtime_ns}"
        except OSError:
            told = "gone"
        digest.update(os.fsencode(file) + f"\0{told}\0".encode())
    return digest.hexdigest()


def _part(file):
    return file.with_name(f"{file.name}.part")


def _done(progress, parts, about):
    """How many rows of an interrupted pass are safe on the disk; 0 where it was of something else."""
    try:
        found = read_json(progress)
        done = found.pop("done")
        (count, *shape), sizes = about["shape"], [part.stat().st_size for part in parts]
        longer = sizes[0] > done * int(np.prod(shape)) and sizes[1] > done * 4  # by their headers
        return done if longer and found == about and 0 <= done <= count else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


@contextlib.contextmanager
def _opened(path, shape, dtype, done):
    """A file of NumPy's format for an array of that shape, open behind its first `done` rows; further ones are cut."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": tuple(shape)}
    with open(path, "r+b" if done else "w+b") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + done * int(np.prod(shape[1:])) * np.dtype(dtype).itemsize)
        file.seek(0, os.SEEK_END)
        yield file
