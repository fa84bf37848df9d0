"""Row 2: a crash before each file operation of a save leaves the old checkpoint or the new one, never a mixture, and
nothing to clean up by hand.

Python's audit events tell of each operation before it happens. From the chosen one on none happens any more, as if the
process were dead: no handler of an exception can tidy up either. What TensorFlow writes itself comes between two of
them; kills in the middle of that are row 1.
"""

import os
import subprocess

import numpy as np
import pytest
from disk import Disk
from stand_in import filled, value_of


class Crash(BaseException):
    """The process is dead."""


@pytest.fixture(scope="session")
def disk():
    def crash():
        raise Crash

    return Disk(crash)


@pytest.fixture
def saving(run):
    """saving(value) -> saves as training does: metrics, picture, weights, state."""
    from genzoo.pictures.grids import save_png

    arrays = run.read_weights()
    (run.path / "samples").mkdir()

    def saving(value):
        state = filled(value)
        run.write_metrics([{"step": value}])
        save_png(run.picture(value), np.zeros((8, 8, 1), np.uint8))
        run.write_weights({name: np.full_like(array, value) for name, array in arrays.items()})
        state.save(run, value, [(value, 0.5, 100)])

    saving(2)
    saving(3)
    return saving


@pytest.mark.faults(2, "crash before one file operation of a save", few=12)
def test_a_crash_in_a_save(run, saving, disk, trials):
    disk.watch(run.path)
    saving(4)
    every = disk.count
    with subprocess.Popen(["true"]) as process:
        gone = process.pid
    assert every > 10
    step = 4
    for last in trials.of(range(every)):
        disk.watch(run.path, last)
        with pytest.raises(Crash):
            saving(step + 1)
        disk.rest()
        for left in run.path.rglob(f"*.{os.getpid()}.tmp"):  # that process is gone
            left.rename(str(left).replace(str(os.getpid()), str(gone)))
        state = filled(-1)
        found = state.restore(run, warn=lambda line: pytest.fail(line))
        assert found in (step, step + 1) and value_of(state) == found
        assert run.decisions(found) == [(found, 0.5, 100)]
        (value,) = {float(array.flat[0]) for array in run.read_weights().values() if array.size}
        assert value in (step, step + 1) and value >= found
        saving(step + 1)  # the resumed run's
        step += 1
        assert list(run.checkpoints()) == [step, step - 1]
        assert not [path for path in run.path.rglob("*") if path.suffix == ".tmp" or path.name == "unfinished"]
