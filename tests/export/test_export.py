"""`genzoo export`: what it takes and refuses, and that nothing half-written is left."""

import json
import shutil

import pytest

from genzoo.export import export
from genzoo.export.catalogue import FORMATS
from genzoo.export.written import TooFarError, Written, checked
from genzoo.files import staged
from genzoo.runs.run import Run


@pytest.fixture
def writer(monkeypatch):
    """Formats whose writer makes a file or a folder with one file, without a model."""
    calls = []

    def write(runs, path, **options):
        calls.append((runs, options))
        if path.suffixes and ".html" in path.suffixes:
            path.write_text("page")
        else:
            path.mkdir()
            (path / "network.onnx").write_bytes(b"new")
        return Written({"network.onnx": 3}, 0.0, 1e-4, {1: 0.001, 16: 0.01}, ("a runtime 1.0",))

    monkeypatch.setattr("genzoo.export.catalogue.Format.load", lambda entry: write, raising=False)
    return calls


def export_to(call, tmp_path, *words):
    return call("export", *words, "--out", tmp_path / "out")


def test_it_says_what_it_made_and_leaves_a_manifest(made, writer, tmp_path, call):
    run = made("cddpm")
    code, out, err = export_to(call, tmp_path, run.path, "--format", "onnx", "--weights", "float16", "--steps", "3")
    assert code == 0 and not err
    assert "1 ms for 1, 10 ms for 16 images" in out and out.endswith(f"wrote {tmp_path / 'out'}\n")
    ((runs, options),) = writer
    assert [one.path for one in runs] == [run.path] and options["weights"] == "float16"
    assert options["sampling"] == {"sampler": "unipc", "steps": 3, "timesteps": "trailing", "threshold": None,
                                   "clip_denoised": True, "guidance": 1.7, "guidance_interval": (1.0, 10.0),
                                   "guidance_rescale": 0.0}  # fmt: skip
    said = json.loads((tmp_path / "out" / export.MANIFEST).read_text())
    assert said["weights_sha256"] == run.weights_sha256() and said["files"] == {"network.onnx": 3}


def test_an_export_stands_beside_the_run_unless_asked(made, writer, tmp_path, call):
    run = tmp_path / "run"
    shutil.copytree(made("vae").path, run)
    assert call("export", run, "--format", "tflite")[0] == 0
    assert (run / "tflite" / "network.onnx").exists()
    code, out, _ = call("export", run, "--format", "web")
    assert code == 0 and out.endswith(f"wrote {run / 'page.html'}\n")


def test_overwrite_replaces_a_former_export_and_nothing_else(made, writer, tmp_path, call):
    words, out = (made("vae").path, "--format", "onnx"), tmp_path / "out"
    assert export_to(call, tmp_path, *words)[0] == 0
    (out / "network.onnx").write_bytes(b"old")
    code, _, err = export_to(call, tmp_path, *words)
    assert code == 5 and "exists" in err and "--overwrite" in err and (out / "network.onnx").read_bytes() == b"old"
    assert export_to(call, tmp_path, *words, "--overwrite")[0] == 0
    assert (out / "network.onnx").read_bytes() == b"new"
    (out / "thesis.txt").write_text("mine")
    code, _, err = export_to(call, tmp_path, *words, "--overwrite")
    assert code == 5 and "thesis.txt" in err and (out / "thesis.txt").exists()
    (out / export.MANIFEST).unlink()
    code, _, err = export_to(call, tmp_path, *words, "--overwrite")
    assert code == 5 and "no export" in err
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


