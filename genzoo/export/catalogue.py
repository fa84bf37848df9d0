"""The formats that runs are exported in, by name. To add one: a file here with a writer, and an entry.

A writer is called as `write(runs, path, **options)` with finished `Run`s, a place where nothing is yet, and all options
that its entry declares. It makes a folder or a file there, has it read in a fresh process by the format's own runtime,
compares what comes out with what the runs' own models give, and returns a `Written`. It raises `TooFarError` where the
two differ by more than the format's bound. `export` gives it a temporary place and renames what it has made.
"""

from dataclasses import dataclass

from genzoo.options import Choice, Entry, Option, catalogue

FLOAT32 = ("float32",)


@dataclass(frozen=True)
class Format(Entry):
    """home: a writer, see above.

    output: the name of what it makes, unless asked; with a suffix where that is a file, else a folder.
    extra: that of setup.cfg which brings its runtime; '' where TensorFlow is enough.     modules: those of it that have
    to be there.
    several: whether it takes several runs.
    samples: whether the way of sampling is in it; its writer gets all options of `model.sample` as `sampling`.
    precisions: in which a run may compute.
    """

    output: str = ""
    extra: str = ""
    modules: tuple[str, ...] = ()
    several: bool = False
    samples: bool = True
    precisions: tuple[str, ...] = FLOAT32

    @property
    def suffix(self):
        """Of the file that it makes; '' for a folder."""
        return "." + self.output.rpartition(".")[2] if "." in self.output else ""


def _weights(*kinds):
    told = "as what weights are stored; float16 halves the files"
    return Option("weights", Choice(kinds), kinds[0], told)


FORMATS = catalogue(
    Format(
        "onnx", "network and sampler as ONNX graphs, for onnxruntime and many others", "genzoo.export.onnx.write:write",
        (_weights("float32", "float16"),), "onnx", "onnx", ("onnx", "onnxruntime"),
    ),
    Format(
        "tflite", "network and sampler as TFLite files of built-in operations, for phones and small computers",
        "genzoo.export.tflite.write:write", (_weights("float32", "float16", "int8"),), "tflite", "tflite",
    ),
    Format(
        "savedmodel", "a SavedModel, for TensorFlow without genzoo", "genzoo.export.savedmodel:write",
        output="savedmodel", precisions=("float32", "bfloat16"),
    ),
    Format(
        "web", "a page that draws in any browser, offline; several runs side by side", "genzoo.export.web.write:write",
        output="page.html", several=True, samples=False,
    ),
)  # fmt: skip
