"""Folders of image files: what is read, what is left out, and how it is said."""

import os

import numpy as np
import pytest
from PIL import Image

from genzoo.data.sets import load_data
from genzoo.data.sources import folder
from genzoo.errors import DataError

RED, BLUE = (200, 20, 30), (10, 40, 220)


def picture(path, color=RED, size=(20, 20), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


@pytest.fixture
def two_classes(tmp_path):
    for index in range(10):
        picture(tmp_path / "set" / "red" / f"{index}.png", RED)
        picture(tmp_path / "set" / "blue" / f"{index}.JPG", BLUE, format="JPEG", quality=95)
    return tmp_path / "set"


def test_one_subfolder_a_class_in_sorted_order(two_classes):
    (two_classes / "notes.txt").write_text("no image")
    (two_classes / ".hidden").mkdir()
    loaded = load_data(f"folder:{two_classes}")
    assert loaded.name == f"folder:{two_classes.resolve()}" and loaded.class_names == ("blue", "red")
    assert loaded.native_shape == (32, 32, 3) and loaded.num_classes == 2 and loaded.notes == ()
    assert np.bincount(loaded.train_labels).tolist() == [9, 9] and np.bincount(loaded.test_labels).tolist() == [1, 1]
    for image, label in zip(loaded.train_images, loaded.train_labels, strict=True):
        assert np.abs(image.astype(int) - (BLUE, RED)[label]).max() <= 3
    assert load_data(f"folder:{two_classes}").fingerprint == loaded.fingerprint


def test_flat_folders_have_no_labels(tmp_path):
    for index in range(20):
        picture(tmp_path / f"{index}.png", (index, 0, 0))
    loaded = load_data(f"folder:{tmp_path}", image_size=16)
    assert loaded.class_names == () and loaded.num_classes == 0 and not loaded.train_labels.any()
    assert loaded.native_shape == (16, 16, 3) and len(loaded.train_images) == 18 and len(loaded.test_images) == 2


def test_a_relative_path_is_kept_as_an_absolute_one(two_classes, monkeypatch):
    monkeypatch.chdir(two_classes.parent)
    assert load_data("folder:set").name == f"folder:{two_classes.resolve()}"


def test_grey_files_of_every_kind_give_one_channel(tmp_path):
    picture(tmp_path / "l.png", 100, mode="L")
    picture(tmp_path / "rgb.png", (100, 100, 100))
    picture(tmp_path / "la.png", (100, 255), mode="LA")
    Image.fromarray(np.full((20, 20), 100 * 256, np.uint16)).save(tmp_path / "sixteen_bits.png")
    (images, _), *_ = folder.load(tmp_path, 8)
    assert images.shape == (4, 8, 8, 1) and set(images.flat) == {100}
    picture(tmp_path / "red.png", RED)
    (images, _), *_ = folder.load(tmp_path, 8)
    assert images.shape == (5, 8, 8, 3)


def test_transparency_is_laid_over_white(tmp_path):
    picture(tmp_path / "a.png", (0, 0, 0, 0), mode="RGBA")
    picture(tmp_path / "b.png", (0, 0, 0, 255), mode="RGBA")
    (images, _), *_ = folder.load(tmp_path, 8)
    assert (images[0] == 255).all() and (images[1] == 0).all()


def test_centres_are_cropped_to_squares(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = RED
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.swapaxes(0, 1)).save(tmp_path / "high.png")
    (images, _), *_ = folder.load(tmp_path, 20)
    assert (images == RED).all()


def test_shrinking_averages_instead_of_picking(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255  # picking every eighth pixel would give all white
    for name in "ab":
        Image.fromarray(stripes).save(tmp_path / f"{name}.png")
    (images, _), *_ = folder.load(tmp_path, 8)
    assert np.abs(images.astype(int) - 127).max() <= 8


def test_the_orientation_in_exif_is_honoured(tmp_path):
    upright = np.zeros((16, 16), np.uint8)
    upright[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # 'turn 90 degrees clockwise to see it'
    Image.fromarray(np.rot90(upright)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(upright).save(tmp_path / "upright.png")
    (images, _), *_ = folder.load(tmp_path, 16)
    assert np.abs(images[0].astype(int) - images[1]).max() <= 8


def test_broken_files_are_counted_and_named(two_classes, capfd):
    whole = (two_classes / "red" / "0.png").read_bytes()
    broken = {
        "cut.png": whole[: len(whole) // 2],
        "empty.png": b"",
        "text.jpg": b"no image",
        "other.png": b"GIF89a",
    }
    for name, content in broken.items():
        (two_classes / "red" / name).write_bytes(content)
    os.mkfifo(two_classes / "red" / "pipe.png")
    (two_classes / "blue" / "line\nbreak.png").write_bytes(b"")
    loaded = load_data(f"folder:{two_classes}")
    assert len(loaded.train_images) + len(loaded.test_images) == 20
    (note,) = loaded.notes
    assert note.startswith("skipped 6 (broken): ") and "red/cut.png" in note and note.endswith(", ...")
    assert "\n" not in note
    assert capfd.readouterr() == ("", "")


def test_a_class_without_a_usable_image_is_no_class(two_classes):
    (two_classes / "aaa").mkdir()
    (two_classes / "bbb").mkdir()
    (two_classes / "bbb" / "0.png").write_bytes(b"")
    loaded = load_data(f"folder:{two_classes}")
    assert loaded.class_names == ("blue", "red") and loaded.train_labels.max() == 1


def test_links_that_leave_the_folder_are_refused(two_classes, tmp_path):
    picture(tmp_path / "outside" / "secret.png")
    (two_classes / "red" / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (two_classes / "green").symlink_to(tmp_path / "outside")
    (two_classes / "red" / "circle.png").symlink_to("circle.png")
    (two_classes / "red" / "inside.png").symlink_to("0.png")
    loaded = load_data(f"folder:{two_classes}")
    assert len(loaded.train_images) + len(loaded.test_images) == 21 and loaded.class_names == ("blue", "red")
    assert any("skipped" in note and "leave the folder" in note and "green" in note for note in loaded.notes)
    assert any("red/link.png" in note for note in loaded.notes) and any("circle.png" in note for note in loaded.notes)


def test_the_folder_itself_may_be_a_link(two_classes, tmp_path):
    (tmp_path / "link").symlink_to(two_classes)
    assert load_data(f"folder:{tmp_path / 'link'}").fingerprint == load_data(f"folder:{two_classes}").fingerprint


def test_images_past_the_pixel_cap_are_refused_without_a_warning(tmp_path, monkeypatch, recwarn):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    picture(tmp_path / "large.png", 0, (8001, 8001), mode="1")  # 64.02 million pixels
    picture(tmp_path / "bomb.png", 0, (10_000, 10_000), mode="1")  # where Pillow warns
    picture(tmp_path / "worse.png", 0, (14_000, 14_000), mode="1")  # where Pillow raises
    monkeypatch.setattr(folder, "fit", _counting(folder.fit, decoded := []))
    (images, _), _, _, notes = folder.load(tmp_path, 8)
    assert len(images) == 2 and len(decoded) == 2 and not recwarn.list
    assert notes == ("skipped 3 (larger than 64 megapixels): 'bomb.png', 'large.png', 'worse.png'",)


def _counting(function, calls):
    def counted(*args):
        calls.append(args)
        return function(*args)

    return counted


def test_images_beside_class_folders_are_left_out_and_said(two_classes):
    picture(two_classes / "stray.png")
    loaded = load_data(f"folder:{two_classes}")
    assert loaded.notes == ("skipped 1 (beside the class folders): 'stray.png'",)


@pytest.mark.parametrize("content", ["missing", "empty", "file", "nested", "one", "broken"])
def test_folders_without_images_are_one_clear_error(tmp_path, content):
    root = tmp_path / "set"
    if content == "file":
        root.write_text("no folder")
    elif content != "missing":
        root.mkdir()
    if content == "nested":  # one level too deep
        picture(root / "train" / "red" / "0.png")
    if content == "one":
        picture(root / "0.png")
    if content == "broken":
        (root / "0.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load_data(f"folder:{root}")
    message = str(caught.value)
    assert str(root) in message and "PNG or JPEG" in message and "one subfolder a class" in message
    assert "\n" not in message and ("broken" in message) == (content == "broken")


def test_a_set_too_large_for_memory_is_refused_before_it_is_read(two_classes, monkeypatch):
    monkeypatch.setattr("genzoo.data.resize.MAX_BYTES", 1000)
    with pytest.raises(DataError, match="--image-size"):
        load_data(f"folder:{two_classes}")
