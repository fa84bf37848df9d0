"""What AE, VAE and CVAE share: an encoder and a decoder, and the ways to go through them."""

import numpy as np

from genzoo.errors import UsageError
from genzoo.models.base import GenerativeModel
from genzoo.stack import tf


def squared_error(images, reconstructions):
    """Returns the squared error summed over an image, mean over the batch."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(images - reconstructions), axis=[1, 2, 3]))


class Autoencoder(GenerativeModel):
    """An encoder to `latent_dim` numbers, fewer than an image has, and a decoder back."""

    codes = 1  # vectors that the encoder gives for an image: 1 a point, 2 the mean and log-variance of a Gaussian

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__(image_shape, num_classes, **options)
        self.latent_dim = self.options["latent_dim"]
        self.build_networks(latent_dim=self.latent_dim, codes=self.codes)
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

    def reconstruct(self, images, labels=None):
        """Returns images that went through the bottleneck and back, [n, H, W, C]."""
        return self.decode(self.encode(images, labels), labels)

    def interpolate(self, a, b, steps, labels=None):
        """Returns [steps, n, H, W, C]: from images a to images b along the straight line between their latents."""
        z_a, z_b = self.encode(a, labels), self.encode(b, labels)
        way = ((1 - u) * z_a + u * z_b for u in np.linspace(0, 1, steps))
        return np.stack([self.decode(z, labels) for z in way])
