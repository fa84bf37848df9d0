"""Row 16: what needs more memory than there is ends with one line that says so, and exit code 5."""

import resource
from functools import partial

import numpy as np
import psutil
import pytest
from PIL import Image
from processes import Command, of_family

from genzoo.data.sets import load_data
from genzoo.evaluation.memory import PeakMemory

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
@pytest.mark.once
@pytest.mark.faults(16, "more memory asked for than there is: image size, batch", few=1)
def test_too_large(tmp_path, trials):
    for words in trials.of(TOO_LARGE):
        command = Command([*words, "--out", tmp_path / "run"], tmp_path / "log", partial(limit, ROOM))
        code, said = command.wait(400)
        lines = [line for line in said if not line.startswith("step ")]
        assert code == 5 and len(lines) == 1 and "memory" in lines[0], said


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(16, "a picture of 200 megapixels among others")
def test_a_huge_picture(tmp_path, trials):
    """It is left out by what its header says, and named."""
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (8, 8, 8), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    Image.new("L", (20_000, 10_000)).save(tmp_path / "huge.png")
    for name in trials.of(["huge.png"]):
        before = psutil.Process().memory_info().rss
        with PeakMemory() as memory:
            data = load_data(f"folder:{tmp_path}", image_size=8)
        assert memory.bytes - before < 50_000_000
        assert len(data.train_images) + len(data.test_images) == 8
        assert f"skipped 1 (larger than 64 megapixels): '{name}'" in data.notes
