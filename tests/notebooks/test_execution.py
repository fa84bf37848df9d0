"""Executes the notebooks, and writes nothing: a claim that no longer holds fails its check."""

import sys

import pytest

from notebooks import build, index

pytestmark = pytest.mark.slow
SHORT = 2  # that both stacks execute; TensorFlow 2.15's executes all


def chosen():
    sources = build.sources()
    if sys.version_info < (3, 12):
        return sources
    times = index.times()
    return sorted(sources, key=lambda path: times.get(path.stem, {}).get("seconds", 0))[:SHORT]


@pytest.mark.parametrize("source", chosen(), ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom_and_its_claims_hold(source):
    made = build.notebook(source, "en")
    build.execute(made)
    assert all(cell.execution_count for cell in made.cells if cell.cell_type == "code")
