"""Training end to end, with the family of `tiny` on digits of 8x8 pixels: exact resumes, signals, NaN, minutes."""

import contextlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import genzoo
from genzoo.errors import CheckpointError, DataError, DivergedError, UsageError
from genzoo.runs.run import CONTENTS, Run
from genzoo.training.settings import TrainSettings

STEPS, PER_EPOCH, EVERY = 40, 15, 4  # 1,500 images in batches of 100: two epochs and two thirds
TIMES = ("seconds", "images_per_second")  # the columns of metrics.csv that no two runs share


def settings(out, **changes):
    asked = {"model": "tiny", "data": "digits", "image_size": 8, "steps": STEPS, "sample_every": EVERY}
    return TrainSettings(**asked | {"out": str(out)} | changes)


def train(out, **changes):
    from genzoo.training.start import train

    return train(settings(out, **changes))


def resume(run, **options):
    from genzoo.training.start import resume

    return resume(run.path, **options)


def sha(run):
    from genzoo.runs.state import state_sha256

    return state_sha256(run)


def without_times(run):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in run.read_metrics()]


def assert_same_run(run, reference):
    """State, weights, metrics and pictures agree, bit for bit."""
    assert sha(run) == sha(reference)
    assert without_times(run) == without_times(reference)
    for name in ("weights.safetensors", *(p.relative_to(reference.path) for p in reference.path.glob("samples/*"))):
        assert (run.path / name).read_bytes() == (reference.path / name).read_bytes(), name


@pytest.fixture(scope="module", autouse=True)
def tiny_family():
    import tiny

    tiny.register()
    yield
    tiny.unregister()


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """A run that nothing interrupted."""
    return train(tmp_path_factory.mktemp("reference") / "run")


@pytest.fixture(scope="module")
def reference(summary):
    return summary.run


@pytest.fixture
def at_step(monkeypatch):
    """at_step(n, action): calls action(trainer) just before step n, counted from 1."""
    from genzoo.training.loop import Trainer

    real = Trainer.before_step

    def install(n, action):
        def before_step(trainer):
            if trainer._step == n - 1:
                monkeypatch.setattr(Trainer, "before_step", real)  # once
                action(trainer)
            real(trainer)

        monkeypatch.setattr(Trainer, "before_step", before_step)

    return install


@pytest.fixture
def interrupted(tmp_path, at_step):
    """interrupted(n): a run that SIGTERM stopped in step n."""
    from genzoo.training.start import Interrupted

    def make(n):
        at_step(n, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Interrupted):
            train(tmp_path / "run")
        return Run.open(tmp_path / "run")

    return make


# A run from its start to its end.


def test_a_finished_run_holds_what_it_should(summary, reference):
    assert reference.status() == ("finished", STEPS)
    drawn = sorted(p.name for p in (reference.path / "samples").iterdir())
    assert drawn == [f"step_{step:07d}.png" for step in range(EVERY, STEPS + 1, EVERY)]
    assert [(row["epoch"], row["step"]) for row in reference.read_metrics()] == [("1", "15"), ("2", "30"), ("3", "40")]
    trackers = ["loss", "error"]
    validation = [f"val_{name}" for name in trackers]
    assert list(reference.read_metrics()[0]) == ["epoch", "step", *TIMES, *trackers, *validation]
    assert {p.name for p in reference.path.iterdir()} <= set(CONTENTS)
    assert summary.picture.exists()


def test_training_learns(reference):
    first, *_, last = reference.read_metrics()
    assert float(last["val_loss"]) < float(first["loss"])


def test_the_config_stands_before_the_first_step(tmp_path, at_step):
    def look(trainer):
        seen.update(json.loads((tmp_path / "run" / "config.json").read_text()))
        raise InterruptedError

    seen = {}
    at_step(1, look)
    with pytest.raises(InterruptedError):
        train(tmp_path / "run")
    assert seen["train"]["steps"] == STEPS and seen["train"]["seed"] == 0
    assert seen["data"]["fingerprint"] and seen["versions"]["keras"]


