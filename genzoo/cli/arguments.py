"""Which words and values each command takes: a function for each, which adds them to the command's parser.

Nothing here, nor what it imports, imports TensorFlow or NumPy, so that `--help` and a mistyped option answer at once.
"""

import argparse
from functools import partial

from genzoo.cli import types
from genzoo.models.families import MODELS


class _Option(argparse.Action):
    """Gathers a family's options in the dict `options`: --latent-dim 8 is --set latent_dim=8."""

    def __call__(self, parser, namespace, value, option_string=None):
        key, value = value if self.dest == "set" else (self.dest, self.const if self.nargs == 0 else value)
        namespace.options = {**namespace.options, key: value}


def _options(group):
    """As the group's add_argument, for options that are gathered in `options`."""
    return partial(group.add_argument, action=_Option)


def train(command):
    command.epilog = _families()
    add = command.add_argument_group("what").add_argument
    add("--model", choices=tuple(MODELS), help="the family, see below (default: cddpm)")
    add(
        "--data",
        metavar="NAME",
        help="mnist, fashion_mnist, kmnist, cifar10, tfds:NAME, digits, folder:PATH, or auto: mnist where it "
        "is prepared or can be downloaded, else digits (default: auto)",
    )
    add("--data-dir", metavar="DIR", help="of TFDS sets (default: TFDS_DATA_DIR, ~/tensorflow_datasets)")
    add("--image-size", type=types.whole(8), metavar="PX", help="resize to squares of PX pixels")
    add("--seed", type=types.whole(0), metavar="N", help="of the weights, the order and the noise (default: 0)")

    group = command.add_argument_group("how long (default: see below)").add_mutually_exclusive_group()
    group.add_argument("--epochs", type=types.whole(1), metavar="N", help="passes over the data")
    group.add_argument("--steps", type=types.whole(1), metavar="N", help="batches")
    group.add_argument("--minutes", type=types.number(above=0), metavar="M", help="made into steps at the start")

    add = command.add_argument_group("how (defaults: see below)").add_argument
    add("--batch-size", type=types.whole(1), metavar="N", help="images a step")
    add("--lr", type=types.number(above=0), metavar="RATE", help="learning rate")
    add("--ema", type=types.number(least=0, below=1), metavar="DECAY", help="of averaged weights; 0: none")
    add("--jit-compile", action="store_true", help="compile the step with XLA (GPU; slower on a CPU)")

    add = command.add_argument_group("where").add_argument
    add("--out", metavar="RUN", help="the run folder (default: runs/MODEL-DATA, numbered)")
    add("--overwrite", action="store_true", help="replace an existing run in --out")
    add("--resume", metavar="RUN", help="go on with an interrupted run exactly, with its own settings")
    add("--sample-every", type=types.whole(0), metavar="N", help="steps between pictures; 0: only at the end")
    add("--tensorboard", action="store_true", help="write RUN/tb")
    add("--dry-run", action="store_true", help="only print parameters, steps, memory and expected time")

    option = _options(command.add_argument_group("options of the families (default and family: see below)"))
    option("--latent-dim", type=types.whole(1), metavar="N", help="numbers in the bottleneck")
    option("--beta", type=types.number(least=0), metavar="B", help="weight of the KL term")
    option("--diffusion-steps", "--timesteps", type=types.whole(1), metavar="T", help="of ddpm, cddpm")
    option("--schedule", choices=("cosine", "linear"), help="of the noise of ddpm, cddpm (default: cosine)")
    option("--zero-snr", nargs=0, const=True, help="let it end in pure noise; needs --predict v or x0")
    option("--predict", choices=("eps", "x0", "v"), help="what the network of ddpm, cddpm gives (default: v)")
    weight = "weigh the loss of ddpm, cddpm by min(SNR, GAMMA), such as 5 (default: not)"
    option("--min-snr", type=types.number(above=0), metavar="GAMMA", help=weight)
    half = "bfloat16: mixed precision, for a GPU or a CPU that computes in it; weights stay float32 (default: float32)"
    option("--precision", choices=("float32", "bfloat16"), help=half)
    option("--set", type=types.setting, metavar="KEY=VALUE", help="any option of the family; repeatable")


