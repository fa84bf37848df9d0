"""Row 6: one flipped bit, in a checkpoint, in the weights of a run or of the package, in a judge, is noticed."""

import shutil

import numpy as np
import pytest
from stand_in import filled, value_of

from genzoo.data.sets import load_data
from genzoo.errors import CheckpointError
from genzoo.evaluation.metrics import judge
from genzoo.runs import zoo
from genzoo.runs.run import Run


def flip(path, draw, header=None):
    """Flips one bit of a file; one of its first `header` bytes every other time. -> its content before."""
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[draw.randrange(header if header and draw.random() < 0.5 else len(whole))] ^= 1 << draw.randrange(8)
    path.write_bytes(changed)
    return whole


@pytest.mark.faults(6, "bit flipped in a checkpoint: noticed, or not read", few=20, many=200)
def test_a_checkpoint(run, trials):
    """TensorFlow's index has padding, and a block that nothing reads: what is restored is whole then."""
    for step in (3, 4):
        filled(step).save(run, step, [(step, 0.5, 100)])
    files, noticed = sorted(run.checkpoints()[4].iterdir()), 0
    for draw in trials:
        path = draw.choice(files)
        whole = flip(path, draw)
        state, said = filled(-1), []
        found = state.restore(run, said.append)
        assert value_of(state) == found == (3 if said else 4)
        assert said or path.suffix == ".index" and run.decisions(4) == [(4, 0.5, 100)]
        noticed += bool(said)
        path.write_bytes(whole)
    assert noticed > 0.8 * trials.tried


@pytest.mark.faults(6, "bit flipped in weights.safetensors of a run", few=20, many=200)
def test_weights(run, trials):
    assert_noticed([run], trials)


@pytest.mark.faults(6, "bit flipped in the weights in the package", few=14, many=1400)
def test_weights_of_the_package(tmp_path, trials):
    runs = []
    for name in zoo.names():
        shutil.copytree(zoo.folder(name), tmp_path / name)
        runs.append(Run.open(tmp_path / name))
    assert len(runs) == 7
    assert_noticed(runs, trials)


def assert_noticed(runs, trials):
    for draw in trials:
        run = runs[trials.tried % len(runs)]
        path = run.path / "weights.safetensors"
        whole = flip(path, draw, header=2000)
        with pytest.raises(CheckpointError, match="damaged|cannot be read|holds weights of") as error:
            run.read_weights()
        assert "\n" not in str(error.value)
        path.write_bytes(whole)
    assert all(run.read_weights() for run in runs)


@pytest.mark.faults(6, "bit flipped in the judge of the cache", few=20, many=200)
def test_a_judge(tmp_path, monkeypatch, trials):
    """It is trained anew, and kept."""
    digits, draw = load_data("digits", image_size=8), np.random.default_rng(0)
    weights = [draw.normal(size=shape).astype(np.float32) for shape in ((3, 3, 1, 8), (8,), (8, 10))]
    whole = judge.Judge(digits.image_shape, 10, judge.RECIPE, weights, 0.9)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(judge, "in_own_process", lambda *_: whole)
    judge.judge_of(digits, lambda line: None)
    path = judge._cache_file(digits)
    for draw in trials:
        before, said = flip(path, draw, header=400), []
        assert judge.judge_of(digits, said.append) is whole and "damaged: training it anew" in said[0]
        assert path.read_bytes() == before
