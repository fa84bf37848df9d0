"""Denoising diffusion (Ho et al. 2020), sampled by the tables of `genzoo.diffusion.samplers`."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.models.base import PARTS, GenerativeModel
from genzoo.models.editing import Editing
from genzoo.models.guidance import Guided, cost
from genzoo.models.plans import Plan, Rows, clipped
from genzoo.stack import tf


class DDPM(Guided, Editing, GenerativeModel):
    """Options: diffusion_steps, T.       schedule: 'cosine' or 'linear'; zero_snr rescales it to end in pure noise.
    predict: what the network gives, 'v', 'eps' (as Ho et al.) or 'x0'.      min_snr: γ of the loss weighting, or None.
    """

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.diffusion_steps, self.predict_kind = self.options["diffusion_steps"], self.options["predict"]
        self.schedule = make_schedule(self.options["schedule"], self.diffusion_steps, self.options["zero_snr"])
        self.build_networks()
        self.make_clusters()
        self._compiled_loop = self._compiled()

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1]), tf.zeros([1], tf.int32)

    # Training.

    def loss_terms(self, network, images, labels, step, training):
        """The mean squared error of the network's output at random times, weighted by `min_snr`."""
        u = rng.spread_uniform(tf.shape(images)[0], self.seed, step, rng.TIME)
        t = tf.minimum(tf.cast(u * self.diffusion_steps, tf.int32), self.diffusion_steps - 1)

        def at_t(table):  # float64 [T] → float32 [B, 1, 1, 1], to go with images
            return tf.gather(table.astype("float32"), t)[:, None, None, None]

        alpha, sigma = at_t(self.schedule.sqrt_alphas_cumprod), at_t(self.schedule.sqrt_one_minus_alphas_cumprod)
        eps = rng.normal(tf.shape(images), self.seed, step, rng.NOISE)
        x_t = formulas.q_sample(images, eps, alpha, sigma)
        told = self.training_labels(images, labels, step, training)
        output = network(x_t, self.network_time(t), told)
        error = tf.square(formulas.target(self.predict_kind, images, eps, alpha, sigma) - output)
        if (gamma := self.options["min_snr"]) is not None:
            weights = formulas.min_snr_weight(self.predict_kind, self.schedule.alphas_cumprod, gamma)
            error *= at_t(weights)
        return {"loss": tf.reduce_mean(error)}

    def network_time(self, t):
        """t on the scale 0 … 1000 for any T."""
        return tf.cast(t, tf.float32) * (1000 / self.diffusion_steps)

    # Sampling: one compiled loop for every sampler.

    def predict_guided(self, x, t, labels, guidance, rescale):
        """The network's guided output for images x at time t (a scalar)."""
        time = self.network_time(tf.fill([tf.shape(x)[0]], t))
        return self.guided(self.ema, x, time, labels, guidance, rescale)

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

    def plan(self, pairs=None, task="sample", **asked):
        """Returns the `Plan` of a sampler's way. Raises UsageError for what does not fit.

        pairs: the times to visit, as `time_pairs` gives them; by default as the options steps and timesteps say.
        task: of `families.TASKS`, for the defaults of the options.        asked: options of `sample`, among them
        clip_denoised: whether the predicted image is kept in [-1, 1].
        threshold: a quantile such as 0.995. An image whose |prediction| has a quantile above 1 is divided by it, which
        keeps more contrast than cutting does (dynamic thresholding, Saharia et al. 2022).
        """
        options = self.sampling_options(asked, task)
        if pairs is None:
            pairs = time_pairs(self.schedule, options["steps"], options["timesteps"])
        own = {option.name: options[option.name] for option in SAMPLERS[options["sampler"]].options}
        table = samplers.table(options["sampler"], self.schedule, pairs, **own)
        clip = (options["threshold"] or 0.0) if options["clip_denoised"] else -1.0
        guidance = self.guidance_scales(self.schedule.noise_level(table.t), options)
        rows = Rows.of(table, self.schedule, guidance, options["guidance_rescale"], clip)
        return Plan(rows, cost(rows.guidance))

    def evaluations(self, **options):
        """NFE: network evaluations for one image with these sampling options."""
        return int(self.plan(**options).cost.sum())

    def ddim_sample(self, n=None, **options):
        """`sample` by DDIM (Song et al. 2021); with the default eta of 0 deterministic given the noise."""
        return self.sample(n, sampler="ddim", **options)

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
        frames = len(plan.cost) if keep else PARTS if progress else 1
        *_, (_, _, x) = self.walk(x, plan, labels, seed, frames, progress, keep)
        return np.asarray(x)

    def way(self, n, labels, seed, frames, progress=None, **options):
        labels = self.labels_to_draw(labels, seed)
        return self.walk(self.start(n, seed), self.plan(**options), labels, seed, frames, progress)
