"""A convolutional encoder and its mirror, shared by AE, VAE and CVAE."""

import math

from genzoo.networks.blocks import Block, Down, LabelEmbedding, Residual, Up, conv, norm, silu
from genzoo.stack import keras, tf

LABEL_CHANNELS = 16


class Encoder(Block):
    """call(x [B, H, W, C], labels [B] or None) → [B, outputs].

    A label's vector is added after the first convolution, of 1×1: what constant channels beside the pixels would give,
    at a small part of the cost.
    """

    def __init__(self, outputs, widths, num_classes=0):
        super().__init__()
        if num_classes:
            self.label_embedding = LabelEmbedding(num_classes, widths[0])
        self.labelled = num_classes > 0
        self.downs = [Down(w) for w in widths]
        self.blocks = [Residual(w) for w in widths]
        self.norm = norm(widths[-1])
        self.head = keras.layers.Dense(outputs, dtype="float32")

    def call(self, x, labels=None):
        x = self.downs[0](x)
        if self.labelled:
            x += self.label_embedding(labels)[:, None, None, :]
        x = self.blocks[0](x)
        for down, block in zip(self.downs[1:], self.blocks[1:], strict=True):
            x = block(down(x))
        x = silu(self.norm(x))
        return self.head(tf.reshape(x, [-1, math.prod(x.shape[1:])]))


class Decoder(Block):
    """call(z [B, D], labels [B] or None) → [B, H, W, C]. The label's vector stands beside z."""

    def __init__(self, image_shape, widths, num_classes=0):
        super().__init__()
        height, width, channels = image_shape
        if num_classes:
            self.label_embedding = LabelEmbedding(num_classes, LABEL_CHANNELS)
        self.labelled = num_classes > 0
        factor = 2 ** len(widths)
        self.base = (height // factor, width // factor, widths[-1])
        self.dense = keras.layers.Dense(math.prod(self.base))
        self.blocks = [Residual(w) for w in reversed(widths)]
        self.ups = [Up(w) for w in reversed(widths[:-1])]
        self.head = conv(4 * channels, 1, dtype="float32")  # 2×2 pixels each: no layer works at full resolution

    def call(self, z, labels=None):
        if self.labelled:
            z = tf.concat([z, self.label_embedding(labels)], axis=-1)
        x = tf.reshape(self.dense(z), [-1, *self.base])
        x = self.blocks[0](x)
        for up, block in zip(self.ups, self.blocks[1:], strict=True):
            x = block(up(x))
        return tf.nn.depth_to_space(self.head(silu(x)), 2)


class EncoderDecoder(Block):
    """An `Encoder` of `codes` × latent_dim outputs (2 for a mean and a log-variance) and a `Decoder` of latent_dim.

    call(x [B, H, W, C], labels [B] or None) → [B, H, W, C], by the first latent_dim outputs.
    """

    def __init__(self, image_shape, num_classes, latent_dim, codes, widths):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = Encoder(codes * latent_dim, widths, num_classes)
        self.decoder = Decoder(image_shape, widths, num_classes)

    def call(self, x, labels=None):
        return self.decoder(self.encoder(x, labels)[:, : self.latent_dim], labels)
