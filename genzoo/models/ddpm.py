"""Denoising diffusion (Ho et al. 2020), sampled by the tables of `genzoo.samplers`."""

from dataclasses import dataclass

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.errors import UsageError
from genzoo.models.base import GenerativeModel
from genzoo.models.editing import Editing
from genzoo.networks.unet import UNet
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
    """diffusion_steps: T.       schedule: 'cosine' or 'linear'; zero_snr rescales it to end in pure noise.
    predict: what the network gives, 'v', 'eps' (as Ho et al.) or 'x0'.      min_snr: γ of the loss weighting, or None.
    """

    sample_options = ("sampler", "steps", "timesteps", "eta", "variance", "clip_denoised", "threshold")

    def __init__(self, image_shape, num_classes=0, *, diffusion_steps=1000, schedule="cosine", zero_snr=False,
                 predict="v", min_snr=None, widths=(32, 64, 96), depth=1, **options):  # fmt: skip
        super().__init__(image_shape, num_classes, **options)
        if predict not in formulas.PREDICTIONS:
            raise UsageError(f"unknown prediction {predict!r}: choose from {', '.join(formulas.PREDICTIONS)}")
        if zero_snr and predict == "eps":
            raise UsageError("zero_snr needs predict v or x0: at pure noise, eps says nothing about the image")
        if min_snr is not None and min_snr <= 0:
            raise UsageError(f"min_snr must be above 0, such as 5, got {min_snr}")
        self.diffusion_steps, self.schedule_name, self.zero_snr = diffusion_steps, schedule, bool(zero_snr)
        self.predict_kind, self.min_snr = predict, min_snr
        self.widths, self.depth = tuple(widths), int(depth)
        self.schedule = make_schedule(schedule, diffusion_steps, zero_snr)
        self.alphas_cumprod = self.schedule.alphas_cumprod.astype("float32")
        classes = self.num_classes if self.conditional else 0
        self.build_networks(lambda: UNet(self.image_shape, self.widths, self.depth, classes))
        spec = tf.TensorSpec
        history = spec([samplers.HISTORY, None, *self.image_shape])
        self._compiled_loop = tf.function(self._loop, autograph=False, input_signature=[
            spec([None, *self.image_shape]), history, history,
            spec([None], tf.int32), spec([None, None]), spec([None, None]), spec([None]), spec([None]), spec([]),
            spec([None], tf.int32), spec([], tf.int64), spec([], tf.int64), spec([]),
        ])  # fmt: skip

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1]), tf.zeros([1], tf.int32)

    def get_config(self):
        return super().get_config() | {
            "diffusion_steps": self.diffusion_steps,
            "schedule": self.schedule_name,
            "zero_snr": self.zero_snr,
            "predict": self.predict_kind,
            "min_snr": self.min_snr,
            "widths": list(self.widths),
            "depth": self.depth,
        }

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
        if self.min_snr is not None:
            error *= formulas.min_snr_weight(self.predict_kind, abar, self.min_snr)
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

    def plan(
        self,
        sampler="ddpm",
        steps=None,
        timesteps="trailing",
        *,
        clip_denoised=True,
        threshold=None,
        guidance=1.0,
        guidance_interval=None,
        guidance_rescale=0.0,
        pairs=None,
        **options,
    ):
        """The `Plan` of a sampler: 'ddpm' over all T steps by default, the others over 7.

        timesteps: how the steps are spaced, see `spacings`; `pairs` says each.  options: eta (ddim), variance (ddpm).
        clip_denoised: keep the predicted image in [-1, 1], the noise re-derived.
        threshold: a quantile such as 0.995; where that of |prediction| passes 1, the prediction is scaled down by it
        (dynamic thresholding, Saharia et al. 2022).
        """
        if sampler not in samplers.SAMPLERS:
            raise UsageError(f"unknown sampler {sampler!r}: choose from {', '.join(samplers.SAMPLERS)}")
        if threshold is not None and not 0 < threshold <= 1:
            raise UsageError(f"threshold must be a quantile above 0 and at most 1, got {threshold}")
        if not 0 <= guidance_rescale <= 1:
            raise UsageError(f"guidance_rescale must be between 0 and 1, got {guidance_rescale}")
        if pairs is None:
            pairs = time_pairs(self.schedule, self.default_steps(sampler) if steps is None else steps, timesteps)
        try:
            table = samplers.SAMPLERS[sampler](self.schedule, pairs, **options)
        except TypeError:
            raise UsageError(f"sampler {sampler} does not take {', '.join(options)}") from None
        scale = np.full(len(table), float(guidance))
        if guidance_interval is not None:
            low, high = guidance_interval
            if not 0 <= low < high:
                raise UsageError(f"guidance_interval must be two rising noise levels, got {low} and {high}")
            level = np.sqrt(1 / np.maximum(self.schedule.alpha_bar(table.t), 1e-12) - 1)
            scale = np.where((level > low) & (level <= high), scale, 1.0)
        clip = (threshold or 0.0) if clip_denoised else -1.0
        return Plan(table, scale, float(guidance_rescale), clip, self.guided_cost(scale))

    def default_steps(self, sampler):
        """The number of steps where none is asked for."""
        return self.diffusion_steps if sampler == "ddpm" else min(samplers.STEPS, self.diffusion_steps)

    def evaluations(self, **options):
        """NFE: network evaluations for one image with these sampling options."""
        return int(self.plan(**options).cost.sum())

    def guided_cost(self, guidance):
        """Network evaluations in each row, for a vector of guidance scales."""
        return np.ones(len(guidance), int)

    def ddim_sample(self, n=None, *, steps=None, eta=0.0, clip_denoised=True, timesteps="trailing", **options):
        """`sample` by DDIM (Song et al. 2021), 7 steps by default; eta 0 is deterministic given the noise."""
        return self.sample(
            n, sampler="ddim", steps=steps, eta=eta, clip_denoised=clip_denoised, timesteps=timesteps, **options
        )

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

    def generate(self, n, labels, seed, progress, **options):
        frames = 25 if progress else 1
        *_, (_, _, x) = self.walk(self.start(n, seed), self.plan(**options), labels, seed, frames, progress)
        return x

    def trajectory(self, n=None, *, labels=None, seed=0, frames=9, **options):
        """[(x_t, predicted x_0)] at `frames` points of the way, then the finished image beside the last prediction."""
        n, labels = self._requested(n, labels, options)
        way = self.walk(self.start(n, seed), self.plan(**options), labels, seed, frames)
        path = [[np.asarray(v) for v in step] for step in way]
        return [(x, x_0) for x, x_0, _ in path] + [(path[-1][2], path[-1][1])]


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
