"""A U-Net for small images on a CPU: most work at 16×16 and below, and a path at full resolution for the noise."""

from genzoo.networks.blocks import Block, Down, LabelEmbedding, Residual, TimeEmbedding, Up, conv, norm, silu
from genzoo.stack import keras, tf


def patch_size(height, width, levels):
    """Returns the side of the pixel blocks that the stem folds into channels: at least 2, larger while 16×16 remain."""
    patch = 2
    while min(height, width) >= 32 * patch and not any(n % (patch * 2**levels) for n in (height, width)):
        patch *= 2
    return patch


MIXED = 4  # the largest patch whose pixels the head mixes; it has C² p⁴ weights for that


class UNet(Block):
    """call(x [B, H, W, C], time [B] float in 0 … 1000, labels [B] int or None) → [B, H, W, C].

    image_shape: (H, W, C), H and W multiples of 2 ** len(widths).
    widths: channels at each level; the first works on pixel blocks, each further one at half its resolution.
    depth: residual blocks a level on the way down, and as many on the way up.
    num_classes: 0 for no labels; else label `num_classes` is 'none'.

    What left a level on the way down is added on the way up, not put beside it: half the channels to convolve there.

    h, the last map of p×p patches, has no room for the noise of every pixel, which the output needs. So the input x has
    a path to the output at full resolution. Up to p = 4 the head reads the input's patches beside h. From p = 8 on, at
    128×128 and more, that would take C² p⁴ weights: 1.4 G at 1024×1024. There the output is
        depth_to_space(head(h)) + g(time, label) x,   g: a number a channel, at first 0
    and weights grow as p². The best output is of this form where h knows the image, as v = α/σ x - x_0/σ.
    """

    def __init__(self, image_shape, num_classes, widths, depth):
        super().__init__(dtype="float32")
        height, width, channels = image_shape
        self.patch = patch_size(height, width, len(widths))
        emb = 2 * widths[-1]
        self.time_embedding = TimeEmbedding(emb)
        if num_classes:
            self.label_embedding = LabelEmbedding(num_classes + 1, emb)
        self.labelled = num_classes > 0
        self.embedding = keras.layers.Dense(emb)

        def blocks(width):
            return [Residual(width, modulated=True) for _ in range(depth)]

        self.depth = depth
        self.stem = conv(widths[0], 1)
        self.down_blocks = [block for width in widths for block in blocks(width)]
        self.downs = [Down(width) for width in widths[1:]]
        self.up_blocks = [block for width in reversed(widths) for block in blocks(width)]
        self.ups = [Up(width) for width in reversed(widths[:-1])]
        self.norm = norm(widths[0])
        self.mixes = self.patch <= MIXED
        if not self.mixes:
            self.gain = keras.layers.Dense(channels, kernel_initializer="zeros", dtype="float32")
        self.head = conv(channels * self.patch**2, 1, zero=True, dtype="float32")

    def call(self, x, time, labels=None):
        emb = self.time_embedding(time)
        if self.labelled:
            emb += self.label_embedding(labels)
        emb = silu(self.embedding(silu(emb)))
        # A copy for each user: their gradients are then summed in this order, not in that of the nodes' names.
        users = len(self.down_blocks) + len(self.up_blocks) + (not self.mixes)
        embs = iter(tf.unstack(tf.repeat(emb[None], users, axis=0)))

        def through(blocks, level, h):
            for block in blocks[level * self.depth : (level + 1) * self.depth]:
                h = block(h, next(embs))
            return h

        pixels = tf.nn.space_to_depth(x, self.patch)
        h = through(self.down_blocks, 0, self.stem(pixels))
        skips = []
        for level, down in enumerate(self.downs, start=1):
            skips.append(h)
            h = through(self.down_blocks, level, down(h))
        h = through(self.up_blocks, 0, h)
        for level, up in enumerate(self.ups, start=1):
            h = through(self.up_blocks, level, up(h) + skips.pop())
        h = silu(self.norm(h))
        if self.mixes:
            return tf.nn.depth_to_space(self.head(tf.concat([h, pixels], axis=-1)), self.patch)
        return tf.nn.depth_to_space(self.head(h), self.patch) + self.gain(next(embs))[:, None, None, :] * x