MISTAKES = {
    "unknown format": ("--format coreml", 2, "choose from"),
    "no format": ("", 2, "--format"),
    "unknown weights": ("--format onnx --weights int8", 2, "expected one of float32, float16, got 'int8'"),
    "weights of a format that has none": ("--format savedmodel --weights float16", 2, "no option 'weights'"),
    "way of sampling with web": ("--format web --steps 3", 2, "takes no steps"),
    "option of another sampler": ("--format onnx --eta 0.5", 2, "takes no eta"),
    "name of a file": ("--format onnx --out model.onnx", 2, "the name of a folder"),
    "name of a folder": ("--format web --out page", 2, "ends in .html"),
    "no folder": ("--format onnx --out absent/out", 5, "no folder absent"),
    "a file in the way": ("--format onnx --out taken", 5, "is no export of genzoo"),
    "several runs": ("{run} --format onnx", 2, "one run at a time, got 2"),
    "no run": ("absent --format web", 5, "absent is not a folder"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(name, made, writer, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("mine")
    words, code, phrase = MISTAKES[name]
    run = made("cddpm").path
    got, out, err = call("export", run, *words.format(run=run).split())
    assert got == code and phrase in err and err.count("\n") == 1 and not out and not writer
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_program_names_the_pip_line_of_a_missing_extra(made, writer, call, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxruntime" else object())
    code, _, err = call("export", made("vae").path, "--format", "onnx")
    assert code == 2 and "needs onnxruntime: pip install 'genzoo[onnx]'" in err and err.count("\n") == 1


def test_a_run_that_is_not_finished_says_how_to_finish_it(written, writer, call):
    run = written("vae")
    for name in FORMATS:
        code, _, err = call("export", run, "--format", name)
        assert code == 5 and "genzoo train --resume" in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["onnx", "tflite", "web"])
def test_a_run_in_bfloat16_is_refused_where_it_would_give_other_pictures(name, written, writer, call):
    config = {"image_shape": [8, 8, 1], "num_classes": 10, "precision": "bfloat16"}
    run = written("vae", model_config=config, trained={"step": 2, "seconds": 1.0})
    code, _, err = call("export", run, "--format", name)
    assert code == 2 and "bfloat16" in err and "savedmodel" in err and err.count("\n") == 1


@pytest.mark.parametrize("name", FORMATS)
def test_broken_weights_are_noticed_before_anything_is_made(name, made, writer, call, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(made("vae").path, run)
    file = run / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    for broken in (bytes(content), bytes(content[:200]), b""):
        file.write_bytes(broken)
        code, _, err = call("export", run, "--format", name)
        assert code == 5 and "weights.safetensors" in err and err.count("\n") == 1
    file.unlink()
    code, _, err = call("export", run, "--format", name)
    assert code == 5 and "holds no weights" in err
    assert not writer and {path.name for path in run.iterdir()} == {"config.json"}


# A folder from elsewhere: nothing of it is believed before it is checked.

FOREIGN = {
    "another family": ({"model": "pickle"}, 5, "unknown model 'pickle'"),
    "another option": ({"model_config": {"evil": 1}}, 5, "no option 'evil'"),
    "a network that would fill the memory": ({"model_config": {"widths": [10**6]}}, 5, "widths of vae"),
    "another network": ({"model_config": {"network": "os.system"}}, 5, "vae has no option 'widths'"),
    "sizes that do not fit": ({"model_config": {"image_shape": [9, 9, 1]}}, 5, "multiples of 8"),
    "a shape that is none": ({"model_config": {"image_shape": "abc"}}, 5, "image_shape of model_config"),
    "a huge shape": ({"model_config": {"image_shape": [10**9, 8, 1]}}, 5, "image_shape of model_config"),
    "a huge number of classes": ({"data": {"num_classes": 10**9}}, 5, "num_classes of data"),
    "steps that are none": ({"trained": {"step": "all"}}, 5, "step of trained"),
    "no dict": ({"data": None}, 5, "data: expected an object"),
    "no config": (None, 5, "cannot be read"),
    "another format": ({"format": 99}, 5, "install a newer genzoo"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_folder_is_refused_unless_its_config_passes(name, made, writer, call, tmp_path):
    run, (changes, code, phrase) = tmp_path / "run", FOREIGN[name]
    shutil.copytree(made("vae").path, run)
    config = json.loads((run / "config.json").read_text())
    for key, value in (changes or {}).items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    (run / "config.json").write_text(json.dumps(config) if changes else "{")
    for words in (["export", run, "--format", "web"], ["sample", run, "--out", tmp_path / "a.png"]):
        got, _, err = call(*words)
        assert got == code and phrase in err and err.count("\n") == 1
    assert not writer and not (tmp_path / "a.png").exists()


# The parts.


def test_what_is_too_far_off_is_an_error_as_is_what_is_no_number():
    assert checked(Written({}, 1e-4, 1e-4)) and checked(Written({}, 5.0, None))
    for difference in (2e-4, float("nan")):
        with pytest.raises(TooFarError, match="nothing was written"):
            checked(Written({}, difference, 1e-4))


def test_a_staged_place_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "made"
    with pytest.raises(ZeroDivisionError), staged(target) as place:
        place.mkdir()
        (place / "half").touch()
        raise ZeroDivisionError
    assert not any(tmp_path.iterdir())
    for content in ("one", "two"):
        with staged(target) as place:
            place.mkdir()
            (place / content).touch()
    assert [path.name for path in target.iterdir()] == ["two"]
    with pytest.raises(ZeroDivisionError), staged(target) as place:
        place.mkdir()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "two"]


def test_every_run_of_the_zoo_may_be_exported():
    for name in FORMATS:
        for run in map(Run.open, ("zoo:cddpm-mnist", "zoo:vae-mnist", "zoo:blend-mnist")):
            export.check_runs(FORMATS[name], [run])
