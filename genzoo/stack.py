"""TensorFlow and Keras, imported without their start-up chatter, and all that differs between the two stacks.

Keras 2.15 brings tensorflow-addons' GroupNormalization, Keras 3 its own: the same layer with the same numbers.
"""

import atexit
import contextlib
import os
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextlib.contextmanager
def muted():
    """Holds back what C++ code writes to stderr: TF 2.21 logs before it reads TF_CPP_MIN_LOG_LEVEL.

    It is shown after all where the block fails, though not where a signal cuts it short.
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
        except Exception:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


with muted():
    import tensorflow as tf

keras = tf.keras  # Keras 2.15 or Keras 3
layers = keras.layers

if hasattr(keras, "ops"):  # Keras 3
    GroupNormalization = layers.GroupNormalization
else:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the end-of-life notice of tensorflow-addons
        from tensorflow_addons.layers import GroupNormalization  # noqa: F401

    # TensorFlow 2.15 deletes compiled functions after its modules are gone, and prints a TypeError for each.
    from tensorflow.python.eager.polymorphic_function.atomic_function import AtomicFunction

    atexit.register(lambda: delattr(AtomicFunction, "__del__"))


def tf_variable(variable):
    """Returns the tf.Variable behind a Keras weight on either stack."""
    return variable if isinstance(variable, tf.Variable) else variable.value
