"""The words of a command line as values: what argparse takes as `type`. Bad words raise its ArgumentTypeError."""

import argparse
import contextlib
import json
import re

from genzoo.options import LARGEST, Number, Whole

MOST_IMAGES = 100_000  # drawn in one call: they are held in memory


def of(kind):
    """Returns the reader of an `options.Kind`."""

    def parse(text):
        try:
            return kind.read(text)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f"expected {kind.words}, got {text!r}") from None

    return parse


def whole(least, most=LARGEST):
    """Returns the reader of a whole number within limits."""
    return of(Whole(least, most))


def number(**limits):
    """Returns the reader of a number within the limits of `options.Number`."""
    return of(Number(**limits))


def setting(text):
    """Reads KEY=VALUE; a value that reads as JSON (8, 0.5, true, [32, 64]) is that, another is a string."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r}")
    with contextlib.suppress(json.JSONDecodeError):
        value = json.loads(value)
    return key.strip().replace("-", "_"), value


def numbers(count, words, kind=int):
    """Returns the reader of `count` numbers of one kind, none negative. words: what they are, as LOW,HIGH."""

    def parse(text):
        try:
            numbers = tuple(kind(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != count or not all(number >= 0 for number in numbers):  # nan fails too
            raise argparse.ArgumentTypeError(f"expected {words}, {count} numbers of at least 0, got {text!r}")
        return numbers

    return parse


def several(kind):
    """Returns the reader of values of one kind with commas between, each once."""

    def parse(text):
        return list(dict.fromkeys(kind(part.strip()) for part in text.split(",")))

    return parse


def names(known):
    """Returns the reader of some of the known names with commas between, or 'all' of them."""

    def one(text):
        if text not in known:
            raise argparse.ArgumentTypeError(f"expected all, or some of {','.join(known)}, got {text!r}")
        return text

    return lambda text: list(known) if text == "all" else several(one)(text)


def part(text):
    """Reads 'K/M', part K of M, as (K, M)."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"expected K/M, part K of M, such as 3/8, got {text!r}")
    return int(match[1]), int(match[2])


def labels(text):
    """'0,1,2', '0-9', '3x10', '0-9x10' or a mix such as '0-4,7x3' -> list of labels."""
    labels = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?(?:x(\d{1,6}))?", part.strip())
        if not match:
            raise argparse.ArgumentTypeError(f"expected labels such as 7 or 0,1,2 or 0-9 or 3x10, got {text!r}")
        first, last, times = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if (last - first + 1) * times > MOST_IMAGES:
            raise argparse.ArgumentTypeError(f"{part} is more than {MOST_IMAGES} images")
        labels += list(range(first, last + 1)) * times
    if not 0 < len(labels) <= MOST_IMAGES:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_IMAGES} labels, got {len(labels)}")
    return labels
