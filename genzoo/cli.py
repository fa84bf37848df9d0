"""The command line: which words and values it takes. What the commands do is in `commands`.

Nothing here, nor what it imports, imports TensorFlow, so that `--help` and a mistyped option answer at once.
"""

import argparse
import os
import re
import sys
import traceback

from genzoo import __version__, values
from genzoo.errors import GenzooError, UsageError
from genzoo.registry import MODELS


def console(argv=None):
    """The `genzoo` command: runs `main` and ends the process with its exit code."""
    sys.stdout.reconfigure(line_buffering=True)  # a pipe or a log file gets each line when it is printed
    sys.exit(main(argv))


def main(argv=None):
    """Runs one command; argv: the words after `genzoo` (default: sys.argv's). -> exit code."""
    argv = [_hyphens(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        args = _parser().parse_args(argv)
        from genzoo import commands

        getattr(commands, args.command)(args)
        return 0
    except SystemExit as error:  # --help and --version
        return error.code or 0
    except BrokenPipeError:  # as in `genzoo info RUN | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it raises nothing
        return 141
    except KeyboardInterrupt:
        return _report("interrupted", 130)
    except GenzooError as error:
        return _report(error, error.exit_code, "--debug" in argv)
    except (OSError, MemoryError) as error:
        return _report(error, 5, "--debug" in argv)
    except Exception as error:
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's; its text runs to pages
            raise
        return _report("out of memory; ask for a smaller --batch-size, --n or model", 5, "--debug" in argv)


def _report(error, code, debug=False):
    if debug:
        traceback.print_exc()
    print("genzoo: error:", " ".join(str(error).split()), file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """Hands a mistake to `main`, as one line like every other error."""

    def error(self, message):
        raise UsageError(f"{message}; see {self.prog} --help")


class _Option(argparse.Action):
    """Gathers a family's options in the dict `options`: --latent-dim 8 is --set latent_dim=8."""

    def __call__(self, parser, namespace, value, option_string=None):
        key, value = value if self.dest == "set" else (self.dest, value)
        namespace.options = {**namespace.options, key: value}


def _parser():
    top = _Parser(
        prog="genzoo",
        description="Train generative image models and draw from them.",
        epilog="Exit codes: 0 done, 2 usage, 3 diverged, 4 data, 5 run folder or disk, 130/143 interrupted.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"genzoo {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, define) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=_families() if name == "train" else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # What was not asked of `train` is not in the result: the family's defaults apply, or a resumed run's.
            argument_default=argparse.SUPPRESS if name == "train" else None,
            allow_abbrev=False,
        )
        command.set_defaults(options={}, debug=False)
        define(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return top


def _train(command):
    add = command.add_argument_group("what").add_argument
    add("--model", choices=tuple(MODELS), help="the family, see below (default: cddpm)")
    add(
        "--data",
        metavar="NAME",
        help="mnist, fashion_mnist, kmnist, cifar10, tfds:NAME, digits, folder:PATH, or auto: mnist where it "
        "is prepared or can be downloaded, else digits (default: auto)",
    )
    add("--data-dir", metavar="DIR", help="of TFDS sets (default: TFDS_DATA_DIR, ~/tensorflow_datasets)")
    add("--image-size", type=values.whole(8), metavar="PX", help="resize to squares of PX pixels")
    add("--seed", type=values.whole(0), metavar="N", help="of the weights, the order and the noise (default: 0)")

    group = command.add_argument_group("how long (default: see below)").add_mutually_exclusive_group()
    group.add_argument("--epochs", type=values.whole(1), metavar="N", help="passes over the data")
    group.add_argument("--steps", type=values.whole(1), metavar="N", help="batches")
    group.add_argument("--minutes", type=values.number(above=0), metavar="M", help="made into steps at the start")

    add = command.add_argument_group("how (defaults: see below)").add_argument
    add("--batch-size", type=values.whole(1), metavar="N", help="images a step")
    add("--lr", type=values.number(above=0), metavar="RATE", help="learning rate")
    add("--ema", type=values.number(least=0, below=1), metavar="DECAY", help="of averaged weights; 0: none")
    add("--jit-compile", action="store_true", help="compile the step with XLA (GPU; slower on a CPU)")

    add = command.add_argument_group("where").add_argument
    add("--out", metavar="RUN", help="the run folder (default: runs/MODEL-DATA, numbered)")
    add("--overwrite", action="store_true", help="replace an existing run in --out")
    add("--resume", metavar="RUN", help="go on with an interrupted run exactly, with its own settings")
    add("--sample-every", type=values.whole(0), metavar="N", help="steps between pictures; 0: only at the end")
    add("--tensorboard", action="store_true", help="write RUN/tb")
    add("--dry-run", action="store_true", help="only print parameters, steps, memory and expected time")

    add = command.add_argument_group("options of the families (default and family: see below)").add_argument
    add("--latent-dim", action=_Option, type=values.whole(1), metavar="N", help="numbers in the bottleneck")
    add("--beta", action=_Option, type=values.number(least=0), metavar="B", help="weight of the KL term")
    add("--diffusion-steps", "--timesteps", action=_Option, type=values.whole(1), metavar="T", help="of ddpm, cddpm")
    add("--schedule", action=_Option, metavar="NAME", help="noise schedule: linear or cosine")
    add("--set", action=_Option, type=values.setting, metavar="KEY=VALUE", help="any option of the family; repeatable")


def _sample(command):
    _run(command)
    add = command.add_argument
    add("--n", type=values.whole(1, values.MOST_IMAGES), metavar="N", help="images (default: about 64, or one a label)")
    add(
        "--labels",
        type=values.labels,
        help="for families with labels: 7, or 0,1,2, or 0-9, or 3x10 (ten threes), or 0-9x10 (ten of each); "
        "repeated or cut to --n where both are given (default: all, in turn)",
    )
    _outputs(command, "sample.png", "a picture, or as FILE.npz: images uint8 [N,H,W,C], labels int32 [N]")
    add("--gif", metavar="FILE", help="also an animation from noise to images (blend, ddpm, cddpm)")
    add("--steps-picture", metavar="FILE", help="also a PNG of input beside prediction, a row a step (the same)")

    add = command.add_argument_group("options of some families").add_argument
    add("--sampler", action=_Option, metavar="NAME", help="ddpm or ddim")
    add("--steps", action=_Option, type=values.whole(1), metavar="N", help="network calls an image")
    add("--eta", action=_Option, type=values.number(least=0, most=1), help="ddim: share of fresh noise")
    add("--guidance", action=_Option, type=values.number(), metavar="S", help="cddpm: 1 plain, more for clearer labels")
    add("--timesteps", action=_Option, metavar="SPACING", help="uniform, linspace, trailing or quad")
    add("--variance", action=_Option, metavar="NAME", help="ddpm: fixed_small or fixed_large")
    add("--share", action=_Option, type=values.number(above=0, most=1), help="blend: fixed share of the way a step")


def _reconstruct(command):
    _run(command)
    command.add_argument("--n", type=values.whole(1, 1000), default=16, help="test images (default: 16)")
    _outputs(command, "reconstruction.png", "a picture: rows of originals, each above its reconstructions")
    _data_dir(command)


def _interpolate(command):
    _run(command)
    command.add_argument("--n", type=values.whole(1, 100), default=8, help="pairs of test images (default: 8)")
    command.add_argument("--steps", type=values.whole(2, 100), default=10, help="images a pair (default: 10)")
    _outputs(command, "interpolation.png", "a picture: a row a pair, the two originals at its ends")
    _data_dir(command)


def _info(command):
    _run(command)


def _run(command):
    command.add_argument("run", metavar="RUN", help="a run folder, finished or interrupted")


def _outputs(command, default, content):
    add = command.add_argument
    add("--seed", type=values.whole(0), default=0, help="the same seed gives the same file (default: 0)")
    add("--out", metavar="FILE", help=f"{content} (default: RUN/{default}, numbered when taken)")
    add("--overwrite", action="store_true", help="replace files that exist")


def _data_dir(command):
    command.add_argument("--data-dir", metavar="DIR", help="where TFDS sets are, if they moved")


_COMMANDS = {
    "train": ("train a model into a run folder", _train),
    "sample": ("draw images from a run", _sample),
    "reconstruct": ("show test images beside their reconstructions", _reconstruct),
    "interpolate": ("show the way between test images", _interpolate),
    "info": ("say what a run folder holds", _info),
}


def _families():
    """The table below `genzoo train --help`."""
    lines = ["families and their defaults (--set with an unknown KEY names all that a family takes):"]
    for name, family in MODELS.items():
        defaults = ", ".join(f"{key}={value}" for key, value in (family.train | family.model).items())
        lines += [f"  {name:<7}{family.summary}", f"         {defaults}"]
    return "\n".join(lines)


def _hyphens(word):
    """--batch_size 8 and --batch_size=8 as --batch-size."""
    return re.sub(r"^--[^=]+", lambda match: match[0].replace("_", "-"), word)
