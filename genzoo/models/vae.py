"""The variational autoencoder (Kingma & Welling 2014)."""

from genzoo import rng
from genzoo.models.autoencoder import Autoencoder, squared_error
from genzoo.stack import tf


def reparameterize(z_mean, z_log_var, noise):
    """Returns a draw from N(z_mean, exp(z_log_var)) through which gradients flow."""
    return z_mean + tf.exp(0.5 * z_log_var) * noise


def kl_divergence(z_mean, z_log_var):
    """Returns KL(N(mean, var) ‖ N(0, I)) in nats, [B]; Kingma & Welling 2014, appendix B."""
    return 0.5 * tf.reduce_sum(tf.exp(z_log_var) + tf.square(z_mean) - 1 - z_log_var, axis=1)


class VAE(Autoencoder):
    """loss = squared error + beta · KL: the negative ELBO, up to a constant, of a Gaussian pixel of variance 1/2.

    Option beta: weight of the KL; above 1 the latents keep closer to N(0, I) (Higgins et al. 2017).
    """

    codes = 2
    loss_names = ("loss", "reconstruction", "kl")

    def loss_terms(self, network, images, labels, step, training):
        z_mean, z_log_var = tf.split(network.encoder(images, labels), 2, axis=-1)
        z = reparameterize(z_mean, z_log_var, rng.normal(tf.shape(z_mean), self.seed, step, rng.LATENT))
        reconstruction = squared_error(images, network.decoder(z, labels))
        kl = tf.reduce_mean(kl_divergence(z_mean, z_log_var))
        return {"loss": reconstruction + self.options["beta"] * kl, "reconstruction": reconstruction, "kl": kl}

    def codes_of(self, images, labels, seed):
        images, (_, labels) = self.check_images(images), self._labels(len(images), self._own(labels, len(images)))
        z_mean, z_log_var = tf.split(self.ema.encoder(images, labels), 2, axis=-1)
        return reparameterize(z_mean, z_log_var, rng.normal(tf.shape(z_mean), seed, 0, rng.LATENT)).numpy()
