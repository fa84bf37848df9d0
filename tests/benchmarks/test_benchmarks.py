"""The parts of the benchmarks that can be wrong without being slow; nothing here is timed."""

import json
import math
from contextlib import ExitStack

import numpy as np
import pytest
from small import OPTIONS, dataset, shared

from benchmarks import exams, flops, measuring, processes, quality, reporting
from benchmarks.baselines.article import STEPS, Article, ArticleUNet
from benchmarks.bench import Bench
from benchmarks.rows import efficiency, growth, matched, minutes, overhead, startup, throughput
from benchmarks.within import options_within
from genzoo.models import families
from genzoo.stack import keras, layers, tf


@pytest.mark.parametrize("p", [-1, 0.5, 2])
def test_exponent_of_a_power_law(p):
    x = np.array([1.0, 2, 8, 50])
    assert measuring.exponent(x, 7 * x**p) == pytest.approx(p)


def test_ratios_are_taken_round_by_round():
    drifting = measuring.interleaved({"a": iter([4, 8, 2]).__next__, "b": iter([2, 4, 1]).__next__}, 3)
    found = measuring.ratio(drifting["a"], drifting["b"])
    assert (found["median"], found["low"], found["high"]) == (2, 2, 2)
    assert measuring.spread([3, 1, 2]) == {"median": 2, "low": 1, "high": 3, "values": [3, 1, 2]}


@pytest.mark.parametrize(
    ("layer", "shape", "operations"),
    [
        (lambda: layers.Conv2D(6, 3, padding="same"), [2, 8, 8, 4], 2 * 9 * 4 * 6 * 2 * 64),
        (lambda: layers.Conv2D(6, 3, strides=2, padding="same"), [2, 8, 8, 4], 2 * 9 * 4 * 6 * 2 * 16),
        (lambda: layers.Conv2DTranspose(6, 3, strides=2, padding="same"), [2, 8, 8, 4], 2 * 9 * 4 * 6 * 2 * 64),
        (lambda: layers.DepthwiseConv2D(3, padding="same"), [2, 8, 8, 4], 2 * 9 * 4 * 2 * 64),
        (lambda: layers.Dense(5), [2, 4], 2 * 4 * 5 * 2),
    ],
)
def test_operations_of_a_layer(layer, shape, operations):
    layer = layer()
    assert flops.forward(lambda: layer(tf.zeros(shape))) == operations


@pytest.mark.parametrize("model", [lambda: shared("cddpm"), lambda: shared("cvae")])
def test_the_layers_and_the_profiler_count_the_same(model):
    counted, profiled = efficiency.operations(model(), 4)
    assert abs(profiled / counted - 1) < efficiency.AGREE


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "millions"), [(0, 5.06), (10, 5.15)])
def test_the_article_s_network(classes, millions):
    network, x = ArticleUNet(1, classes), tf.random.stateless_normal([2, 32, 32, 1], [0, 0])
    labels = tf.constant([3, 4]) if classes else None
    y = network(x, tf.constant([0, 99]), labels)
    assert y.shape == x.shape
    assert round(sum(math.prod(w.shape) for w in network.trainable_weights) / 1e6, 2) == millions
    if classes:  # they matter, unless they are hidden
        others = tf.constant([5, 4])
        assert np.abs(network(x, tf.constant([0, 99]), others) - y)[0].max() > 1e-6
        hidden = [network(x, tf.constant([0, 99]), given, shown=tf.constant(0.0)) for given in (labels, others)]
        np.testing.assert_array_equal(*hidden)


@pytest.mark.slow
def test_the_article_s_model_trains_and_draws():
    model = Article((8, 8, 1), 4, widths=(8, 8, 8))
    model.compile(optimizer=keras.optimizers.Adam(1e-3), run_eagerly=True)  # there is no time to trace it
    model.fit(dataset(4, 2), shuffle=False, verbose=0)
    for images in (model.draw([0, 1], seed=1, steps=3), model.own([0, 1], seed=1, most=2)):
        assert images.shape == (2, 8, 8, 1) and np.isfinite(images).all() and np.abs(images).max() <= 1
    assert model.schedule.terminal_signal == pytest.approx(0.603, abs=1e-3) and len(model.schedule) == STEPS


