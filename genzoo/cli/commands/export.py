"""`genzoo export`."""

from genzoo.cli.printing import print_aligned
from genzoo.export.catalogue import FORMATS
from genzoo.export.export import export as write
from genzoo.runs.run import Run


def export(args):
    """Runs `genzoo export`: writes runs in a format of other programs, and says how far it is from them."""
    entry = FORMATS[args.format]
    declared = {option.name for other in FORMATS.values() for option in other.options}
    options = {name: value for name, value in args.options.items() if name in declared}
    sampling = {name: value for name, value in args.options.items() if name not in declared}
    runs = [Run.open(path) for path in args.runs]
    path, written = write(entry, runs, args.out, overwrite=args.overwrite, sampling=sampling, **options)
    print_aligned(written.lines())
    print(f"wrote {path}")
