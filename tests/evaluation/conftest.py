"""What the tests of evaluation share: a small data set, and a judge of it that takes two seconds to train."""

import pytest

from genzoo.data.sets import load_data
from genzoo.evaluation import drawing
from genzoo.evaluation.metrics import judge
from genzoo.evaluation.metrics.reference import Reference


@pytest.fixture(scope="session", autouse=True)
def small_judge(tmp_path_factory):
    """A cache of its own, and a short recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(judge, "RECIPE", judge.RECIPE | {"epochs": 1, "least_steps": 300})
        yield


@pytest.fixture(scope="session")
def digits():
    return load_data("digits", image_size=8)


@pytest.fixture(scope="session")
def real(digits, small_judge):
    """The judge is trained in this process: another one would take longer to start TensorFlow than to train it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "in_own_process", lambda function, *arguments: function(*arguments))
        return Reference(digits, say=lambda line: None)


@pytest.fixture
def draw_here(monkeypatch):
    """Samples are drawn in this process, where TensorFlow has started already."""
    monkeypatch.setattr(drawing, "draw", drawing._draw)