def test_options_within_so_many_evaluations():
    model = shared("cddpm")
    guided = options_within(model)
    assert model.evaluations(**guided) <= 10 < model.evaluations(**guided | {"steps": guided["steps"] + 1})
    assert options_within(model, {"sampler": "ddim", "guidance": 1.0})["steps"] == 10
    with pytest.raises(ValueError, match="more than 1"):
        options_within(model, {"guidance": 3.0, "guidance_interval": None}, most=1)


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


class Candidate:
    """The connection to one that is misread so often in 1,000 samples of each exam, the exams ten minutes apart."""

    def __init__(self, errors):
        self.errors, self.clock, self.word = iter(errors), Clock(), exams.TRAIN

    def send(self, word):
        self.word = word

    def poll(self, seconds):
        return True

    def recv(self):
        if self.word == exams.TRAIN:
            self.left = next(self.errors, None)
            if self.left is None:
                raise EOFError
            self.clock.now += 600
        labels = np.arange(10 if self.word == exams.OWN else exams.PART) % 10
        wrong = 1 if self.word == exams.OWN else min(self.left, exams.PART)
        self.left -= wrong
        labels[:wrong] = (labels[:wrong] + 1) % 10
        return int(self.clock.now), labels.shape, labels.astype(np.uint8).tobytes()


def watched(errors, limit=3600.0, own=0):
    candidate = Candidate(errors)
    return quality.watch(candidate, lambda images: images, limit, own, candidate.clock)


def test_goals_are_reached_by_the_exam_that_reads_a_thousand():
    row = watched([900, 51, 50, 15, 10])
    assert row["goals"] == {"0.95": 1800.0, "0.98": 2400.0, "0.99": 3000.0}
    assert [e["n"] for e in row["exams"]] == [100, 100, 1000, 1000, 1000]  # an exam that is lost is not drawn out
    assert (row["share"], row["images_seen"]) == (0.99, 3000)


def test_a_candidate_is_stopped_at_the_limit_and_then_draws_by_its_own_recipe():
    row = watched([900, 900, 0], limit=700.0, own=20)
    assert set(row["goals"].values()) == {None} and len(row["exams"]) == 2
    assert (row["own"]["share"], row["own"]["n"]) == (0.9, 20)


def test_a_candidate_that_comes_to_its_end_has_what_it_has():
    assert watched([20])["goals"] == {"0.95": 600.0, "0.98": 600.0, "0.99": None}
    with pytest.raises(ChildProcessError, match="before its first exam"):
        watched([])