def test_the_loaded_model_has_the_averaged_weights(reference):
    from genzoo.models.families import build
    from genzoo.runs.state import TrainingState
    from genzoo.stack import keras

    model = genzoo.load(reference.path)
    assert model.run_config == reference.config and json.dumps(model.run_config)
    trained = build("tiny", **reference.config["model_config"])
    trained.compile(optimizer=keras.optimizers.Adam())
    assert TrainingState(trained).restore(reference) == STEPS
    averages = [name for name in model.state_variables() if name.startswith("ema.")]
    assert averages
    for name in averages:
        np.testing.assert_array_equal(model.state_variables()[name], trained.state_variables()[name])


def test_the_learning_rate_warms_up_and_ends_near_0():
    from genzoo.training.rate import learning_rate

    rates = [learning_rate(step, 1000, 1e-3) for step in range(1000)]
    peak = rates.index(max(rates))
    assert peak == 50 and math.isclose(rates[peak], 1e-3)
    assert 0 < rates[0] < 5e-5 and 0 < rates[-1] < 1e-8
    assert rates[:51] == sorted(rates[:51]) and rates[50:] == sorted(rates[50:], reverse=True)
    assert learning_rate(0, 1, 1e-3) > 0  # a run of one step still trains


# Exact resumes. The claim each time: no trace of the interruption is left in any file but the times.


@pytest.mark.parametrize("step", [15, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 7, 12, 39))])
def test_a_run_stopped_by_a_signal_goes_on_exactly(interrupted, reference, step):
    run = interrupted(step)  # 7 within an epoch, 12 at a picture, 15 at an epoch's end, 39 before the last
    assert run.status() == ("interrupted", step)
    genzoo.load(run.path).sample(1)
    resume(run)
    assert_same_run(run, reference)


@pytest.mark.parametrize("signum, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_exit_code(tmp_path, at_step, signum, code):
    from genzoo.training.start import Interrupted

    at_step(2, lambda _: os.kill(os.getpid(), signum))
    handler = signal.getsignal(signum)
    with pytest.raises(Interrupted, match="--resume") as error:
        train(tmp_path / "run")
    assert error.value.exit_code == code
    assert signal.getsignal(signum) is handler


def test_a_second_signal_does_not_cut_the_save(tmp_path, at_step, monkeypatch, reference):
    from genzoo.runs.state import TrainingState
    from genzoo.training.start import Interrupted

    save = TrainingState.save

    def save_under_fire(*args):
        for signum in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), signum)
        save(*args)

    at_step(6, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(TrainingState, "save", save_under_fire)
    with pytest.raises(Interrupted) as error:
        train(tmp_path / "run", sample_every=0)
    assert error.value.exit_code == 143 and Run.open(tmp_path / "run").step == 6


CHILD = """
import sys
sys.path.append('training')
from test_training import settings
import tiny
from genzoo.errors import GenzooError
from genzoo.training.start import resume, train
tiny.register()
try:
    resume(sys.argv[1]) if sys.argv[2] == "resume" else train(settings(sys.argv[1]))
except GenzooError as error:
    sys.exit(error.exit_code)
"""


def run_child(path, word, signum, after):
    """Trains in a process of its own and sends it a signal soon after checkpoint `after`. -> its exit code."""
    here = Path(__file__).parents[1]  # `python -c` looks for modules where it starts
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), word], cwd=here, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not any(step >= after for step in Run(path, {}).checkpoints()):
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.05))  # anywhere: in a step, a picture, a save
        child.send_signal(signum)
        return child.wait(60)
    finally:
        child.kill()


@pytest.mark.slow
def test_a_killed_run_goes_on_exactly(tmp_path, reference):
    """kill -9, resume, SIGTERM, resume. `python tests/training/kill_resume.py` does it twenty times, at any moment."""
    path = tmp_path / "run"
    assert run_child(path, "train", signal.SIGKILL, after=4) == -signal.SIGKILL
    assert run_child(path, "resume", signal.SIGTERM, after=16) == 143
    run = Run.open(path)
    assert run.status()[0] == "interrupted"
    resume(run)
    assert_same_run(run, reference)


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path, reference):
    run = Run.create(tmp_path / "run", reference.config)
    resume(run)
    assert_same_run(run, reference)


