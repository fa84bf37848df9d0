"""Files and folders that appear whole or not at all, and JSON that may come from a stranger."""

import contextlib
import glob
import json
import os
import shutil
import tempfile
from pathlib import Path

from genzoo.errors import CheckpointError

MOST_JSON = 10_000_000  # bytes; what genzoo writes has some thousand, and a name for each class


def read_json(path):
    """Returns the content of a JSON file. Raises OSError, or ValueError for what is too large, nested too deep, or no
    JSON."""
    path = Path(path)
    if path.stat().st_size > MOST_JSON:
        raise ValueError(f"larger than {MOST_JSON // 10**6} MB")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def check_writable(path):
    """Raises CheckpointError now for a file that could not be written later, after the work is done."""
    folder = Path(path).parent
    if os.path.isdir(path):
        raise CheckpointError(f"cannot write {path}: it is a folder; name a file in it")
    if not os.path.isdir(folder):
        raise CheckpointError(f"cannot write {path}: there is no folder {folder}; create it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()  # permissions alone do not tell: a disk may be read-only, or full
    except OSError as error:
        raise CheckpointError(f"cannot write {path}: {error.strerror}; choose another place") from error


def user_cache():
    """Returns genzoo's folder in the user's cache; None where no home folder is known."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genzoo"
    except RuntimeError:
        return None


def write_atomically(path, data):
    """Writes bytes to a temporary file beside `path`, then renames it.

    So a reader, or a power cut, never meets half a file: what `path` held before stays until the new content is safe.
    What a killed process left of an earlier try is removed. Raises CheckpointError.
    """
    path = Path(path)
    check_writable(path)
    _remove_unfinished(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"cannot write {path}: {reason}; choose another place") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def staged(path):
    """Gives a name beside `path` at which to make a file or a folder; what was made there is then renamed to `path`.

    What `path` held before stays until then, and stays where the block fails: then nothing is left of the new.
    Raises CheckpointError.
    """
    path = Path(path)
    place, old = (path.with_name(f".{path.name}.{os.getpid()}.{word}") for word in ("tmp", "old"))
    _remove_unfinished(path)
    try:
        yield place
        try:
            if path.is_dir() and not path.is_symlink():  # a folder cannot be renamed onto another
                path.rename(old)
            place.rename(path)
        except OSError as error:
            if old.exists() and not path.exists():
                old.rename(path)
            raise CheckpointError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    finally:
        for left in (place, old):
            remove(left)


def _remove_unfinished(path):
    """Removes the temporary files and folders beside `path` whose processes are gone."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        pid = left.suffixes[-2][1:]
        if pid.isdecimal():
            import psutil

            if not psutil.pid_exists(int(pid)):
                remove(left)


def remove(path):
    """Removes a file, or a folder with all that is in it; nothing where nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
