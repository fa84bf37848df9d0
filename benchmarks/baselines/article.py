"""The U-Net of a widely read article on DDPM, as a baseline: the architecture and the training, in code of our own.

What it is known by, kept as it is although genzoo does each otherwise: 64 channels at full resolution, the integer t
straight into a dense layer, all skips after pooling, T = 100 with betas from 1e-4 to 0.02, eps predicted, the loss
summed over an image, plain Adam, and one draw a batch on whether labels are hidden.
"""

import warnings

import numpy as np

from genzoo import rng
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.schedules import NoiseSchedule
from genzoo.diffusion.spacings import time_pairs
from genzoo.stack import GroupNormalization, keras, layers, tf

WIDTHS = (64, 128, 256)
STEPS = 100  # T
HIDDEN = 0.15  # share of the batches without labels
BATCH = 64


class Block(layers.Layer):
    """y = conv1×1(x); (swish(norm(conv3×3(swish(norm(y))))) + y) / 1.44. call(x [B, H, W, C]) → [B, H, W, width]."""

    def __init__(self, width):
        super().__init__()
        self.narrow, self.wide = layers.Conv2D(width, 1), layers.Conv2D(width, 3, padding="same")
        self.norms = [GroupNormalization(groups=8) for _ in range(2)]

    def call(self, x):
        shortcut = self.narrow(x)
        h = self.wide(tf.nn.silu(self.norms[0](shortcut)))
        return (tf.nn.silu(self.norms[1](h)) + shortcut) / 1.44


class Embedding(layers.Layer):
    """What is added to a level's map: of time [B], and of labels [B] where it is told `classes`. → [B, 1, 1, width]."""

    def __init__(self, width, classes=0):
        super().__init__()
        self.time = [layers.Dense(width, activation=tf.nn.leaky_relu), layers.Dense(width)]
        if classes:
            self.label = [layers.Embedding(classes, width), layers.Dense(width)]

    def call(self, t, labels=None, shown=1.0):
        first, second = self.time
        vector = second(first(tf.cast(t, tf.float32)[:, None]))
        if labels is not None:
            table, dense = self.label
            vector += shown * dense(table(labels))
        return vector[:, None, None, :]


class ArticleUNet(layers.Layer):
    """call(x [B, H, W, C], t [B] int, labels [B] int or None, shown: 1 or 0) → [B, H, W, C]; H and W divisible by 8."""

    def __init__(self, channels=1, classes=0, widths=WIDTHS):
        super().__init__()
        self.embeddings = [Embedding(width, classes) for width in widths]
        self.down = [Block(width) for width in widths]
        self.pool = layers.MaxPooling2D(2)
        self.middle = Block(widths[-1])
        self.up = [layers.Conv2DTranspose(width, 3, strides=2, padding="same") for width in reversed(widths)]
        self.up_blocks = [[Block(width), Block(width)] for width in reversed(widths)]
        self.last, self.head = Block(widths[0]), layers.Conv2D(channels, 3, padding="same")

    def call(self, x, t, labels=None, shown=1.0):
        skips = []
        for block, embedding in zip(self.down, self.embeddings, strict=True):
            x = self.pool(block(x)) + embedding(t, labels, shown=shown)
            skips.append(x)
        x = self.middle(x)
        for up, blocks in zip(self.up, self.up_blocks, strict=True):
            x = up(tf.concat([skips.pop(), x], axis=-1))
            for block in blocks:
                x = block(x)
        return self.head(self.last(x))


class Article(keras.Model):
    """The baseline as it trains and samples; `classes` = 0 for the unconditional one. Images as genzoo's."""

    def __init__(self, image_shape=(32, 32, 1), classes=10, widths=WIDTHS):
        super().__init__()
        self.image_shape, self.classes = tuple(image_shape), classes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this schedule does not end in noise is one of its known traits
            self.schedule = NoiseSchedule(np.linspace(1e-4, 0.02, STEPS))
        self._alpha, self._sigma = (v.astype("float32") for v in self.schedule.alpha_sigma(np.arange(STEPS)))
        self.network = ArticleUNet(image_shape[-1], classes, widths)
        self.network(tf.zeros([1, *image_shape]), tf.zeros([1], tf.int32), self._labels(tf.zeros([1], tf.int32)))
        self.tracker = keras.metrics.Mean(name="loss")
        self._predict = tf.function(
            lambda x, t, labels: self.network(x, t, self._labels(labels)),
            autograph=False,
            input_signature=[tf.TensorSpec([None, *image_shape]), *[tf.TensorSpec([None], tf.int32)] * 2],
        )
        self.built = True

    @property
    def metrics(self):
        return [self.tracker]

    def _labels(self, labels):
        return labels if self.classes else None

    def train_step(self, batch):
        images = batch["image"]
        t = tf.random.uniform([tf.shape(images)[0]], 0, STEPS, tf.int32)
        eps = tf.random.normal(tf.shape(images))
        shown = tf.cast(tf.random.uniform([]) >= HIDDEN, tf.float32)
        alpha, sigma = (tf.gather(table, t)[:, None, None, None] for table in (self._alpha, self._sigma))
        x_t = formulas.q_sample(images, eps, alpha, sigma)
        with tf.GradientTape() as tape:
            predicted = self.network(x_t, t, self._labels(batch["label"]), shown=shown)
            loss = tf.reduce_mean(tf.reduce_sum(tf.square(predicted - eps), axis=[1, 2, 3]))
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def draw(self, labels, seed, steps=10):
        """Images [n, H, W, C] in [-1, 1] by DDIM, the predicted images kept in [-1, 1]."""
        table = samplers.table("ddim", self.schedule, time_pairs(self.schedule, steps))
        return self._walk(table, labels, seed, clip=1.0)

    def own(self, labels, seed, most=STEPS):
        """The same by the article's recipe: ancestral sampling over all steps (or the first `most`), unclipped."""
        table = samplers.table("ddpm", self.schedule, time_pairs(self.schedule, STEPS), variance="fixed_large")
        return self._walk(table, labels, seed, clip=np.inf, most=most)

    def _walk(self, table, labels, seed, clip, most=STEPS):
        labels = np.asarray(labels, np.int32)
        shape = [len(labels), *self.image_shape]
        x = rng.normal(shape, seed, 0, rng.START)
        # Of a row's weights only the newest count: neither sampler looks back.
        rows = zip(table.t, table.x0_weights[:, 0], table.eps_weights[:, 0], table.fresh, strict=True)
        for i, (t, x0_weight, eps_weight, fresh) in enumerate(list(rows)[:most]):
            shares = self._alpha[t], self._sigma[t]
            output = self._predict(x, np.full(len(labels), t, np.int32), labels)
            x_0 = tf.clip_by_value(formulas.x0_from("eps", output, x, *shares), -clip, clip)
            x = x0_weight * x_0 + eps_weight * formulas.eps_from_x0(x, x_0, *shares)
            if fresh:
                x += fresh * rng.normal(shape, seed, i, rng.NOISE)
        return np.clip(x, -1, 1)
