"""The table of docs/export.md: each format of `genzoo export`, for runs of the zoo, and beside it genzoo itself.

    python -m benchmarks.exports                       all families that the zoo has of MNIST: some minutes
    python -m benchmarks.exports zoo:vae-mnist

A row gives the size of all files, the largest difference to the run's own pictures in [-1, 1], and the time of one
evaluation of the network (of autoencoders, of the decoder) for 1 and for 16 images, the best of 0.4 s of each.
"""

import sys
import tempfile
from pathlib import Path

from genzoo.export import alone, checks
from genzoo.export.cases import cases
from genzoo.export.catalogue import FORMATS
from genzoo.export.export import export
from genzoo.runs.load import load
from genzoo.runs.run import Run
from genzoo.runs.zoo import names
from genzoo.stack import tf

HEAD = ("run", "format", "MB", "difference", "ms for 1", f"ms for {checks.IMAGES}", "runtime")


def ways():
    """Yields (format, options) of all that write files of one run."""
    for name, entry in FORMATS.items():
        if not entry.several:
            kinds = next((option.kind.names for option in entry.options if option.name == "weights"), ())
            yield from ((name, {"weights": kind}) for kind in kinds) if kinds else [(name, {})]


def rows(run):
    """Yields the cells of each way to export a run, and first those of the run itself."""
    yield run.name, "genzoo", f"{(run.path / 'weights.safetensors').stat().st_size / 1e6:.2f}", "", *own(run)
    for name, options in ways():
        with tempfile.TemporaryDirectory() as folder:
            _, written = export(FORMATS[name], [run], Path(folder) / "out", **options)
        times = (f"{1e3 * seconds:.2f}" for seconds in written.seconds.values())
        label = " ".join([name, *options.values()])
        yield run.name, label, f"{written.bytes / 1e6:.2f}", f"{written.difference:.1e}", *times, written.notes[0]


def own(run):
    """Returns (ms, ms, runtime) of a run's own network as one graph."""
    model = load(run.path)
    case = next(case for case in cases(model, model.sampling_options({}), checks.IMAGES).values() if case.evaluates)
    layer = model.ema.decoder if "latents" in case.inputs else model.ema
    function = tf.function(layer, autograph=False)

    def milliseconds(n):
        inputs = [tf.constant(one[:n]) for one in case.inputs.values()]
        return f"{1e3 * alone.best(lambda inputs: function(*inputs), inputs, checks.SECONDS):.2f}"

    return milliseconds(1), milliseconds(checks.IMAGES), f"TensorFlow {tf.__version__}"


def main(words):
    asked = words or [f"zoo:{name}" for name in names() if name.endswith("-mnist")]
    print("| " + " | ".join(HEAD) + " |")
    print("|---" * len(HEAD) + "|")
    for run in map(Run.open, asked):
        for cells in rows(run):
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
