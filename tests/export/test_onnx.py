"""ONNX files: they give our pictures under onnxruntime, hold each weight once, and are the same on both stacks."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from small import eagerly, families, shaken, shared, small

from genzoo.errors import UsageError
from genzoo.export.cases import cases
from genzoo.export.onnx import layers
from genzoo.export.onnx.graph import Graph
from genzoo.export.onnx.write import graph_of
from genzoo.models.families import MODELS
from genzoo.networks.blocks import named_weights
from genzoo.networks.unet import UNet

STEPS = {name: {"steps": 4} for name in MODELS if MODELS[name].in_steps}
FILES = {name: ["network", "sampler"] if name in STEPS else ["encoder", "decoder", "sampler"] for name in MODELS}


def write(call, run, folder, *words):
    with eagerly():
        steps = ["--steps", 4] if run.config["model"] in STEPS else []
        return call("export", run.path, "--format", "onnx", "--out", folder, *steps, *words)


def held_against_ours(graph, case, folder, atol=1e-4):
    graph.save(folder / "graph.onnx", "graph", {})
    session = onnxruntime.InferenceSession(str(folder / "graph.onnx"))
    found = dict(zip([output.name for output in session.get_outputs()], session.run(None, case.inputs), strict=True))
    with eagerly():
        ours = case.ours()
    for name, value in ours.items():
        np.testing.assert_allclose(found[name], value, atol=atol * max(1, np.abs(value).max()), err_msg=name)
        assert value.std() > 0.05


@pytest.mark.parametrize("name", families())
def test_each_family_gives_what_the_model_gives(name, tmp_path):
    model = shaken(shared(name, widths=(8, 8)))
    sampling = model.sampling_options(STEPS.get(name, {}))
    asked = cases(model, sampling, 3)
    assert list(asked) == FILES[name]
    for what, case in asked.items():
        held_against_ours(graph_of(model, what, case.inputs, "float32", sampling), case, tmp_path)


@pytest.mark.parametrize("name", ["vae", "cddpm"])
def test_the_command_compares_files_in_a_process_without_genzoo(name, made, call, tmp_path):
    run, half = made(name), name == "cddpm"
    code, out, err = write(call, run, tmp_path / "out", *["--weights", "float16"] * half)
    assert code == 0, err
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said["difference"] <= (2 / 255 if half else 1e-4)
    assert {f"{file}.onnx" for file in FILES[name]} == set(said["files"])
    for file in FILES[name]:
        model = onnx.load(tmp_path / "out" / f"{file}.onnx")
        props = {prop.key: prop.value for prop in model.metadata_props}
        assert props["family"] == name and props["weights_sha256"] == run.weights_sha256()
        assert json.loads(props["class_names"]) == run.config["data"]["class_names"]
        assert {node.domain for node in model.graph.node} == {""} and model.opset_import[0].version == 17
        kinds = {one.data_type for one in model.graph.initializer if one.name.startswith("ema.")}
        assert kinds == {onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT}


WAYS = [
    {"sampler": "ddim", "eta": 0.5, "guidance": 3.0, "guidance_interval": None},
    {"sampler": "ddpm", "variance": "fixed_large", "timesteps": "linspace"},
    {"sampler": "heun", "guidance": 0.0, "guidance_interval": None, "clip_denoised": False},
    {"sampler": "unipc", "guidance": 2.5, "guidance_rescale": 0.7, "threshold": 0.9},
    {"sampler": "dpmpp_2m", "guidance": 1.0, "timesteps": "logsnr"},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way["sampler"])
def test_any_way_of_sampling_can_be_written_out(way, tmp_path):
    model = shaken(shared("cddpm"), scale=0.2)
    sampling = model.sampling_options(way | {"steps": 5})
    case = cases(model, sampling, 3)["sampler"]
    assert ("noises" in case.inputs) == (way["sampler"] == "ddpm" or "eta" in way)
    graph = graph_of(model, "sampler", case.inputs, "float32", sampling)
    held_against_ours(graph, case, tmp_path, 5e-4)  # without clipping its numbers are large before the last step


@pytest.mark.parametrize("options", [
    {"predict": "eps", "clusters": 0, "widths": (8,), "image_shape": (16, 24, 3)},
    {"predict": "x0", "zero_snr": True, "clusters": 3, "depth": 2},
])  # fmt: skip
def test_any_ddpm_can_be_written_out(options, tmp_path):
    model = shaken(small("ddpm", **options))
    sampling = model.sampling_options({"steps": 3})
    case = cases(model, sampling, 2)["sampler"]
    graph = graph_of(model, "sampler", case.inputs, "float32", sampling)
    held_against_ours(graph, case, tmp_path, 1e-3)  # of eps, rounding grows by 1/α, hundreds at the first step


def test_a_network_above_the_largest_mixed_patch(tmp_path):
    """There the head reads no pixels, and a gain of its own carries them: a layer more to map."""
    model = shaken(small("ddpm", (128, 128, 1), clusters=0))
    assert not model.ema.mixes
    case = cases(model, model.sampling_options({}), 1)["network"]
    held_against_ours(graph_of(model, "network", case.inputs, "float32", {}), case, tmp_path)


def test_the_prior_of_a_vae_takes_no_uniform_numbers(tmp_path):
    model, sampling = shaken(shared("vae")), {"prior": "normal"}
    case = cases(model, sampling, 3)["sampler"]
    assert set(case.inputs) == {"noise"}
    held_against_ours(graph_of(model, "sampler", case.inputs, "float32", sampling), case, tmp_path)


def test_each_weight_is_in_a_file_once():
    model = shared("cddpm")
    case = cases(model, model.sampling_options({"steps": 3}), 1)["sampler"]
    graph = graph_of(model, "sampler", case.inputs, "float32", model.sampling_options({"steps": 3}))
    stored = [name for name in graph.initializers if name.startswith("ema.")]
    assert sorted(stored) == sorted(f"ema.{name}" for name in named_weights(model.ema))
    sizes = {name: np.prod(w.shape) for name, w in named_weights(model.ema).items()}
    assert {name[4:]: graph.initializers[name].size for name in stored} == sizes


class _Deeper(UNet):
    """A network that a user has added."""


def test_a_network_that_is_not_known_is_refused_by_name():
    with pytest.raises(UsageError, match="layer _Deeper of this run's network has no ONNX nodes"):
        layers.emit(Graph({}), _Deeper((8, 8, 1), 4, (8,), 1), "x", "time", "labels")


def test_a_weight_that_the_nodes_leave_out_is_noticed(monkeypatch):
    model = shared("vae")
    case = cases(model, {}, 1)["decoder"]
    monkeypatch.setitem(layers.LAYERS, layers.Norm, lambda g, layer, x: x)
    with pytest.raises(UsageError, match=r"weight 'ema\.decoder\.blocks\.0\.norm\.beta' has no place"):
        graph_of(model, "decoder", case.inputs, "float32", {})


def test_a_wrong_picture_is_an_error_and_leaves_nothing(made, call, tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "silu", lambda g, x: g.op("Relu", x))
    code, out, err = write(call, made("vae"), tmp_path / "out")
    assert code == 5 and "differ from this run's by" in err and err.count("\n") == 1 and not out
    assert not any(tmp_path.iterdir())


def test_too_many_steps_are_refused_before_anything_is_drawn(made, call, tmp_path, monkeypatch):
    monkeypatch.setattr("genzoo.export.onnx.samplers.MOST_NODES", 200)
    code, _, err = write(call, made("blend"), tmp_path / "out")
    assert code == 2 and "ask for fewer --steps" in err and not any(tmp_path.iterdir())
