"""What all families share: their networks, train_step, test_step, the moving average of the weights."""

from functools import partial
from types import MappingProxyType

from genzoo import rng
from genzoo.models.families import family
from genzoo.models.sampling import Sampling
from genzoo.models.stored import Stored
from genzoo.networks.blocks import computing_in, named_weights
from genzoo.networks.catalogue import NETWORKS, make_network
from genzoo.stack import keras, tf

CLIP_NORM = 1.0
PARTS = 25  # of the way from noise to images, after each of which progress is told


class GenerativeModel(Stored, Sampling, keras.Model):
    """A family: subclasses name their losses, make their network, and say how to sample.

    image_shape: (H, W, C) of the padded images, float32 in [-1, 1].     num_classes: labels are 0 … num_classes - 1.
    options: those that the family's entry in `families` declares; the others get their defaults. All are in `options`.
    Set `seed` and `ema_decay` before training. All noise of training is a function of (seed, step), the step being the
    optimizer's own count: weights and optimizer state are all that an exact resume needs.
    """

    loss_names = ("loss",)
    workers = None  # those that train it as one, `training.workers.Workers`
    accumulate = 1  # parts of a batch that a step takes one after the other

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
        """Returns ({name: scalar} of `loss_terms`, [gradients of the loss]) of this process's rows of a batch: the mean
        over their `accumulate` parts, of which one at a time is in memory."""
        rank, count = (0, 1) if self.workers is None else (self.workers.rank, self.workers.count)
        if self.accumulate == 1:
            return self._of_rows(images, labels, step, rank, count)
        parts, names, weights = self.accumulate, self.loss_names, self.network.trainable_variables

        def add(part, *sums):
            size = tf.shape(images)[0] // parts
            rows = [tf.reshape(whole, [parts, size, *whole.shape[1:]])[part] for whole in (images, labels)]
            terms, gradients = self._of_rows(*rows, step, rank * parts + part, count * parts)
            more = [*(terms[name] for name in names), *gradients]
            return part + 1, *(total + one for total, one in zip(sums, more, strict=True))

        zeros = [*(tf.zeros([]) for _ in names), *(tf.zeros(weight.shape) for weight in weights)]
        _, *sums = tf.while_loop(lambda part, *_: part < parts, add, [0, *zeros], parallel_iterations=1)
        means = [total / parts for total in sums]
        return dict(zip(names, means, strict=False)), means[len(names) :]

    def _of_rows(self, images, labels, step, rank, count):
        """As of `losses_and_gradients`, of part `rank` of `count` of a batch."""
        with tf.GradientTape() as tape, rng.rows_of(rank, count):
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
