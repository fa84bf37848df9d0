"""The U-Nets of Ho et al. 2020 and Dhariwal & Nichol 2021: all work at full resolution, attention below; for a GPU."""

import math

from genzoo.networks.blocks import Block, LabelEmbedding, Norm, TimeEmbedding, conv, modulated_norm, silu
from genzoo.stack import layers, tf


def attend(q, k, v):
    """Attention (Vaswani et al. 2017, eq. 1): softmax(q kᵀ / √d) v.

    q, k, v: [..., N, d]   → [..., N, d]
    """
    scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(q.shape[-1])
    return tf.matmul(tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), v.dtype), v)


class Attention(Block):
    """Each pixel looks at all others: x + conv(attend(q, k, v)), a head for each so many channels, `head`.

    call(x [B, H, W, channels]) → the same shape as x
    """

    def __init__(self, channels, head):
        super().__init__()
        self.heads = max(1, channels // head)
        self.norm = Norm(channels)
        self.qkv = conv(3 * channels, 1)
        self.out = conv(channels, 1, zero=True)

    def call(self, x):
        _, H, W, C = x.shape
        qkv = tf.reshape(self.qkv(self.norm(x)), [-1, H * W, 3, self.heads, C // self.heads])
        h = attend(*tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4])))  # [B, heads, H·W, C/heads]
        return x + self.out(tf.reshape(tf.transpose(h, [0, 2, 1, 3]), [-1, H, W, C]))


class Step(Block):
    """x + conv(silu(norm(conv(silu(norm(x)))))), x by a 1×1 convolution where the channels change.

    modulated: the embedding scales and shifts what the second norm gives (Dhariwal & Nichol), else it is added before.
    call(x [B, H, W, before], emb [B, E]) → [B, H, W, channels]
    """

    def __init__(self, before, channels, modulated):
        super().__init__()
        self.norm1 = Norm(before)
        self.conv1 = conv(channels)
        self.told = layers.Dense((1 + modulated) * channels)
        if not modulated:
            self.norm2 = Norm(channels)
        self.conv2 = conv(channels, zero=True)
        self.projects = before != channels
        if self.projects:
            self.project = conv(channels, 1)
        self.modulated = modulated

    def call(self, x, emb):
        h, told = self.conv1(silu(self.norm1(x))), self.told(emb)
        h = modulated_norm(h, *tf.split(told, 2, axis=-1)) if self.modulated else self.norm2(h + told[:, None, None, :])
        return (self.project(x) if self.projects else x) + self.conv2(silu(h))


class AttentionUNet(Block):
    """call(x [B, H, W, C], time [B] float in 0 … 1000, labels [B] int or None) → [B, H, W, C].

    image_shape: (H, W, C), H and W multiples of 2 ** (len(widths) - 1).
    widths: channels at each level, the first at full resolution, each further one at half of the one before.
    depth: steps a level on the way down, and one more on the way up, for the skip that enters it.
    attention: the heights of maps whose steps are followed by attention; that in the middle always is.
    head: channels of a head of attention.     modulated: as of `Step`.
    num_classes: 0 for no labels; else label `num_classes` is 'none'.

    With (128, 256, 256, 256), 2, (16,) and one head it is the network of Ho et al. for CIFAR-10, weight for weight, but
    for its dropout and groups of fewer channels. What left each step on the way down stands beside what comes up.
    """

    def __init__(self, image_shape, num_classes, widths, depth, attention, head, modulated):
        super().__init__(dtype="float32")
        width, emb = widths[0], 4 * widths[0]
        self.time_embedding = TimeEmbedding(emb, width // 2)
        if num_classes:
            self.label_embedding = LabelEmbedding(num_classes + 1, emb)
        self.labelled = num_classes > 0
        self.embedding = layers.Dense(emb)

        self.depth, levels = depth, range(len(widths))
        self.attends = [image_shape[0] >> level in attention for level in levels]
        self.stem = conv(width)
        before, kept = width, [width]
        down_steps, down_attention, downs, up_steps, up_attention = [], [], [], [], []
        for level in levels:
            for _ in range(depth):
                down_steps.append(Step(before, widths[level], modulated))
                down_attention += [Attention(widths[level], head)] * self.attends[level]
                before = widths[level]
                kept.append(before)
            if level < levels[-1]:
                downs.append(conv(before, strides=2))
                kept.append(before)
        self.down_steps, self.down_attention, self.downs = down_steps, down_attention, downs
        self.middle = [Step(before, before, modulated) for _ in range(2)]
        self.middle_attention = Attention(before, head)
        for level in reversed(levels):
            for _ in range(depth + 1):
                up_steps.append(Step(before + kept.pop(), widths[level], modulated))
                up_attention += [Attention(widths[level], head)] * self.attends[level]
                before = widths[level]
        self.up_steps, self.up_attention = up_steps, up_attention
        self.ups = [conv(widths[level]) for level in reversed(levels[1:])]
        self.norm = Norm(before)
        self.head = conv(image_shape[-1], zero=True, dtype="float32")

    def call(self, x, time, labels=None):
        emb = self.time_embedding(time)
        if self.labelled:
            emb += self.label_embedding(labels)
        emb = silu(self.embedding(silu(emb)))
        # A copy for each user: see UNet.
        embs = iter(tf.unstack(tf.repeat(emb[None], len(self.down_steps) + len(self.up_steps) + 2, axis=0)))
        down_steps, down_attention, downs = map(iter, (self.down_steps, self.down_attention, self.downs))
        up_steps, up_attention, ups = map(iter, (self.up_steps, self.up_attention, self.ups))

        skips = [h := self.stem(x)]
        for level, attends in enumerate(self.attends):
            if level:
                skips.append(h := next(downs)(h))
            for _ in range(self.depth):
                h = next(down_steps)(h, next(embs))
                skips.append(h := next(down_attention)(h) if attends else h)
        first, second = self.middle
        h = second(self.middle_attention(first(h, next(embs))), next(embs))
        for level, attends in reversed(list(enumerate(self.attends))):
            for _ in range(self.depth + 1):
                h = next(up_steps)(tf.concat([h, skips.pop()], axis=-1), next(embs))
                h = next(up_attention)(h) if attends else h
            if level:
                h = next(ups)(tf.nn.depth_to_space(tf.tile(h, [1, 1, 1, 4]), 2))  # the nearest pixel, doubled
        return self.head(silu(self.norm(h)))
