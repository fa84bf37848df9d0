"""The sources of images by name. To add one: a file in `sources` with a loader, and an entry here.

A loader is called as `load(rest, image_size, data_dir, cache)`, the second and third None unless asked for; what it
reads goes through the `Cache`. It returns
((images uint8 [N, H, W, C], labels int32 [N]) to train on, the same to test on or None, class names, notes): without
labels the labels are all 0 and the class names (); the notes are lines for the user.
"""

from dataclasses import dataclass

from genzoo.options import Entry, catalogue

AUTO = "auto"  # mnist where it is prepared or can be downloaded, else digits


@dataclass(frozen=True)
class Source(Entry):
    """takes: what follows the name after a colon, as in folder:PATH; empty where nothing does.

    rest: what the loader then gets, where the name says it all.     licence: of the images.
    """

    takes: str = ""
    rest: str = ""
    licence: str = "unknown: yours to say"

    @property
    def form(self):
        """How it is written after --data."""
        return f"{self.name}:{self.takes}" if self.takes else self.name


_TFDS, _FOLDER = "genzoo.data.sources.tfds:load", "genzoo.data.sources.folder:load"
SOURCES = catalogue(
    Source("mnist", "handwritten digits, 28x28", _TFDS, rest="mnist", licence="CC BY-SA 3.0"),
    Source("fashion_mnist", "clothes, 28x28", _TFDS, rest="fashion_mnist", licence="MIT"),
    Source("kmnist", "handwritten hiragana, 28x28", _TFDS, rest="kmnist", licence="CC BY-SA 4.0"),
    Source("cifar10", "photographs, 32x32 in colour", _TFDS, rest="cifar10", licence="none stated"),
    # scikit-learn's are those of the UCI repository, 'Optical Recognition of Handwritten Digits'.
    Source(
        "digits", "1,797 handwritten digits of scikit-learn, no download", "genzoo.data.sources.digits:load",
        licence="CC BY 4.0",
    ),
    Source("tfds", "any labelled image set of tensorflow-datasets", _TFDS, takes="NAME"),
    Source("folder", "PNG and JPEG files, a subfolder a class or none", _FOLDER, takes="PATH"),
)  # fmt: skip
FORMS = (AUTO, *(source.form for source in SOURCES.values()))
