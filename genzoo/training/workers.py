"""N processes that train as one: each takes its rows of the same batch; gradients are summed before they are used.

Every process has plain variables and Keras' own `fit`. TensorFlow's MultiWorkerMirroredStrategy serves as the server
and the heartbeat between them alone; nothing runs in its scope. Noise is drawn for the whole batch, and each process
takes its rows of it (`rng.rows_of`), so that N workers train what one would, but for the order of sums.
"""

import contextlib
import json
import re
import signal

import numpy as np

from genzoo.errors import ClusterError, UsageError
from genzoo.stack import muted, serve, tf
from genzoo.training.cluster import Cluster, meet

SILENCE_SECONDS = 10  # after which a worker counts as gone
START_SECONDS = 60  # for TensorFlow's servers to find each other, after the meeting
GRADIENTS, HOST = 1_000_000, 2_000_000  # keys of groups, far from those that TensorFlow gives out
STEPS = 2**16  # of them the step's number is told the remainder: float32 adds it up exactly
THEN = "find out why, start all again, with: train --resume RUN"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Alone:
    """One process, that has nobody to agree with."""

    rank, count, chief = 0, 1, True

    def from_chief(self, value):
        """Returns the chief's value, of what JSON can hold, bytes or None."""
        return value

    def check_same(self, digest, what, do):
        """Raises ClusterError unless all workers give the same sha256 (hex). what: it is of; do: what to do then."""

    def wait(self):
        """Returns when all workers call it."""

    def begin(self, seconds):
        """The training goes on after so many seconds."""

    def before_step(self, step, signum, seconds):
        """Tells the others what came: a signal or None, and the time, of which the chief's counts."""

    def after_step(self, step):
        """Raises ClusterError where another worker is at another step."""

    def signal(self, own):
        """Returns the signal that all workers know of, or None."""
        return own

    def seconds(self, own):
        """Returns the training time that all workers know of."""
        return own

    def part(self, size):
        """Returns a slice: this worker's images of a batch of that size."""
        return slice(None)

    @contextlib.contextmanager
    def watched(self):
        """Context in which the loss of another worker raises ClusterError."""
        yield

    def join(self, model, jit_compile):
        """Lets a `GenerativeModel` train with the others. jit_compile: with XLA what each computes."""


ALONE = Alone()


def of_slurm():
    """Returns the `Cluster` of the job that this process is a task of, None where it is the only one; hosts and tasks
    as TensorFlow reads them from SLURM's variables. Raises UsageError where they are missing."""
    try:
        # The GPUs that it would count and deal out here are SLURM's to give, or `Workers` takes one.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            gpus_per_node=1_000_000, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = tuple(resolver.cluster_spec().as_dict()["worker"])
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        raise UsageError(f"--cluster slurm: {error}; start genzoo by srun, in a job") from error
    return Cluster(addresses, resolver.task_id) if len(addresses) > 1 else None


