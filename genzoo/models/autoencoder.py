"""What AE, VAE and CVAE share: an encoder and a decoder, and the ways to go through them."""

import numpy as np

from genzoo import rng
from genzoo.errors import UsageError
from genzoo.models import mixture
from genzoo.models.base import GenerativeModel
from genzoo.stack import tf


def squared_error(images, reconstructions):
    """Returns the squared error summed over an image, mean over the batch."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(images - reconstructions), axis=[1, 2, 3]))


class Autoencoder(GenerativeModel):
    """An encoder to `latent_dim` numbers, fewer than an image has, and a decoder back.

    To sample, latents are drawn from a Gaussian mixture, see `mixture`, that `prepare_sampling` fits to those of
    training images. A family with a prior of its own, N(0, I), draws from that on request, or where no mixture is.
    """

    codes = 1  # vectors that the encoder gives for an image: 1 a point, 2 the mean and log-variance of a Gaussian

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.latent_dim = self.options["latent_dim"]
        self.build_networks(latent_dim=self.latent_dim, codes=self.codes)
        d, rows = self.latent_dim, max(1, self.label_count)
        k = mixture.components(rows)
        self.shares, self.means, self.factors = (
            self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)
            for name, shape in (("shares", (rows, k)), ("means", (rows, k, d)), ("factors", (rows, k, d, d)))
        )
        # Of this model, for any number of images: a decorated method would be traced anew for each and warn of it.
        spec, labels = tf.TensorSpec, tf.TensorSpec([None], tf.int32)
        signatures = [spec([None, *self.image_shape]), labels], [spec([None, self.latent_dim]), labels]
        self._encode, self._decode = (
            tf.function(function, autograph=False, input_signature=signature)
            for function, signature in zip((self._means, self._images), signatures, strict=True)
        )

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1], tf.int32)

    def encode(self, images, labels=None):
        """Turns images [n, H, W, C] in [-1, 1] into latents [n, latent_dim], of a posterior the mean."""
        images = self.check_images(images)
        _, labels = self._labels(len(images), self._own(labels, len(images)))
        return self._encode(images, labels).numpy()

    def decode(self, z, labels=None):
        """Turns latents [n, latent_dim] into images [n, H, W, C] in [-1, 1]."""
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise UsageError(f"latents must have shape [n, {self.latent_dim}], got {z.shape}")
        _, labels = self._labels(len(z), self._own(labels, len(z)))
        return np.clip(self._decode(z, labels).numpy(), -1, 1)

    def _own(self, labels, n):
        if self.conditional and labels is None:
            raise UsageError(f"{self.family} encodes and decodes with labels: give one for each of the {n} images")
        return labels if self.conditional else None

    def _means(self, images, labels):
        return self.ema.encoder(images, labels)[:, : self.latent_dim]

    def _images(self, z, labels):
        return self.ema.decoder(z, labels)

    # Sampling.

    def prepare_sampling(self, images, labels=None):
        """Fits the mixture to latents of `images`: where these are distributions, to a draw from each."""
        if self.conditional and labels is None:
            raise UsageError(f"{self.family} fits its mixture to images with labels: give one for each")
        parts = [slice(i, i + 500) for i in range(0, len(images), 500)]
        codes = [self.codes_of(images[part], labels if labels is None else labels[part], part.start) for part in parts]
        known = labels if self.conditional else np.zeros(len(images), int)
        fitted = mixture.fit(np.concatenate(codes), known, max(1, self.label_count))
        for weight, values in zip((self.shares, self.means, self.factors), fitted, strict=True):
            weight.assign(values)
        count = np.count_nonzero(fitted[0])
        return f"fitted a mixture of {count} Gaussians to the latents of {len(images):,} training images"

    def codes_of(self, images, labels, seed):
        """Returns latents of images [n, H, W, C] to fit the mixture to, [n, latent_dim]."""
        return self.encode(images, labels)

    def extras(self):
        return {"mixture.shares": self.shares, "mixture.means": self.means, "mixture.factors": self.factors}

    def generate(self, n, labels, seed, progress, prior="mixture"):
        weights = [np.asarray(weight) for weight in (self.shares, self.means, self.factors)]
        has_mixture, has_normal = weights[0].any(), bool(self.entry.sampling)
        if prior == "mixture" and has_mixture:
            z = mixture.draw(labels, *weights, seed)
        elif has_normal:
            z = rng.normal([n, self.latent_dim], seed, 0, rng.LATENT)
        else:
            raise UsageError("this autoencoder has no mixture to sample from yet: call prepare_sampling(images) first")
        return self._decode(z, labels)

    # Through the bottleneck.

    def reconstruct(self, images, labels=None):
        """Returns images that went through the bottleneck and back, [n, H, W, C]."""
        return self.decode(self.encode(images, labels), labels)

    def interpolate(self, a, b, steps, labels=None):
        """Returns [steps, n, H, W, C]: from images a to images b along the straight line between their latents."""
        z_a, z_b = self.encode(a, labels), self.encode(b, labels)
        way = ((1 - u) * z_a + u * z_b for u in np.linspace(0, 1, steps))
        return np.stack([self.decode(z, labels) for z in way])
