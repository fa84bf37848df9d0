"""Guidance: the network knows labels, some hidden in training, and sampling goes away from what it says without one."""

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas
from genzoo.models import clusters
from genzoo.stack import tf


def cost(scales):
    """Returns the network evaluations of an image at each of these scales, int [K]."""
    return np.where((scales == 0) | (scales == 1), 1, 2)


class Guided:
    """For a `GenerativeModel` whose network is told a label or none, [B] of 0 … label_count, the last of them 'none'.

    Labels are those of the data where the family takes them (classifier-free guidance, Ho & Salimans 2022). A family
    without labels invents them: an image's is the number of the group of like images that it is in, see `clusters`
    (self-guidance, Hu et al. 2023). To sample, a group is drawn as often as it has training images.
    Option clusters: how many groups; 0: the network knows no label, and nothing is guided.
    Option drop_label: the share of training examples whose label is hidden, so that the network learns both.
    """

    @property
    def label_count(self):
        """How many labels the network knows, those of the data or those that it invents; 0: none."""
        return self.num_classes if self.conditional else self.options["clusters"]

    @property
    def invents(self):
        """Whether the labels are the model's own."""
        return not self.conditional and self.label_count > 0

    def make_clusters(self):
        """Makes the weights of the groups, where there are any."""
        if self.invents:
            k, fixed = self.label_count, {"initializer": "zeros", "trainable": False}
            self.cluster_centres = self.add_weight(name="cluster_centres", shape=(k, *self.image_shape), **fixed)
            self.cluster_shares = self.add_weight(name="cluster_shares", shape=(k,), **fixed)

    def prepare_training(self, images):
        """Finds the groups of like images, where the model invents labels and has none yet."""
        if self.invents and not np.asarray(self.cluster_shares).any():  # else it begins with the groups of another run
            centres, shares = clusters.fit(images[:], self.label_count)
            self.cluster_centres.assign(centres)
            self.cluster_shares.assign(shares)

    def extras(self):
        """Returns the groups, {name: weight}: sampling needs them."""
        return {"cluster_centres": self.cluster_centres, "cluster_shares": self.cluster_shares} if self.invents else {}

    def network_labels(self, images, labels, seen=None):
        """Returns the labels that the network is told of images [n, H, W, C], int32 [n].

        labels: those of the data.      seen: [n, H, W, 1], 1 where an image is known; None: everywhere.
        """
        return clusters.nearest(images, tf.convert_to_tensor(self.cluster_centres), seen) if self.invents else labels

    def training_labels(self, images, labels, step, training=True):
        """The same for a step of training: a share of them, `drop_label`, hidden; in validation none."""
        labels = self.network_labels(images, labels)
        if not (self.label_count and training):
            return labels
        u = rng.uniform(tf.shape(labels), self.seed, step, rng.DROP)  # each example on its own
        return tf.where(u < self.options["drop_label"], self.label_count, labels)

    def labels_to_draw(self, labels, seed):
        """Returns the labels that samples are asked for, int32 [n]: the given ones, or groups drawn by a seed."""
        if not self.invents:
            return labels
        return clusters.drawn(self.cluster_shares, rng.uniform([len(labels)], seed, 0, rng.DROP)).numpy()

    def label_nats(self, labels):
        """Returns -log p(label) of labels that the model invents, float64 [n], in nats; 0 of all others."""
        if not self.invents:
            return np.zeros(len(labels))
        return -np.log(np.maximum(np.asarray(self.cluster_shares, np.float64), 1e-12))[np.asarray(labels)]

    def guidance_scales(self, level, options):
        """Returns the scale of guidance at noise levels σ/α, [K]: within its interval that of the options, and else 1.

        Source of the interval: Kynkäänniemi et al. 2024.
        """
        low, high = options["guidance_interval"] or (-np.inf, np.inf)
        acts = self.label_count and (level > low) & (level <= high)
        return np.where(acts, options["guidance"], np.ones(len(level)))

    def guided(self, predict, x, time, labels, scale, rescale=0.0):
        """Returns the averaged network's guided prediction: weak + scale (good - weak), good with labels, weak without.

        predict: a function of x [n, H, W, C], time [n] and labels [n].     scale: a scalar tensor.
        Where the scale is neither 0 nor 1, one pass over twice the images gives both. The mix is then brought, to the
        share `rescale`, to the deviation of the good one (Lin et al. 2023, section 3.4).
        """
        if not self.label_count:
            return predict(x, time, labels)
        nobody, alone = tf.fill(tf.shape(labels), self.label_count), (scale == 0) | (scale == 1)

        def one():
            return x, time, tf.where(scale == 0, nobody, labels)

        def both():
            return tf.concat([x, x], 0), tf.concat([time, time], 0), tf.concat([labels, nobody], 0)

        # Outside of the branches: in each of them the network would be traced anew.
        output = predict(*tf.cond(alone, one, both))

        def mixed():
            good, weak = tf.split(output, 2)
            mix = formulas.guide(good, weak, scale)
            return mix * (rescale * _deviation(good) / _deviation(mix) + 1 - rescale)

        return tf.cond(alone, lambda: output, mixed)


def _deviation(images):
    return tf.math.reduce_std(images, axis=[1, 2, 3], keepdims=True) + 1e-12
