"""Row 5: a newest checkpoint that is cut anywhere, or lacks files, is noticed, and the one before is used."""

import pytest
from stand_in import filled, value_of


@pytest.fixture
def two(run):
    """A run folder with two whole checkpoints, of the steps 3 and 4, and the content of the last one's files."""
    for step in (3, 4):
        filled(step).save(run, step, [(step, 0.5, 100)])
    return run, {path: path.read_bytes() for path in sorted(run.checkpoints()[4].iterdir())}


def assert_passed_over(run):
    state, said = filled(-1), []
    assert state.restore(run, said.append) == 3 and value_of(state) == 3
    (line,) = said
    assert "step_0000004 is damaged" in line and "\n" not in line
    assert run.total_steps == 100


@pytest.mark.faults(5, "newest checkpoint cut", few=10, many=100)
def test_a_cut_checkpoint(two, trials):
    run, files = two
    for draw in trials:
        path = draw.choice(sorted(files))
        path.write_bytes(files[path][: draw.randrange(len(files[path]))])
        assert_passed_over(run)
        path.write_bytes(files[path])
    assert filled(-1).restore(run) == 4


@pytest.mark.faults(5, "files of the newest checkpoint missing")
def test_missing_files(two, trials):
    run, files = two
    for kept in trials.of(range(2 ** len(files) - 1)):  # the bits of this number say which are there
        for bit, path in enumerate(files):
            path.write_bytes(files[path]) if kept >> bit & 1 else path.unlink(missing_ok=True)
        assert_passed_over(run)
