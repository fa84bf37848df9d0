"""What the deterministic path of a diffusion model is good for: from images to noise and back."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.diffusion.spacings import time_pairs, time_steps
from genzoo.errors import UsageError
from genzoo.stack import tf


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

    def _last(self, x, plan, labels, seed=0, progress=None, keep=None):
        frames = len(plan.table) if keep else 25 if progress else 1
        *_, (_, _, x) = self.walk(x, plan, labels, seed, frames, progress, keep)
        return np.asarray(x)

    def _inversion(self, asked):
        """Returns the options of a way to the noise, or back; raises UsageError where it could not be gone back."""
        options = self.sampling_options(asked, "invert")
        if options["sampler"] != "ddim" or options["eta"]:
            raise UsageError("an image is inverted by ddim with eta 0 alone: leave out sampler and eta")
        return options

    def invert(self, images, labels=None, **asked):
        """Returns the noise that DDIM (eta 0, not clipped) makes the images from, [n, H, W, C]: its steps walked backwards.

        Song et al. 2021, section 4.3. The error falls as `steps` (50) grows: each step takes ε where it sets out.
        """
        images, labels = self._given(images, labels)
        options = self._inversion(asked)
        t = time_steps(self.schedule, options["steps"], options["timesteps"])
        t = np.unique(np.append(t, 0))  # an image counts as x at t = 0
        if len(t) == 1:
            return images
        pairs = np.stack([t[:-1], t[1:]], axis=1)
        return self._last(images, self.plan(pairs, "invert", **asked), labels)

    def _from_noise(self, noise, labels, asked):
        return np.clip(self._last(tf.constant(noise, tf.float32), self.plan(task="invert", **asked), labels), -1, 1)

    def reconstruct(self, images, labels=None, **asked):
        """Returns images that went to their noise and back, [n, H, W, C]; options as of `invert`."""
        numbers = self._given(images, labels)[1]
        return self._from_noise(self.invert(images, labels, **asked), numbers, asked)

    def interpolate(self, a, b, steps, labels=None, *, ddim_steps=None, **asked):
        """Returns [steps, n, H, W, C]: from images a to images b on the great circle between their noises.

        ddim_steps: between an image and its noise, 50 by default.     Other options as of `invert`.
        """
        numbers, asked = self._given(a, labels)[1], {**asked, "steps": ddim_steps}
        z_a, z_b = (self.invert(images, labels, **asked) for images in (a, b))
        way = (slerp(z_a, z_b, u) for u in np.linspace(0, 1, steps))
        return np.stack([self._from_noise(z, numbers, asked) for z in way])

    def _start_from(self, images, seed, t):
        abar = self.schedule.alpha_bar(t)
        noise = rng.normal(images.shape, seed, 0, rng.START)
        return formulas.q_sample(images, noise, abar).numpy().astype("float32")

    def img2img(self, images, labels=None, *, strength=0.6, seed=0, progress=None, **asked):
        """Returns new images after given ones: noised to `strength` of the way, then denoised (Meng et al. 2022, SDEdit).

        strength: above 0 (nearly the image) to 1 (a new sample). Of the `steps`, only that share is walked.
        asked: options of `sample`, with the defaults of `families.TASKS`.
        """
        if not 0 < strength <= 1:
            raise UsageError(f"strength must be above 0 and at most 1, got {strength}")
        images, labels = self._given(images, labels)
        options = self.sampling_options(asked, "img2img")
        pairs = time_pairs(self.schedule, options["steps"], options["timesteps"])
        pairs = pairs[-max(1, round(strength * len(pairs))) :]
        start = self._start_from(images, seed, pairs[0, 0])
        return np.clip(self._last(start, self.plan(pairs, "img2img", **asked), labels, seed, progress), -1, 1)

    def inpaint(self, images, mask, labels=None, *, seed=0, progress=None, **asked):
        """Returns images with the masked part made anew: the rest is put back, as noisy as it should be, after every step
        (Song et al. 2021b, appendix I.2; Lugmayr et al. 2022).

        mask: [H, W] or [n, H, W], true (or 1) where the image is to be made.
        asked: options of `sample`, with the defaults of `families.TASKS`; only samplers that remember no earlier step.
        """
        images, labels = self._given(images, labels)
        mask = np.asarray(mask)
        if mask.shape not in (images.shape[1:3], images.shape[:3]):
            n, height, width, _ = images.shape
            raise UsageError(f"mask must have shape [{height}, {width}] or [{n}, {height}, {width}], got {mask.shape}")
        sampler = self.sampling_options(asked, "inpaint")["sampler"]
        if SAMPLERS[sampler].remembers:
            able = " and ".join(name for name, entry in SAMPLERS.items() if not entry.remembers)
            raise UsageError(f"inpaint works with {able}, which remember no earlier step; got {sampler!r}")
        made = np.broadcast_to(mask.astype(bool), images.shape[:3])[..., None]

        def keep(x, t):
            noise, abar = rng.normal(images.shape, seed, t + 2, rng.START), np.float32(self.schedule.alpha_bar(t))
            return tf.where(made, x, formulas.q_sample(images, noise, abar))

        plan = self.plan(task="inpaint", **asked)
        x = self._start_from(images, seed, plan.table.t[0])
        return np.clip(self._last(x, plan, labels, seed, progress, keep), -1, 1)
