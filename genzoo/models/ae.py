"""The autoencoder: a bottleneck and squared error."""

from genzoo.models.autoencoder import Autoencoder, squared_error


class AE(Autoencoder):
    """Learns to copy images through `latent_dim` numbers. It has no distribution of its own to sample from, but for the
    mixture that is fitted to its latents."""

    def loss_terms(self, network, images, labels, step, training):
        return {"loss": squared_error(images, network(images))}