def test_a_damaged_checkpoint_costs_time_and_nothing_else(interrupted, reference, capsys):
    run = interrupted(14)
    newest = next(iter(run.checkpoints().values()))
    data = newest / "state.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-20])
    resume(run)
    assert f"{newest} is damaged" in capsys.readouterr().out
    assert_same_run(run, reference)


def test_a_finished_run_is_left_alone(reference):
    before = {p: p.stat().st_mtime_ns for p in reference.path.rglob("*")}
    assert resume(reference) is None
    assert before == {p: p.stat().st_mtime_ns for p in reference.path.rglob("*")}


# Resumes that cannot be exact are refused.


def copy_with(reference, path, **changes):
    """A copy of a run that has lost its last checkpoint, its config changed: key__subkey=value."""
    shutil.copytree(reference.path, path)
    shutil.rmtree(path / "checkpoints" / f"step_{STEPS:07d}")
    config = json.loads((path / "config.json").read_text())
    for key, value in changes.items():
        section, name = key.split("__")
        config[section][name] = value
    (path / "config.json").write_text(json.dumps(config))
    return Run.open(path)


def test_other_data_are_refused(reference, tmp_path):
    with pytest.raises(DataError, match="bring that data back"):
        resume(copy_with(reference, tmp_path / "run", data__fingerprint="0" * 64))


def test_the_default_data_of_another_day_change_nothing(reference):
    assert reference.config["data"]["name"] == "digits"  # never "auto"


def test_another_stack_is_refused(reference, tmp_path):
    with pytest.raises(CheckpointError, match="Keras 1 and this is Keras .*resume it there"):
        resume(copy_with(reference, tmp_path / "run", versions__keras="1.2.3"))


# NaN.


def poison(name, value=np.nan):
    def act(trainer):
        variable = next(v for key, v in trainer.state.variables.items() if key.startswith(name))
        variable.assign(np.full(variable.shape, value, np.float32))

    return act


def test_nan_stops_within_a_step_and_keeps_the_last_good_checkpoint(tmp_path, at_step, reference):
    at_step(10, poison("network."))
    with pytest.raises(DivergedError, match="loss became nan at step 10; .*step 8 is kept.*--lr") as error:
        train(tmp_path / "run")
    assert error.value.exit_code == 3
    run = Run.open(tmp_path / "run")
    assert run.step == 8
    resume(run)  # without the poison it is a run like any other
    assert_same_run(run, reference)


def test_no_checkpoint_holds_nan_that_the_loss_does_not_show(tmp_path, at_step):
    at_step(10, poison("ema."))
    with pytest.raises(DivergedError, match="ema.*NaN.* at step 12; .*step 8 is kept"):
        train(tmp_path / "run")
    assert Run.open(tmp_path / "run").step == 8


def test_a_learning_rate_out_of_bounds_diverges(tmp_path):
    with pytest.raises(DivergedError, match="no checkpoint was written yet"):
        train(tmp_path / "run", lr=1e30, sample_every=0)


# Measured runs.


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("genzoo.training.speed.STEP_SECONDS", 0.2)


def test_the_measurement_leaves_no_trace(tmp_path, monkeypatch, quick, reference):
    monkeypatch.setattr("genzoo.training.start.steps_within", lambda *_: (STEPS, EVERY, 0.0))
    monkeypatch.setattr("genzoo.training.length.Length.step_done", lambda *_: False)
    run = train(tmp_path / "run", steps=None, minutes=1, sample_every=None).run
    assert run.config["train"]["steps"] == STEPS and run.config["train"]["minutes"] == 1
    assert_same_run(run, reference)


