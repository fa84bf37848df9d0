"""What AE, VAE and CVAE share: an encoder and a decoder, and the ways to go through them."""

import numpy as np

from genzoo.errors import UsageError
from genzoo.models.base import GenerativeModel
from genzoo.networks.encoder_decoder import EncoderDecoder
from genzoo.stack import tf


def squared_error(images, reconstructions):
    """Mean over the batch of the squared error summed over an image."""
    return tf.reduce_mean(tf.reduce_sum(tf.square(images - reconstructions), axis=[1, 2, 3]))


class Autoencoder(GenerativeModel):
    """latent_dim: numbers an image is squeezed into, fewer than its values.   widths: channels at each halving."""

    codes = 1  # vectors that the encoder gives for an image: 1 a point, 2 the mean and log-variance of a Gaussian

    def __init__(self, image_shape, num_classes=0, *, latent_dim=64, widths=(32, 64, 64), **options):
        super().__init__(image_shape, num_classes, **options)
        size = int(np.prod(image_shape))
        if not 1 <= latent_dim < size:
            raise UsageError(f"latent_dim must be from 1 to {size - 1}, below the image's size; got {latent_dim}")
        self.latent_dim, self.widths = int(latent_dim), tuple(widths)
        classes = self.num_classes if self.conditional else 0
        shape = (self.image_shape, self.latent_dim, self.codes, self.widths, classes)
        self.build_networks(lambda: EncoderDecoder(*shape))
        # Of this model, for any number of images: a decorated method would be traced anew for each and warn of it.
        spec, labels = tf.TensorSpec, tf.TensorSpec([None], tf.int32)
        signatures = [spec([None, *self.image_shape]), labels], [spec([None, self.latent_dim]), labels]
        self._encode, self._decode = (
            tf.function(function, autograph=False, input_signature=signature)
            for function, signature in zip((self._means, self._images), signatures, strict=True)
        )

    def example_inputs(self):
        return tf.zeros([1, *self.image_shape]), tf.zeros([1], tf.int32)

    def get_config(self):
        return super().get_config() | {"latent_dim": self.latent_dim, "widths": list(self.widths)}

    def encode(self, images, labels=None):
        """Images [n, H, W, C] in [-1, 1] → latents [n, latent_dim] (the mean of the posterior where there is one)."""
        images = self.check_images(images)
        _, labels = self._labels(len(images), self._own(labels, len(images)))
        return self._encode(images, labels).numpy()

    def decode(self, z, labels=None):
        """Latents [n, latent_dim] → images [n, H, W, C] in [-1, 1]."""
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
        """Images through the bottleneck and back, [n, H, W, C]."""
        return self.decode(self.encode(images, labels), labels)

    def interpolate(self, a, b, steps, labels=None):
        """[steps, n, H, W, C]: from images a to images b along the straight line between their latents."""
        z_a, z_b = self.encode(a, labels), self.encode(b, labels)
        way = ((1 - u) * z_a + u * z_b for u in np.linspace(0, 1, steps))
        return np.stack([self.decode(z, labels) for z in way])
