"""TensorFlow, imported without its start-up chatter: `from genzoo.quiet import tf`."""

import contextlib
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextlib.contextmanager
def _muted():
    """Hold back what C++ code writes to stderr: TF 2.21 logs before it reads TF_CPP_MIN_LOG_LEVEL.

    It is shown after all where the block fails.
    """
    try:
        stderr = os.dup(2)
    except OSError:  # there is none
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with _muted():
    import tensorflow as tf  # noqa: F401
