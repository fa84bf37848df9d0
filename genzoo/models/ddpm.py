"""Denoising diffusion (Ho et al. 2020), sampled by the tables of `genzoo.samplers`."""

import numpy as np

from genzoo import diffusion, rng, samplers
from genzoo.errors import UsageError
from genzoo.models.base import GenerativeModel
from genzoo.networks.unet import UNet
from genzoo.quiet import tf
from genzoo.schedules import make_schedule
from genzoo.spacings import time_pairs


class DDPM(GenerativeModel):
    """diffusion_steps: T.   schedule: 'cosine' or 'linear'.   predict: what the network gives, 'eps', 'x0' or 'v'."""

    sample_options = ("sampler", "steps", "timesteps", "eta", "variance", "clip_denoised")

    def __init__(self, image_shape, num_classes=0, *, diffusion_steps=1000, schedule="cosine", predict="eps",
                 widths=(32, 64, 128), depth=2):  # fmt: skip
        super().__init__(image_shape, num_classes)
        if predict not in diffusion.PREDICTIONS:
            raise UsageError(f"unknown prediction {predict!r}: choose from {', '.join(diffusion.PREDICTIONS)}")
        self.diffusion_steps, self.schedule_name, self.predict_kind = diffusion_steps, schedule, predict
        self.widths, self.depth = tuple(widths), int(depth)
        self.schedule = make_schedule(schedule, diffusion_steps)
        self.alphas_cumprod = self.schedule.alphas_cumprod.astype("float32")
        classes = self.num_classes if self.conditional else 0
        self.build_networks(lambda: UNet(self.image_shape, self.widths, self.depth, classes))
        spec = tf.TensorSpec
        history = spec([samplers.HISTORY - 1, None, *self.image_shape])
        self._compiled_loop = tf.function(self._loop, autograph=False, input_signature=[
            spec([None, *self.image_shape]), history, history,
            spec([None], tf.int32), spec([None, None]), spec([None, None]), spec([None]), spec([None]),
            spec([None], tf.int32), spec([], tf.int64), spec([], tf.int64), spec([], tf.bool),
        ])  # fmt: skip

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1]), tf.zeros([1], tf.int32)

    def get_config(self):
        return super().get_config() | {
            "diffusion_steps": self.diffusion_steps,
            "schedule": self.schedule_name,
            "predict": self.predict_kind,
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
        x_t = diffusion.q_sample(images, eps, abar)
        output = network(x_t, self.network_time(t), self.training_labels(labels, step, training))
        return {"loss": tf.reduce_mean(tf.square(diffusion.target(self.predict_kind, images, eps, abar) - output))}

    def network_time(self, t):
        """t on the scale 0 … 1000 for any T."""
        return tf.cast(t, tf.float32) * (1000 / self.diffusion_steps)

    # Sampling: one compiled loop for every sampler.

    def predict_guided(self, x, t, labels, guidance):
        """The network's output for images x at time t (a scalar); the unconditional family has nothing to guide."""
        return self.ema(x, self.network_time(tf.fill([tf.shape(x)[0]], t)))

    def _loop(self, x, past_image, past_noise, t, image, noise, fresh, guidance, labels, seed, first, clip):
        """Walks the rows of a `samplers.Table`; returns x, the history, and the last predicted image."""

        def body(i, x, images, noises):
            abar = tf.gather(self.alphas_cumprod, t[i])
            x_0 = diffusion.x0_from(self.predict_kind, self.predict_guided(x, t[i], labels, guidance[i]), x, abar)
            x_0 = tf.cond(clip, lambda: tf.clip_by_value(x_0, -1.0, 1.0), lambda: x_0)
            eps = diffusion.eps_from_x0(x, x_0, abar)
            images, noises = tf.concat([x_0[None], images[:-1]], 0), tf.concat([eps[None], noises[:-1]], 0)
            x = tf.tensordot(image[i], images, 1) + tf.tensordot(noise[i], noises, 1)
            step = first + tf.cast(i, tf.int64)
            x = tf.cond(fresh[i] > 0, lambda: x + fresh[i] * rng.normal(tf.shape(x), seed, step, rng.NOISE), lambda: x)
            return i + 1, tf.ensure_shape(x, [None, *self.image_shape]), images, noises

        newest = tf.zeros_like(x)[None]
        state = (0, x, tf.concat([newest, past_image], 0), tf.concat([newest, past_noise], 0))
        return tf.while_loop(lambda i, *_: i < tf.shape(t)[0], body, state)[1:]
    def table(self, sampler="ddpm", steps=None, timesteps="trailing", **options):
        """The `samplers.Table` of a sampler: 'ddpm' over all T steps by default, 'ddim' over 50.

        timesteps: how the steps are spaced, see `spacings`.    options: eta (ddim), variance (ddpm).
        """
        if sampler not in samplers.SAMPLERS:
            raise UsageError(f"unknown sampler {sampler!r}: choose from {', '.join(samplers.SAMPLERS)}")
        if steps is None:
            steps = self.diffusion_steps if sampler == "ddpm" else min(50, self.diffusion_steps)
        pairs = time_pairs(self.schedule, steps, timesteps)
        try:
            return samplers.SAMPLERS[sampler](self.schedule, pairs, **options)
        except TypeError:
            raise UsageError(f"sampler {sampler} does not take {', '.join(options)}") from None

    def ddim_sample(self, n=None, *, steps=50, eta=0.0, clip_denoised=True, timesteps="trailing", **options):
        """`sample` by DDIM (Song et al. 2021): `steps` evaluations; eta 0 is deterministic given the starting noise."""
        return self.sample(
            n, sampler="ddim", steps=steps, eta=eta, clip_denoised=clip_denoised, timesteps=timesteps, **options
        )

    def evaluations(self, guidance=1.0, **options):
        """NFE: network evaluations for one image with these sampling options."""
        options.pop("clip_denoised", None)
        return int(np.sum(self.guided_cost(np.full(len(self.table(**options)), guidance))))

    def guided_cost(self, guidance):
        """Network evaluations in each row, for a vector of guidance scales."""
        return np.ones(len(guidance), int)

    def _stretches(self, n, labels, seed, frames, progress=None, guidance=1.0, clip_denoised=True, **options):
        """Yields (x_t, predicted x_0, next x) after each of `frames` stretches of the way."""
        table = self.table(**options)
        rows = np.arange(len(table))
        scale = np.full(len(rows), guidance)
        cost = self.guided_cost(scale)
        x = rng.normal([n, *self.image_shape], seed, 0, rng.START)
        images = noises = tf.zeros([samplers.HISTORY, *x.shape])
        for part in np.array_split(rows, min(frames, len(rows))):
            before = x
            columns = (table.image, table.noise, table.fresh, scale)
            image, noise, fresh, s = (c[part].astype("float32") for c in columns)
            x, images, noises = self._compiled_loop(
                x, images[:-1], noises[:-1], table.t[part].astype("int32"), image, noise, fresh, s, labels,
                np.int64(seed), np.int64(part[0]), bool(clip_denoised),
            )  # fmt: skip
            if progress:
                progress(int(cost[: part[-1] + 1].sum()), int(cost.sum()))
            yield before, images[0], x

    def generate(self, n, labels, seed, progress, **options):
        *_, (_, _, x) = self._stretches(n, labels, seed, 25 if progress else 1, progress, **options)
        return x

    def trajectory(self, n=None, *, labels=None, seed=0, frames=9, **options):
        """[(x_t, predicted x_0)] at `frames` points of the way, then the finished image beside the last prediction."""
        n, labels = self._requested(n, labels, options)
        path = [[np.asarray(v) for v in step] for step in self._stretches(n, labels, seed, frames, **options)]
        return [(x, x_0) for x, x_0, _ in path] + [(path[-1][2], path[-1][1])]
