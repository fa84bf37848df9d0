"""Models small enough to train and sample within a test, and data to go with them."""

import contextlib
import warnings

import numpy as np
import pytest

import genzoo
from genzoo.data.pipeline import untuned
from genzoo.models.families import MODELS
from genzoo.stack import keras, tf, tf_variable

AUTOENCODERS = ("ae", "vae", "cvae")
DIFFUSION = ("ddpm", "cddpm")
# One level, since a layer more is a tenth of a second more wherever a model is made or traced.
OPTIONS = {name: {"widths": (8,)} for name in MODELS} | {
    "ae": {"widths": (8,), "latent_dim": 6},
    "vae": {"widths": (8,), "latent_dim": 6},
    "cvae": {"widths": (8,), "latent_dim": 6},
    "ddpm": {"widths": (8,), "depth": 1, "diffusion_steps": 20},
    "cddpm": {"widths": (8,), "depth": 1, "diffusion_steps": 20},
}
CLASSES = 4
# Two networks with all that one can have, labels too: the one draws latents; the other noise, times, labels to hide.
WHOLE = ("cvae", "cddpm")


def families(slow=(pytest.mark.slow, pytest.mark.once)):
    """All families, to parametrize a test with; those that are not WHOLE are marked as given."""
    return [name if name in WHOLE else pytest.param(name, marks=slow) for name in MODELS]


def small(name, image_shape=(8, 8, 1), num_classes=CLASSES, **options):
    """A tiny model of a family; its weights are the same at every call."""
    keras.utils.set_random_seed(0)
    return genzoo.build(name, image_shape=image_shape, num_classes=num_classes, **OPTIONS[name] | options)


def shared(name, lr=1e-3, **options):
    """The compiled model of these options that the tests of a file share, its weights and its optimizer as new.

    It takes seconds to trace a graph, and megabytes that TensorFlow never gives back. A test that changes anything else
    of its model (a network, a method, `seed`), or needs two, makes its own: `small`.
    """
    key = name, repr(sorted(options.items()))
    if key not in _SHARED:
        model = compiled(small(name, **options))
        variables = [*model.state_variables().values(), *map(tf_variable, model.optimizer.variables)]
        _SHARED[key] = model, [(variable, variable.numpy()) for variable in variables]
    model, start = _SHARED[key]
    for variable, value in start:
        variable.assign(value)
    model.optimizer.learning_rate = lr
    return model


def forget():
    """Lets the shared models go, and their graphs.

    TensorFlow keeps the gradient of each traced `tf.custom_gradient`, and with it the graph, under a name for ever.
    """
    from tensorflow.python.framework import ops  # here, since genzoo.stack has to import TensorFlow first

    _SHARED.clear()
    gradients = ops.gradient_registry._registry
    for name in [name for name in gradients if name.startswith("CustomGradient-")]:
        del gradients[name]


_SHARED = {}


def shaken(model, seed=0, scale=0.1):
    """The model with all sampling weights moved away from their start (where some are zero)."""
    rng = np.random.default_rng(seed)
    arrays = model.weights_dict()
    if len(arrays) > len(model.ema.weights):  # there is more than the network's: what is fitted to images
        some = images(250, model.image_shape)
        model.prepare_training(some)
        model.prepare_sampling(some, np.arange(250) % max(1, model.num_classes))
        arrays = model.weights_dict()
    moved = {k: v + scale * rng.normal(size=v.shape).astype(v.dtype) for k, v in arrays.items() if k.startswith("ema.")}
    model.load_weights_dict(arrays | moved)
    return model


def images(n, image_shape=(8, 8, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *image_shape)).astype("float32")


def dataset(n=32, batch=16, image_shape=(8, 8, 1)):
    labels = (np.arange(n) % CLASSES).astype("int32")
    return untuned(tf.data.Dataset.from_tensor_slices({"image": images(n, image_shape), "label": labels}).batch(batch))


@contextlib.contextmanager
def eagerly():
    """No graph is traced in this context, but those of tf.data: quicker for what runs a few times only."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions_eagerly`")
            yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def few_latents():
    """A run of an autoencoder fits its mixture to so few images in this context: to more takes longer than to train."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SAMPLING_IMAGES", "PREVIEW_IMAGES"):
            patch.setattr(f"genzoo.training.loop.{name}", 200)
        yield


def compiled(model, lr=1e-3, **options):
    model.compile(**{"optimizer": keras.optimizers.Adam(lr), "jit_compile": False} | options)
    return model
