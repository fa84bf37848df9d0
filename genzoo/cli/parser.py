"""The parser of the command line. Which words each command takes is in `words`; what it does in the module it names."""

import argparse
from collections.abc import Callable
from typing import NamedTuple

from genzoo import __version__
from genzoo.cli import arguments
from genzoo.errors import UsageError


class _Parser(argparse.ArgumentParser):
    """Hands a mistake to `main`, as one line like every other error."""

    def error(self, message):
        raise UsageError(f"{message}; see {self.prog} --help")


def make_parser():
    """Returns the parser of all commands."""
    top = _Parser(
        prog="genzoo",
        description="Train generative image models, draw from them and measure how good they are.",
        epilog="Exit codes: 0 done, 2 usage, 3 diverged, 4 data, 5 run, disk or another worker, 130/143 interrupted.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"genzoo {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, define, _) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # What was not asked of `train` is not in the result: the family's defaults apply, or a resumed run's.
            argument_default=argparse.SUPPRESS if name == "train" else None,
            allow_abbrev=False,
        )
        command.set_defaults(options={}, debug=False)
        define(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return top


class Command(NamedTuple):
    """define: adds the words of a command to its parser.   module: of `cli.commands`, with the function of its name."""

    summary: str
    define: Callable
    module: str


COMMANDS = {
    "train": Command("train a model into a run folder", arguments.train, "train"),
    "sample": Command("draw images from a run", arguments.sample, "sample"),
    "reconstruct": Command("show test images beside their reconstructions", arguments.reconstruct, "edit"),
    "interpolate": Command("show the way between test images", arguments.interpolate, "edit"),
    "img2img": Command("make new images after test images", arguments.img2img, "edit"),
    "inpaint": Command("make a part of test images anew", arguments.inpaint, "edit"),
    "evaluate": Command("measure how good a run is", arguments.evaluate, "measure"),
    "compare": Command("compare families side by side, as tables, pictures and a page", arguments.compare, "measure"),
    "sweep": Command("measure samplers, steps and guidance against their cost", arguments.sweep, "measure"),
    "info": Command("say what a run folder holds", arguments.info, "info"),
    "export": Command("write a run as files that work without genzoo, or as a page", arguments.export, "export"),
    "card": Command("write a card of a finished run, as model hubs read it", arguments.card, "card"),
    "zoo": Command("list the trained runs that come with genzoo", arguments.zoo, "zoo"),
}