class Workers(Alone):
    """This process and its fellows, of a `cluster.Cluster`. To be made before TensorFlow has done anything.

    Raises ClusterError where one does not come.
    """

    def __init__(self, cluster):
        self.rank, self.count, self.chief, self._cluster = cluster.rank, cluster.count, cluster.chief, cluster
        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            tf.config.set_visible_devices(gpus[cluster.place[0] % len(gpus)], "GPU")
        self._hint = "nccl" if gpus else "auto"
        meet(cluster)
        handlers = {signum: signal.getsignal(signum) for signum in _SIGNALS}
        with muted():
            self._server = serve(cluster.addresses, cluster.rank, START_SECONDS, SILENCE_SECONDS)
        for signum, handler in handlers.items():  # TensorFlow has set its own
            with contextlib.suppress(ValueError, TypeError):  # not in the main thread; not of Python
                signal.signal(signum, handler)
        with tf.device("CPU"):
            self._mine, self._told = (tf.Variable(tf.zeros([4]), trainable=False) for _ in range(2))

    def join(self, model, jit_compile):
        model.workers = self
        if jit_compile:
            model.losses_and_gradients = tf.function(model.losses_and_gradients, autograph=False, jit_compile=True)

    # In the graph of a step.

    def mean(self, terms, gradients):
        """Returns ({name: scalar}, [gradients]) of the whole batch from those of this worker's rows."""
        values = [*terms.values(), *map(tf.convert_to_tensor, gradients)]
        parts = [tf.reshape(tf.cast(value, tf.float32), [-1]) for value in values]
        flat = tf.concat([self._mine, *parts], axis=0)
        sums = _all_reduce(flat, GRADIENTS, self.count, self._hint)
        told, *sums = tf.split(sums, [4, *(value.shape.num_elements() for value in values)])
        self._told.assign(told)
        means = [
            tf.cast(tf.reshape(part / self.count, value.shape), value.dtype)
            for part, value in zip(sums, values, strict=True)
        ]
        return dict(zip(terms, means, strict=False)), means[len(terms) :]

    # Around a step.

    def begin(self, seconds):
        self._told.assign([0, 0, seconds, 0])

    def before_step(self, step, signum, seconds):
        flags = [float(signum == known) for known in _SIGNALS]
        self._mine.assign([*flags, seconds if self.chief else 0.0, float(step % STEPS)])

    def after_step(self, step):
        if self._told.numpy()[3] != self.count * (step % STEPS):
            raise ClusterError(f"the workers are no longer at the same step as {self._name(self.rank)}, {step}")

    def signal(self, own):
        return next((known for known, told in zip(_SIGNALS, self._told.numpy(), strict=False) if told), None)

    def seconds(self, own):
        return float(self._told.numpy()[2])

    def part(self, size):
        share = size // self.count
        return slice(self.rank * share, (self.rank + 1) * share)

    # Between steps.

    def from_chief(self, value):
        plain = isinstance(value, bytes)
        content = (value if plain else json.dumps(value).encode()) if self.chief else b""
        length, plain = self._sum(np.array([len(content), plain and self.chief], np.int64))
        padded = np.zeros(-(-length // 8), np.int64)
        padded.view(np.uint8)[: len(content)] = np.frombuffer(content, np.uint8)
        content = self._sum(padded).tobytes()[:length]
        return content if plain else json.loads(content)

    def check_same(self, digest, what, do):
        mine = np.zeros(self.count, np.int64)
        mine[self.rank] = int(digest[:15], 16)
        told = self._sum(mine)
        odd = np.flatnonzero(told != told[0])
        if len(odd):
            raise ClusterError(f"{self._name(odd[0])} has other {what} than {self._name(0)}: {do}")

    def wait(self):
        self._sum(np.zeros(1, np.int64))

    @contextlib.contextmanager
    def watched(self):
        try:
            yield
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError as error:
            text = str(error)
            if "ollective" not in text and "oordination" not in text and "task:" not in text:
                raise
            ranks = {int(found) for found in re.findall(r"task:(\d+)", text)} - {self.rank}
            if not ranks and "CoordinationService" in text and not self.chief:
                ranks = {0}  # whose service it is
            who = self._name(min(ranks)) if len(ranks) == 1 else "another worker"
            raise ClusterError(f"{who} has gone or does not answer, so all stop; {THEN}") from error

    def _name(self, rank):
        return self._cluster.name(int(rank))

    def _sum(self, numbers):
        """Returns the sum over all workers of int64 [n], where no more than one is not 0: the halves add up as well."""
        with tf.device("CPU"):
            return _all_reduce(tf.constant(numbers.view(np.int32)), HOST, self.count, "auto").numpy().view(np.int64)


def _all_reduce(flat, group, count, hint):
    return tf.raw_ops.CollectiveReduceV2(
        input=flat, group_size=count, group_key=group, instance_key=group + flat.shape[0], ordering_token=[],
        merge_op="Add", final_op="Id", communication_hint=hint, timeout_seconds=0.0, max_subdivs_per_device=-1,
    )  # fmt: skip
