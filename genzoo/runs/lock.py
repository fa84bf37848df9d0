"""One process at a time writes into a run folder."""

from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genzoo.errors import CheckpointError

LOCK = ".lock"  # an empty file in the folder; the system lets go of it however its process ends


@contextmanager
def locked(folder):
    """Context in which this process alone writes into a run folder. Raises CheckpointError where another one does."""
    lock = FileLock(Path(folder) / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise CheckpointError(
            f"another process writes into {folder}; wait for its end, or stop it, or choose another --out"
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot write {folder}: {error.strerror}; choose another --out") from error
    try:
        yield
    finally:
        lock.release()
