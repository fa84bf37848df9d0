"""A run as TFLite files, one for each thing that can be asked of it, see `cases`."""

from functools import partial

import numpy as np

from genzoo.export import checks
from genzoo.export.cases import cases
from genzoo.export.tflite import samplers
from genzoo.models import clusters, mixture
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.ddpm import DDPM
from genzoo.runs.load import load
from genzoo.stack import muted, tf, tf_variable

BOUNDS = {"float32": 1e-4, "float16": checks.GREY, "int8": None}
SUFFIX = ".tflite"


def write(runs, path, weights, sampling):
    """Writes a folder of TFLite files; see `catalogue`."""
    (run,) = runs
    model = load(run.path)
    asked = cases(model, sampling, checks.IMAGES)
    files = {name: convert(model, name, case.inputs, weights, sampling) for name, case in asked.items()}
    path.mkdir()
    for name, content in files.items():
        (path / f"{name}{SUFFIX}").write_bytes(content)
    return checks.compare("tflite", path, asked, SUFFIX, BOUNDS[weights])


def convert(model, name, inputs, weights, sampling):
    """Returns the content of the file of a case of `cases`."""
    module = tf.Module()
    # Variables, not the layer: from a module that holds a Keras 3 layer, the converter makes a file without weights.
    module.vars = [tf_variable(weight) for weight in model.ema.weights]
    if embedding := getattr(model.ema, "time_embedding", None):  # of times up to 1000: an error of its rates counts
        embedding.angles = partial(_angles, embedding.angles(tf.ones([1]))[0].numpy())
    function = tf.function(partial(_DEFINE[name], model, sampling), autograph=False)
    specs = {what: tf.TensorSpec(_any_number(what, one.shape), one.dtype, what) for what, one in inputs.items()}
    with muted():
        concrete = function.get_concrete_function(**specs)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def _angles(rates, t):
    return t[:, None] * samplers.exact(rates, t)


def _any_number(what, shape):
    return (shape[0], None, *shape[2:]) if what == "noises" else (None, *shape[1:])


def _network(model, sampling, x, time, labels=None):
    return {"output": model.ema(x, time, labels)}


def _encoder(model, sampling, images, labels=None):
    codes = tf.split(model.ema.encoder(images, labels), model.codes, axis=-1)
    return dict(zip(("latents", "log_variance"), codes, strict=False))


def _decoder(model, sampling, latents, labels=None):
    return {"images": tf.clip_by_value(model.ema.decoder(latents, labels), -1.0, 1.0)}


def _sampler(model, sampling, noise, uniform=None, labels=None, noises=None):
    constant = partial(samplers.exact, tensor=noise)  # a share that is rounded may choose another Gaussian, or group
    if isinstance(model, Autoencoder):
        nobody = tf.zeros([tf.shape(noise)[0]], tf.int32)
        latents = noise
        if uniform is not None:
            with tf.init_scope():  # a weight has a value outside of a graph only
                weights = [np.asarray(weight) for weight in (model.shares, model.means, model.factors)]
            latents = mixture.drawn(nobody if labels is None else labels, *weights, uniform, noise, constant)
        return _decoder(model, sampling, latents, labels)
    labels = labels if uniform is None else clusters.drawn(model.cluster_shares, uniform, constant)
    if isinstance(model, DDPM):
        return {"images": samplers.diffusion(model, noise, labels, noises, model.plan(**sampling).rows)}
    return {"images": samplers.blend(model, noise, labels, *model._steps(sampling))}


_DEFINE = {"network": _network, "encoder": _encoder, "decoder": _decoder, "sampler": _sampler}
