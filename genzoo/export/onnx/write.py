"""A run as ONNX files, one for each thing that can be asked of it, see `cases`."""

import json

from genzoo import __version__
from genzoo.errors import UsageError
from genzoo.export import checks
from genzoo.export.cases import cases
from genzoo.export.onnx import samplers
from genzoo.export.onnx.graph import Graph
from genzoo.export.onnx.layers import emit
from genzoo.export.written import plain
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.ddpm import DDPM
from genzoo.networks.blocks import named_weights
from genzoo.runs.load import load

BOUNDS = {"float32": 1e-4, "float16": checks.GREY}
SUFFIX = ".onnx"


def write(runs, path, weights, sampling):
    """Writes a folder of ONNX files; see `catalogue`."""
    (run,) = runs
    model = load(run.path)
    asked = cases(model, sampling, checks.IMAGES)
    graphs = {name: graph_of(model, name, case.inputs, weights, sampling) for name, case in asked.items()}
    path.mkdir()
    for name, graph in graphs.items():
        graph.save(path / f"{name}{SUFFIX}", f"{model.family}_{name}", _told(run, name, weights, sampling))
    return checks.compare("onnx", path, asked, SUFFIX, BOUNDS[weights])


def graph_of(model, name, inputs, weights, sampling):
    """Returns the `Graph` of a case of `cases`. Raises UsageError for a network that has no ONNX nodes yet."""
    layer, prefix = model.ema, "ema."
    if isinstance(model, Autoencoder):
        part = "encoder" if name == "encoder" else "decoder"
        layer, prefix = getattr(layer, part), f"ema.{part}."
    g = Graph({prefix + path: weight for path, weight in named_weights(layer).items()}, weights)
    given = {what: g.input(what, _any_number(what, value.shape), value.dtype.name) for what, value in inputs.items()}
    _DEFINE[name](g, model, layer, given, sampling)
    if left := g.unused():
        raise UsageError(f"weight {left[0]!r} has no place in the nodes of genzoo/export/onnx/layers.py")
    return g


def _any_number(what, shape):
    return (shape[0], None, *shape[2:]) if what == "noises" else (None, *shape[1:])


def _inside(g, x):
    return g.op("Transpose", x, perm=[0, 3, 1, 2])


def _images(g, model, x, name="images"):
    g.output(g.op("Transpose", x, perm=[0, 2, 3, 1]), name, (None, *model.image_shape))


def _network(g, model, layer, given, sampling):
    labels = [given["labels"]] if "labels" in given else []
    _images(g, model, emit(g, layer, _inside(g, given["x"]), given["time"], *labels), "output")


def _encoder(g, model, layer, given, sampling):
    codes = emit(g, layer, _inside(g, given["images"]), *filter(None, [given.get("labels")]))
    parts = g.op("Split", codes, outputs=2, axis=1) if model.codes == 2 else [codes]
    for name, part in zip(("latents", "log_variance"), parts, strict=False):
        g.output(part, name, (None, model.latent_dim))


def _decoder(g, model, layer, given, sampling):
    images = emit(g, layer, given["latents"], *filter(None, [given.get("labels")]))
    _images(g, model, g.op("Clip", images, -1.0, 1.0))


def _sampler(g, model, layer, given, sampling):
    labels, uniform = given.get("labels"), given.get("uniform")
    if isinstance(model, Autoencoder):
        mixed = samplers.latents(g, model, given["noise"], uniform, labels) if uniform else given["noise"]
        return _decoder(g, model, layer, {"latents": mixed, "labels": labels}, sampling)
    x, labels = _inside(g, given["noise"]), samplers.invented(g, model, uniform) if uniform else labels
    if isinstance(model, DDPM):
        x = samplers.diffusion(g, model, x, labels, given.get("noises"), model.plan(**sampling).rows)
    else:
        x = samplers.blend(g, model, x, labels, *model._steps(sampling))
    _images(g, model, x)


_DEFINE = {"network": _network, "encoder": _encoder, "decoder": _decoder, "sampler": _sampler}


def _told(run, name, weights, sampling):
    """What a file says of itself, {key: text}."""
    data = run.config["data"]
    return {
        "genzoo": __version__,
        "family": run.config["model"],
        "what": name,
        "class_names": json.dumps(data.get("class_names", [])),
        "native_shape": json.dumps(data["native_shape"]),
        "sampling": json.dumps(plain(sampling)),
        "weights": weights,
        "weights_sha256": run.weights_sha256(),
    }