def sample(command):
    _run(command)
    add = command.add_argument
    add("--n", type=types.whole(1, types.MOST_IMAGES), metavar="N", help="images (default: about 64, or one a label)")
    add(
        "--labels",
        type=types.labels,
        help="for families with labels: 7, or 0,1,2, or 0-9, or 3x10 (ten threes), or 0-9x10 (ten of each); "
        "repeated or cut to --n where both are given (default: all, in turn)",
    )
    _outputs(command, "sample.png", "a picture, or as FILE.npz: images uint8 [N,H,W,C], labels int32 [N]")
    add("--gif", metavar="FILE", help="also an animation from noise to images (blend, ddpm, cddpm)")
    add("--steps-picture", metavar="FILE", help="also a PNG of input beside prediction, a row a step (the same)")

    option = _sampling(command, metavar="NAME", help="ddpm, cddpm: see below (default: dpmpp_2m)")
    option("--share", type=types.number(above=0, most=1), help="blend: fixed share of the way a step")
    command.epilog = _SAMPLERS


def _sampling(command, **sampler):
    """Adds what the diffusion families can be asked. sampler: of that option.   -> what adds further ones."""
    group = command.add_argument_group("options of some families")
    option = _options(group)
    option("--sampler", **sampler)
    option("--steps", type=types.whole(1), metavar="N", help="fewer: sooner; more: better")
    option("--timesteps", metavar="SPACING", help="uniform, linspace, trailing (default), quad or logsnr")
    option("--eta", type=types.number(least=0, most=1), help="ddim: share of fresh noise (default: 0)")
    option("--variance", choices=("fixed_small", "fixed_large"), help="ddpm: of the noise of a step")
    scale = "cddpm: how clearly to follow labels; 0: not at all, 1: as learned, other: twice the cost (default: 2)"
    option("--guidance", type=types.number(), metavar="S", help=scale)
    where = "cddpm: guide only where the noise level sqrt((1 - abar) / abar) is between these (sample: 1,10)"
    option("--guidance-interval", type=types.interval, metavar="LOW,HIGH", help=where)
    how_far = "cddpm: undo this share of the contrast that guidance adds (default: 0)"
    option("--guidance-rescale", type=types.number(least=0, most=1), metavar="PHI", help=how_far)
    clip = _options(group.add_mutually_exclusive_group())
    quantile = "ddpm, cddpm: scale predictions down where this quantile of their pixels is above 1, such as 0.995"
    clip("--threshold", type=types.number(above=0, most=1), metavar="Q", help=quantile)
    clip("--no-clip", dest="clip_denoised", nargs=0, const=False, help="nor keep predictions in [-1, 1]")
    return option


def reconstruct(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 1000), default=10, help="test images (default: 10)")
    _inversion(command, "--steps")
    command.add_argument("--show-noise", action="store_true", help="ddpm, cddpm: a row of the noise in between")
    _outputs(command, "reconstruction.png", "a picture: rows of originals, each above its reconstructions")
    _data_dir(command)


def interpolate(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 100), default=8, help="pairs of test images (default: 8)")
    command.add_argument("--steps", type=types.whole(2, 100), default=10, help="images a pair (default: 10)")
    _inversion(command, "--ddim-steps")
    _outputs(command, "interpolation.png", "a picture: a row a pair, the two originals at its ends")
    _data_dir(command)


def _inversion(command, name):
    help = "ddpm, cddpm: steps to the noise, and as many back (default: 50)"
    command.add_argument(name, dest="ddim_steps", type=types.whole(1), metavar="N", help=help)


def img2img(command):
    _given(command)
    far = "how far to go to the noise and back (default: 0.6)"
    command.add_argument("--strength", type=types.number(above=0, most=1), default=0.6, metavar="SHARE", help=far)
    _sampling(command, metavar="NAME", help="as of sample (default: ddim)")
    _outputs(command, "img2img.png", "a picture: rows of originals, each above what became of them")


def inpaint(command):
    _given(command)
    where = command.add_mutually_exclusive_group().add_argument
    box = types.numbers(4, "TOP,LEFT,HEIGHT,WIDTH")
    where("--box", type=box, metavar="TOP,LEFT,HEIGHT,WIDTH", help="in pixels (default: the lower half)")
    where("--mask", metavar="FILE", help="or a picture of the images' size, light where they are to be made anew")
    _sampling(command, choices=("ddpm", "ddim"), help="(default: ddpm, in 250 steps)")
    _outputs(command, "inpainting.png", "a picture: rows of originals, what is kept of them, what is made of that")


