"""Row 10: files that a stranger made are refused, or read as what they are, in less than 2 seconds and 300 MB; nothing
is executed, nothing outside the run folder is touched, and nothing that steers a terminal is printed.
"""

import io
import json
import pickle
import resource
import shutil
import struct
import zipfile
import zlib
from multiprocessing import util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import Command

from genzoo.runs import zoo

SECONDS, MEGABYTES = 2, 300
ESCAPE = "\x1b[2J\x1b]0;owned\x07\nsecond line"
RUN = zoo.folder("cddpm-mnist")
CONFIG = json.loads((RUN / "config.json").read_text())


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def measure(path):
    """Writes the CPU seconds that this process takes, and the bytes that its memory grows by, when it ends."""
    before = resource.getrusage(resource.RUSAGE_SELF)

    def write():
        after = resource.getrusage(resource.RUSAGE_SELF)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        Path(path).write_text(json.dumps([seconds, (after.ru_maxrss - before.ru_maxrss) / 1000]))

    util.Finalize(None, write, exitpriority=0)


def assert_refused(words, tmp_path, codes=(2, 4, 5)):
    """A command ends with one line, soon, without much memory and without a trace. -> the line."""
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    log, measured = tmp_path / "log", tmp_path / "measured"
    code, said = Command(words, log, Measure(measured)).wait()
    seconds, megabytes = json.loads(measured.read_text())
    log.unlink(), measured.unlink()
    assert code in codes, said
    assert len(said) == 1 and "\x1b" not in said[0] and "\x07" not in said[0] and len(said[0]) < 1000, said
    assert seconds < SECONDS and megabytes < MEGABYTES
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    return said[0]


