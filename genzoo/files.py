"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from genzoo.errors import CheckpointError


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


def write_atomically(path, data):
    """Writes bytes to a temporary file beside `path`, then renames it.

    So a reader, or a power cut, never meets half a file: what `path` held before stays until the new content is safe.
    Raises CheckpointError.
    """
    path = Path(path)
    check_writable(path)
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
