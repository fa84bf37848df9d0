"""`genzoo card`."""

from genzoo.cli import checks
from genzoo.evaluation.card import card_of
from genzoo.files import write_atomically
from genzoo.runs.run import Run


def card(args):
    """Runs `genzoo card`: writes what a person and a model hub should know of a finished run."""
    run = Run.open(args.run)
    run.check_finished()
    asked = run.output("README.md") if args.out is None else args.out
    out = checks.file_to_write(asked, args.overwrite, ".md")
    write_atomically(out, card_of(run, out.parent).encode(errors="replace"))
    print(f"wrote {out}")