class Measure:
    """`measure`, to be sent to another process."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self):
        measure(self.path)


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def saved(save, value):
    file = io.BytesIO()
    save(file, value)
    return file.getvalue()


def weights_files(tmp_path):
    """{what it is: content} of files in the place of weights.safetensors."""
    touch = Touch(tmp_path / "executed")
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    nan = np.full(1, np.nan, np.float32).tobytes()
    return {
        "empty": b"",
        "text": b"weights",
        "pickle": pickle.dumps(touch),
        "pickled npy": saved(lambda f, v: np.save(f, v, allow_pickle=True), np.array([touch], object)),
        "object npz": saved(lambda f, v: np.savez(f, a=v), np.array([touch], object)),
        "zip with ../": zipped(("../../executed", b"x")),
        "zip bomb": zipped(("a", bytes(200_000_000))),
        "claims 2^40 elements": safetensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        "claims 2^63 elements": safetensors({"a": {"dtype": "F32", "shape": [2**63], "data_offsets": [0, 2**63]}}),
        "shape overflows": safetensors({"a": {"dtype": "F32", "shape": [2**33, 2**33], "data_offsets": [0, 4]}}, nan),
        "header of 2^60 bytes": safetensors({"a": one}, nan, length=2**60),
        "header longer than the file": safetensors({"a": one}, nan, length=10_000),
        "deep header": safetensors(b"[" * 100_000),
        "offsets overlap": safetensors({"a": one, "b": one}, nan),
        "offsets backwards": safetensors({"a": one | {"data_offsets": [4, 0]}}, nan),
        "metadata is no text": safetensors({"a": one, "__metadata__": {"sha256": 5}}, nan),
        "no tensors": safetensors({}),
        "NaN": safetensors({"a": one}, nan),
        "unknown type": safetensors({"a": one | {"dtype": "C64"}}, nan),
        "bfloat16": safetensors({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, nan),
        "a name that steers a terminal": safetensors({ESCAPE: one}, bytes(4)),
        "10^5 names": safetensors(
            {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(10**5)}
        ),
    }


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(10, "hostile weights.safetensors", few=3)
def test_weights(tmp_path, trials):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    for _, content in trials.of(weights_files(tmp_path).items()):
        (run / "weights.safetensors").write_bytes(content)
        assert_refused(["sample", run, "--n", 1, "--out", tmp_path / "a.png"], tmp_path)


def with_config(part, name, value):
    return json.dumps(CONFIG | {part: CONFIG[part] | {name: value}} if name else CONFIG | {part: value})


def config_files():
    return {
        "empty": "",
        "truncated": json.dumps(CONFIG)[:500],
        "deep": "[" * 200_000,
        "deep inside": '{"format": 2, "model": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
        "10^6 keys": json.dumps({str(i): 0 for i in range(10**6)}),
        "a number of a million digits": '{"format": ' + "9" * 10**6 + "}",
        "NaN": with_config("train", "lr", float("nan")),
        "infinity": with_config("train", "steps", float("inf")),
        "10^9 channels": with_config("model_config", "widths", [10**9]),
        "many levels": with_config("model_config", "widths", [8] * 1000),
        "depth 100,000": with_config("model_config", "depth", 100_000),
        "10^9 steps": with_config("model_config", "diffusion_steps", 10**9),
        "10^6 pixels a side": with_config("model_config", "image_shape", [10**6, 10**6, 1]),
        "10^9 classes": with_config("model_config", "num_classes", 10**9),
        "larger than its weights": with_config("model_config", "widths", [4096, 4096]),
        "another's size": with_config("model_config", "widths", [8, 8]),
        "a code as a family": with_config("model", None, "__import__('os').system('touch executed')"),
        "a list as a family": with_config("model", None, ["cddpm"]),
        "a family that steers a terminal": with_config("model", None, ESCAPE),
        "a value that steers a terminal": with_config("model_config", "schedule", ESCAPE),
        "format that steers a terminal": with_config("format", None, 10**30),
        "no object": with_config("train", None, [1, 2]),
        "null": "null",
        "UTF-16": json.dumps(CONFIG).encode("utf-16").decode("latin-1"),
    }


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(10, "hostile config.json", few=3)
def test_config(tmp_path, trials):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    for _, content in trials.of(config_files().items()):
        (run / "config.json").write_text(content)
        assert_refused(["sample", run, "--n", 1, "--out", tmp_path / "a.png"], tmp_path)


@pytest.mark.faults(10, "names in a config that steer a terminal")
def test_names_are_printed_as_they_are(tmp_path, call, trials):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    fields = [("data", "name"), ("data", "reason"), ("data", "fingerprint"), ("versions", "python")]
    for part, name in trials.of(fields):
        (run / "config.json").write_text(with_config(part, name, ESCAPE))
        code, out, err = call("info", run)
        assert code == 0 and not err and r"\x1b[2J" in out and "\x1b" not in out + err and "\x07" not in out + err
        assert out.count("\n") == 11


def metrics_files():
    whole = json.loads((RUN / "metrics.json").read_text())
    deep = json.loads(json.dumps(whole))
    for part, value in (
        ("metrics", {}),
        ("floor", []),
        ("cost", {}),
        ("judge", 5),
        ("asked", {"weights": "x"}),
        ("data", 1),
    ):
        yield json.dumps(whole | {part: value})
    for value in ("many", float("nan"), None, [1], 10**400, ESCAPE):
        deep["metrics"]["frechet"] = {"value": value}
        yield json.dumps(deep)
    deep["metrics"]["frechet"] = {"reason": ESCAPE}
    yield json.dumps(deep)
    deep["metrics"]["frechet"] = {"reason": "none"}
    deep["metrics"]["copies"]["interval"] = [0, "<script>"]
    yield json.dumps(deep)
    yield from ("", "[" * 200_000, "[]", "{}", "5", json.dumps({str(i): 0 for i in range(10**6)}))


@pytest.mark.faults(10, "hostile metrics.json")
def test_metrics(tmp_path, call, monkeypatch, trials):
    """It is passed over, as if the run had not been measured: by the card, and by the list of the zoo."""
    shutil.copytree(RUN, tmp_path / "run")
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    for content in trials.of(metrics_files()):
        (tmp_path / "run" / "metrics.json").write_text(content)
        code, out, err = call("zoo")
        assert code == 0 and not err and "not measured" in out and "\x1b" not in out


DAMAGED_CSV = (
    b"\0\n\0\n", b"\xff\xfe", b"a,b\n1\n", b"step,seconds\nx,1\n", b"step,seconds\n1,1,1\n", b'"' + bytes(200_000),
)  # fmt: skip


@pytest.mark.faults(10, "hostile metrics.csv and checkpoint folders")
def test_other_files_of_a_run(tmp_path, call, trials):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    for content in trials.of(DAMAGED_CSV):
        (run / "metrics.csv").write_bytes(content)
        code, _, err = call("info", run)
        assert code == 5 and err.count("\n") == 1 and "metrics.csv is damaged" in err
    (run / "metrics.csv").unlink()
    for name in trials.of(["step_", "step_x1", "step_-1", "step_1e9", "step_0000001.5", "step_²1"]):
        (run / "checkpoints" / name).mkdir(parents=True)
        assert call("info", run)[0] == 0


def png(width, height, kind=0, data=b""):
    """A PNG file whose header says so."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def encoded(mode, kind, size=(20, 20), **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def pictures():
    """({name: content} of files that are no pictures, {name: content} of those that are)."""
    whole = encoded("RGB", "PNG")
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    animated = io.BytesIO()
    frames[0].save(animated, "PNG", save_all=True, append_images=frames[1:])
    broken = {
        "60,000 pixels a side.png": png(60_000, 60_000, data=zlib.compress(bytes(10**6))),
        "a bomb.png": png(10_000, 10_000, data=zlib.compress(bytes(10**8))),
        "2^31 pixels a side.png": png(2**31 - 1, 2**31 - 1),
        "no pixels.png": png(0, 0),
        "truncated.png": whole[: len(whole) // 2],
        "empty.png": b"",
        "text.png": b"no picture",
        "a gif.png": encoded("P", "GIF"),
        "an svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n(executed) (w) file\n",
        "zip.jpg": zipped(("a", bytes(10**7))),
        "a text of many megabytes.png": whole[:33] + b"\0\0\0\x10zTXt" + zlib.compress(bytes(10**8))[:16] + whole[33:],
        f"{ESCAPE}.png": b"",
    }
    good = {
        "cmyk.jpg": encoded("CMYK", "JPEG"),
        "16 bits.png": encoded("I;16", "PNG"),
        "animated.png": animated.getvalue(),
        "palette.png": encoded("P", "PNG"),
        "one bit.png": encoded("1", "PNG"),
        "grey and alpha.png": encoded("LA", "PNG"),
        f"{ESCAPE}good.png": whole,
        "a jpeg.png": encoded("RGB", "JPEG"),
        "one pixel.png": encoded("RGB", "PNG", (1, 1)),
        "very wide.png": encoded("L", "PNG", (60_000, 1)),
    }
    return broken, good


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(10, "hostile picture in a folder of images", few=2)
def test_a_picture_among_images(tmp_path, trials):
    """With nothing beside it the folder is refused, and it is said why."""
    broken, _ = pictures()
    for name, content in trials.of(broken.items()):
        folder = tmp_path / "images"
        folder.mkdir()
        (folder / name).write_bytes(content)
        line = assert_refused(["train", "--data", f"folder:{folder}", "--out", tmp_path / "run"], tmp_path)
        assert "0 usable" in line
        shutil.rmtree(folder)


@pytest.mark.faults(10, "odd pictures that are read")
def test_odd_pictures(tmp_path, capsys, trials):
    from genzoo.data.sources.folder import load

    broken, good = pictures()
    for name, content in (broken | good).items():
        (tmp_path / name).write_bytes(content)
    (images, _), _, _, notes = load(tmp_path, 32)
    for _ in trials.of(good):
        assert len(images) == len(good)
    assert sum(int(note.split()[1]) for note in notes) == len(broken)
    assert not any("\x1b" in note or "\n" in note for note in notes)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.faults(10, "hostile mask", few=2)
def test_a_mask(tmp_path, trials):
    run = tmp_path / "run"
    shutil.copytree(RUN, run)
    broken, _ = pictures()
    for name, content in trials.of([*broken.items(), ("13,000 pixels.png", png(13_000, 13_000, data=b""))]):
        (tmp_path / name).write_bytes(content)
        assert_refused(["inpaint", run, "--mask", tmp_path / name, "--out", tmp_path / "a.png"], tmp_path)
        (tmp_path / name).unlink()


MARKUP = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'><svg onload=alert(1)>", ESCAPE)


@pytest.mark.faults(10, "names in a page")
def test_a_page_of_such_names_holds_no_script(trials):
    from genzoo.pictures.page import Report, Section, render
    from genzoo.pictures.tables import Cell, Column, Table

    for word in trials.of(MARKUP):
        rows = [(word, {"a": Cell(1.0)}), (f"{word}2", {"a": Cell(reason=word)})]
        table = Table([Column("a", word, "higher", ".1f", note=word)], rows)
        page = render(Report(word, word, [(word, word)], [Section(word, word, table)]))
        assert not any(sign in page for sign in ("<script", "<img", "<svg", "onload=alert(1)>"))
