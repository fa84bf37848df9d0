"""A run as a SavedModel: TensorFlow functions, for programs that have TensorFlow and no genzoo.

    sample(labels [n] int32, seed int64) → images [n, H, W, C] in [-1, 1]; of families without labels sample(n, seed)
    denoise(x, t [n], labels) → images: the predicted ones, x being what noise t has left: of 0 … T - 1 int32, of blend
        the amount, of 0 … 1 float32
    encode(images, labels) → latents [n, d], and log_variance;    decode(latents, labels) → images

Each gives a dict, and is a signature of its own too. One seed gives the bits that genzoo gives for it, of up to 256
images; genzoo draws more in parts, with seeds of their own.
"""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.diffusion.samplers import HISTORY
from genzoo.export import checks
from genzoo.export.cases import SEED, Case, cases
from genzoo.models import clusters, mixture
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.ddpm import DDPM
from genzoo.runs.load import load
from genzoo.stack import muted, tf, tf_variable


def write(runs, path, sampling):
    """Writes a SavedModel, a folder; see `catalogue`."""
    (run,) = runs
    model = load(run.path)
    module, functions = tf.Module(), functions_of(model, sampling)
    module.vars = [tf_variable(weight) for weight in model.ema.weights]
    for name, function in functions.items():
        setattr(module, name, function)
    with muted():
        tf.saved_model.save(module, str(path), signatures=functions)
    return checks.compare("savedmodel", path, _asked(model, functions, sampling), "", 0.0)


def functions_of(model, sampling):
    """Returns {name: tf.function} of a run's model. Raises UsageError as `cases`."""
    known = cases(model, sampling, 1)
    made = {"sample": _compiled(_sample(model, sampling), *_sample_inputs(model))}
    images, told = _images(model, "x"), [_spec("labels", tf.int32)] * (model.label_count > 0)
    if "network" in known:
        t = _spec("t", tf.int32) if isinstance(model, DDPM) else _spec("amount", tf.float32)
        return made | {"denoise": _compiled(_denoise(model), images, t, *told)}
    latents = tf.TensorSpec([None, model.latent_dim], name="latents")
    return made | {
        "encode": _compiled(_encode(model), _images(model, "images"), *told),
        "decode": _compiled(_decode(model), latents, *told),
    }


def _compiled(function, *signature):
    return tf.function(function, autograph=False, input_signature=signature)


def _spec(name, dtype, shape=(None,)):
    return tf.TensorSpec(shape, dtype, name)


def _images(model, name):
    return tf.TensorSpec([None, *model.image_shape], name=name)


def _sample_inputs(model):
    first = _spec("labels", tf.int32) if model.conditional else _spec("n", tf.int32, ())
    return first, _spec("seed", tf.int64, ())


def _sample(model, sampling):
    if isinstance(model, Autoencoder):
        draw = _latents(model, sampling)
    elif isinstance(model, DDPM):
        draw = _diffused(model, sampling)
    else:
        draw = _blended(model, sampling)

    def images(n, labels, seed):
        return {"images": tf.clip_by_value(draw(n, labels, seed), -1.0, 1.0)}

    def of_labels(labels, seed):
        return images(tf.shape(labels)[0], labels, seed)

    def of_number(n, seed):
        if not model.label_count:
            return images(n, tf.zeros([n], tf.int32), seed)
        return images(n, clusters.drawn(model.cluster_shares, rng.uniform([n], seed, 0, rng.DROP)), seed)

    return of_labels if model.conditional else of_number


def _diffused(model, sampling):
    rows = model.plan(**sampling).rows

    def draw(n, labels, seed):
        history = tf.zeros([HISTORY, n, *model.image_shape])
        x = rng.normal([n, *model.image_shape], seed, 0, rng.START)
        return model._compiled_loop(x, history, history, rows, labels, seed)[0]

    return draw


def _blended(model, sampling):
    columns = model._steps(sampling)

    def draw(n, labels, seed):
        return model._compiled_loop(rng.normal([n, *model.image_shape], seed, 0, rng.START), labels, *columns)[0]

    return draw


def _latents(model, sampling):
    weights = [np.asarray(weight) for weight in (model.shares, model.means, model.factors)]
    mixed = sampling.get("prior", "mixture") == "mixture" and weights[0].any()

    def draw(n, labels, seed):
        z = rng.normal([n, model.latent_dim], seed, 0, rng.LATENT)
        if mixed:
            z = mixture.drawn(labels, *weights, rng.uniform([n], seed, 0, rng.TIME), z)
        return model._decode(z, labels)

    return draw


def _denoise(model):
    def denoise_blend(x, amount, labels=None):
        return {"images": model.predict_x0(model.ema, x, amount, labels)}

    if not isinstance(model, DDPM):
        return denoise_blend
    tables = model.schedule.sqrt_alphas_cumprod, model.schedule.sqrt_one_minus_alphas_cumprod

    def denoise(x, t, labels=None):
        alpha, sigma = (tf.gather(table.astype(np.float32), t)[:, None, None, None] for table in tables)
        output = model.ema(x, model.network_time(t), labels)
        return {"images": formulas.x0_from(model.predict_kind, output, x, alpha, sigma)}

    return denoise


def _encode(model):
    def encode(images, labels=None):
        codes = tf.split(model.ema.encoder(images, labels), model.codes, axis=-1)
        return dict(zip(("latents", "log_variance"), codes, strict=False))

    return encode


def _decode(model):
    def decode(latents, labels=None):
        return {"images": tf.clip_by_value(model.ema.decoder(latents, labels), -1.0, 1.0)}

    return decode


def _asked(model, functions, sampling):
    """{function: Case}. What `sample` gives is held against `model.sample`, all else against itself unsaved."""
    n = checks.IMAGES
    known, seed = cases(model, sampling, n), {"seed": np.int64(SEED)}
    labels = {"labels": known["sampler"].inputs["labels"]} if model.conditional else {}
    asked = {"sample": Case((labels or {"n": np.int32(n)}) | seed, known["sampler"].ours)}
    for name, what in (("denoise", "network"), ("encode", "encoder"), ("decode", "decoder")):
        if name in functions:
            inputs = dict(known[what].inputs)
            if name == "denoise":
                kind = functions[name].input_signature[1]
                share = inputs.pop("time") / 1000
                last = model.diffusion_steps if isinstance(model, DDPM) else 1
                inputs[kind.name] = (share * last).astype(kind.dtype.as_numpy_dtype)

            def ours(call=functions[name], inputs=inputs):
                return {key: value.numpy() for key, value in call(**inputs).items()}

            asked[name] = Case(inputs, ours, known[what].evaluates)
    return asked
