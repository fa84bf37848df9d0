"""Row 1: a training that kill -9 ends anywhere goes on, and ends in the bytes of one that nothing interrupted.

Every other one is killed before one of the file operations of its saves; the others at any moment.
`tests/training/kill_resume.py` does it with the command as it is typed: here processes are forked, and trace no graph.
"""

import time
from functools import partial

import pytest
from disk import kill_before
from processes import Command

from genzoo.models.families import MODELS
from genzoo.runs.run import Run

KEPT = ("weights.safetensors", "samples/step_0000006.png")


@pytest.mark.slow
@pytest.mark.faults(1, "kill -9 of a training", few=2, many=50)
def test_a_kill(undisturbed, tmp_path, trials, record_property):
    from genzoo.runs.state import state_sha256

    families, in_a_save = list(MODELS), 0
    for draw in trials:
        family = families[trials.tried // 2 % len(families)]
        whole, words, seconds, operations = undisturbed(family)
        path = tmp_path / str(trials.tried)
        log = tmp_path / "log"
        if trials.tried % 2:
            number = draw.randrange(operations)
            command = Command([*words, path], log, partial(kill_before, number, str(path / "checkpoints")))
        else:
            command = Command([*words, path], log)
            time.sleep(draw.uniform(0, 0.7 * seconds))
            command.send(9)
        code, said = command.wait()
        assert code in (-9, 0), said
        in_a_save += trials.tried % 2 and code == -9
        again = ["train", "--resume", path] if (path / "config.json").exists() else [*words, path]
        assert Command(again, log).wait()[0] == 0, log.read_text()
        run = Run.open(path)
        assert run.status() == ("finished", 6) and state_sha256(run) == state_sha256(whole)
        for name in KEPT:
            assert (path / name).read_bytes() == (whole.path / name).read_bytes()
        assert not [*path.rglob("*.tmp"), *path.rglob("unfinished")]
    record_property("fault", (1, "... of these inside a save", in_a_save, in_a_save, 0))
    assert in_a_save >= 20 or not trials.full
