"""Class-conditional DDPM with classifier-free guidance (Ho & Salimans 2022)."""

from genzoo import rng
from genzoo.models.ddpm import DDPM
from genzoo.stack import tf


class CDDPM(DDPM):
    """Option drop_label: the share of training examples whose label is hidden, so that the network learns both.

    Sampling options beside DDPM's:
    guidance: s in eps = eps_uncond + s (eps_cond - eps_uncond); 1 is plainly conditional, 0 unconditional.
    guidance_interval: (low, high), the noise levels σ = sqrt((1-ᾱ)/ᾱ) between which guidance acts; outside, s = 1
        (Kynkäänniemi et al. 2024).     guidance_rescale: φ from 0 to 1 (Lin et al. 2023, section 3.4).
    """

    def training_labels(self, labels, step, training):
        if not training:
            return labels
        u = rng.uniform(tf.shape(labels), self.seed, step, rng.DROP)  # each example on its own
        drop = u < self.options["drop_label"]
        return tf.where(drop, self.num_classes, labels)

    def good(self, x, time, labels):
        return self.ema(x, time, labels)

    def weak(self, x, time, labels):
        kind = self.__dict__.get("weak_kind", "label")
        nobody = tf.fill(tf.shape(labels), self.num_classes)
        if kind == "label":
            return self.ema(x, time, nobody)
        if kind == "early":
            return self.early(x, time, labels)
        return self.early(x, time, nobody)
