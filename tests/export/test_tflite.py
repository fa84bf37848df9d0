"""TFLite files: they give our pictures, by operations that every build of the runtime has."""

import json
import warnings
from importlib import import_module

import numpy as np
import pytest
from small import eagerly, families, shaken, shared, small

from genzoo.export import alone
from genzoo.export.cases import cases
from genzoo.export.tflite.write import convert
from genzoo.models.families import MODELS


def ask(content, inputs, folder, expected="ai-edge-litert"):
    (folder / "file").write_bytes(content)
    open_, runtime = alone.tflite(folder)
    assert runtime.startswith(expected)
    return open_("file")(inputs)


@pytest.mark.slow
def test_a_loop_of_our_own_walks_any_sampler(tmp_path, monkeypatch):
    """Some steps are guided, by two evaluations, and some are not; each takes noise, but the last."""
    model = shaken(shared("cddpm"), scale=0.2)
    sampling = model.sampling_options({"sampler": "ddim", "eta": 0.5, "steps": 6})
    assert len({*model.plan(**sampling).cost}) == 2
    case = cases(model, sampling, 3)["sampler"]
    with eagerly():
        ours = case.ours()["images"]
    content = convert(model, "sampler", case.inputs, "float32", sampling)
    np.testing.assert_allclose(ask(content, case.inputs, tmp_path)["images"], ours, atol=1e-4)
    assert ours.std() > 0.1
    without = {"ai_edge_litert.interpreter": "absent"}
    monkeypatch.setattr(alone, "import_module", lambda name: import_module(without.get(name, name)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer TensorFlow says that its interpreter is to go
        found = ask(content, case.inputs, tmp_path, "TensorFlow Lite")["images"]
    np.testing.assert_allclose(found, ours, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", families(pytest.mark.once))
def test_each_family_gives_its_pictures_without_genzoo(name, made, call, tmp_path):
    kind = {"vae": "float16", "cddpm": "int8"}.get(name, "float32")
    steps = ["--steps", 4] if MODELS[name].in_steps else []
    code, _, err = call("export", made(name).path, "--format", "tflite", "--out", tmp_path / "out", *steps,
                        "--weights", kind)  # fmt: skip
    assert code == 0, err
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said["difference"] <= {"float32": 1e-4, "float16": 2 / 255, "int8": 0.5}[kind]
    assert "sampler.tflite" in said["files"]


@pytest.mark.slow
def test_half_precision_rounds_weights_and_nothing_else(tmp_path):
    """Rates of the time embedding and steps of the sampler, in half precision, would make other pictures."""
    model = shaken(small("cddpm", num_classes=2), scale=0.1)
    halves = {name: v.astype("float16").astype("float32") for name, v in model.weights_dict().items()}
    model.load_weights_dict(halves)
    sampling = model.sampling_options({"steps": 4})
    case = cases(model, sampling, 3)["sampler"]
    with eagerly():
        ours = case.ours()["images"]
    content = convert(model, "sampler", case.inputs, "float16", sampling)
    np.testing.assert_allclose(ask(content, case.inputs, tmp_path)["images"], ours, atol=1e-4)


@pytest.mark.slow
def test_smaller_weights_make_smaller_files():
    model = shared("ae", widths=(32, 32))
    case = cases(model, {}, 1)["decoder"]
    sizes = [len(convert(model, "decoder", case.inputs, kind, {})) for kind in ("float32", "float16", "int8")]
    assert sizes[0] > 1.5 * sizes[1] > 1.5 * 1.3 * sizes[2]
