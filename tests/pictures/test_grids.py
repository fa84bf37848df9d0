import io
import os

import numpy as np
import pytest
from PIL import Image

from genzoo import files
from genzoo.errors import CheckpointError
from genzoo.pictures import grids


def numbered(n, height, width, channels):
    """n images that differ from each other in every pixel."""
    return np.arange(n * height * width * channels).reshape(n, height, width, channels).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_puts_every_image_in_its_cell(channels):
    batch = numbered(5, 4, 3, channels)
    sheet = grids.grid(batch, columns=2, pad=1)
    assert sheet.shape == (3 * 5 + 1, 2 * 4 + 1, channels)
    for i, image in enumerate(batch):
        top, left = 1 + (i // 2) * 5, 1 + (i % 2) * 4
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 3], image)
    assert (sheet[11:15, 5:8] == grids.GAP).all()  # the empty sixth cell


def test_grid_is_no_wider_than_its_images():
    assert grids.grid(numbered(3, 4, 4, 1), columns=10, pad=0).shape == (4, 12, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel_enlarged(tmp_path, channels):
    picture = numbered(1, 6, 5, channels)[0]
    grids.save_png(tmp_path / "a.png", picture, scale=3)
    read = np.asarray(Image.open(tmp_path / "a.png")).reshape(18, 15, channels)
    np.testing.assert_array_equal(read, picture.repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("side, expected", [(10, 80), (100, 800), (1000, 1000)])
def test_small_pictures_are_enlarged_unasked(tmp_path, side, expected):
    grids.save_png(tmp_path / "a.png", np.zeros((side, side, 1), np.uint8))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (expected, expected)


def test_gif_has_every_frame_and_rests_on_the_last(tmp_path):
    frames = [np.full((8, 8, 3), 40 * i, np.uint8) for i in range(4)]
    grids.save_gif(tmp_path / "a.gif", frames, ms=50, scale=1)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4
        durations = []
        for i in range(4):
            gif.seek(i)
            durations.append(gif.info["duration"])
            np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), frames[i])
    assert durations == [50, 50, 50, 2000]


def test_npz_contents_and_equal_bytes(tmp_path, monkeypatch):
    batch, labels = numbered(4, 3, 3, 1), np.arange(4, dtype=np.int32)
    grids.save_npz(tmp_path / "a.npz", images=batch, labels=labels)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    grids.save_npz(tmp_path / "b.npz", images=batch, labels=labels)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as read:
        np.testing.assert_array_equal(read["images"], batch)
        np.testing.assert_array_equal(read["labels"], labels)
        assert read["labels"].dtype == np.int32


@pytest.mark.parametrize("bad", ["absent/a.png", "file/a.png", "folder"])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, bad):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError) as caught:
        grids.save_png(tmp_path / bad, numbered(1, 4, 4, 1)[0])
    assert "\n" not in str(caught.value) and str(tmp_path / bad) in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failed_write_keeps_the_old_file_and_leaves_no_litter(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        files.write_atomically(tmp_path / "a", io.BytesIO(b"new").getvalue())
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"
