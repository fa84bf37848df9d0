"""What a step will cost, counted in the graph of the network before anything runs."""

import math
from dataclasses import dataclass

from genzoo.stack import tf

STEP_FORWARD = 3  # forward passes that a step is worth: the gradient costs two
COPIES = 5  # of the weights, in float32: themselves, their average and gradients, and Adam's two moments
# What is kept for the gradient. Other results are made in place, or not needed again: so it came out for two networks,
# at 0.95 and 1.3 times of what was measured.
KEPT = ("Conv2D", "Mul", "AddV2", "Sigmoid", "ConcatV2", "MatMul", "BatchMatMulV2", "Softmax", "Transpose")


@dataclass(frozen=True)
class Cost:
    """parameters: of the network.

    flops: of its forward pass for an image, a multiplication and an addition being two.
    results: bytes that this pass keeps for the gradient, for an image, about.
    """

    parameters: int
    flops: int
    results: int

    def memory(self, batch_size):
        """Returns an estimate of the bytes that training needs, but for the program and the data."""
        return 4 * COPIES * self.parameters + batch_size * self.results


def cost_of(model):
    """Returns the `Cost` of a `GenerativeModel`. It traces the network, and runs nothing."""
    specs = [tf.TensorSpec(value.shape, value.dtype) for value in model.example_inputs()]
    network = tf.function(lambda *inputs: model.network(*inputs), autograph=False)
    operations = network.get_concrete_function(*specs).graph.get_operations()
    results = sum(
        math.prod(output.shape) * output.dtype.size
        for operation in operations if operation.type in KEPT for output in operation.outputs
    )  # fmt: skip
    weights = sum(math.prod(weight.shape) for weight in model.network.trainable_weights)
    return Cost(weights, sum(map(_flops, operations)), results)


def _flops(operation):
    """Of a convolution or a product of matrices: for each number of the result as many as were summed, twice."""
    if operation.type == "Conv2D":
        summed = math.prod(operation.inputs[1].shape[:3])
    elif operation.type in ("MatMul", "BatchMatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        summed = operation.inputs[0].shape[-2 if transposed else -1]
    else:
        return 0
    return 2 * summed * math.prod(operation.outputs[0].shape)
