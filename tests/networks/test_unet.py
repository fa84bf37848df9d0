"""The U-Net from 32 to 1024 pixels a side: the weights it takes, and the way of each pixel."""

import numpy as np
import pytest

from genzoo.networks.unet import UNet, patch_size
from genzoo.stack import keras, tf


def weights(side, channels=3):
    """The number of weights at the default widths, made without running the network."""
    net = UNet((side, side, channels), 0, (32, 64, 96), 1)
    image, time = tf.TensorSpec([1, side, side, channels]), tf.TensorSpec([1])
    tf.function(net, autograph=False).get_concrete_function(image, time)
    return sum(np.prod(w.shape) for w in net.weights)


@pytest.mark.slow
def test_weights_grow_as_the_pixels_of_a_patch():
    patches = {32: 2, 64: 4, 128: 8, 256: 16, 512: 32, 1024: 64}
    assert {side: patch_size(side, side, 3) for side in patches} == patches
    patches = {side: patches[side] for side in (32, 64, 128, 256)}
    counts = {side: weights(side) for side in patches}
    assert [counts[32], counts[64]] == [794_012, 798_512]
    stem_and_head = {side: 32 * 3 * p**2 + (32 + 1) * 3 * p**2 for side, p in patches.items()}
    rest = {counts[side] - stem_and_head[side] for side in (128, 256)}
    assert len(rest) == 1  # nothing else grows


@pytest.mark.parametrize("side, patch", [(16, 2), (128, 8)])
def test_every_pixel_has_a_way_of_its_own_to_the_output(side, patch):
    """Between the pixels of a patch and the same pixels of the output, the map has full rank: no pixel is left out, and
    no noise is lost in the few channels of the levels below."""
    keras.utils.set_random_seed(0)
    net = UNet((side, side, 1), 0, (4, 4), 1)
    assert net.patch == patch
    x = tf.constant(np.random.default_rng(0).normal(size=(1, side, side, 1)).astype("float32"))
    assert not net(x, tf.constant([500.0])).numpy().any()  # it starts at zero
    for w in net.trainable_weights:
        w.assign(np.random.default_rng(1).normal(size=w.shape) * 0.3)
    for corner in (0, side - patch):
        here = slice(corner, corner + patch)
        copies = tf.repeat(x, patch**2, 0)  # each is for one row of the Jacobian
        with tf.GradientTape() as tape:
            tape.watch(copies)
            output = net(copies, tf.fill([patch**2], 500.0))[:, here, here]
            rows = tf.linalg.diag_part(tf.reshape(output, (patch**2, patch**2)))
        jacobian = tape.gradient(rows, copies).numpy()[:, here, here].reshape(patch**2, patch**2)
        assert np.linalg.matrix_rank(jacobian) == patch**2
        assert (np.abs(np.diag(jacobian)) > 0).all()