def _given(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 1000), default=10, help="test images (default: 10)")
    command.add_argument("--labels", type=types.labels, help="cddpm: to become, as of sample (default: their own)")
    _data_dir(command)


def evaluate(command):
    _run(command)
    _measuring(command, seeds=1)
    _sampling(command, metavar="NAME", help="as of sample")
    command.epilog = "The numbers go into RUN/metrics.json, the samples nowhere."


def compare(command):
    add = command.add_argument
    add("runs", metavar="RUN", nargs="*", help="finished runs on the same data")
    add("--train", type=types.names(MODELS), metavar="all|NAMES", help="train some families first, as in ae,vae")
    add("--data", default="auto", metavar="NAME", help="with --train: as of train (default: auto)")
    add("--minutes", type=types.number(above=0), metavar="M", help="with --train: for each family (default: 5)")
    _measuring(command, seeds=3)
    add("--out", default="compare", metavar="FOLDER", help="what to write into, runs too (default: compare)")
    add("--overwrite", action="store_true", help="replace tables and pictures that exist; runs are kept")
    command.epilog = "A second call with the same --out goes on where the first one was cut."


def sweep(command):
    _run(command)
    add = command.add_argument
    names = types.several(str)
    add("--samplers", type=names, default=["ddim", "unipc"], metavar="NAMES", help="see below (default: ddim,unipc)")
    whole = types.several(types.whole(1))
    add("--steps", type=whole, default=[5, 10, 20, 50], metavar="N,N", help="(default: 5,10,20,50)")
    add("--guidance", type=types.several(types.number()), metavar="S,S", help="cddpm (default: that of sample)")
    where = "cddpm: guide between these noise levels only (default: 1,10; everywhere: 0,inf)"
    _options(command)("--guidance-interval", type=types.interval, metavar="LOW,HIGH", help=where)
    _measuring(command, seeds=None, n="2,000")
    add("--overwrite", action="store_true", help="replace RUN/sweep.csv and sweep.png")
    command.epilog = _SAMPLERS


def _measuring(command, seeds, n="10,000"):
    """What all commands take that measure samples. seeds: how many by default; None: there is one."""
    add = command.add_argument
    add("--n", type=types.whole(1, types.MOST_IMAGES), metavar="N",
        help=f"samples from a seed (default: {n}, or as many as there are test images)")  # fmt: skip
    add("--seed", type=types.whole(0), default=0, metavar="N", help="the first seed (default: 0)")
    if seeds:
        add("--seeds", type=types.whole(1, 100), default=seeds, metavar="K", help=f"draws (default: {seeds})")
    _data_dir(command)


def info(command):
    _run(command)


def _run(command):
    command.add_argument("run", metavar="RUN", help="a run folder, finished or interrupted")


def _outputs(command, default, content):
    add = command.add_argument
    add("--seed", type=types.whole(0), default=0, help="the same seed gives the same file (default: 0)")
    add("--out", metavar="FILE", help=f"{content} (default: RUN/{default}, numbered when taken)")
    add("--overwrite", action="store_true", help="replace files that exist")


def _data_dir(command):
    command.add_argument("--data-dir", metavar="DIR", help="where TFDS sets are, if they moved")


_SAMPLERS = """which sampler to take (cost: network evaluations an image, which guidance other than 0 and 1 doubles):
  dpmpp_2m  the default: one evaluation a step, good from 7 on, and deterministic, so that seeds stay comparable
  ddim      as deterministic, so that images can be inverted; --eta above 0 adds fresh noise
  unipc     as deterministic, and closest to the exact path at 5 to 10 evaluations
  heun      of second order, at nearly two evaluations a step: to check the others
  ddpm      ancestral: fresh noise in every step; all T steps unless --steps asks for fewer
Unless asked, ddpm and cddpm take 7 steps and blend takes 20.
--timesteps trailing suits all of them; uniform is that of the DDIM article, which starts below pure noise."""


def _families():
    """The table below `genzoo train --help`."""
    lines = ["families and their defaults (--set with an unknown KEY names all that a family takes):"]
    for name, family in MODELS.items():
        defaults = ", ".join(f"{key}={value}" for key, value in (family.train | family.model).items())
        lines += [f"  {name:<7}{family.summary}", f"         {defaults}"]
    return "\n".join(lines)
