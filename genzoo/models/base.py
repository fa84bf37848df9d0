"""What all families share: train_step, test_step, the moving average of the weights, the front of `sample`."""

from functools import partial
from types import MappingProxyType

import numpy as np

from genzoo import rng
from genzoo.data.pixels import to_uint8
from genzoo.errors import UsageError
from genzoo.models.families import family, those
from genzoo.models.stored import Stored
from genzoo.networks.blocks import computing_in, named_weights
from genzoo.networks.catalogue import NETWORKS, make_network
from genzoo.stack import keras, tf

CLIP_NORM = 1.0
CHUNK = 256  # images sampled at once: bounds the memory of sample(n) for any n
PARTS = 25  # of the way from noise to images, after each of which progress is told


class GenerativeModel(Stored, keras.Model):
    """A family: subclasses name their losses, make their network, and say how to sample.

    image_shape: (H, W, C) of the padded images, float32 in [-1, 1].     num_classes: labels are 0 … num_classes - 1.
    options: those that the family's entry in `families` declares; the others get their defaults. All are in `options`.
    Set `seed` and `ema_decay` before training. All noise of training is a function of (seed, step), the step being the
    optimizer's own count: weights and optimizer state are all that an exact resume needs.
    """

    loss_names = ("loss",)
    workers = None  # those that train it as one, `training.workers.Workers`

    def __init__(self, image_shape, num_classes=0, **options):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.num_classes = int(num_classes)
        # Read-only, and so no dict that Keras would wrap.
        self.options = MappingProxyType(self.entry.model_options(options, self.image_shape, self.num_classes))
        self.seed, self.ema_decay = 0, 0.999
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.loss_names}

    def build_networks(self, make=None, **more):
        """Makes the trained network and its averaged twin, with weights.

        make: a function that makes a layer; by default the network that the options name, with `more` arguments.
        """
        if make is None:
            name, classes = self.options["network"], self.label_count
            options = {option.name: self.options[option.name] for option in NETWORKS[name].options}
            make = partial(make_network, name, self.image_shape, classes, **options, **more)
        with computing_in(self.options["precision"]):
            self.network, self.ema = make(), make()
        self.ema.trainable = False
        for net in (self.network, self.ema):
            net(*self.example_inputs())
            named_weights(net)  # raises for a weight without a name
        for average, weight in zip(self.ema.weights, self.network.weights, strict=True):
            average.assign(weight)
        self.built = True

    # What a family defines.

    def example_inputs(self):
        """Returns inputs of the network for one image, with which its weights are made."""
        raise NotImplementedError

    def loss_terms(self, network, images, labels, step, training):
        """Returns {name: scalar} for each of `loss_names`; gradients are taken of 'loss'."""
        raise NotImplementedError

    def generate(self, n, labels, seed, progress, **options):
        """Returns at most CHUNK images [n, H, W, C]; options: all that the family's `sample` takes."""
        *_, (_, _, x) = self.way(n, labels, seed, PARTS if progress else 1, progress, **options)
        return x

    def way(self, n, labels, seed, frames, progress=None, **options):
        """For families that sample in steps: yields (x before, predicted image, x after), [n, H, W, C] each, of about
        `frames` equal stretches from noise to images."""
        raise NotImplementedError

    def get_config(self):
        """Returns the arguments that rebuild this model, as JSON keeps them: `genzoo.build(name, **model.config)`."""
        config = {"image_shape": self.image_shape, "num_classes": self.num_classes, **self.options}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}

    @property
    def config(self):
        """As of `get_config`."""
        return self.get_config()

    @property
    def family(self):
        """The family's name."""
        return type(self).__name__.lower()

    @property
    def entry(self):
        """What the family declares of itself, a `families.Family`."""
        return family(self.family)

    @property
    def conditional(self):
        """Whether labels enter the model."""
        return self.entry.labels

    @property
    def label_count(self):
        """How many labels the networks know; 0: none."""
        return self.num_classes if self.conditional else 0

    # Training.

    def prepare_training(self, images):
        """Makes what training needs before its first step, from training images as `prepare_sampling` gets them."""

    def compile(self, optimizer="adam", **options):
        """As Keras does. What the optimizer keeps is made here: made in the first step, it has that traced twice."""
        super().compile(optimizer=optimizer, **options)
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self):
        """The means of the losses, which Keras resets every epoch."""
        return list(self.trackers.values())

    # Plain Python builds all our graphs: AutoGraph would only reread the source, at half of the tracing time.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch):
        """One step on {"image": [B, H, W, C], "label": [B]}: gradients, clipped; the optimizer; the moving average."""
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int64)
        weights, size = self.network.trainable_variables, tf.shape(batch["image"])[0]
        terms, gradients = self.losses_and_gradients(batch["image"], batch["label"], step)
        if self.workers is not None:
            terms, gradients = self.workers.mean(terms, gradients)
            size *= self.workers.count
        gradients, _ = tf.clip_by_global_norm(gradients, CLIP_NORM)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self._average(step)
        return self._track(terms, size)

    def losses_and_gradients(self, images, labels, step):
        """Returns ({name: scalar} of `loss_terms`, [gradients of the loss]) of this process's rows of a batch."""
        part = (0, 1) if self.workers is None else (self.workers.rank, self.workers.count)
        with tf.GradientTape() as tape, rng.rows_of(*part):
            terms = self.loss_terms(self.network, images, labels, step, training=True)
        return terms, tape.gradient(terms["loss"], self.network.trainable_variables)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, batch):
        """The losses of the averaged weights on a batch, as of `train_step`."""
        # Keyed by the images seen so far: every evaluation of the same set meets the same noise. Below 0, since no step
        # of training is there.
        step = -1 - tf.cast(tf.convert_to_tensor(self.trackers["loss"].count), tf.int64)
        terms = self.loss_terms(self.ema, batch["image"], batch["label"], step, training=False)
        return self._track(terms, tf.shape(batch["image"])[0])

    def _average(self, step):
        """Moves the averages, with the warm-up that short runs need: decay = min(d, (1 + step) / (10 + step))."""
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(float(self.ema_decay), (1 + step) / (10 + step))
        for average, weight in zip(self.ema.weights, self.network.weights, strict=True):
            average.assign_sub((1 - decay) * (average - weight))

    def _track(self, terms, size):
        for name, tracker in self.trackers.items():
            tracker.update_state(terms[name], sample_weight=size)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    # Sampling.

    def sample(self, n=None, *, labels=None, seed=0, progress=None, **options):
        """Returns new images, float32 [n, H, W, C] in [-1, 1].

        labels: n integers, for families that take labels (default: 0, 1, … in turn).     seed: one seed, one picture.
        progress: called as progress(done, total) in network evaluations.
        options: those of sampling that the family's entry declares; the others get their defaults.
        Raises UsageError for what this family cannot do.
        """
        n, labels = self._requested(n, labels)
        images = np.empty((n, *self.image_shape), np.float32)
        for part, chunk in self._chunks(n, labels, seed, 0, progress, options):
            images[part] = chunk
        return images

    def sample_pixels(self, n, native_shape, *, labels=None, seed=0, first=0, progress=None, **options):
        """Returns new images as `sample` does, but uint8 [n, h, w, c] of native_shape; few are floats at a time.

        first: the number of the first one among those that the seed gives, a multiple of CHUNK.
        """
        n, labels = self._requested(n, labels)
        images = np.empty((n, *native_shape), np.uint8)
        for part, chunk in self._chunks(n, labels, seed, first, progress, options):
            images[part] = to_uint8(chunk, native_shape)
        return images

    def _chunks(self, n, labels, seed, first, progress, options):
        """Yields (slice, images) of at most CHUNK images each."""
        options = self.sampling_options(options)
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            report = progress and (
                lambda done, total, start=start, size=size: progress(start * total + done * size, n * total)
            )
            part = slice(start, start + size)
            chunk = self.generate(size, labels[part], chunk_seed(seed, first + start), report, **options)
            yield part, np.clip(np.asarray(chunk), -1, 1)

    def sampling_options(self, asked, task="sample"):
        """Returns all options of sampling for a task of `families.TASKS`: what was asked, and else its defaults."""
        return self.entry.sampling_options(asked, self.options, task)

    def _requested(self, n, labels):
        if n is None and labels is None:
            raise UsageError("say how many images to sample: n, or labels")
        if n is not None and (isinstance(n, bool) or int(n) != n or n < 1):
            raise UsageError(f"n must be an integer ≥ 1, got {n!r}")
        return self._labels(n, labels)

    def _labels(self, n, labels):
        """Returns (n, int32 labels [n]), the labels zeros where the family takes none."""
        if not self.conditional:
            if labels is not None:
                raise UsageError(f"{self.family} takes no labels: use {those('labels')} to ask for a class")
            return n, np.zeros(n, np.int32)
        if labels is None:
            return n, (np.arange(n) % self.num_classes).astype(np.int32)
        labels = np.asarray(labels)
        if labels.ndim != 1 or not labels.size or (n is not None and n != labels.size):
            raise UsageError(f"labels must be a list of {n or 'one or more'} integers, got shape {labels.shape}")
        if labels.dtype.kind not in "iu":
            raise UsageError(f"labels must be integers, got {labels.tolist()[0]!r}")
        if labels.min() < 0 or labels.max() >= self.num_classes:
            bad = labels.min() if labels.min() < 0 else labels.max()
            raise UsageError(f"label {bad} is out of range: this model knows 0 to {self.num_classes - 1}")
        return labels.size, labels.astype(np.int32)

    def check_images(self, images):
        """Returns the images as float32 [n, H, W, C]; raises UsageError unless they fit this model."""
        images = np.asarray(images, dtype=np.float32)
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise UsageError(f"images must have shape [n, {', '.join(map(str, self.image_shape))}], got {images.shape}")
        if not np.isfinite(images).all() or np.abs(images).max() > 1 + 1e-5:
            raise UsageError("images must be finite and within [-1, 1]; scale uint8 images by x / 127.5 - 1")
        return images

    def evaluations(self, **options):
        """Returns the NFE: network evaluations for one image with these sampling options."""
        return 1

    def reconstruct(self, images, labels=None):
        """Returns what the model makes of images, [n, H, W, C]; labels: n integers, for families that take labels.
        Raises UsageError where images cannot be put in."""
        raise UsageError(f"{self.family} has no encoder to put images into: use {those('encodes')}")

    def interpolate(self, a, b, steps, labels=None):
        """Returns `steps` images on the way from each image of a to that of b, [steps, n, H, W, C]. Raises as
        `reconstruct` does."""
        raise UsageError(f"{self.family} has no encoder to put images into: use {those('encodes')}")

    def trajectory(self, n=None, *, labels=None, seed=0, frames=9, **options):
        """Returns [(x, predicted image)] at about `frames` points from noise to images, [n, H, W, C] each.

        The last pair is the finished image and the last prediction. Other arguments are as of `sample`.
        Raises UsageError for a family that makes an image in one step.
        """
        if not self.entry.in_steps:
            able = those("in_steps")
            raise UsageError(f"{self.family} makes an image in one step, so there is no way to show: use {able}")
        n, labels = self._requested(n, labels)
        way = self.way(n, labels, seed, frames, **self.sampling_options(options))
        path = [[np.asarray(x) for x in stretch] for stretch in way]
        return [(x, x_0) for x, x_0, _ in path] + [(path[-1][2], path[-1][1])]

    def prepare_sampling(self, images, labels=None):
        """Makes what sampling needs beyond the weights, from training images [n, H, W, C]; returns a line, or None.

        labels: of the images, int [n], for families that take labels.
        images: an array, or what gives one for each slice, so that not all need be in memory as floats at once.
        """


def chunk_seed(seed, start):
    """Returns the seed of the chunk of images from `start` on; the first chunk's is `seed` itself."""
    return int(seed) + start * 1_000_003

