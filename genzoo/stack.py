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


def serve(addresses, rank, start_seconds, silence_seconds):
    """Returns what has to be kept while this process, one of those of "HOST:PORT", is to reach the others by collective
    operations: TensorFlow's strategy, of which only the server and the heartbeat are used.

    start_seconds: in which all have to come.    silence_seconds: after which one counts as gone.
    """
    from tensorflow.python.distribute.collective_all_reduce_strategy import coordination_config_pb2
    from tensorflow.python.eager import context

    # As the strategy would set it itself, but for the times: its own are an hour for the start.
    context.context().configure_coordination_service(
        "standalone",
        service_leader="/job:worker/replica:0/task:0",
        cluster_register_timeout_in_ms=1000 * start_seconds,
        heartbeat_timeout_in_ms=1000 * silence_seconds,
        shutdown_barrier_timeout_in_ms=1000 * silence_seconds,
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=len(addresses))],
    )
    cluster = tf.train.ClusterSpec({"worker": list(addresses)})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type="worker", task_id=rank, rpc_layer="grpc"
    )
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)
