"""Row 2: the arithmetic of a cddpm training step a second, as a share of what one large 3×3 convolution reaches."""

import math

from benchmarks import flops
from benchmarks.measuring import interleaved, ratio, seconds_a_call, spread
from benchmarks.reporting import cells, median_and_range
from benchmarks.rows.throughput import WARM
from benchmarks.stopwatch import step_seconds
from genzoo.pictures.tables import Cell, Column, Table
from genzoo.stack import tf

TITLE = "Efficiency of the cddpm training step"
# (batch, side, channels): each is the ceiling on some machine, so the fastest is taken here.
CONVOLUTIONS = ((64, 32, 64), (64, 16, 128), (64, 16, 256))
BOTH_WAYS = 3  # products for one forward: the output, the gradient of the kernel, that of the input
AGREE = 0.05  # between the layers' count and the profiler's


def measure(bench):
    trainer = bench.trainer("cddpm")
    counted, profiled = operations(trainer.model, trainer.batch_size)
    batches = trainer.batches(0)
    step_seconds(trainer.model, batches, WARM)
    contenders = {"step": lambda: counted / step_seconds(trainer.model, batches, bench.seconds)}
    for shape in CONVOLUTIONS:
        contenders[shape] = convolution(*shape, bench.seconds / 2)
        contenders[shape]()
    rates = interleaved(contenders, bench.rounds)  # operations a second
    steps = rates.pop("step")
    fastest = [max(values) for values in zip(*rates.values(), strict=True)]
    return {
        "operations_of_a_step": counted,
        "profiler_over_layers": profiled / counted,
        "step": spread(steps),
        "convolutions": {"×".join(map(str, shape)): spread(values) for shape, values in rates.items()},
        "efficiency": ratio(steps, fastest),
    }


def operations(model, batch_size):
    """Operations of a training step: (counted from the layers, counted by TensorFlow's profiler)."""
    step = tf.constant(0, tf.int64)

    def loss(images, labels):
        return model.loss_terms(model.network, images, labels, step, training=True)["loss"]

    def gradients(images, labels):
        with tf.GradientTape() as tape:
            value = loss(images, labels)
        return tape.gradient(value, model.network.trainable_variables)

    specs = tf.TensorSpec([batch_size, *model.image_shape]), tf.TensorSpec([batch_size], tf.int32)
    counted = BOTH_WAYS * flops.forward(lambda: loss(*(tf.zeros(spec.shape, spec.dtype) for spec in specs)))
    return counted, flops.profiled(gradients, *specs)


def convolution(batch, side, channels, seconds):
    """A function that measures the operations a second of one 3×3 convolution, forward and backward."""
    x = tf.random.normal([batch, side, side, channels])
    kernel = tf.random.normal([3, 3, channels, channels])

    @tf.function(autograph=False)
    def both_ways():
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = tf.nn.conv2d(x, kernel, 1, "SAME")
        return tape.gradient(y, [x, kernel], output_gradients=y)

    count = BOTH_WAYS * 2 * math.prod(kernel.shape) * batch * side * side
    return lambda: count / seconds_a_call(both_ways, seconds)


def table(found):
    columns = [*median_and_range("rate", "GFLOP/s", ".1f"), *median_and_range("share", "share of the ceiling", ".3f"),
               Column("count", "GFLOP a step", format=".2f")]  # fmt: skip
    gap = found["profiler_over_layers"] - 1
    word = "agrees" if abs(gap) <= AGREE else "DISAGREES"
    note = f"counted from the layers; TensorFlow's profiler {word}: {gap:+.2%}"
    step = {"count": Cell(found["operations_of_a_step"] / 1e9, reason=note)}
    rows = [("training step", step | cells("rate", _giga(found["step"])) | cells("share", found["efficiency"]))]
    rows += [(f"convolution {name}", cells("rate", _giga(rate))) for name, rate in found["convolutions"].items()]
    return Table(columns, rows)


def _giga(rates):
    return {key: value / 1e9 for key, value in rates.items() if key != "values"}
