"""Row 9: weights of another family or size are refused, with what differs on both sides.

That those of the other stack draw the same within 1e-3 is in tests/runs/test_exchange.py, on recorded files.
"""

import shutil
from itertools import permutations

import pytest
from small import AUTOENCODERS, OPTIONS, small

from genzoo.errors import CheckpointError
from genzoo.models.families import MODELS
from genzoo.runs import zoo
from genzoo.runs.run import Run


@pytest.mark.slow
@pytest.mark.faults(9, "weights of another family or size", few=6)
def test_they_are_refused(trials):
    made = {}

    def model(name, widths):
        if (name, widths) not in made:
            made[name, widths] = small(name, **OPTIONS[name] | {"widths": widths})
        return made[name, widths]

    # Those of blend and ddpm are the same by name and shape: their files tell them apart, see below.
    cases = [((a, (8, 8)), (b, (8, 8))) for a, b in permutations(MODELS, 2) if {a, b} != {"blend", "ddpm"}]
    cases += [((name, a), (name, b)) for name in MODELS for a, b in permutations([(8, 8), (8, 16)])]
    for mine, theirs in trials.of(cases):
        before = model(*mine).weights_dict()
        with pytest.raises(CheckpointError, match=r"on one side only|has shape \(.*, expected \(") as error:
            model(*mine).load_weights_dict(model(*theirs).weights_dict())
        assert "\n" not in str(error.value)
        assert all((array == before[name]).all() for name, array in model(*mine).weights_dict().items())


@pytest.mark.faults(9, "weights.safetensors of another family")
def test_files_of_another_family(run, trials):
    arrays = run.read_weights()
    for mine, theirs in trials.of(permutations(MODELS, 2)):
        Run(run.path, run.config | {"model": theirs}).write_weights(arrays)
        with pytest.raises(CheckpointError, match=f"holds weights of '{theirs}', expected {mine}"):
            Run(run.path, run.config | {"model": mine}).read_weights()


@pytest.mark.faults(9, "weights of another run of the package, in a command")
def test_in_a_command(tmp_path, call, trials):
    pairs = [(a, b) for a, b in permutations(zoo.names(), 2) if {a.split("-")[0], b.split("-")[0]} & set(AUTOENCODERS)]
    for mine, theirs in trials.of(pairs[:3]):
        run = tmp_path / f"{mine}-{theirs}"
        shutil.copytree(zoo.folder(mine), run)
        shutil.copy(zoo.folder(theirs) / "weights.safetensors", run)
        code, _, err = call("sample", run, "--n", 1, "--out", tmp_path / "a.png")
        assert code == 5 and err.count("\n") == 1 and not (tmp_path / "a.png").exists()
