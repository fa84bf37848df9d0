"""What a dry run counts: operations as TensorFlow's profiler counts them, and those of attention by hand."""

import pytest
from small import CLASSES, shared, small

from benchmarks.flops import profiled
from genzoo import build
from genzoo.stack import tf
from genzoo.training.cost import COPIES, cost_of


def test_operations_are_those_of_the_profiler():
    for family in ("vae", "ddpm"):
        model = shared(family) if family == "vae" else small(family)
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in model.example_inputs()]
        assert cost_of(model).flops == profiled(lambda *inputs, net=model.network: net(*inputs), *specs) > 0


@pytest.mark.slow
def test_attention_counts_its_two_products():
    """Of N = 4 x 4 pixels with 16 channels in two heads: 2 N² 16 for q kᵀ, as much for the sum that they weigh."""
    options = {"network": "unet-base", "widths": (8, 16), "depth": 1, "head": 8, "diffusion_steps": 10}
    flops = [
        cost_of(build("cddpm", image_shape=(8, 8, 1), num_classes=CLASSES, attention=sides, **options)).flops
        for sides in ((4,), (99,))
    ]
    one = 2 * 2 * 16**2 * 16 + 2 * 16 * 16 * 4 * 16  # its products, and the convolutions to q, k, v and back
    assert flops[0] - flops[1] == 3 * one  # one step on the way down, two on the way up


def test_memory_grows_with_the_batch_and_the_weights():
    cost = cost_of(small("ddpm"))
    assert cost.memory(0) == 4 * COPIES * cost.parameters and cost.results > 0
    assert cost.memory(3) - cost.memory(1) == 2 * cost.results
