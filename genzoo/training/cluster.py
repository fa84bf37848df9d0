"""Who trains together: the workers of TF_CONFIG, and their meeting before TensorFlow starts. Needs no TensorFlow."""

import json
import socket
import time
from collections import Counter
from dataclasses import dataclass

from genzoo.errors import ClusterError, UsageError

MEETING_SECONDS = 60.0  # that a worker may come later than another
PAUSE = 0.2  # seconds, between two tries to reach the chief
LOCAL = "127.0.0.1"
_ALL_HERE = "-"


@dataclass(frozen=True)
class Cluster:
    """addresses: "HOST:PORT" of each worker, the chief's first.     rank: which of them this process is."""

    addresses: tuple
    rank: int

    @property
    def count(self):
        """How many workers there are."""
        return len(self.addresses)

    @property
    def chief(self):
        """Whether this process is the one that writes."""
        return self.rank == 0

    def name(self, rank):
        """Returns what to call a worker in a message."""
        return f"worker {rank} of {self.count} ({self.addresses[rank]})"

    @property
    def place(self):
        """(place of this process among those of its host, how many those are): a GPU each."""
        hosts = [address.rpartition(":")[0] for address in self.addresses]
        mine = [rank for rank, host in enumerate(hosts) if host == hosts[self.rank]]
        return mine.index(self.rank), len(mine)


def of_tf_config(text):
    """Returns the `Cluster` that the variable TF_CONFIG names, None where that is one worker alone. A chief comes
    before the workers. Raises UsageError."""
    try:
        config = json.loads(text)
        groups = {kind: list(config["cluster"].get(kind, ())) for kind in ("chief", "worker")}
        kind, index = config["task"]["type"], int(config["task"]["index"])
        addresses = groups["chief"] + groups["worker"]
        for address in addresses:
            _parts(address)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"TF_CONFIG cannot be read ({type(error).__name__}: {error}); expected "
            '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    if not addresses:
        raise UsageError("TF_CONFIG names no worker; expected cluster.worker, a list of HOST:PORT")
    if len(groups["chief"]) > 1:
        raise UsageError(f"TF_CONFIG names {len(groups['chief'])} chiefs; expected at most one")
    address, times = Counter(addresses).most_common(1)[0]
    if times > 1:
        raise UsageError(f"TF_CONFIG gives {address} to {times} workers; give each an address of its own")
    if kind not in groups or not 0 <= index < len(groups[kind]):
        raise UsageError(f"TF_CONFIG: this process is {kind} {index}, which is not among the workers; correct its task")
    rank = index + (len(groups["chief"]) if kind == "worker" else 0)
    return Cluster(tuple(addresses), rank) if len(addresses) > 1 else None


def check_divides(batch_size, workers, accumulate=1):
    """Raises UsageError where a batch cannot be shared out evenly to workers who accumulate over so many parts."""
    if batch_size % (count := workers * accumulate):
        by = [f"{workers} workers"] * (workers > 1) + [f"{accumulate} parts"] * (accumulate > 1)
        near = max(count, round(batch_size / count) * count)
        raise UsageError(
            f"a batch of {batch_size} images does not divide by {' of '.join(by)}: expected a multiple of {count}, "
            f"such as --batch-size {near}"
        )


def meet(cluster, seconds=MEETING_SECONDS):
    """Returns when all workers have come. TensorFlow's own start waits for them too, but for many minutes, and deaf to
    signals. Raises ClusterError, which names who did not come, and UsageError where the own address is taken."""
    host, port = _parts(cluster.addresses[cluster.rank])
    try:  # at all of the machine's addresses, as TensorFlow does, for a name may mean one that is not its own
        server = socket.create_server((host if host == LOCAL else "", port))
    except OSError as error:
        own = cluster.addresses[cluster.rank]
        raise UsageError(f"cannot listen at {own}, of {cluster.name(cluster.rank)}: {error.strerror}") from None
    with server:
        missing = _gather(cluster, server, seconds) if cluster.chief else _report(cluster, seconds)
    if missing is not None:
        raise ClusterError(
            f"{cluster.name(missing)} did not come within {seconds:.0f} s; start all workers, with the same addresses"
        )


def _gather(cluster, server, seconds):
    """Is the chief's part: waits for the others, tells them the end. -> the rank of one who did not come, or None."""
    came, deadline = {}, time.monotonic() + seconds
    while len(came) < cluster.count - 1 and (left := deadline - time.monotonic()) > 0:
        server.settimeout(left)
        try:
            connection, _ = server.accept()
            connection.settimeout(min(5.0, seconds))
            came[range(1, cluster.count).index(int(connection.makefile().readline(20)))] = connection
        except (OSError, ValueError):  # nobody, or nobody of ours
            continue
    missing = next((rank for rank in range(1, cluster.count) if rank - 1 not in came), None)
    for connection in came.values():
        with connection:
            connection.sendall(f"{_ALL_HERE if missing is None else missing}\n".encode())
    return missing


def _report(cluster, seconds):
    """Is a worker's part: reaches the chief and waits for its word. -> as `_gather`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(_parts(cluster.addresses[0]), timeout=5) as connection:
                connection.settimeout(2 * seconds)  # the chief may have come just now, and wait for others as long
                connection.sendall(f"{cluster.rank}\n".encode())
                word = connection.makefile().readline(20).strip()
                if word:
                    return None if word == _ALL_HERE else int(word)
        except OSError:
            pass
        time.sleep(PAUSE)
    return 0


def _parts(address):
    host, colon, port = address.rpartition(":")
    if not host or not 0 < int(port) < 2**16:
        raise ValueError(f"{address!r} is no HOST:PORT")
    return host.strip("[]"), int(port)
