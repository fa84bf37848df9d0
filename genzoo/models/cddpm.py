"""Class-conditional DDPM with classifier-free guidance (Ho & Salimans 2022)."""

import numpy as np

from genzoo import diffusion, rng
from genzoo.models.ddpm import DDPM
from genzoo.quiet import tf


class CDDPM(DDPM):
    """drop_label: the share of training examples whose label is hidden, so that the network learns both.

    guidance: s in eps = eps_uncond + s (eps_cond - eps_uncond); 1 is plainly conditional, 0 unconditional.
    """

    conditional = True
    sample_options = (*DDPM.sample_options, "guidance")

    def __init__(self, image_shape, num_classes=0, *, drop_label=0.1, **options):
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

    def predict_guided(self, x, t, labels, guidance):
        time = self.network_time(tf.fill([tf.shape(x)[0]], t))
        nobody = tf.fill(tf.shape(labels), self.num_classes)

        def one():
            return self.ema(x, time, tf.where(guidance == 0, nobody, labels))

        def both():
            output = self.ema(tf.concat([x, x], 0), tf.concat([time, time], 0), tf.concat([labels, nobody], 0))
            return diffusion.guide(*tf.split(output, 2), guidance)

        return tf.cond((guidance == 0) | (guidance == 1), one, both)
