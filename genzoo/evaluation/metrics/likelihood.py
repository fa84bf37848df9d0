"""The likelihood of test images, as an upper bound on -log p(image), for all families under one pixel likelihood.

There is one function for each kind of bound, in the table `BOUNDS`. All take

    model, images uint8 [n, h, w, c], labels int [n], training, seed=0, progress=None

and return {name: Bound}: "elbo", the negative evidence lower bound, and where there is one a tighter "importance".
training: (images, labels) of the training split, for what a bound has to measure on other images.
progress: None, or progress(done, total).
"""

import math
from dataclasses import dataclass

import numpy as np

from genzoo.data.pipeline import permutation
from genzoo.data.pixels import crop, to_float
from genzoo.diffusion.formulas import x0_from
from genzoo.errors import UsageError
from genzoo.evaluation.metrics.bounds import BATCH, elbo_and_importance, log_weights, prediction_mse, variational_nats
from genzoo.evaluation.metrics.pixels import log_levels
from genzoo.models.vae import reparameterize
from genzoo.stack import tf

FITTED, FITTED_DIFFUSION = 500, 32  # training images that variances are measured on; at 25 times each in the second


@dataclass(frozen=True)
class Bound:
    """An upper bound on -log p(image).

    nats: its mean over n images.       error: the standard error of that mean.
    dims: numbers in an image of native size.      method: how the bound was had, in a phrase.
    """

    nats: float
    error: float
    n: int
    dims: int
    method: str

    @property
    def bits_per_dim(self):
        """The bound in bits for one value of a pixel."""
        return self.nats / (self.dims * math.log(2))


def bound(nats, images, method):
    """Returns the `Bound` of nats [n], a value for each of the images [n, h, w, c] of native size."""
    n = len(nats)
    error = nats.std(ddof=1) / n**0.5 if n > 1 else math.nan
    return Bound(float(nats.mean()), float(error), n, math.prod(images.shape[1:]), method)


def likelihood(model, data, n=500, seed=0, progress=None):
    """Returns the bounds of a model, {name: Bound}, as the function of its kind gives them.

    data: an `ImageData`; n of its test images are drawn, and the same for every model.
    Labels are the images' own; guidance has no likelihood.    Raises UsageError for a family without a likelihood.
    """
    entry = model.entry
    if not entry.likelihood:
        raise UsageError(f"{model.family} has no likelihood: {entry.no_likelihood}")

    def drawn(images, labels, count):
        chosen = permutation(len(images), seed)[:count]
        return images[chosen], labels[chosen]

    test, training = drawn(data.test_images, data.test_labels, n), drawn(data.train_images, data.train_labels, FITTED)
    return BOUNDS[entry.likelihood](model, *test, training, seed=seed, progress=progress)


def autoencoder_bounds(model, images, labels, training, seed=0, progress=None, samples=64):
    """The bounds of a VAE or CVAE: {"elbo": Bound, "importance": Bound}, the second of `samples` latents an image.

    Only the native pixels count, not the padding: given z, all are independent.
    progress counts decoded images.     training serves `pixel_variance`.
    """
    variance = pixel_variance(model, *training, seed)

    def log_likelihood(x, mean):
        x, mean = crop(x, images.shape[1:]), crop(mean, images.shape[1:])
        return tf.reduce_sum(log_levels(x, mean, variance**0.5), axis=[1, 2, 3])

    spec = tf.TensorSpec

    @tf.function(autograph=False, input_signature=[
        spec([None, *model.image_shape]), spec([None], tf.int32), spec([None, None, model.latent_dim]),
    ])  # fmt: skip
    def weights(x, labels, noise):
        encode = lambda x: tf.split(model.ema.encoder(x, labels), 2, axis=-1)  # noqa: E731
        return log_weights(encode, lambda z: model.ema.decoder(z, labels), log_likelihood, x, noise)

    weights = weights.get_concrete_function()  # traced once by intent: TensorFlow warns where many models are asked
    rng, n, log_w = np.random.default_rng(seed), len(images), []
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        x = to_float(images[rows])
        noise = rng.standard_normal((samples, len(x), model.latent_dim), np.float32)
        log_w.append(weights(x, labels[rows].astype(np.int32), noise).numpy())
        if progress:
            progress((start + len(x)) * samples, n * samples)
    elbo, importance = elbo_and_importance(np.concatenate(log_w, axis=1).astype(np.float64))
    pixel = f"pixel variance {variance:.2g}"
    return {
        "elbo": bound(elbo, images, f"ELBO, {pixel}"),
        "importance": bound(importance, images, f"{samples}-sample importance-weighted bound, {pixel}"),
    }


