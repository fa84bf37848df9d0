"""Floating-point operations of convolutions and dense layers: counted from the layers, and by TensorFlow."""

import math
from contextlib import contextmanager

from genzoo.stack import layers, tf

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
PRODUCTS = ("Conv", "MatMul", "Einsum")  # in the names of the operations that multiply matrices


@contextmanager
def counting():
    """Within it, the layers that are called add to the list that it yields: (layer, operations of its forward pass).

    A kernel of k numbers costs a multiplication and an addition each at every position of the output
    (of the input, where the convolution is transposed).
    """
    found, call = [], layers.Layer.__call__

    def counted(layer, *args, **kwargs):
        y = call(layer, *args, **kwargs)
        kernels = [kernel for kernel in (getattr(layer, name, None) for name in KERNELS) if kernel is not None]
        if kernels:
            places = args[0] if isinstance(layer, layers.Conv2DTranspose) else y
            found.append((layer, 2 * sum(math.prod(k.shape) for k in kernels) * math.prod(places.shape[:-1])))
        return y

    layers.Layer.__call__ = counted
    try:
        yield found
    finally:
        layers.Layer.__call__ = call


def forward(call):
    """Operations of the layers that `call()` goes through; it must not be a compiled function."""
    with counting() as found:
        call()
    return sum(operations for _, operations in found)


def profiled(function, *specs):
    """The same as TensorFlow's profiler counts it in the graph of function(*specs), TensorSpecs without a None."""
    profiler = tf.compat.v1.profiler
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation()).with_empty_output().build()
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # that the profiler uses a function of TensorFlow 1
    try:
        found = profiler.profile(graph, run_meta=tf.compat.v1.RunMetadata(), cmd="op", options=options)
    finally:
        logger.setLevel(level)
    return sum(node.float_ops for node in _nodes(found) if any(word in node.name for word in PRODUCTS))


def _nodes(node):
    yield node
    for child in node.children:
        yield from _nodes(child)