def test_timetable_keeps_exams_to_their_share(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(exams.time, "monotonic", clock)
    timetable = exams.Timetable(15)
    assert not timetable.due()
    clock.now = 15
    assert timetable.due()
    timetable.sat(10)
    clock.now += 39
    assert not timetable.due()
    clock.now += 1  # 10 of 50 seconds
    assert timetable.due()


def test_table_of_quality():
    def row(*minutes):
        goals = {str(goal): t and 60.0 * t for goal, t in zip(quality.GOALS, minutes, strict=True)}
        return {"goals": goals, "seconds": 1800.0, "images_seen": 1234, "share": 0.9, "n": 100}

    rows = {"ours, seed 0": row(1, 2, 3), "course": row(20, None, None), "ours, seed 1": row(1, 4, None)}
    table = quality.table(rows, limit=1800.0)
    cells = {name: {c.key: s.value for c, s in zip(table.columns, shown, strict=True)} for name, shown in table.shown()}
    assert cells["ours, median"]["t0.98"] == "3.0" and cells["ours, median"]["t0.99"] == "n/a"
    assert cells["course"]["x0.95"] == "20.0" and cells["course"]["x0.98"] == "10.0"
    assert cells["course"]["x0.99"] == "n/a" and "not reached in 30 minutes" in table.text()
    assert "so many times" not in quality.table({"ours, seed 0": row(1, 2, 3)}, limit=1800.0).text()


def test_results_are_written_row_by_row(tmp_path):
    written = reporting.Results(tmp_path / "new" / "out.json", {"torch": "2.0"}, data="digits")
    written.add("row", {"a": 1})
    found = json.loads(written.path.read_text())
    assert found["rows"] == {"row": {"a": 1}} and found["data"] == "digits"
    assert {"cpu", "cores", "memory_bytes"} <= set(found["machine"]) and found["date"].startswith("20")
    assert {"python", "tensorflow", "torch"} <= set(found["versions"])
    assert found["machine"]["cpu"] in written.heading


def test_tables_of_the_rows(tmp_path):
    some = measuring.spread([1.0, 2.0, 3.0])
    assert "2.00" in throughput.table(
        {"images_per_second": {"ae": some}, "cddpm_over": {"ae": some}, "epoch_seconds": {"ae": 9.0}}
    ).text()
    text = efficiency.table(
        {"operations_of_a_step": 2e9, "profiler_over_layers": 1.2, "step": some, "convolutions": {"c": some},
         "efficiency": some}
    ).text()  # fmt: skip
    assert "DISAGREES: +20.00%" in text
    assert "10 steps" in overhead.table(
        {"10 steps": {"call_seconds": some, "evaluation_seconds": some, "overhead": some}}
    ).text()
    (tmp_path / "quality.json").write_text(
        json.dumps({"rows": {
            "ours, seed 0": {"share": 0.99, "n": 1000, "own": None},
            "ours, seed 1": {"share": 0.97, "n": 1000, "own": None},
            "course": {"share": 0.1, "n": 100, "own": {"share": 0.3, "n": 10}},
        }})
    )  # fmt: skip
    accuracy = matched.accuracies(tmp_path / "quality.json")
    assert accuracy == {"course": {"share": 0.3, "n": 10}, matched.OWN: {"share": 0.97, "n": 1000}}
    assert matched.accuracies(tmp_path / "none.json") == {}
    names = (matched.OWN, "course")
    text = matched.table(
        {"images_per_second": dict.fromkeys(names, some), "over": "course", "times_as_fast": dict.fromkeys(names, some),
         "evaluations": dict.fromkeys(names, 10), "options": {}, "accuracy": accuracy}
    ).text()  # fmt: skip
    assert "97.0%" in text and "extrapolated" in text
    sizes = dict.fromkeys(("training_bytes", "sampling_bytes", "disk_bytes", "weights_bytes"), 2e6)
    assert "10,000" in startup.table(
        {"seconds": {"--help": some}, "samples": 10_000, "sampling_seconds": 5.0, "evaluations": 10, **sizes}
    ).text()
    assert "16, 32" in growth.table(
        {"steps": {"points": [16, 32], "seconds": [some, some], "bytes": [1e6, 2e6], "time_exponent": some,
                   "memory_exponent": 1.0}}
    ).text()  # fmt: skip


def test_a_process_that_dies_is_noticed():
    with processes.started("benchmarks.nowhere", {}) as connection, pytest.raises((EOFError, ConnectionResetError)):
        connection.recv()


def test_versions_of_an_interpreter_without_them():
    assert processes.course_versions("false") is None


SMALL = ("--image-size", "8", "--widths", "8", "--depth", "1", "--diffusion-steps", "20")
FEW_POINTS = {"training step, by channels": (8, 16), "sampling, by steps": (1, 2)}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """One for all rows, so that each model is traced once; and the models are small."""
    real = families.build
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(families, "build", lambda name, **given: real(name, **OPTIONS[name] | given))
        yield Bench("digits", 1, 0.1, "false", tmp_path_factory.mktemp("bench") / "quality.json", stack)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(
    ("row", "sizes"),
    [
        (throughput, {}),
        (efficiency, {}),
        (overhead, {"cases": ((2, 2),)}),
        (matched, {}),
        (startup, {"steps": 2, "samples": 20, "warm": 0}),
        (growth, {"points": FEW_POINTS}),
        (minutes, {"minutes": 0.1, "options": SMALL}),
    ],
)
def test_each_row_measures_and_shows_something(row, sizes, bench, monkeypatch):
    monkeypatch.setattr(throughput, "MODELS", ("ae", "cddpm"))
    for name in ("OURS", "ARTICLE", "STEPS"):
        monkeypatch.setattr(matched, name, 1)
    found = row.measure(bench, **sizes)
    assert json.loads(json.dumps(found))
    assert "cddpm" in row.TITLE + row.table(found).text()


@pytest.mark.slow
@pytest.mark.once
def test_time_to_quality_on_a_candidate_that_learns_for_seconds(tmp_path, capsys, quick_judge):
    quick_judge(20)
    out = tmp_path / "quality.json"
    words = ["--data", "digits", "--seeds", "0", "--minutes", "0.2", "--least", "5", "--baselines", "article"]
    quality.main([*words, "--limit", "0.1", "--baseline-least", "10", "--own", "1", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert list(rows) == ["ours, seed 0", "article"] and rows["article"]["own"]["n"] == 10
    assert "not reached" in capsys.readouterr().out
