"""The conditional VAE (Sohn et al. 2015): the label enters the encoder and the decoder."""

from genzoo.models.vae import VAE


class CVAE(VAE):
    """A VAE of images given their labels; `Autoencoder` passes the labels on to the networks."""
