"""The run folder and the exact state in it."""

import json

import numpy as np
import pytest

from genzoo.errors import CheckpointError
from genzoo.runs.load import load
from genzoo.runs.run import FORMAT, Run, check_free

CONFIG = {
    "model": "vae",
    "model_config": {"image_shape": [8, 8, 1], "num_classes": 0},
    "data": {"name": "digits", "native_shape": [8, 8, 1], "num_classes": 0},
    "train": {"steps": 10},
    "versions": {"keras": "3.0.0"},
}


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", CONFIG)


def edit_config(run, **changes):
    (run.path / "config.json").write_text(json.dumps(run.config | changes))


# The folder.


def test_opening_gives_back_what_was_created(run):
    again = Run.open(run.path)
    assert again.config == {"format": FORMAT, **CONFIG}
    assert again.status() == ("interrupted", 0)
    assert again.read_metrics() == []


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "no config.json"),
        (b"", "cannot be read"),
        (b'{"format": 1, "mod', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1]", "not a run's"),
        (b'{"name": "somebody else"}', "not a run's"),
        (b'{"format": 2, "model": "vae"}', "lacks model_config"),
        (b'{"format": 1, "model": "vae"}', "an older genzoo trained it"),
        (b'{"format": 3, "model": "vae"}', "newer genzoo"),
    ],
)
def test_what_is_no_whole_run_is_refused_in_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as error:
        Run.open(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a folder"):
        Run.open(tmp_path / "nowhere")


def test_nothing_is_overwritten_unasked(run):
    with pytest.raises(CheckpointError, match="not empty"):
        Run.create(run.path, CONFIG)
    assert Run.open(run.path).config == run.config


def test_overwrite_removes_a_former_run_and_nothing_else(run):
    run.write_metrics([{"epoch": 1, "step": 5}])
    for name in ("samples", "checkpoints", "tb"):
        (run.path / name).mkdir()
        (run.path / name / "old").touch()
    (run.path / "mine.png").touch()
    Run.create(run.path, CONFIG, overwrite=True)
    assert sorted(p.name for p in run.path.iterdir()) == ["config.json", "mine.png"]


def test_overwrite_follows_no_links(run, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (run.path / "samples").symlink_to(tmp_path / "precious")
    Run.create(run.path, CONFIG, overwrite=True)
    assert (tmp_path / "precious" / "file").exists()


@pytest.mark.parametrize("name", ["config.json", "thesis.tex"])
def test_overwrite_refuses_what_is_no_run(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(CheckpointError, match="former runs only"):
        Run.create(tmp_path, CONFIG, overwrite=True)
    assert (tmp_path / name).read_text() == "{}"


@pytest.mark.parametrize("make", [lambda p: p.touch(), lambda p: (p.parent / "x").touch() or p.parent / "x" / "run"])
def test_a_path_that_cannot_hold_a_run_is_refused_without_traces(tmp_path, make):
    path = make(tmp_path / "run") or tmp_path / "run"
    before = sorted(tmp_path.iterdir())
    for step in (check_free, lambda p: Run.create(p, CONFIG)):
        with pytest.raises(CheckpointError):
            step(path)
    assert sorted(tmp_path.iterdir()) == before


def test_checking_leaves_no_traces(tmp_path):
    check_free(tmp_path / "a" / "b")
    assert not any(tmp_path.iterdir())


def test_metrics_come_back_as_written(run):
    rows = [{"step": 1, "seconds": 0.1, "loss": 0.5}, {"step": 2, "seconds": 0.2, "loss": 0.25}]
    run.write_metrics(rows)
    assert run.read_metrics() == [{k: str(v) for k, v in row.items()} for row in rows]


@pytest.mark.parametrize("content", [None, b"", b"\x00" * 100])
def test_missing_and_damaged_weights_are_refused(run, content):
    if content is not None:
        (run.path / "weights.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="--resume"):
        load(run.path)


# The state. A stand-in model is enough: the state knows `state_variables` and an optimizer.


class Model:
    def __init__(self, fill):
        from genzoo.stack import keras, tf_variable

        layer = keras.layers.Dense(300, kernel_initializer=keras.initializers.Constant(fill))
        layer.build((None, 200))
        self.trainable_variables, self.optimizer = layer.trainable_variables, keras.optimizers.Adam()
        self.state_variables = lambda: {"a/b": tf_variable(layer.kernel), "bias": tf_variable(layer.bias)}


def state(fill=0.0):
    from genzoo.runs.state import TrainingState

    return TrainingState(Model(fill))


def sha(run):
    from genzoo.runs.state import state_sha256

    return state_sha256(run)


def test_a_restored_state_equals_the_saved_one(run):
    saved, other = state(3.0), state()
    saved.seconds.assign(12.5)
    saved.save(run, 4)
    assert other.restore(run) == 4 and float(other.seconds) == 12.5
    for name, value in saved.snapshot().items():
        np.testing.assert_array_equal(other.variables[name], value)


def test_the_hash_is_of_the_state_and_not_of_the_time(run):
    saved = state(3.0)
    saved.save(run, 4)
    first = sha(run)
    saved.seconds.assign(99.0)
    saved.save(run, 5)
    assert sha(run) == first
    saved.variables["bias"].assign_add(np.full(300, 1e-7))
    saved.save(run, 6)
    assert sha(run) != first


def test_the_last_two_checkpoints_stay(run):
    saved = state()
    for step in (8, 9, 10, 11):
        saved.save(run, step)
    assert list(run.checkpoints()) == [11, 10]
    assert run.status() == ("finished", 11)


def test_what_a_killed_save_leaves_is_passed_over(run):
    saved = state(1.0)
    saved.save(run, 4)
    (run.path / "checkpoints" / "unfinished").mkdir()
    (run.path / "checkpoints" / "unfinished" / "state.index").write_bytes(b"half")
    assert run.step == 4 and state().restore(run) == 4
    saved.save(run, 5)
    assert sorted(p.name for p in (run.path / "checkpoints").iterdir()) == ["step_0000004", "step_0000005"]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:50])


DAMAGE = [
    pytest.param(lambda folder: flip(folder / "state.data-00000-of-00001"), id="one bit of data"),
    pytest.param(lambda folder: cut(folder / "state.data-00000-of-00001"), id="cut data"),
    pytest.param(lambda folder: cut(folder / "state.index"), id="cut index"),
    pytest.param(lambda folder: (folder / "state.index").write_bytes(b""), id="empty index"),
    pytest.param(lambda folder: (folder / "state.index").unlink(), id="no index"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(run, damage):
    old, new, other = state(1.0), state(2.0), state(3.0)
    old.save(run, 4)
    expected = sha(run)
    new.save(run, 5)
    damage(run.checkpoints()[5])
    with pytest.raises(CheckpointError, match="damaged"):
        sha(run)
    lines = []
    assert other.restore(run, lines.append) == 4
    assert len(lines) == 1 and "step_0000005 is damaged" in lines[0] and "\n" not in lines[0]
    other.save(run, 5)  # in the damaged one's place
    assert sha(run) == expected


def test_only_damaged_checkpoints_are_an_error_and_not_a_start_from_nothing(run):
    state().save(run, 4)
    cut(run.checkpoints()[4] / "state.index")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        state().restore(run, lambda line: None)


def test_before_the_first_checkpoint_there_is_step_0(run):
    fresh = state(1.0)
    before = fresh.snapshot()
    assert fresh.restore(run) == 0
    assert all(np.array_equal(fresh.variables[name], value) for name, value in before.items())
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        sha(run)


def test_a_checkpoint_that_cannot_be_written_is_an_error_of_one_line(run):
    (run.path / "checkpoints").touch()
    with pytest.raises(CheckpointError, match="cannot write") as error:
        state().save(run, 1)
    assert "\n" not in str(error.value)


def test_nan_is_found_by_name():
    one = state()
    assert one.not_finite() is None
    one.variables["bias"].assign(np.r_[np.zeros(299), np.nan])
    assert one.not_finite() == "bias"
