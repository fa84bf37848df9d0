"""What a config.json has to hold before anything is built from it: it may come from a stranger, or from an editor."""

from dataclasses import dataclass

from genzoo.errors import CheckpointError, DataError, UsageError
from genzoo.models.families import family
from genzoo.options import Kind, Maybe, Number, Several, Switch, Whole

PARTS = ("model", "model_config", "data", "train", "versions")
MOST_SIDE, MOST_CHANNELS, MOST_CLASSES = 16_384, 64, 1_000_000
SHOWN = 60  # characters of a wrong value


class Text(Kind):
    """A string."""

    words = "a text"

    def check(self, value):
        if not isinstance(value, str):
            raise ValueError
        return value


@dataclass(frozen=True)
class Shape(Kind):
    """Height, width and channels of an image."""

    words = f"height and width up to {MOST_SIDE} and up to {MOST_CHANNELS} channels"

    def check(self, value):
        height, width, channels = Several(Whole(1, MOST_SIDE)).check(value)
        return height, width, Whole(1, MOST_CHANNELS).check(channels)


class Names(Kind):
    """A list of strings."""

    words = "a list of texts"

    def check(self, value):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError
        return value


_COUNT, _CLASSES = Whole(0), Whole(0, MOST_CLASSES)
# {part: ({what must be there: kind}, {what may be there: kind})}; the model's own options its family knows.
FIELDS = {
    "model_config": ({"image_shape": Shape(), "num_classes": _CLASSES}, {}),
    "data": (
        {"name": Text(), "native_shape": Shape(), "num_classes": _CLASSES},
        {"reason": Text(), "image_size": Maybe(Whole(1, MOST_SIDE)), "data_dir": Maybe(Text()), "cache": Maybe(Text()),
         "image_shape": Shape(), "class_names": Names(), "fingerprint": Text()},
    ),
    "train": (
        {"steps": _COUNT},
        {"batch_size": Whole(1), "accumulate": Whole(1), "lr": Number(above=0), "ema": Number(least=0, below=1),
         "seed": _COUNT, "jit_compile": Switch(), "tensorboard": Switch(), "minutes": Maybe(Number(above=0)),
         "seconds": Maybe(Number()), "reserve": Maybe(Number()), "sample_every": _COUNT},
    ),
    "versions": ({}, {name: Text() for name in ("genzoo", "python", "tensorflow", "keras")}),
    "trained": ({"step": _COUNT, "seconds": Number(least=0)}, {}),
}  # fmt: skip


def check_config(config, path):
    """Raises CheckpointError, which names the field, unless a config holds all that commands read, each of its kind
    and within what a machine can hold, and options that its family knows. path: of the file, for the message."""
    for part in PARTS:
        if part not in config:
            raise CheckpointError(f"{path} lacks {part}; train this run anew")
    for part, (needed, further) in FIELDS.items():
        if part not in config and part not in PARTS:
            continue
        if not isinstance(config[part], dict):
            raise _wrong(path, part, "an object", config[part])
        for name, kind in {**needed, **further}.items():
            if name not in config[part]:
                if name in needed:
                    raise CheckpointError(f"{path} lacks {name} of {part}; train this run anew")
                continue
            try:
                kind.check(config[part][name])
            except (TypeError, ValueError, OverflowError):
                raise _wrong(path, f"{name} of {part}", kind.words, config[part][name]) from None
    _check_model(config, path)


def _check_model(config, path):
    if not isinstance(config["model"], str):
        raise _wrong(path, "model", "the name of a family", config["model"])
    options = dict(config["model_config"])
    shape, classes = options.pop("image_shape"), options.pop("num_classes")
    try:
        family(config["model"]).model_options(options, tuple(shape), classes)
    except (UsageError, DataError) as error:
        raise CheckpointError(f"{path}: {_short(str(error))}; train this run anew") from None


def _wrong(path, what, expected, value):
    return CheckpointError(f"{path}: {what}: expected {expected}, got {shortened(value)}; train this run anew")


def shortened(value):
    """Returns what a message shows of a value: one line, and not all of a long one."""
    return _short(repr(value))


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 3 * SHOWN else f"{text[: 3 * SHOWN]} ..."
