"""Class-conditional DDPM with classifier-free guidance (Ho & Salimans 2022)."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.errors import UsageError
from genzoo.models.ddpm import DDPM
from genzoo.stack import tf


class CDDPM(DDPM):
    """drop_label: the share of training examples whose label is hidden, so that the network learns both.

    Sampling options beside DDPM's:
    guidance: s in eps = eps_uncond + s (eps_cond - eps_uncond); 1 is plainly conditional, 0 unconditional.
    guidance_interval: (low, high), the noise levels σ = sqrt((1-ᾱ)/ᾱ) between which guidance acts; outside, s = 1
        (Kynkäänniemi et al. 2024).     guidance_rescale: φ from 0 to 1 (Lin et al. 2023, section 3.4).
    """

    conditional = True
    sample_options = (*DDPM.sample_options, "guidance", "guidance_interval", "guidance_rescale")

    def __init__(self, image_shape, num_classes=0, *, drop_label=0.1, **options):
        if not 0 <= drop_label <= 1:
            raise UsageError(f"drop_label must be between 0 and 1, got {drop_label}")
        self.drop_label = float(drop_label)
        super().__init__(image_shape, num_classes, **options)

    def get_config(self):
        return super().get_config() | {"drop_label": self.drop_label}

    def training_labels(self, labels, step, training):
        if not training:
            return labels
        drop = rng.uniform(tf.shape(labels), self.seed, step, rng.DROP) < self.drop_label  # each example on its own
        return tf.where(drop, self.num_classes, labels)

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
