"""What the deterministic path of a diffusion model is good for: from images to noise and back."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.diffusion.spacings import time_pairs, time_steps
from genzoo.errors import UsageError
from genzoo.stack import tf

INVERSION_STEPS = 50  # between an image and its noise, where none are asked for


def slerp(a, b, u):
    """The point at u in [0, 1] on the great circle from noise a to noise b, each [n, H, W, C]; u = 0 gives a.

    Gaussian noise lies near a sphere: points on the straight line between two draws are too short (Shoemake 1985).
    """
    flat_a, flat_b = (v.reshape(len(v), -1) for v in (a, b))
    norms = np.linalg.norm(flat_a, axis=1) * np.linalg.norm(flat_b, axis=1)
    angle = np.arccos(np.clip((flat_a * flat_b).sum(1) / np.maximum(norms, 1e-12), -1, 1))[:, None, None, None]
    near = np.sin(angle) < 1e-6
    sine = np.where(near, 1, np.sin(angle))
    return np.where(near, (1 - u) * a + u * b, (np.sin((1 - u) * angle) * a + np.sin(u * angle) * b) / sine)


class Editing:
    """For `DDPM`: inversion, and what starts from a given image. labels: one an image, for families that take them."""

    def _given(self, images, labels):
        images = self.check_images(images)
        if self.conditional and labels is None:
            raise UsageError(f"{self.family} needs a label for each of the {len(images)} images")
        return images, self._labels(len(images), labels)[1]

    def _way(self, steps):
        return min(INVERSION_STEPS, self.diffusion_steps) if steps is None else steps

    def _last(self, x, plan, labels, seed=0, progress=None, keep=None):
        frames = len(plan.table) if keep else 25 if progress else 1
        *_, (_, _, x) = self.walk(x, plan, labels, seed, frames, progress, keep)
        return np.asarray(x)

    def invert(self, images, labels=None, *, steps=None, timesteps="trailing", **options):
        """Images → the noise that DDIM (eta 0, not clipped) makes them from, [n, H, W, C]: its steps walked backwards.

        Song et al. 2021, section 4.3. The error falls as `steps` grows: each step takes ε where it sets out.
        """
        images, labels = self._given(images, labels)
        steps = self._way(steps)
        t = np.unique(np.append(time_steps(self.schedule, steps, timesteps), 0))  # an image counts as x at t = 0
        if len(t) == 1:
            return images
        pairs = np.stack([t[:-1], t[1:]], axis=1)
        return self._last(images, self.plan("ddim", pairs=pairs, clip_denoised=False, **options), labels)

    def _from_noise(self, noise, labels, steps, timesteps, **options):
        plan = self.plan("ddim", self._way(steps), timesteps, clip_denoised=False, **options)
        return np.clip(self._last(tf.constant(noise, tf.float32), plan, labels), -1, 1)

    def reconstruct(self, images, labels=None, *, steps=None, timesteps="trailing", **options):
        """Images through their noise and back, [n, H, W, C]."""
        labels = self._given(images, labels)[1]
        asked = labels if self.conditional else None
        noise = self.invert(images, asked, steps=steps, timesteps=timesteps, **options)
        return self._from_noise(noise, labels, steps, timesteps, **options)

    def interpolate(self, a, b, steps, labels=None, *, ddim_steps=None, **options):
        """[steps, n, H, W, C]: from images a to images b on the great circle between their noises."""
        numbers = self._given(a, labels)[1]
        z_a, z_b = (self.invert(images, labels, steps=ddim_steps, **options) for images in (a, b))
        way = (slerp(z_a, z_b, u) for u in np.linspace(0, 1, steps))
        return np.stack([self._from_noise(z, numbers, ddim_steps, "trailing", **options) for z in way])

    def _start_from(self, images, seed, t):
        abar = self.schedule.alpha_bar(t)
        noise = rng.normal(images.shape, seed, 0, rng.START)
        return formulas.q_sample(images, noise, abar).numpy().astype("float32")

    def img2img(
        self, images, labels=None, *, strength=0.6, seed=0, sampler="ddim", steps=None, timesteps="trailing",
        progress=None, **options,
    ):  # fmt: skip
        """New images after given ones: noised to `strength` of the way, then denoised (Meng et al. 2022, SDEdit).

        strength: above 0 (nearly the image) to 1 (a new sample). Of the `steps`, only that share is walked.
        """
        if not 0 < strength <= 1:
            raise UsageError(f"strength must be above 0 and at most 1, got {strength}")
        images, labels = self._given(images, labels)
        steps = self._way(steps)
        pairs = time_pairs(self.schedule, steps, timesteps)[-max(1, round(strength * steps)) :]
        plan = self.plan(sampler, pairs=pairs, **options)
        start = self._start_from(images, seed, pairs[0, 0])
        return np.clip(self._last(start, plan, labels, seed, progress), -1, 1)

    def inpaint(
        self, images, mask, labels=None, *, seed=0, sampler="ddpm", steps=None, timesteps="trailing",
        progress=None, **options,
    ):  # fmt: skip
        """Images with the masked part made anew: the rest is put back, as noisy as it should be, after every step
        (Song et al. 2021b, appendix I.2; Lugmayr et al. 2022).

        mask: [H, W] or [n, H, W], true (or 1) where the image is to be made.    steps: 250 by default, at most T.
        Only the samplers that remember no earlier step can: ddpm and ddim.
        """
        images, labels = self._given(images, labels)
        mask = np.asarray(mask)
        if mask.shape not in (images.shape[1:3], images.shape[:3]):
            n, height, width, _ = images.shape
            raise UsageError(f"mask must have shape [{height}, {width}] or [{n}, {height}, {width}], got {mask.shape}")
        if sampler not in ("ddpm", "ddim"):
            raise UsageError(f"inpaint works with ddpm and ddim, which remember no earlier step; got {sampler!r}")
        made = np.broadcast_to(mask.astype(bool), images.shape[:3])[..., None]
        steps = min(250, self.diffusion_steps) if steps is None else steps

        def keep(x, t):
            noise, abar = rng.normal(images.shape, seed, t + 2, rng.START), np.float32(self.schedule.alpha_bar(t))
            return tf.where(made, x, formulas.q_sample(images, noise, abar))

        plan = self.plan(sampler, steps, timesteps, **options)
        x = self._start_from(images, seed, plan.table.t[0])
        return np.clip(self._last(x, plan, labels, seed, progress, keep), -1, 1)
