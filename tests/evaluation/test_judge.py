"""The judge: kept, told apart, and trained without a trace in who asks for it."""

import json
import pwd
import random
from dataclasses import replace

import numpy as np
import pytest

from genzoo.evaluation.metrics import judge
from genzoo.stack import keras, tf


@pytest.fixture
def training(real, monkeypatch):
    """Counts trainings, which give the judge that there is."""
    calls = []
    monkeypatch.setattr(judge, "in_own_process", lambda *arguments: calls.append(arguments) or real.judge)
    return calls


def test_the_judge_is_kept_and_a_damaged_one_trained_anew(real, digits, training):
    said = []
    kept = judge.judge_of(digits, said.append)
    assert not said and not training and kept.accuracy == real.judge.accuracy and kept.identity == real.judge.identity
    assert (kept.read(digits.test_images).features == real.judge.read(digits.test_images).features).all()
    path = judge._cache_file(digits)
    whole = path.read_bytes()
    for damaged in (whole[:1000], whole[:-500] + bytes(500)):  # cut, changed at its end
        path.write_bytes(damaged)
        said.clear()
        judge.judge_of(digits, said.append)
        assert "damaged: training it anew" in said[0] and training.pop()
        assert path.read_bytes() == whole


def test_another_recipe_or_other_data_is_another_judge(digits, monkeypatch):
    paths = {judge._cache_file(digits), judge._cache_file(replace(digits, test_labels=digits.test_labels[::-1]))}
    monkeypatch.setattr(judge, "RECIPE", judge.RECIPE | {"lr": 1})
    assert len(paths | {judge._cache_file(digits)}) == 3


def test_other_weights_or_another_recipe_are_another_identity(real):
    mine = real.judge
    moved = [weight + 1e-6 * (i == 0) for i, weight in enumerate(mine.weights)]
    others = replace(mine, weights=moved), replace(mine, recipe=mine.recipe | {"version": 99})
    assert len({json.dumps(each.identity) for each in (mine, *others)}) == 3
    assert replace(mine, weights=[weight.copy() for weight in mine.weights]).identity == mine.identity


def test_where_it_cannot_be_kept_it_works_all_the_same(real, digits, training, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # no folder, which holds for root too
    with pytest.warns(UserWarning, match="cannot be kept, .*Not a directory"):
        assert judge.judge_of(digits) is real.judge
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a user without an entry, as in many containers
    with pytest.warns(UserWarning, match="cannot be kept, .*HOME"):
        assert judge.judge_of(digits) is real.judge
    assert len(training) == 2


def draws():
    """The next numbers of all global random states; Keras 2 has one of its own for initializers."""
    kernel = np.asarray(keras.initializers.GlorotUniform()((2, 2))).tolist()
    return random.random(), np.random.random(), tf.random.uniform([2]).numpy().tolist(), kernel


@pytest.mark.slow
def test_random_states_stay_as_they_are(digits, tmp_path, monkeypatch):
    """Through a training, a look at images, and the same from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(judge, "RECIPE", judge.RECIPE | {"epochs": 0, "least_steps": 1})
    keras.utils.set_random_seed(7)
    expected = draws()
    for trained in (True, False):
        said = []
        keras.utils.set_random_seed(7)
        judge.judge_of(digits, said.append).read(digits.test_images[:5])
        assert bool(said) == trained and draws() == expected


def test_no_tensor_is_made_before_it_looks(real, digits, monkeypatch):
    """Else this process would hold a GPU's memory while samples are drawn in another one."""
    monkeypatch.setattr(judge, "make_network", lambda *arguments: pytest.fail("too early"))
    assert judge.judge_of(digits).identity == real.judge.identity
