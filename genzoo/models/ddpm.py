"""Denoising diffusion (Ho et al. 2020), sampled by the tables of `genzoo.samplers`."""

from dataclasses import dataclass

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.models.base import GenerativeModel
from genzoo.models.editing import Editing
from genzoo.stack import tf


@dataclass(frozen=True)
class Plan:
    """A sampler's table with what acts in each of its K rows.

    guidance, cost: [K], the scale and the network evaluations.   rescale: φ.   clip: see `clipped`.
    """

    table: samplers.Table
    guidance: np.ndarray
    rescale: float
    clip: float
    cost: np.ndarray


class DDPM(Editing, GenerativeModel):
    """Options: diffusion_steps, T.     schedule: 'cosine' or 'linear'; zero_snr rescales it to end in pure noise.
    predict: what the network gives, 'v', 'eps' (as Ho et al.) or 'x0'.      min_snr: γ of the loss weighting, or None.
    """

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.diffusion_steps, self.predict_kind = self.options["diffusion_steps"], self.options["predict"]
        self.schedule = make_schedule(self.options["schedule"], self.diffusion_steps, self.options["zero_snr"])
        self.alphas_cumprod = self.schedule.alphas_cumprod.astype("float32")
        self.build_networks()
        spec = tf.TensorSpec
        history = spec([samplers.HISTORY, None, *self.image_shape])
        self._compiled_loop = tf.function(self._loop, autograph=False, input_signature=[
            spec([None, *self.image_shape]), history, history,
            spec([None], tf.int32), spec([None, None]), spec([None, None]), spec([None]), spec([None]), spec([]),
            spec([None], tf.int32), spec([], tf.int64), spec([], tf.int64), spec([]),
        ])  # fmt: skip

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1]), tf.zeros([1], tf.int32)

    # Training.

    def training_labels(self, labels, step, training):
        """The labels that the network sees, or None."""
        return None

    def loss_terms(self, network, images, labels, step, training):
        size = tf.shape(images)[0]
        # One uniform draw a batch, spread evenly over all times: each t stays uniform, and the loss varies less.
        spread = tf.range(size, dtype=tf.float32) / tf.cast(size, tf.float32)
        u = (rng.uniform([], self.seed, step, rng.TIME) + spread) % 1.0
        t = tf.minimum(tf.cast(u * self.diffusion_steps, tf.int32), self.diffusion_steps - 1)
        eps = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        abar = tf.gather(self.alphas_cumprod, t)[:, None, None, None]
        x_t = formulas.q_sample(images, eps, abar)
        output = network(x_t, self.network_time(t), self.training_labels(labels, step, training))
        error = tf.square(formulas.target(self.predict_kind, images, eps, abar) - output)
        if self.options["min_snr"] is not None:
            error *= formulas.min_snr_weight(self.predict_kind, abar, self.options["min_snr"])
        return {"loss": tf.reduce_mean(error)}

    def network_time(self, t):
        """t on the scale 0 … 1000 for any T."""
        return tf.cast(t, tf.float32) * (1000 / self.diffusion_steps)

    # Sampling: one compiled loop for every sampler.

    def predict_guided(self, x, t, labels, guidance, rescale):
        """The network's output for images x at time t (a scalar); the unconditional family has nothing to guide."""
        return self.ema(x, self.network_time(tf.fill([tf.shape(x)[0]], t)))

    def _loop(self, x, images, noises, t, image, noise, fresh, guidance, rescale, labels, seed, first, clip):
        """Walks the rows of a `samplers.Table`; returns x and the history, images and noises [HISTORY, n, H, W, C]."""

        def body(i, x, images, noises):
            abar = tf.gather(self.alphas_cumprod, t[i])
            output = self.predict_guided(x, t[i], labels, guidance[i], rescale)
            x_0 = clipped(formulas.x0_from(self.predict_kind, output, x, abar), clip)
            eps = formulas.eps_from_x0(x, x_0, abar)
            images, noises = tf.concat([x_0[None], images[:-1]], 0), tf.concat([eps[None], noises[:-1]], 0)
            x = tf.tensordot(image[i], images, 1) + tf.tensordot(noise[i], noises, 1)
            step = first + tf.cast(i, tf.int64)
            noisy = lambda: x + fresh[i] * rng.normal(tf.shape(x), seed, step, rng.NOISE)  # noqa: E731
            x = tf.cond(fresh[i] > 0, noisy, lambda: x)
            return i + 1, tf.ensure_shape(x, [None, *self.image_shape]), images, noises

        return tf.while_loop(lambda i, *_: i < tf.shape(t)[0], body, (0, x, images, noises))[1:]

    def plan(self, pairs=None, task="sample", **asked):
        """Returns the `Plan` of a sampler.

        pairs: the times of each step [S, 2], beside the one that it leads to; by default as many as the option steps, spaced as
        timesteps says.   task: of `families.TASKS`, for the defaults.    asked: options of `sample`:
        clip_denoised: keep the predicted image in [-1, 1], the noise re-derived.
        threshold: a quantile such as 0.995; where that of |prediction| passes 1, the prediction is scaled down by it
        (dynamic thresholding, Saharia et al. 2022).      The others: see `families`.
        """
        options = self.sampling_options(asked, task)
        if pairs is None:
            pairs = time_pairs(self.schedule, options["steps"], options["timesteps"])
        own = {option.name: options[option.name] for option in SAMPLERS[options["sampler"]].options}
        table = samplers.table(options["sampler"], self.schedule, pairs, **own)
        scale = np.full(len(table), options.get("guidance", 1.0))
        if options.get("guidance_interval") is not None:
            low, high = options["guidance_interval"]
            level = np.sqrt(1 / np.maximum(self.schedule.alpha_bar(table.t), 1e-12) - 1)
            scale = np.where((level > low) & (level <= high), scale, 1.0)
        clip = (options["threshold"] or 0.0) if options["clip_denoised"] else -1.0
        return Plan(table, scale, options.get("guidance_rescale", 0.0), clip, self.guided_cost(scale))

    def evaluations(self, **options):
        """NFE: network evaluations for one image with these sampling options."""
        return int(self.plan(**options).cost.sum())

    def guided_cost(self, guidance):
        """Network evaluations in each row, for a vector of guidance scales."""
        return np.ones(len(guidance), int)

    def ddim_sample(self, n=None, **options):
        """`sample` by DDIM (Song et al. 2021); with the default eta of 0 deterministic given the noise."""
        return self.sample(n, sampler="ddim", **options)

    def start(self, n, seed):
        """The noise that samples of this seed begin with, [n, H, W, C]."""
        return rng.normal([n, *self.image_shape], seed, 0, rng.START)

    def walk(self, x, plan, labels, seed=0, frames=1, progress=None, keep=None):
        """Takes x [n, H, W, C] along a `Plan`; yields (x before, predicted x_0, x after) of each of `frames` stretches.

        keep(x, t): changes x between two stretches; t is where x then stands (-1: the image).
        """
        table = plan.table
        labels = np.asarray(labels, np.int32)
        images = noises = tf.zeros([samplers.HISTORY, *x.shape])
        for part in np.array_split(np.arange(len(table)), min(frames, len(table))):
            before, end = x, part[-1] + 1
            columns = (table.image, table.noise, table.fresh, plan.guidance)
            image, noise, fresh, guidance = (c[part].astype("float32") for c in columns)
            x, images, noises = self._compiled_loop(
                x, images, noises, table.t[part].astype("int32"), image, noise, fresh, guidance,
                np.float32(plan.rescale), labels, np.int64(seed), np.int64(part[0]), np.float32(plan.clip),
            )  # fmt: skip
            if keep:
                x = keep(x, int(table.t[end]) if end < len(table) else -1)
            if progress:
                progress(int(plan.cost[:end].sum()), int(plan.cost.sum()))
            yield before, images[0], x

    def way(self, n, labels, seed, frames, progress=None, **options):
        return self.walk(self.start(n, seed), self.plan(**options), labels, seed, frames, progress)


def clipped(x_0, clip):
    """x_0 as it is (clip < 0), kept in [-1, 1] (0), or each image scaled down by its quantile `clip` of |x_0|."""

    def dynamic():
        values = tf.sort(tf.abs(tf.reshape(x_0, [tf.shape(x_0)[0], -1])), axis=1)
        last = tf.shape(values)[1] - 1
        s = values[:, tf.cast(tf.round(clip * tf.cast(last, tf.float32)), tf.int32)]
        s = tf.maximum(s, 1.0)[:, None, None, None]
        return tf.clip_by_value(x_0, -s, s) / s

    kind = tf.cast(clip >= 0, tf.int32) + tf.cast(clip > 0, tf.int32)
    return tf.switch_case(kind, [lambda: x_0, lambda: tf.clip_by_value(x_0, -1.0, 1.0), dynamic])
