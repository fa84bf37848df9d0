"""The networks by name. To add one: a file with a layer, and an entry here.

A 'denoiser' is made as `cls(image_shape, num_classes, **options)` and called with (images [B, H, W, C], time [B] from 0
to 1000, labels [B] or None) → [B, H, W, C]; label `num_classes` means none. An 'autoencoder' is made as
`cls(image_shape, num_classes, latent_dim, codes, **options)` and has an `encoder`, (images, labels) → [B, codes ·
latent_dim], and a `decoder`, ([B, latent_dim], labels) → images. num_classes is 0 where labels do not matter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from genzoo.errors import UsageError
from genzoo.options import Entry, Option, Several, Switch, Whole, catalogue, find

MOST_CHANNELS, MOST_DEPTH = 4096, 64  # beyond them a network would fill the memory before it is trained


@dataclass(frozen=True)
class Network(Entry):
    """role: 'denoiser' or 'autoencoder'.   check: (image_shape, options) raises UsageError where they do not fit.

    least: (image_shape, num_classes, options) → a number of weights that such a network has at least. A file with fewer
    is then refused before the memory for them is taken.
    """

    role: str = "denoiser"
    check: Callable = lambda image_shape, options: None
    least: Callable = lambda image_shape, num_classes, options: 0


def _halvings(image_shape, options, less=0):
    """Raises UsageError unless the sides can be halved once for each width, but for so many fewer."""
    (height, width, _), levels = image_shape, len(options["widths"])
    sides = math.gcd(height, width)
    if sides % 2 ** (levels - less):
        most = (sides & -sides).bit_length() - 1
        raise UsageError(f"{levels} widths are too many: {height} and {width} pixels can be halved {most} times")


def _attends(image_shape, options):
    """Raises UsageError unless the sides can be halved between the widths, and these split into groups and heads."""
    _halvings(image_shape, options, less=1)
    head, odd = options["head"], [width for width in options["widths"] if width % 2]
    uneven = [width for width in options["widths"] if width > options["head"] and width % options["head"]]
    if odd or uneven:
        raise UsageError(f"widths {(odd + uneven)[0]}: expected an even number that heads of {head} channels divide")


def _least_unet(image_shape, num_classes, options):
    """Two 3×3 convolutions a block, on both ways; and the embedding of the labels, twice as long as the last width."""
    blocks = 2 * options["depth"] * sum(2 * 9 * width**2 for width in options["widths"])
    return blocks + (num_classes + 1) * 2 * options["widths"][-1]


def _least_attention_unet(image_shape, num_classes, options):
    """Two 3×3 convolutions a step, on the way down; and the embedding of the labels, of four times the first width."""
    blocks = options["depth"] * sum(9 * width**2 for width in options["widths"])
    return blocks + (num_classes + 1) * 4 * options["widths"][0]


def _least_conv(image_shape, num_classes, options):
    """Two 3×3 convolutions a block, in the encoder and the decoder; and the decoder's first map."""
    base = image_shape[0] * image_shape[1] // 4 ** len(options["widths"]) * options["widths"][-1]
    return 2 * sum(2 * 9 * width**2 for width in options["widths"]) + base + num_classes


def _widths(default):
    return Option("widths", Several(Whole(1, MOST_CHANNELS)), default, "channels at each halving")


def _depth(default):
    return Option("depth", Whole(1, MOST_DEPTH), default, "residual blocks a level, each way")


def _attention_unet(name, summary, widths, depth, attention, head, modulated):
    options = (
        _widths(widths), _depth(depth),
        Option("attention", Several(Whole(1)), attention, "heights of the maps at which pixels look at each other"),
        Option("head", Whole(1), head, "channels of a head of attention"),
        Option("modulated", Switch(), modulated, "let time and label scale and shift, not be added"),
    )  # fmt: skip
    home = "genzoo.networks.attention_unet:AttentionUNet"
    return Network(name, summary, home, options, "denoiser", _attends, _least_attention_unet)


NETWORKS = catalogue(
    Network(
        "unet", "a U-Net, most of whose work is at 16x16 pixels and below", "genzoo.networks.unet:UNet",
        (_widths((32, 64, 96)), _depth(1)),
        "denoiser", _halvings, _least_unet,
    ),
    _attention_unet(
        "unet-base", "a U-Net with attention, of Ho et al. 2020 for 32x32: 36 million weights, for a GPU",
        widths=(128, 256, 256, 256), depth=2, attention=(16,), head=256, modulated=False,
    ),
    _attention_unet(
        "unet-large", "one as of Dhariwal & Nichol 2021 for 64x64: 280 million weights, for a GPU",
        widths=(192, 384, 576, 768), depth=3, attention=(32, 16, 8), head=64, modulated=True,
    ),
    Network(
        "conv", "a convolutional encoder and its mirror", "genzoo.networks.encoder_decoder:EncoderDecoder",
        (_widths((32, 64, 64)),), "autoencoder", _halvings, _least_conv,
    ),
)  # fmt: skip


def of_role(role):
    """Returns the names of the networks of a role, the default first."""
    return tuple(name for name, network in NETWORKS.items() if network.role == role)


def make_network(name, image_shape, num_classes, **options):
    """Returns a new network, a layer whose weights are not made yet."""
    return find(NETWORKS, name, "network").load()(image_shape, num_classes, **options)
