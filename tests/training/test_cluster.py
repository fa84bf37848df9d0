"""Several workers, without processes: who they are, how they meet, what each computes, what they tell each other."""

import json
import socket
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from small import eagerly, families, images, shared

from genzoo import rng
from genzoo.errors import ClusterError
from genzoo.stack import tf
from genzoo.training.cluster import Cluster, check_divides, meet, of_tf_config
from genzoo.training.launch import free_addresses, launch
from genzoo.training.workers import Workers, of_slurm


def config(index=0, kind="worker", **cluster):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def test_tf_config_says_who_there_is():
    assert of_tf_config(config(1, worker=["a:1", "b:2"])) == Cluster(("a:1", "b:2"), 1)
    assert of_tf_config(config(0, "chief", chief=["c:1"], worker=["a:1"])) == Cluster(("c:1", "a:1"), 0)
    assert of_tf_config(config(0, chief=["c:1"], worker=["a:1"])) == Cluster(("c:1", "a:1"), 1)
    assert of_tf_config(config(0, worker=["a:1"])) is None
    assert Cluster(("a:1", "b:1", "a:2"), 2).place == (1, 2)


@pytest.mark.parametrize("text, said", [
    ("{", "cannot be read"),
    ("[]", "cannot be read"),
    ('{"cluster": {"worker": ["a:1", "b:2"]}}', "cannot be read (KeyError: 'task')"),
    (config(0), "names no worker"),
    (config(0, worker=["a:1", "b"]), "'b' is no HOST:PORT"),
    (config(0, worker=["a:1", "a:x"]), "cannot be read"),
    (config(0, worker=["a:1", "b:1", "a:1"]), "gives a:1 to 2 workers"),
    (config(2, worker=["a:1", "b:1"]), "worker 2, which is not among"),
    (config(0, "ps", worker=["a:1", "b:1"], ps=["c:1"]), "ps 0, which is not among"),
    (config(0, chief=["c:1", "d:1"], worker=["a:1", "b:1"]), "2 chiefs"),
])  # fmt: skip
def test_a_bad_tf_config_gets_one_line(text, said, call, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    code, _, error = call("train", "--model", "ae")
    assert code == 2 and said in error and error.count("\n") == 1


def test_other_mistakes_get_one_line(call, monkeypatch, tmp_path):
    addresses = free_addresses(3)
    with socket.create_server(("", int(addresses[1].rpartition(":")[2]))):
        monkeypatch.setenv("TF_CONFIG", config(1, worker=addresses))
        for words, said in {
            ("--batch-size", "32"): "does not divide by 3 workers: expected a multiple of 3, such as --batch-size 33",
            ("--workers", "2"): "--workers 2, and TF_CONFIG names 3",
            ("--batch-size", "33"): f"cannot listen at {addresses[1]}",
        }.items():
            code, _, error = call("train", "--model", "ae", "--out", tmp_path / "run", *words)
            assert code == 2 and said in error and error.count("\n") == 1
    monkeypatch.delenv("TF_CONFIG")
    for name in ("SLURM_PROCID", "SLURM_STEP_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    code, _, error = call("train", "--cluster", "slurm")
    assert code == 2 and "start genzoo by srun" in error
    check_divides(96, 3)


def test_slurm_says_who_there_is(monkeypatch):
    told = {"PROCID": 2, "STEP_NUM_TASKS": 3, "STEP_NODELIST": "n[3-4]", "STEP_TASKS_PER_NODE": "2,1"}
    for name, value in told.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    assert of_slurm() == Cluster(("n3:8888", "n3:8889", "n4:8888"), 2)


def together(count, act):
    """Calls act(rank) in so many threads. -> what each returned, or raised."""
    results = [None] * count

    def one(rank):
        try:
            results[rank] = act(rank)
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_all_who_come_meet():
    addresses = tuple(free_addresses(3))
    assert together(3, lambda rank: meet(Cluster(addresses, rank), 20)) == [None] * 3


def test_who_does_not_come_is_named_to_all_others():
    addresses = tuple(free_addresses(3))
    for absent in (0, 2):
        ranks = [rank for rank in range(3) if rank != absent]
        for error in together(2, lambda i, ranks=ranks: meet(Cluster(addresses, ranks[i]), 1.0)):
            assert isinstance(error, ClusterError)
            assert f"worker {absent} of 3 ({addresses[absent]}) did not come within 1 s" in str(error)


def test_a_stranger_at_the_meeting_changes_nothing():
    addresses = tuple(free_addresses(2))

    def act(rank):
        if rank < 2:
            return meet(Cluster(addresses, rank), 20)
        for word in (b"hello\n", b"7\n", b""):
            with socket.create_connection(("127.0.0.1", int(addresses[0].rpartition(":")[2])), timeout=5) as other:
                other.sendall(word)

    assert together(2, act) == [None, None]


@pytest.mark.parametrize("count", [2, 4])
def test_what_is_drawn_for_some_rows_are_these_rows_of_all(count):
    for draw, shape in ((rng.normal, [3, 2, 2]), (rng.uniform, [3]), (rng.normal, tf.constant([3, 5]))):
        first, *row = np.array(shape)
        whole = draw([first * count, *row], 1, 2, rng.NOISE).numpy()
        parts = []
        for rank in range(count):
            with rng.rows_of(rank, count):
                parts.append(draw(shape, 1, 2, rng.NOISE).numpy())
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    with rng.rows_of(1, count):
        part = rng.spread_uniform(4, 1, 2, rng.TIME).numpy()
    np.testing.assert_array_equal(part, rng.spread_uniform(4 * count, 1, 2, rng.TIME).numpy()[4:8])


@pytest.mark.parametrize("family", families())
def test_gradients_of_parts_are_on_average_those_of_the_whole(family):
    model = shared(family)
    pixels, labels, step = images(16), np.arange(16, dtype=np.int32) % 4, tf.constant(3, tf.int64)

    def of(rank, count):
        mine = slice(16 // count * rank, 16 // count * (rank + 1))
        model.workers = SimpleNamespace(rank=rank, count=count)
        terms, gradients = model.losses_and_gradients(pixels[mine], labels[mine], step)
        return [np.ravel(tf.convert_to_tensor(value)) for value in (*terms.values(), *gradients)]

    try:
        with eagerly():
            whole, parts = of(0, 1), [of(rank, 2) for rank in range(2)]
    finally:
        del model.workers
    for one, *others in zip(whole, *parts, strict=True):
        np.testing.assert_allclose(np.mean(others, axis=0), one, atol=1e-5 * max(1, np.abs(one).max()))


class Talking(Workers):
    """Workers that add up over threads."""

    def __init__(self, rank, board):
        self._cluster = Cluster(("a:1", "b:1", "c:1"), rank)
        self.rank, self.count, self.chief = rank, 3, rank == 0
        self._board, self._barrier = board

    def _sum(self, numbers):
        self._board[self.rank] = numbers.view(np.int32)
        self._barrier.wait(10)
        total = np.sum(self._board, axis=0, dtype=np.int32)
        self._barrier.wait(10)
        return total.view(np.int64)


def test_the_chief_is_heard_and_a_difference_noticed():
    board = [None] * 3, threading.Barrier(3)
    for value in (None, True, 0.1, [7, [[1, 0.25, 3]]], b"", b"\x00\xff" * 7, {"steps": 2**40}):
        told = together(3, lambda rank, value=value: Talking(rank, board).from_chief(value if rank == 0 else None))
        assert told == [value] * 3
    assert together(3, lambda rank: Talking(rank, board).check_same("ab" * 32, "weights", "resume")) == [None] * 3
    errors = together(3, lambda rank: Talking(rank, board).check_same(f"{rank // 2}f" * 32, "weights", "resume"))
    assert {str(error) for error in errors} == {
        "worker 2 of 3 (c:1) has other weights than worker 0 of 3 (a:1): resume"
    }


def test_the_state_travels_as_bytes():
    from genzoo.runs.state import TrainingState

    state = TrainingState(shared("vae"))
    before, content = state.snapshot(), state.dump()
    for variable in state.variables.values():
        variable.assign(tf.zeros_like(variable))
    state.load(content)
    for name, values in state.snapshot().items():
        np.testing.assert_array_equal(values, before[name])
    assert state.sha256(("ema.",)) != state.sha256(("network.",))


def test_launched_processes_know_each_other_and_one_that_fails_is_told_of(capfd):
    what = (
        "import json, os, sys; c = json.loads(os.environ['TF_CONFIG']); i = c['task']['index'];"
        "print('worker', len(c['cluster']['worker'])) if not i else sys.exit('no more') if i == 2 else None"
    )
    assert launch([sys.executable, "-c", what], 3) == 0
    out, error = capfd.readouterr()
    assert (out, error) == ("worker 3\n", "worker 2 of 3: no more\n")
    assert launch([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 2) == 5
