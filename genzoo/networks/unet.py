"""A U-Net for small images on a CPU: most work at 16×16 and below, and a path at full resolution for the noise."""


from genzoo.blocks import Down, LabelEmbedding, Residual, TimeEmbedding, Up, conv, keras, norm, silu
from genzoo.quiet import tf


def patch_size(height, width, levels):
    """The side of the pixel blocks that the stem folds into channels: at least 2; larger while 16×16 blocks remain."""
    patch = 2
    while min(height, width) >= 32 * patch and not any(n % (patch * 2**levels) for n in (height, width)):
        patch *= 2
    return patch


class UNet(keras.layers.Layer):
    """call(x [B, H, W, C], time [B] float in 0 … 1000, labels [B] int or None) → [B, H, W, C].

    image_shape: (H, W, C), H and W multiples of 2 ** len(widths).
    widths: channels at each level; the first works on pixel blocks, each further one at half its resolution.
    depth: residual blocks a level and direction.      num_classes: 0 for no labels; else label `num_classes` is 'none'.
    """

    def __init__(self, image_shape, widths=(32, 64, 128), depth=2, num_classes=0):
        super().__init__()
        height, width, channels = image_shape
        self.patch = patch_size(height, width, len(widths))
        emb = 2 * widths[-1]
        self.time_embedding = TimeEmbedding(emb)
        if num_classes:
            self.label_embedding = LabelEmbedding(num_classes + 1, emb)
        self.labelled = num_classes > 0
        self.embedding = keras.layers.Dense(emb)

        self.stem = conv(widths[0])
        self.down_blocks, self.downs, self.ups, self.up_blocks = [], [], [], []
        self.depth = depth
        for i, w in enumerate(widths):
            self.down_blocks += [Residual(w, w, modulated=True) for _ in range(depth)]
            if i + 1 < len(widths):
                self.downs.append(Down(widths[i + 1]))
        for w in reversed(widths[:-1]):
            self.ups.append(Up(w))
            self.up_blocks += [Residual(w, w if j else 2 * w, modulated=True) for j in range(depth)]
        self.norm = norm(widths[0])
        self.head = conv(channels * self.patch**2, zero=True)

    def call(self, x, time, labels=None):
        emb = self.time_embedding(time)
        if self.labelled:
            emb += self.label_embedding(labels)
        emb = silu(self.embedding(silu(emb)))
        # A copy for each block: their gradients are then summed in this order, not in that of the nodes' names.
        blocks = len(self.down_blocks) + len(self.up_blocks)
        embs = iter(tf.unstack(tf.repeat(emb[None], blocks, axis=0)))

        pixels = tf.nn.space_to_depth(x, self.patch)
        h = self.stem(pixels)
        skips = []
        for i in range(len(self.downs) + 1):
            for block in self.down_blocks[i * self.depth : (i + 1) * self.depth]:
                h = block(h, next(embs))
            if i < len(self.downs):
                skips.append(h)
                h = self.downs[i](h)
        for i, up in enumerate(self.ups):
            h = tf.concat([up(h), skips.pop()], axis=-1)
            for block in self.up_blocks[i * self.depth : (i + 1) * self.depth]:
                h = block(h, next(embs))
        # The skip at full resolution: every input pixel reaches the last convolution.
        h = tf.concat([silu(self.norm(h)), pixels], axis=-1)
        return tf.nn.depth_to_space(self.head(h), self.patch)
