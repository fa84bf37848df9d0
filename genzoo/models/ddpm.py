"""Denoising diffusion (Ho et al. 2020), sampled by the tables of `genzoo.diffusion.samplers`."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.errors import UsageError
from genzoo.models.base import GenerativeModel
from genzoo.models.editing import Editing
from genzoo.models.plans import Plan, Rows, clipped
from genzoo.networks.unet import UNet
from genzoo.stack import tf

REPORTS = 25  # of progress, while images are sampled

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
        if zero_snr and min_snr is not None:
            raise UsageError("min_snr gives pure noise, where sampling starts, no weight under zero_snr: leave out one")
        self.diffusion_steps, self.schedule_name, self.zero_snr = diffusion_steps, schedule, bool(zero_snr)
        self.predict_kind, self.min_snr = predict, min_snr
        self.widths, self.depth = tuple(widths), int(depth)
        self.schedule = make_schedule(schedule, diffusion_steps, zero_snr)
        classes = self.num_classes if self.conditional else 0
        self.build_networks(lambda: UNet(self.image_shape, self.widths, self.depth, classes))
        self._compiled_loop = self._compiled()

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
        """The mean squared error of the network's output at random times, weighted by `min_snr`."""
        size = tf.shape(images)[0]
        # One uniform draw a batch is spread evenly over all times: each t stays uniform, and the loss varies less.
        spread = tf.range(size, dtype=tf.float32) / tf.cast(size, tf.float32)
        u = (rng.uniform([], self.seed, step, rng.TIME) + spread) % 1.0
        t = tf.minimum(tf.cast(u * self.diffusion_steps, tf.int32), self.diffusion_steps - 1)

        def at_t(table):  # float64 [T] → float32 [B, 1, 1, 1], to go with images
            return tf.gather(table.astype("float32"), t)[:, None, None, None]

        alpha, sigma = at_t(self.schedule.sqrt_alphas_cumprod), at_t(self.schedule.sqrt_one_minus_alphas_cumprod)
        eps = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        x_t = formulas.q_sample(images, eps, alpha, sigma)
        output = network(x_t, self.network_time(t), self.training_labels(labels, step, training))
        error = tf.square(formulas.target(self.predict_kind, images, eps, alpha, sigma) - output)
        if self.min_snr is not None:
            weights = formulas.min_snr_weight(self.predict_kind, self.schedule.alphas_cumprod, self.min_snr)
            error *= at_t(weights)
        return {"loss": tf.reduce_mean(error)}

    def network_time(self, t):
        """t on the scale 0 … 1000 for any T."""
        return tf.cast(t, tf.float32) * (1000 / self.diffusion_steps)

    # Sampling: one compiled loop for every sampler.

    def predict_guided(self, x, t, labels, guidance, rescale):
        """The network's output for images x at time t (a scalar); the unconditional family has nothing to guide."""
        return self.ema(x, self.network_time(tf.fill([tf.shape(x)[0]], t)))

    def _compiled(self):
        """`_loop` as one graph, for any number of images and of rows."""
        images = tf.TensorSpec([None, *self.image_shape])
        history = tf.TensorSpec([samplers.HISTORY, None, *self.image_shape])
        labels, seed = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int64)
        signature = [images, history, history, Rows.signature(), labels, seed]
        return tf.function(self._loop, autograph=False, input_signature=signature)

    def _loop(self, x, x0_history, eps_history, rows, labels, seed):
        """Walks x [n, H, W, C] along `Rows` of any sampler; returns x and the two histories.

        x0_history, eps_history: [HISTORY, n, H, W, C], the last predicted images and noises, newest first.
        In row i the network reads x; its output becomes x̂_0 and ε̂, the newest of the histories; and then
            x ← Σ_j x0_weights[i, j] x0_history[j] + Σ_j eps_weights[i, j] eps_history[j] + fresh[i] z
        labels: [n], one an image.      seed: z is standard normal noise drawn for it and for the row's number.
        """

        def step(i, x, x0_history, eps_history):
            row = rows.at(i)
            output = self.predict_guided(x, row.t, labels, row.guidance, row.rescale)
            x_0 = clipped(formulas.x0_from(self.predict_kind, output, x, row.alpha, row.sigma), row.clip)
            eps = formulas.eps_from_x0(x, x_0, row.alpha, row.sigma)  # of the clipped image: the two make x
            x0_history = tf.concat([x_0[None], x0_history[:-1]], axis=0)
            eps_history = tf.concat([eps[None], eps_history[:-1]], axis=0)
            x = tf.tensordot(row.x0_weights, x0_history, 1) + tf.tensordot(row.eps_weights, eps_history, 1)

            def noisy():
                return x + row.fresh * rng.normal(tf.shape(x), seed, row.number, rng.NOISE)

            x_next = tf.cond(row.fresh > 0, noisy, lambda: x)
            return i + 1, tf.ensure_shape(x_next, [None, *self.image_shape]), x0_history, eps_history

        _, *end = tf.while_loop(lambda i, *_: i < tf.shape(rows.t)[0], step, (0, x, x0_history, eps_history))
        return end

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
        """The `Plan` of a sampler's way. Raises UsageError for what does not fit.

        sampler: a name of `samplers.SAMPLERS`.      options: those of the sampler, eta (ddim) or variance (ddpm).
        steps: how many times the way visits; all T by default for 'ddpm', 7 for the others.
        timesteps: which times these are, a name of `spacings.SPACINGS`.      pairs: the very times, as `time_pairs`.
        clip_denoised: whether the predicted image is kept in [-1, 1].
        threshold: a quantile such as 0.995. An image whose |prediction| has a quantile above 1 is divided by it, which
        keeps more contrast than cutting does (dynamic thresholding, Saharia et al. 2022).
        guidance, guidance_interval, guidance_rescale: see `CDDPM`.
        """
        if sampler not in samplers.SAMPLERS:
            raise UsageError(f"unknown sampler {sampler!r}: choose from {', '.join(samplers.SAMPLERS)}")
        foreign = sorted(set(options) - set(samplers.options(sampler)))
        if foreign:
            raise UsageError(f"sampler {sampler} does not take {', '.join(foreign)}")
        if threshold is not None and not 0 < threshold <= 1:
            raise UsageError(f"threshold must be a quantile above 0 and at most 1, got {threshold}")
        if not 0 <= guidance_rescale <= 1:
            raise UsageError(f"guidance_rescale must be between 0 and 1, got {guidance_rescale}")
        if pairs is None:
            pairs = time_pairs(self.schedule, self.default_steps(sampler) if steps is None else steps, timesteps)
        table = samplers.SAMPLERS[sampler](self.schedule, pairs, **options)
        scales = self._guidance_scales(table.t, guidance, guidance_interval)
        clip = (threshold or 0.0) if clip_denoised else -1.0
        rows = Rows.of(table, self.schedule, scales, guidance_rescale, clip)
        return Plan(rows, self.guided_cost(rows.guidance))

    def _guidance_scales(self, t, guidance, interval):
        """The scale at each of the times t, [K]: `guidance`, and 1 where the noise level is outside the interval."""
        if interval is None:
            return np.full(len(t), float(guidance))
        low, high = interval
        if not 0 <= low < high:
            raise UsageError(f"guidance_interval must be two rising noise levels, got {low} and {high}")
        level = self.schedule.noise_level(t)
        return np.where((level > low) & (level <= high), float(guidance), 1.0)

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
        """Takes x [n, H, W, C] along a `Plan` in `frames` stretches; yields (x before, predicted x_0, x after) of each.

        labels: n integers.      progress(done, total): called after each stretch, in network evaluations an image.
        keep(x, t): called after each stretch, returns the x to go on with. It stands at t, or at -1: the image.
        """
        labels, times = np.asarray(labels, np.int32), np.append(plan.rows.t, -1)
        x0_history = eps_history = tf.zeros([samplers.HISTORY, *x.shape])
        for part in np.array_split(plan.rows.number, min(frames, len(times) - 1)):
            before, end = x, part[-1] + 1
            x, x0_history, eps_history = self._compiled_loop(
                x, x0_history, eps_history, plan.rows.at(part), labels, np.int64(seed)
            )
            if keep:
                x = keep(x, int(times[end]))
            if progress:
                progress(int(plan.cost[:end].sum()), int(plan.cost.sum()))
            yield before, x0_history[0], x

    def arrive(self, x, plan, labels, seed=0, progress=None, keep=None):
        """Where `walk` ends, [n, H, W, C]. A given `keep` acts after every evaluation."""
        frames = len(plan.cost) if keep else REPORTS if progress else 1
        *_, (_, _, x) = self.walk(x, plan, labels, seed, frames, progress, keep)
        return np.asarray(x)

    def generate(self, n, labels, seed, progress, **options):
        return self.arrive(self.start(n, seed), self.plan(**options), labels, seed, progress)

    def trajectory(self, n=None, *, labels=None, seed=0, frames=9, **options):
        """[(x_t, predicted x_0)] at `frames` points of the way; last come the images and the prediction before them."""
        n, labels = self._requested(n, labels, options)
        way = self.walk(self.start(n, seed), self.plan(**options), labels, seed, frames)
        path = [[np.asarray(v) for v in step] for step in way]
        return [(x, x_0) for x, x_0, _ in path] + [(path[-1][2], path[-1][1])]
