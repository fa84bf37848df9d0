"""Faults injected on purpose: how many are tried, and the table of `make test-faults`."""

import random
import time
from functools import partial

import numpy as np
import pytest
from disk import count_into
from processes import DIGITS, Command, of_family
from small import eagerly

from genzoo.runs.run import Run

COLUMNS = ("row", "fault", "tried", "held", "seconds")


class Trials:
    """The trials of a test. What ends a loop over them too early, such as a failed assertion, leaves one that was tried
    and did not hold."""

    def __init__(self, few, many, full):
        self._few, self._many, self.full = few, many, full
        self.tried = self.held = 0

    def __iter__(self):
        """Yields a `random.Random` of its own for each."""
        yield from self.of(map(random.Random, range(self.count)))

    @property
    def count(self):
        """How many are asked for."""
        return self._many if self.full else self._few

    def of(self, cases):
        """Yields these cases: all of them; where counts are small, some of them, from the first to the last."""
        if not self.full and self._few is not None:
            cases = list(cases)
            cases = [cases[i * (len(cases) - 1) // max(1, self._few - 1)] for i in range(min(self._few, len(cases)))]
        for case in cases:
            self.tried += 1
            yield case
            self.held += 1


@pytest.fixture
def trials(request, record_property):
    """The `Trials` that the marker of a test asks for: @pytest.mark.faults(row, fault, few=…, many=…).

    few: how many in `make test` and `make test-slow`; many: with --faults, as in `make test-faults`.
    """
    mark = request.node.get_closest_marker("faults")
    made = Trials(mark.kwargs.get("few"), mark.kwargs.get("many"), request.config.getoption("--faults"))
    began = time.monotonic()
    yield made
    record_property("fault", (*mark.args, made.tried, made.held, time.monotonic() - began))


def pytest_collection_modifyitems(items, config):
    """With full counts the hour of row 14 begins first, so that another process does the other rows meanwhile."""
    if config.getoption("--faults"):
        items.sort(key=lambda item: "test_14" not in item.nodeid)


def pytest_terminal_summary(terminalreporter, config):
    """Prints one line a row and fault, in the order of the rows."""
    if not config.getoption("--faults"):
        return
    lines = {}
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for report in reports:
        for name, value in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "teardown" else ():
            if name == "fault":
                row, fault, *numbers = value
                before = lines.get((row, fault), (0, 0, 0))
                lines[row, fault] = tuple(map(sum, zip(before, numbers, strict=True)))
    if not lines:
        return
    wide = max(len(fault) for _, fault in lines)
    terminalreporter.section("faults")
    form = f"{{:>3}}  {{:<{wide}}}  {{:>6}}  {{:>6}}  {{:>7}}"
    terminalreporter.write_line(form.format(*COLUMNS))
    for (row, fault), (tried, held, seconds) in sorted(lines.items()):
        terminalreporter.write_line(form.format(row, fault, tried, held, f"{seconds:.0f}"))


@pytest.fixture
def run(written):
    """A run folder that holds a config and weights."""
    run = Run.open(written("vae"))
    draw = np.random.default_rng(0)
    run.write_weights({f"ema.{i}": draw.normal(size=(10 * i, 20)).astype(np.float32) for i in range(1, 4)})
    return run


@pytest.fixture
def train():
    """train(out, callbacks, **changes) -> a run of the tiny family: unless asked, 8 steps and two checkpoints."""
    import tiny

    from genzoo.training import start
    from genzoo.training.settings import TrainSettings

    def train(out, callbacks=(), **changes):
        asked = {"model": "tiny", "data": "digits", "image_size": 8, "steps": 8, "sample_every": 4, "out": str(out)}
        return start.train(TrainSettings(**asked | changes), callbacks=callbacks).run

    tiny.register()
    with eagerly():
        yield train
    tiny.unregister()


@pytest.fixture
def before_step():
    """before_step(n, action) -> a Keras callback that calls action(model) before step n, counted from 1."""
    from genzoo.stack import keras

    class BeforeStep(keras.callbacks.Callback):
        def __init__(self, n, action):
            super().__init__()
            self.left, self.action = n, action

        def on_train_batch_begin(self, batch, logs=None):
            self.left -= 1
            if self.left == 0:
                self.action(self.model)

    return BeforeStep


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """undisturbed(family) -> (run, words that train it, seconds that takes, file operations of its saves)."""
    made, folder = {}, tmp_path_factory.mktemp("undisturbed")

    def undisturbed(family):
        if family not in made:
            words = ["train", *of_family(family), *DIGITS, "--steps", 6, "--sample-every", 2, "--out"]
            path, count = folder / family, folder / f"{family}.count"
            counted = partial(count_into, str(count), str(path / "checkpoints"))
            command = Command([*words, path], folder / "log", counted)
            assert command.wait()[0] == 0
            made[family] = Run.open(path), words, time.monotonic() - command.began, int(count.read_text())
        return made[family]

    return undisturbed
