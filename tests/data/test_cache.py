"""Sets in files: images, order and fingerprint as in memory, written once, whatever cut the pass."""

import json
import pickle
import resource

import numpy as np
import pytest
from PIL import Image

from genzoo.data import cache as cache_module
from genzoo.data.cache import Cache
from genzoo.data.rows import Rows
from genzoo.data.sets import load_data
from genzoo.data.sources import folder as folder_module
from genzoo.errors import CheckpointError, DataError


@pytest.fixture
def photos(tmp_path):
    """40 files in two classes, one of them broken, and a class without a usable file."""
    root, rng = tmp_path / "photos", np.random.default_rng(0)
    for i in range(40):
        path = root / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(path)
    (root / "a" / "04.png").write_bytes(b"broken")
    (root / "none").mkdir()
    (root / "none" / "0.png").write_bytes(b"")
    return root


def bytes_of(batches):
    return [(batch["image"].numpy().tobytes(), batch["label"].numpy().tobytes()) for batch in batches]


def assert_same(stored, held):
    assert isinstance(stored.train_images, Rows) and isinstance(stored.test_images, Rows)
    assert stored.fingerprint == held.fingerprint
    assert stored.notes == held.notes and stored.class_names == held.class_names
    for batch in ({"seed": 3, "epoch": 2}, {"seed": 3, "epoch": 2, "skip": 1}):
        assert bytes_of(stored.train_batches(8, **batch)) == bytes_of(held.train_batches(8, **batch))
    assert bytes_of(stored.test_batches(8)) == bytes_of(held.test_batches(8))
    assert int(stored.train_batches(8, seed=0, epoch=0).cardinality()) == held.steps_per_epoch(8)


def test_a_set_in_files_gives_the_bytes_of_one_in_memory(photos, tmp_path):
    held = load_data(f"folder:{photos}", image_size=10)
    first, again = (load_data(f"folder:{photos}", image_size=10, cache=tmp_path / "cache") for _ in range(2))
    assert_same(first, held)
    assert_same(again, held)
    assert sum(path.suffix == ".part" for path in (tmp_path / "cache").rglob("*")) == 0
    other = pickle.loads(pickle.dumps(again.test_images))  # what another process gets
    np.testing.assert_array_equal(other[:], held.test_images)
    assert len(pickle.dumps(again.train_images)) < 2000


def test_grey_files_and_the_digits_too(tmp_path):
    for i in range(12):
        Image.new("L", (9, 9), i).save(tmp_path / f"{i}.png")
    for name, size in ((f"folder:{tmp_path}", 9), ("digits", 8)):
        stored = load_data(name, image_size=size, cache=tmp_path / "cache")
        assert_same(stored, load_data(name, image_size=size))
        assert stored.native_shape == (size, size, 1)


def test_large_sets_go_into_files_unasked(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(cache_module, "LARGE", 1000)
    monkeypatch.setattr("genzoo.data.resize.MAX_BYTES", 1000)  # it would be refused in memory
    stored = load_data(f"folder:{photos}")
    assert isinstance(stored.train_images, Rows) and list((tmp_path / "home" / "genzoo" / "sets").iterdir())


def test_a_second_run_decodes_nothing(photos, tmp_path, monkeypatch):
    load_data(f"folder:{photos}", cache=tmp_path / "cache")
    monkeypatch.setattr(folder_module, "_read", lambda *_: pytest.fail("decoded again"))
    load_data(f"folder:{photos}", cache=tmp_path / "cache")


def test_a_pass_that_was_cut_goes_on_where_it_was(photos, tmp_path, monkeypatch):
    held, read, seen = load_data(f"folder:{photos}", image_size=8), folder_module._read, []

    def cut(file, size):
        seen.append(file.name)
        if len(seen) == 25:
            raise KeyboardInterrupt
        return read(file, size)

    monkeypatch.setattr(cache_module, "SAVE_SECONDS", 0)
    monkeypatch.setattr("genzoo.data.rows.READ_BYTES", 8 * 8 * 3 * 10)  # ten at once
    monkeypatch.setattr(folder_module, "_read", cut)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        load_data(f"folder:{photos}", image_size=8, cache=tmp_path / "cache")
    before, seen[:] = seen[:], []
    monkeypatch.setattr(folder_module, "_read", lambda file, size: seen.append(file.name) or read(file, size))
    assert_same(load_data(f"folder:{photos}", image_size=8, cache=tmp_path / "cache"), held)
    assert before[:20] + seen == [f"{i:02}.png" for i in (*range(0, 40, 2), *range(1, 40, 2))] + ["0.png"]


def test_files_that_are_of_no_use_are_written_anew_and_said(photos, tmp_path, capsys):
    def loaded():
        data = load_data(f"folder:{photos}", cache=tmp_path / "cache")
        return data, capsys.readouterr().out

    data, said = loaded()
    assert said == ""
    (place,) = (tmp_path / "cache").iterdir()
    with open(place / "all.npy", "r+b") as file:
        file.truncate(1000)
    assert loaded()[1].count("\n") == 1
    about = json.loads((place / "all.json").read_text())
    for text, why in (("{", "cannot be read"), (json.dumps(about | {"format": 0}), "another version")):
        (place / "all.json").write_text(text)
        again, said = loaded()
        assert why in said and said.count("\n") == 1 and again.fingerprint == data.fingerprint
    Image.new("RGB", (12, 12), (1, 2, 3)).save(photos / "b" / "01.png")
    again, said = loaded()
    assert "has changed" in said and again.fingerprint != data.fingerprint
    assert again.fingerprint == load_data(f"folder:{photos}").fingerprint


def test_a_fingerprint_of_other_bytes_is_not_believed(photos, tmp_path):
    before = load_data(f"folder:{photos}", cache=tmp_path / "cache").fingerprint
    (place,) = (tmp_path / "cache").iterdir()
    with open(place / "all.npy", "r+b") as file:
        file.seek(-32 * 32 * 3 - 1, 2)  # the last but one: the last could not be decoded
        file.write(b"\x07")
    assert load_data(f"folder:{photos}", cache=tmp_path / "cache").fingerprint != before


def test_a_cache_that_cannot_be_written_is_one_line(photos, tmp_path):
    """No file may become larger than some bytes, as on a full disk; or a file is where its folder should be."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (0, 100, 5000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(CheckpointError, match="--cache") as caught:
                load_data(f"folder:{photos}", cache=tmp_path / "cache")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert "\n" not in str(caught.value)
    assert_same(load_data(f"folder:{photos}", cache=tmp_path / "cache"), load_data(f"folder:{photos}"))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="--cache"):
        load_data(f"folder:{photos}", cache=tmp_path / "file")


def test_two_sets_do_not_share_a_place_and_a_source_that_ends_early_says_so(tmp_path):
    assert Cache(("a", 1), tmp_path).folder != Cache(("a", 2), tmp_path).folder

    def read(start):
        yield np.zeros((1, 2, 2, 1), np.uint8), np.zeros(1, np.int32)
        raise DataError("holds 1 of 2")

    with pytest.raises(DataError, match="1 of 2"):
        Cache(("a", 1), tmp_path).images("train", 2, (2, 2, 1), read, str)
