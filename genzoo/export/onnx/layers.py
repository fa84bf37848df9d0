"""The layers of `genzoo.networks` as ONNX nodes: a function for each class of layer, which walks the layer itself.

Images are [N, C, H, W] here and [N, H, W, C] there. SpaceToDepth and DepthToSpace (mode DCR) order channels alike.
"""

import numpy as np

from genzoo.errors import UsageError
from genzoo.networks.blocks import Down, LabelEmbedding, Norm, Residual, TimeEmbedding, Up, groups
from genzoo.networks.encoder_decoder import Decoder, Encoder
from genzoo.networks.unet import UNet
from genzoo.stack import GroupNormalization, keras, layers

EPSILON = 1e-3


def emit(g, layer, *inputs):
    """Adds the nodes of a layer to a `Graph`; returns the name of its output.

    Raises UsageError for a layer that is not known here, as one of a network that somebody has added.
    """
    if type(layer) not in LAYERS:
        raise UsageError(
            f"the layer {type(layer).__name__} of this run's network has no ONNX nodes yet: add a function for it to "
            "genzoo/export/onnx/layers.py, or export the run as savedmodel or tflite"
        )
    return LAYERS[type(layer)](g, layer, *inputs)


def silu(g, x):
    return g.op("Mul", x, g.op("Sigmoid", x))


def maps(g, x):
    """[N, C] → [N, C, 1, 1]."""
    return g.op("Unsqueeze", x, np.array([2, 3]))


def normalised(g, x, channels):
    """Group normalisation (Wu & He 2018) of [N, C, H, W], without gain and bias."""
    count = groups(channels)
    parts = g.op("Reshape", x, np.array([0, count, -1]))
    one, zero = np.ones(count, np.float32), np.zeros(count, np.float32)
    return g.op("Reshape", g.op("InstanceNormalization", parts, one, zero, epsilon=EPSILON), g.op("Shape", x))


def _norm(g, layer, x):
    gain, bias = (g.op("Unsqueeze", g.weight(weight), np.array([1, 2])) for weight in (layer.gamma, layer.beta))
    return g.op("Add", g.op("Mul", normalised(g, x, layer.gamma.shape[0]), gain), bias)


def _group_normalization(g, layer, x):
    assert layer.epsilon == EPSILON and layer.groups == groups(layer.gamma.shape[0])
    return _norm(g, layer, x)


def _conv(g, layer, x):
    assert layer.strides == layer.dilation_rate == (1, 1) and layer.padding == "same" and layer.groups == 1
    assert layer.activation is keras.activations.linear
    (high, wide), kernel = layer.kernel_size, g.weight(layer.kernel, (3, 2, 0, 1))
    pads = [high // 2, wide // 2] * 2
    return g.op("Conv", x, kernel, g.weight(layer.bias), kernel_shape=[high, wide], pads=pads)


def _dense(g, layer, x):
    assert layer.activation is keras.activations.linear
    kernel = g.weight(layer.kernel)
    return g.op("Gemm", x, kernel, g.weight(layer.bias)) if layer.use_bias else g.op("MatMul", x, kernel)


def _residual(g, layer, x, emb=None):
    if layer.modulated:
        scale, shift = (maps(g, part) for part in g.op("Split", emit(g, layer.scale_shift, emb), outputs=2, axis=1))
        normal = normalised(g, x, layer.conv1.kernel.shape[2])
        h = g.op("Add", g.op("Mul", normal, g.op("Add", scale, 1.0)), shift)
    else:
        h = emit(g, layer.norm, x)
    h = emit(g, layer.conv1, silu(g, h))
    return g.op("Add", x, emit(g, layer.conv2, silu(g, h)))


def space_to_depth(g, x, block):
    return g.op("SpaceToDepth", x, blocksize=block)


def depth_to_space(g, x, block):
    return g.op("DepthToSpace", x, blocksize=block, mode="DCR")


def _time_embedding(g, layer, t):
    rates = np.exp(-np.log(10000.0) * np.arange(layer.frequencies) / layer.frequencies).astype(np.float32)
    angles = g.op("Mul", g.op("Unsqueeze", t, np.array([1])), rates)
    return emit(g, layer.dense, g.op("Concat", g.op("Sin", angles), g.op("Cos", angles), axis=1))


def _label_embedding(g, layer, labels):
    return g.op("Gather", g.weight(layer.dense.kernel), labels)


def _unet(g, net, x, time, labels=None):
    """time: [n], or [1] for all images alike."""
    emb = emit(g, net.time_embedding, time)
    if net.labelled:
        emb = g.op("Add", emb, emit(g, net.label_embedding, labels))
    emb = silu(g, emit(g, net.embedding, silu(g, emb)))

    def through(blocks, level, h):
        for block in blocks[level * net.depth : (level + 1) * net.depth]:
            h = emit(g, block, h, emb)
        return h

    pixels = space_to_depth(g, x, net.patch)
    h = through(net.down_blocks, 0, emit(g, net.stem, pixels))
    skips = []
    for level, down in enumerate(net.downs, start=1):
        skips.append(h)
        h = through(net.down_blocks, level, emit(g, down, h))
    h = through(net.up_blocks, 0, h)
    for level, up in enumerate(net.ups, start=1):
        h = through(net.up_blocks, level, g.op("Add", emit(g, up, h), skips.pop()))
    h = silu(g, emit(g, net.norm, h))
    if net.mixes:
        return depth_to_space(g, emit(g, net.head, g.op("Concat", h, pixels, axis=1)), net.patch)
    gained = g.op("Mul", maps(g, emit(g, net.gain, emb)), x)
    return g.op("Add", depth_to_space(g, emit(g, net.head, h), net.patch), gained)


def _encoder(g, net, x, labels=None):
    h = emit(g, net.downs[0], x)
    if net.labelled:
        h = g.op("Add", h, maps(g, emit(g, net.label_embedding, labels)))
    h = emit(g, net.blocks[0], h)
    for down, block in zip(net.downs[1:], net.blocks[1:], strict=True):
        h = emit(g, block, emit(g, down, h))
    h = g.op("Transpose", silu(g, emit(g, net.norm, h)), perm=[0, 2, 3, 1])
    return emit(g, net.head, g.op("Reshape", h, np.array([-1, net.head.kernel.shape[0]])))


def _decoder(g, net, z, labels=None):
    if net.labelled:
        z = g.op("Concat", z, emit(g, net.label_embedding, labels), axis=1)
    h = g.op("Reshape", emit(g, net.dense, z), np.array([-1, *net.base]))
    h = emit(g, net.blocks[0], g.op("Transpose", h, perm=[0, 3, 1, 2]))
    for up, block in zip(net.ups, net.blocks[1:], strict=True):
        h = emit(g, block, emit(g, up, h))
    return depth_to_space(g, emit(g, net.head, silu(g, h)), 2)


LAYERS = {
    layers.Conv2D: _conv,
    layers.Dense: _dense,
    GroupNormalization: _group_normalization,
    Norm: _norm,
    Residual: _residual,
    Down: lambda g, layer, x: emit(g, layer.conv, space_to_depth(g, x, 2)),
    Up: lambda g, layer, x: depth_to_space(g, emit(g, layer.conv, x), 2),
    TimeEmbedding: _time_embedding,
    LabelEmbedding: _label_embedding,
    UNet: _unet,
    Encoder: _encoder,
    Decoder: _decoder,
}