@contextlib.contextmanager
def clock(seconds_at):
    """Trainers whose clock shows seconds_at(step), and plan 40 steps within 11 seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genzoo.training.start.measure", lambda _: None)
        patch.setattr("genzoo.training.start.steps_within", lambda *_: (STEPS, EVERY, 4.0))
        patch.setattr(TrainSettings, "elapsed", lambda _: 49.0)
        patch.setattr("genzoo.training.loop.Trainer._seconds", lambda trainer: seconds_at(trainer._step))
        yield


@pytest.fixture
def clocked():
    """clocked(seconds_at): from now on in this test, the `clock`."""
    with contextlib.ExitStack() as stack:
        yield lambda seconds_at: stack.enter_context(clock(seconds_at))


def minutes_run(path):
    return train(path, steps=None, minutes=1).run


def later_half_as_fast(step):
    return step / 8 if step < 20 else 2.5 + (step - 20) / 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of a minute that nothing interrupted, slower from its half on."""
    with clock(later_half_as_fast):
        return minutes_run(tmp_path_factory.mktemp("minutes") / "run")


def test_steps_are_counted_anew_while_a_run_goes_on(whole):
    run = whole  # 40 steps would take 7.5 seconds; the run may take 11, and 4 steps as long at its end
    assert run.config["train"]["steps"] == STEPS and run.config["train"]["seconds"] == 11.0
    assert run.status() == ("finished", run.total_steps)
    assert 0.95 * 11 < later_half_as_fast(run.total_steps + 4) <= 11
    assert Run.open(run.path).total_steps == run.total_steps != STEPS
    assert run.picture(run.total_steps).exists() and (run.path / "curves.png").exists()
    assert [int(row["epoch"]) for row in run.read_metrics()] == list(range(1, 1 + len(run.read_metrics())))
    assert int(run.read_metrics()[-1]["step"]) == run.total_steps