def pixel_variance(model, images, labels, seed=0):
    """Returns the σ² on [-1, 1] under which uint8 images [n, h, w, c] are likeliest, given draws from their posteriors.

    It is a parameter of the decoder that the loss leaves out, so that training images have to tell it. For continuous
    pixels it is the mean squared error (Rybkin et al. 2021, σ-VAE). Levels whose outermost bins are open ask for more,
    on MNIST 5 times as much, so that multiples of the error are tried.
    """
    rng, means = np.random.default_rng(seed), []
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        z_mean, z_log_var = tf.split(model.ema.encoder(to_float(images[rows]), labels[rows]), 2, axis=-1)
        z = reparameterize(z_mean, z_log_var, rng.standard_normal(z_mean.shape, np.float32))
        means.append(crop(model.ema.decoder(z, labels[rows]).numpy(), images.shape[1:]))
    x, mean = crop(to_float(images), images.shape[1:]), np.concatenate(means)
    candidates = np.mean((x - mean) ** 2) * 2.0 ** np.arange(-1, 5, 0.25)
    return max(candidates.tolist(), key=lambda v: float(tf.reduce_mean(log_levels(x, mean, v**0.5))))


def denoiser(model):
    """Returns a function x_t, t, labels → predicted x_0, float64: the averaged network of a DDPM or CDDPM, unguided."""
    spec = tf.TensorSpec([None], tf.int32)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, *model.image_shape]), spec, spec])
    def network(x, t, labels):
        return model.ema(x, model.network_time(t), labels)

    network = network.get_concrete_function()

    def denoise(x, t, labels):
        output = network(x.astype(np.float32), t.astype(np.int32), labels.astype(np.int32))
        return x0_from(model.predict_kind, output.numpy(), x, *model.schedule.alpha_sigma(t[:, None, None, None]))

    return denoise


def diffusion_bound(model, images, labels, training, seed=0, progress=None, terms=7):
    """The variational bound of a DDPM or CDDPM: {"elbo": Bound}. `terms` as in `variational_nats`, None for all T.

    The chain makes padded images. The bound is on the -log p of those, which is at least that of the native pixels, and
    is given as theirs.       progress counts evaluations.     training serves the variances of `bounds.step_nats`.
    """
    schedule, denoise = model.schedule, denoiser(model)
    x_0, seen = (to_float(v).astype(np.float64) for v in (images, training[0][:FITTED_DIFFUSION]))
    told, told_seen = (np.asarray(model.network_labels(x.astype(np.float32), given)) for x, given in
                       ((x_0, labels), (seen, training[1][:FITTED_DIFFUSION])))  # fmt: skip
    mse = prediction_mse(denoise, schedule, seen, told_seen, seed)
    # -log p(x) ≤ -log p(c) - log p(x|c) for any label c that the model invents
    nats = model.label_nats(told) + variational_nats(denoise, schedule, x_0, told, mse, terms, seed, progress)
    steps = len(schedule)
    some = terms is not None and terms < steps - 1
    count = f"{terms + 1} of {steps} terms an image, unbiased" if some else f"all {steps} terms"
    return {"elbo": bound(nats, images, f"variational bound, {count}")}


def own_bound(model, images, labels, training, seed=0, progress=None):
    """What a model says itself: {"elbo": Bound}, from `model.nats(images, labels, training, seed)`.

    That returns -log p of each image, or an upper bound on it, in nats [n]; and in a phrase how it was had.
    """
    nats, method = model.nats(images, labels, training, seed)
    return {"elbo": bound(np.asarray(nats, np.float64), images, method)}


BOUNDS = {"latent": autoencoder_bounds, "diffusion": diffusion_bound, "own": own_bound}
