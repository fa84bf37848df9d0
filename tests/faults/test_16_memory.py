"""Row 16: what needs more memory than there is ends with one line that says so, and exit code 5."""

import resource
from functools import partial

import psutil
import pytest
from processes import Command, of_family

ROOM = 1_000_000_000  # bytes, beside what the process holds at its start
TRAIN = ["train", *of_family("ddpm"), "--data", "digits", "--steps", 2]
TOO_LARGE = (
    [*TRAIN, "--image-size", 1024],
    [*TRAIN, "--image-size", 64, "--batch-size", 1500, "--set=widths=[64, 64]"],
)


def limit(room):
    """This process gets no more than so many bytes from now on."""
    most = psutil.Process().memory_info().vms + room
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@pytest.mark.slow
@pytest.mark.faults(16, "more memory asked for than there is: image size, batch", few=1)
def test_too_large(tmp_path, trials):
    for words in trials.of(TOO_LARGE):
        command = Command([*words, "--out", tmp_path / "run"], tmp_path / "log", partial(limit, ROOM))
        code, said = command.wait(400)
        lines = [line for line in said if not line.startswith("step ")]
        assert code == 5 and len(lines) == 1 and "memory" in lines[0], said
