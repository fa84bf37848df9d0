"""Row 3: Ctrl-C and SIGTERM at any moment of a training: it says so and ends with 130 or 143, saved, with no process
left, and goes on exactly.

`tests/cli/test_signals.py` does the same to every slow command as it is typed, `tests/training/test_commands.py` to
trainings with graphs and to the planning of one.
"""

import signal
import time

import psutil
import pytest
from processes import Command

from genzoo.models.families import MODELS
from genzoo.runs.run import Run

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
SECONDS = 30  # in which it has to end


@pytest.mark.slow
@pytest.mark.faults(3, "Ctrl-C or SIGTERM in a training", few=2, many=20)
def test_a_signal(undisturbed, tmp_path, trials):
    from genzoo.runs.state import state_sha256

    families, saved = list(MODELS), 0
    for draw in trials:
        whole, words, seconds, _ = undisturbed(families[trials.tried // 4 % len(families)])
        path, log = tmp_path / str(trials.tried), tmp_path / "log"
        signum = draw.choice(list(CODES))
        command = Command([*words, path], log)
        deadline = time.monotonic() + 120
        begun = path / "config.json" if trials.tried % 2 else log
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0.3, 0.4 * seconds))
        children = command.children()
        command.send(signum)
        code, said = command.wait(SECONDS)
        if code == 0:  # it came too late
            assert Run.open(path).status() == ("finished", 6)
            continue
        assert code == CODES[signum] and not psutil.wait_procs(children, 3)[1]
        *_, last = said
        assert last == "genzoo: interrupted" or "all saved; go on with: train --resume" in last, said
        assert not any("Traceback" in line for line in said)
        saved += "saved" in last
        if (path / "config.json").exists():
            assert "saved" not in last or Run.open(path).step
            assert Command(["train", "--resume", path], log).wait()[0] == 0
            assert state_sha256(Run.open(path)) == state_sha256(whole)
        else:
            assert not path.exists()
    assert saved or not trials.full


@pytest.mark.slow
@pytest.mark.faults(3, "a second signal while the first is obeyed", few=1, many=4)
def test_a_second_signal(undisturbed, tmp_path, trials):
    """While training saves it changes nothing, so that no save is cut."""
    from genzoo.runs.state import state_sha256

    whole, words, _, _ = undisturbed("ae")
    for _ in trials:
        path, log = tmp_path / str(trials.tried), tmp_path / "log"
        command = Command([*words, path], log)
        while not (path / "samples").exists():
            time.sleep(0.01)
        for _ in range(3):
            command.send(signal.SIGINT)
            time.sleep(0.05)
        assert command.wait(SECONDS)[0] in (130, 0)
        assert Command(["train", "--resume", path], log).wait()[0] == 0
        assert state_sha256(Run.open(path)) == state_sha256(whole)
