"""Editing: what a diffusion model makes of given images, by going from images to noise and back."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.diffusion.spacings import time_pairs, time_steps
from genzoo.errors import UsageError

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


# What inversion fixes: it walks the deterministic path of DDIM, and from noise the same path back.
_PATH = {"sampler": "ddim", "eta": 0.0, "clip_denoised": False, "threshold": None}


class Editing:
    """For `DDPM`: inversion, and what starts from given images.

    images: [n, H, W, C] in [-1, 1].     labels: one an image, for families that take them.
    steps, timesteps, options: as in `DDPM.plan`; 50 steps by default, or T where that is fewer.
    """

    def _given(self, images, labels):
        """Both, checked; labels are zeros where the family takes none."""
        images = self.check_images(images)
        if self.conditional and labels is None:
            raise UsageError(f"{self.family} needs a label for each of the {len(images)} images")
        return images, self._labels(len(images), labels)[1]

    def _steps(self, asked, default=INVERSION_STEPS):
        return min(default, self.diffusion_steps) if asked is None else asked

    def _path_options(self, options):
        """Options of `plan` for the deterministic path; raises UsageError where the given ones would leave it."""
        for name, fixed in _PATH.items():
            given = options.get(name, fixed)
            if given != fixed:
                raise UsageError(f"images are inverted by deterministic DDIM: {name} must be {fixed}, got {given}")
        return options | _PATH

    def invert(self, images, labels=None, *, steps=None, timesteps="trailing", **options):
        """The noise that deterministic DDIM makes the images from, [n, H, W, C]: its steps walked backwards.

        Song et al. 2021, section 4.3. Each step takes ε where it sets out, so that the error falls as `steps` grows.
        """
        images, labels = self._given(images, labels)
        options = self._path_options(options)
        t = np.unique(np.append(time_steps(self.schedule, self._steps(steps), timesteps), 0))
        if len(t) == 1:  # the one step from noise to images is from t = 0, and an image counts as x at t = 0
            return images
        pairs = np.stack([t[:-1], t[1:]], axis=1)
        return self.arrive(images, self.plan(pairs=pairs, **options), labels)

    def _from_noise(self, noise, labels, steps, timesteps, options):
        """The way back of `invert`."""
        plan = self.plan(steps=self._steps(steps), timesteps=timesteps, **self._path_options(options))
        return np.clip(self.arrive(noise.astype("float32"), plan, labels), -1, 1)

    def reconstruct(self, images, labels=None, *, steps=None, timesteps="trailing", **options):
        """Images through their noise and back, [n, H, W, C]."""
        noise = self.invert(images, labels, steps=steps, timesteps=timesteps, **options)
        return self._from_noise(noise, self._given(images, labels)[1], steps, timesteps, options)

    def interpolate(self, a, b, steps, labels=None, *, ddim_steps=None, timesteps="trailing", **options):
        """[steps, n, H, W, C]: from images a to images b on the great circle between their noises."""
        start, end = (self.invert(v, labels, steps=ddim_steps, timesteps=timesteps, **options) for v in (a, b))
        labels = self._given(a, labels)[1]
        noises = (slerp(start, end, u) for u in np.linspace(0, 1, steps))
        return np.stack([self._from_noise(noise, labels, ddim_steps, timesteps, options) for noise in noises])

    def _noised(self, images, t, seed, number):
        """The images at time t: `q_sample` with the noise of a seed and a number, float32."""
        alpha, sigma = (share.astype("float32") for share in self.schedule.alpha_sigma(t))
        return formulas.q_sample(images, rng.normal(images.shape, seed, number, rng.START).numpy(), alpha, sigma)

    def img2img(
        self, images, labels=None, *, strength=0.6, seed=0, sampler="ddim", steps=None, timesteps="trailing",
        progress=None, **options,
    ):  # fmt: skip
        """New images after the given ones: noised to `strength` of the way, then denoised (SDEdit, Meng et al. 2022).

        strength: from above 0 (nearly the image) to 1 (a new sample). Only that share of the `steps` is walked.
        """
        if not 0 < strength <= 1:
            raise UsageError(f"strength must be above 0 and at most 1, got {strength}")
        images, labels = self._given(images, labels)
        steps = self._steps(steps)
        pairs = time_pairs(self.schedule, steps, timesteps)[-max(1, round(strength * steps)) :]
        plan = self.plan(sampler, pairs=pairs, **options)
        start = self._noised(images, pairs[0, 0], seed, number=0)
        return np.clip(self.arrive(start, plan, labels, seed, progress), -1, 1)

    def inpaint(
        self, images, mask, labels=None, *, seed=0, sampler="ddpm", steps=None, timesteps="trailing",
        progress=None, **options,
    ):  # fmt: skip
        """Images with the masked part made anew (Song et al. 2021b, appendix I.2; Lugmayr et al. 2022).

        After every step the rest is put back, as noisy as it should be there.
        mask: [H, W] or [n, H, W], true (or 1) where the image is to be made.      steps: 250 by default, or T.
        Only the samplers that remember no earlier step can do it: ddpm and ddim.
        """
        images, labels = self._given(images, labels)
        mask = np.asarray(mask)
        if mask.shape not in (images.shape[1:3], images.shape[:3]):
            n, height, width, _ = images.shape
            raise UsageError(f"mask must have shape [{height}, {width}] or [{n}, {height}, {width}], got {mask.shape}")
        if sampler not in ("ddpm", "ddim"):
            raise UsageError(f"inpaint works with ddpm and ddim, which remember no earlier step; got {sampler!r}")
        made = np.broadcast_to(mask.astype(bool), images.shape[:3])[..., None]

        def keep(x, t):
            return np.where(made, x, self._noised(images, t, seed, number=t + 2))  # 0 is the start's, 1 that of t = -1

        plan = self.plan(sampler, self._steps(steps, 250), timesteps, **options)
        start = self._noised(images, plan.rows.t[0], seed, number=0)
        return np.clip(self.arrive(start, plan, labels, seed, progress, keep), -1, 1)
