"""Editing: what a diffusion model makes of given images, by going from images to noise and back."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.diffusion.spacings import time_pairs, time_steps
from genzoo.errors import UsageError


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


# Inversion walks the deterministic path of DDIM, and from noise the same path back: these cannot be asked otherwise.
_PATH = {"sampler": "ddim", "eta": 0.0, "clip_denoised": False, "threshold": None}


class Editing:
    """For `DDPM`: inversion, and what starts from given images.

    images: [n, H, W, C] in [-1, 1].     labels: one an image, for families that take them.
    asked: options of `sample`, with the defaults of a task of `families.TASKS`.
    """

    def _given(self, images, labels, seen=None):
        """The images, checked, and the labels that the network is told of them.     seen: as of `network_labels`."""
        images = self.check_images(images)
        if self.conditional and labels is None:
            raise UsageError(f"{self.family} needs a label for each of the {len(images)} images")
        return images, np.asarray(self.network_labels(images, self._labels(len(images), labels)[1], seen))

    def _inversion(self, asked):
        """Returns the options of the way to the noise and back; raises UsageError where they would leave it."""
        for name, fixed in _PATH.items():
            given = asked.get(name, fixed)
            if given != fixed:
                raise UsageError(f"images are inverted by deterministic DDIM: {name} must be {fixed}, got {given}")
        return self.sampling_options(asked, "invert")

    def invert(self, images, labels=None, **asked):
        """Returns the noise that deterministic DDIM makes the images from, [n, H, W, C]: its steps walked backwards.

        Song et al. 2021, section 4.3. Each step takes ε where it sets out: the error falls as `steps` (50) grows.
        """
        images, labels = self._given(images, labels)
        options = self._inversion(asked)
        t = np.unique(np.append(time_steps(self.schedule, options["steps"], options["timesteps"]), 0))
        if len(t) == 1:  # the one step from noise to images is from t = 0, and an image counts as x at t = 0
            return images
        pairs = np.stack([t[:-1], t[1:]], axis=1)
        return self.arrive(images, self.plan(pairs, "invert", **asked), labels)

    def _from_noise(self, noise, labels, asked):
        """The way back of `invert`."""
        return np.clip(self.arrive(noise.astype("float32"), self.plan(task="invert", **asked), labels), -1, 1)

    def reconstruct(self, images, labels=None, **asked):
        """Returns images that went to their noise and back, [n, H, W, C]; asked: as of `invert`."""
        noise = self.invert(images, labels, **asked)
        return self._from_noise(noise, self._given(images, labels)[1], asked)

    def interpolate(self, a, b, steps, labels=None, *, ddim_steps=None, **asked):
        """Returns [steps, n, H, W, C]: from images a to images b on the great circle between their noises.

        ddim_steps: between an image and its noise, 50 by default.        asked: further options, as of `invert`.
        """
        asked = {**asked, "steps": ddim_steps}
        start, end = (self.invert(images, labels, **asked) for images in (a, b))
        labels = self._given(a, labels)[1]
        noises = (slerp(start, end, u) for u in np.linspace(0, 1, steps))
        return np.stack([self._from_noise(noise, labels, asked) for noise in noises])

    def _noised(self, images, t, seed, number):
        """The images at time t: `q_sample` with the noise of a seed and a number, float32."""
        alpha, sigma = (share.astype("float32") for share in self.schedule.alpha_sigma(t))
        return formulas.q_sample(images, rng.normal(images.shape, seed, number, rng.START).numpy(), alpha, sigma)

    def img2img(self, images, labels=None, *, strength=0.6, seed=0, progress=None, **asked):
        """Returns new images after the given ones, noised to `strength` of the way, then denoised.

        This is SDEdit (Meng et al. 2022).
        strength: from above 0 (nearly the image) to 1 (a new sample). Only that share of the `steps` is walked.
        """
        if not 0 < strength <= 1:
            raise UsageError(f"strength must be above 0 and at most 1, got {strength}")
        images, labels = self._given(images, labels)
        options = self.sampling_options(asked, "img2img")
        pairs = time_pairs(self.schedule, options["steps"], options["timesteps"])
        pairs = pairs[-max(1, round(strength * len(pairs))) :]
        plan, start = self.plan(pairs, "img2img", **asked), self._noised(images, pairs[0, 0], seed, number=0)
        return np.clip(self.arrive(start, plan, labels, seed, progress), -1, 1)

    def inpaint(self, images, mask, labels=None, *, seed=0, progress=None, **asked):
        """Returns images with the masked part made anew (Song et al. 2021b, appendix I.2; Lugmayr et al. 2022).

        After every step the rest is put back, as noisy as it should be there.
        mask: [H, W] or [n, H, W], true (or 1) where the image is to be made.
        Only the samplers that remember no earlier step can do it.
        """
        images, mask = self.check_images(images), np.asarray(mask)
        if mask.shape not in (images.shape[1:3], images.shape[:3]):
            n, height, width, _ = images.shape
            raise UsageError(f"mask must have shape [{height}, {width}] or [{n}, {height}, {width}], got {mask.shape}")
        made = np.broadcast_to(mask.astype(bool), images.shape[:3])[..., None]
        images, labels = self._given(images, labels, seen=~made)  # a label that was told what is hidden would tell it

        def keep(x, t):
            return np.where(made, x, self._noised(images, t, seed, number=t + 2))  # 0 is the start's, 1 that of t = -1

        plan = self.plan(task="inpaint", **asked)
        start = self._noised(images, plan.rows.t[0], seed, number=0)
        return np.clip(self.arrive(start, plan, labels, seed, progress, keep), -1, 1)
