"""The command line: from the words to an exit code. Which words there are is in `parser`.

Nothing here, nor what it imports, imports TensorFlow, so that `--help` and a mistyped option answer at once.
"""

import atexit
import gc
import os
import re
import sys
import traceback
import warnings
from importlib import import_module

from genzoo.cli.parser import COMMANDS, make_parser
from genzoo.cli.printing import visible
from genzoo.cli.signals import exit_code_of_signal, stopping
from genzoo.errors import GenzooError

NO_MEMORY = "out of memory; ask for a smaller --batch-size, --n, --image-size or model"


def console(argv=None):
    """Is the `genzoo` command: runs `main` and ends the process with its exit code."""
    atexit.register(gc.freeze)  # else Python searches TensorFlow's graphs for circles, seconds before the process ends
    sys.stdout.reconfigure(line_buffering=True)  # a pipe or a log file gets each line when it is printed
    warnings.formatwarning = lambda message, *where: f"genzoo: warning: {message}\n"
    with stopping():
        code = main(argv)
    sys.exit(code)


def main(argv=None):
    """Runs one command; argv: the words after `genzoo` (default: sys.argv's). -> exit code."""
    argv = [_hyphens(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        args = make_parser().parse_args(argv)
        args.words = argv
        module = import_module(f"genzoo.cli.commands.{COMMANDS[args.command].module}")
        getattr(module, args.command)(args)
        return 0
    except SystemExit as error:  # --help and --version
        return error.code or 0
    except BrokenPipeError:  # as in `genzoo info RUN | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it raises nothing
        return 141
    except KeyboardInterrupt as error:
        return _report("interrupted", getattr(error, "exit_code", 130))
    except GenzooError as error:
        return _report(error, error.exit_code, "--debug" in argv)
    except (OSError, MemoryError) as error:
        return _report(str(error) or NO_MEMORY, 5, "--debug" in argv)  # Python's own MemoryError says nothing
    except Exception as error:
        if code := exit_code_of_signal():
            return _report("interrupted", code)
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's; its text runs to pages
            raise
        return _report(NO_MEMORY, 5, "--debug" in argv)


def _report(error, code, debug=False):
    if debug:
        traceback.print_exc()
    kind = "" if code > 128 else "error: "  # to stop a run is no mistake
    print(f"genzoo: {kind}{visible(' '.join(str(error).split()))}", file=sys.stderr)
    return code


def _hyphens(word):
    """Returns a word with hyphens: --batch_size=8 as --batch-size=8."""
    return re.sub(r"^--[^=]+", lambda match: match[0].replace("_", "-"), word)
