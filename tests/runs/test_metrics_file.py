"""metrics.json is taken over where it answers the same question, and nowhere else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from genzoo.runs import metrics_file, zoo
from genzoo.runs.metrics_file import Question
from genzoo.runs.run import Run

JUDGE = {"sha256": "0" * 64, "recipe": {"version": 2, "epochs": 6}}
MEASURED = json.loads((zoo.folder("cddpm-mnist") / "metrics.json").read_text())
QUESTION = Question(100, (0, 1), {"sampler": "ddim", "guidance_interval": (1.0, 10.0)}, JUDGE)


@pytest.fixture
def run(written):
    run = Run.open(written())
    run.write_weights({"ema.kernel": np.zeros(3, np.float32)})
    metrics_file.save(run, MEASURED | {"asked": metrics_file.asked(run, QUESTION)})
    return run


def test_the_same_question_is_answered_from_the_file(run):
    assert metrics_file.stored(run, QUESTION)["metrics"] == MEASURED["metrics"]


@pytest.mark.parametrize(
    "other",
    [
        {"n": 200},
        {"seeds": (0, 2)},
        {"options": {"sampler": "heun"}},
        {"judge": JUDGE | {"sha256": "1" * 64}},  # trained anew, or on the other stack
        {"judge": JUDGE | {"recipe": {"version": 3, "epochs": 6}}},
        {"judge": None},
    ],
)
def test_another_question_is_asked_anew(run, other):
    assert metrics_file.stored(run, replace(QUESTION, **other)) is None


def test_other_weights_are_measured_anew(run):
    run.write_weights({"ema.kernel": np.ones(3, np.float32)})
    assert metrics_file.stored(run, QUESTION) is None


@pytest.mark.parametrize("change", [{"format": 1}, {"asked": {"n": 100}}, {"asked": None}])
def test_a_file_of_another_format_is_measured_anew(run, change):
    path = run.path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert metrics_file.stored(run, QUESTION) is None


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"format": 2, "asked"', "\x00"])
def test_a_file_that_is_missing_or_broken_is_made_anew(run, content):
    path = run.path / "metrics.json"
    path.unlink() if content is None else path.write_text(content)
    assert metrics_file.stored(run, QUESTION) is None