@pytest.mark.parametrize("step", [26, *(pytest.param(step, marks=pytest.mark.slow) for step in (7, 21, 37))])
def test_a_run_of_minutes_goes_on_exactly_with_its_decisions(tmp_path, clocked, at_step, whole, step):
    """Before the first decision, between others, after the last but one."""
    from genzoo.training.start import Interrupted

    clocked(later_half_as_fast)
    at_step(step, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        minutes_run(tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.status() == ("interrupted", step)
    made = [d for d in whole.decisions(whole.step) if d[0] <= step]
    assert run.decisions(step) == made and run.total_steps == (made[-1][2] if made else STEPS)
    # A new stretch begins with the resume, and with it other decisions; exact is what was decided already.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genzoo.training.length.Length.step_done", replay(whole))
        resume(run)
    assert_same_run(run, whole)


def replay(run):
    """A `Length.step_done` that decides as the run did."""
    from genzoo.training.length import Decision

    made = {step: Decision(step, *rest) for step, *rest in run.decisions(run.step)}

    def step_done(plan, step, now):
        if step in made:
            plan.decisions.append(made[step])
        return step in made

    return step_done


def test_a_run_whose_time_is_used_up_ends_at_once_and_whole(tmp_path, clocked):
    clocked(lambda step: step / 8 if step < 20 else 100.0)
    run = minutes_run(tmp_path / "run")
    assert run.status() == ("finished", 20) and run.picture(20).exists() and (run.path / "curves.png").exists()
    assert resume(run) is None
    genzoo.load(run.path).sample(1)


def test_a_resumed_run_of_minutes_counts_the_time_it_trained(tmp_path, clocked, at_step, monkeypatch):
    from genzoo.training.loop import Trainer
    from genzoo.training.start import Interrupted

    clock, seen = Trainer._seconds, []
    clocked(lambda step: 9.0)
    at_step(5, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        minutes_run(tmp_path / "run")
    monkeypatch.setattr(Trainer, "_seconds", clock)
    at_step(6, lambda trainer: seen.append(trainer._seconds()))
    resume(Run.open(tmp_path / "run"))
    assert 9.0 < seen[0] < 9.0 + 60


def test_a_damaged_decision_is_a_damaged_checkpoint(tmp_path, whole):
    shutil.copytree(whole.path, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    newest, before = run.checkpoints()
    (run.checkpoints()[newest] / "decisions.json").write_text('[[1, "half')
    assert run.total_steps == run.decisions(before)[-1][2]
    with pytest.raises(ValueError):
        run.decisions(newest)


SPEED = {"step": 0.1, "validation": 1.0, "picture": 2.0, "tracing": 4.0, "preparation": 0.0, "memory": 0}


def told_minutes(said):
    return float(said.split("about ")[-1].split(" minutes")[0])


@pytest.fixture
def known_speed(monkeypatch):
    """The measurement finds SPEED and takes no time, nor does the start."""
    from genzoo.training.speed import Speed

    monkeypatch.setattr("genzoo.training.start.measure", lambda _: Speed(**SPEED))
    monkeypatch.setattr(TrainSettings, "elapsed", lambda _: 0.0)


@pytest.mark.parametrize(
    "length, every, seconds",
    [
        ({"steps": 600}, None, 60 + 40 + 8 * 2),  # 40 epochs of 15 steps
        ({"steps": 600}, 0, 60 + 40 + 2),
        ({"steps": 600}, 10, 60 + 40 + 60 * 2),
        ({"steps": None, "epochs": 20}, 30, 30 + 20 + 10 * 2),
    ],
)
def test_a_dry_run_tells_the_time(known_speed, capsys, length, every, seconds):
    train("run", dry_run=True, sample_every=every, **length)
    start_and_end = 4 + 4 + 2  # three graphs are traced, the curves drawn
    assert told_minutes(capsys.readouterr().out) == pytest.approx((seconds + start_and_end) / 60, abs=0.06)


@pytest.mark.parametrize("every", [None, 0, 1, 50])
def test_a_dry_run_of_minutes_tells_those_minutes(known_speed, capsys, every):
    train("run", dry_run=True, sample_every=every, steps=None, minutes=10)
    assert told_minutes(capsys.readouterr().out) == pytest.approx(10, abs=0.15)


def test_a_dry_run_tells_and_writes_nothing(tmp_path, quick, capsys):
    assert train(tmp_path / "run", dry_run=True) is None
    said = capsys.readouterr().out
    for word in ("parameters:", "steps:", "images/s", "memory:", "minutes"):
        assert word in said
    assert not any(tmp_path.iterdir())


# Callbacks.


def test_callbacks_of_keras_meet_every_step_and_change_nothing(tmp_path, reference):
    from genzoo.stack import keras

    losses = []
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    from genzoo.training.start import train

    run = train(settings(tmp_path / "run"), callbacks=[callback]).run
    assert len(losses) == STEPS
    assert_same_run(run, reference)


@pytest.mark.parametrize("last", [7, PER_EPOCH])  # within an epoch, at its end
def test_a_callback_can_end_a_run(tmp_path, last):
    from genzoo.stack import keras
    from genzoo.training.start import train

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training |= int(self.model.optimizer.iterations) == last

    run = train(settings(tmp_path / "run"), callbacks=[Stop()]).run
    assert run.status() == ("finished", last) and run.picture(last).exists()
    assert [int(row["step"]) for row in run.read_metrics()] == [last]
    assert resume(run) is None


# The data of a run.


@pytest.fixture
def photos(tmp_path):
    """A folder of unlabelled pictures."""
    from genzoo.pictures.grids import save_png

    folder = tmp_path / "photos"
    folder.mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)):
        save_png(folder / f"{i:02}.png", pixels)
    return folder


def test_a_run_whose_data_moved_goes_on_exactly(tmp_path, photos, at_step):
    from genzoo.training.start import Interrupted

    asked = {"data": f"folder:{photos}", "batch_size": 4, "steps": 6, "sample_every": 0}
    whole = train(tmp_path / "whole", **asked).run
    at_step(3, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        train(tmp_path / "run", **asked)
    photos.rename(tmp_path / "moved")
    run = Run.open(tmp_path / "run")
    with pytest.raises(DataError, match="no folder"):
        resume(run)
    resume(run, data_dir=tmp_path / "moved")
    assert_same_run(run, whole)


def test_the_command_resumes_with_a_data_dir_and_no_other_option(interrupted, call, tmp_path):
    run = interrupted(3)
    code, _, said = call("train", "--resume", run.path, "--data-dir", tmp_path, "--lr", "1e-3", "--latent-dim", "4")
    assert code == 2 and "leave out --lr, --latent-dim" in said
    assert call("train", "--resume", run.path, "--data-dir", tmp_path)[0] == 0
    assert run.status()[0] == "finished"


@pytest.mark.parametrize("family", ["cvae", "cddpm"])
def test_labels_are_missed_before_tensorflow_starts(photos, call, monkeypatch, family):
    monkeypatch.setitem(sys.modules, "genzoo.training.start", None)  # the import would start TensorFlow
    code, _, said = call("train", "--model", family, "--data", f"folder:{photos}", "--image-size", 8)
    assert code == 4 and said.count("\n") == 1 and f"{family} needs labelled images" in said and "subfolder" in said


def test_labels_are_missed_by_the_library_too(photos, tmp_path):
    with pytest.raises(DataError, match="no labels"):
        train(tmp_path / "run", model="cvae", data=f"folder:{photos}")
    assert not (tmp_path / "run").exists()


def test_a_comparison_misses_labels_before_it_trains_anything(photos, tmp_path, call, monkeypatch):
    monkeypatch.setattr("genzoo.training.start.train", lambda *_: pytest.fail("it trains"))
    code, _, said = call("compare", "--train", "ae,cvae", "--data", f"folder:{photos}", "--out", tmp_path / "out")
    assert code == 4 and "cvae needs labelled images" in said


def test_a_family_without_labels_trains_on_unlabelled_data(photos, tmp_path, capsys):
    run = train(tmp_path / "run", data=f"folder:{photos}", batch_size=4, steps=1, sample_every=0).run
    assert run.config["data"]["num_classes"] == 0 and "no labels" in capsys.readouterr().out


# Settings.


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 5, "epochs": 1},
        {"steps": 0},
        {"steps": None, "minutes": math.nan},
        {"batch_size": 0},
        {"lr": -1.0},
        {"lr": math.inf},
        {"ema": 1.0},
        {"sample_every": -1},
        {"seed": -1},
    ],
)
def test_settings_that_no_run_could_use_are_refused(wrong):
    with pytest.raises(UsageError):
        settings("run", **wrong)


