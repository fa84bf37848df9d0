"""Class-conditional DDPM with classifier-free guidance (Ho & Salimans 2022)."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
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

    def guidance_scales(self, t, options):
        scale = options["guidance"]
        low, high = options["guidance_interval"] or (-np.inf, np.inf)
        level = self.schedule.noise_level(t)
        return np.where((level > low) & (level <= high), scale, 1.0), options["guidance_rescale"]

    def guided_cost(self, guidance):
        return np.where((guidance == 0) | (guidance == 1), 1, 2)

    def predict_guided(self, x, t, labels, guidance, rescale):
        """The network's guided output for images x at time t (a scalar).

        Where the scale is neither 0 nor 1, one pass over twice the images gives both outputs that guidance mixes. The
        mix is then scaled, to the share `rescale`, to the deviation of the conditional output (Lin et al. 2023, 3.4).
        """
        time = self.network_time(tf.fill([tf.shape(x)[0]], t))
        nobody = tf.fill(tf.shape(labels), self.num_classes)

        def one():
            return self.ema(x, time, tf.where(guidance == 0, nobody, labels))

        def both():
            output = self.ema(tf.concat([x, x], 0), tf.concat([time, time], 0), tf.concat([labels, nobody], 0))
            conditional, unconditional = tf.split(output, 2)
            guided = formulas.guide(conditional, unconditional, guidance)
            return guided * (rescale * _deviation(conditional) / _deviation(guided) + 1 - rescale)

        return tf.cond((guidance == 0) | (guidance == 1), one, both)


def _deviation(images):
    return tf.math.reduce_std(images, axis=[1, 2, 3], keepdims=True) + 1e-12