def test_an_unknown_model_is_named():
    with pytest.raises(UsageError, match="gan"):
        train("run", model="gan")


def test_an_occupied_folder_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="not empty"):
        train(tmp_path, data="no such data")


def test_the_default_folder_is_the_first_that_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = TrainSettings(model="vae")
    assert str(asked.free_path("digits")) == "runs/vae-digits"
    (tmp_path / "runs" / "vae-digits").mkdir(parents=True)
    assert str(asked.free_path("digits")) == "runs/vae-digits-2"
    assert str(asked.free_path("tfds:emnist/letters")) == "runs/vae-letters"
    assert str(asked.free_path("folder:/pictures/cats")) == "runs/vae-cats"


# What a person sees.


def test_a_log_file_gets_lines_and_no_carriage_returns(monkeypatch, capsys):
    from genzoo.progress import Progress

    monkeypatch.setattr("genzoo.progress.LOG_SECONDS", 0.0)
    with Progress(total=3, initial=1, batch_size=10) as bar:
        bar.advance(0.5)
        bar.advance(0.25)
    said = capsys.readouterr().err
    assert "\r" not in said
    assert "step 3/3, loss 0.25, " in said and "images/s" in said and "left" in said


def test_tensorboard_files_appear_on_request(tmp_path):
    run = train(tmp_path / "run", steps=2, tensorboard=True, sample_every=0).run
    assert any((run.path / "tb").iterdir())
