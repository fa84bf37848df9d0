"""What can be asked for, declared once: things by name, and the options that each of them takes.

A catalogue (`models.families`, `networks.catalogue`, `diffusion.catalogue`, `data.catalogue`) holds an `Entry` for
each thing. argparse, `--help`, the checks before TensorFlow starts, the library's defaults and the README's tables read
them, so that nothing here, nor in a catalogue, imports NumPy or TensorFlow.
"""

import math
import re
from dataclasses import dataclass
from importlib import import_module

from genzoo.errors import UsageError

LARGEST = 2**31 - 1


class Kind:
    """A kind of value. words: what is expected, in an error line.   metavar: what stands for it in `--help`."""

    words = metavar = ""

    def check(self, value):
        """Returns the value as the program keeps it; raises ValueError, without a message, where it does not fit."""
        raise NotImplementedError

    def read(self, text):
        """Returns the value that a word of the command line stands for; raises ValueError like `check`."""
        return self.check(text)


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number within limits."""

    least: int
    most: int = LARGEST
    metavar: str = "N"

    @property
    def words(self):
        limits = f"of at least {self.least}" if self.most == LARGEST else f"from {self.least} to {self.most}"
        return f"a whole number {limits}"

    def check(self, value):
        if isinstance(value, bool) or int(value) != value or not self.least <= value <= self.most:
            raise ValueError
        return int(value)

    def read(self, text):
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise ValueError
        return self.check(int(text))


@dataclass(frozen=True)
class Number(Kind):
    """A finite number within limits, of which `above` and `below` are themselves outside."""

    above: float = -math.inf
    least: float = -math.inf
    below: float = math.inf
    most: float = math.inf
    metavar: str = "X"

    @property
    def words(self):
        limits = {"above": self.above, "at least": self.least, "below": self.below, "at most": self.most}
        told = [f"{word} {limit:g}" for word, limit in limits.items() if math.isfinite(limit)]
        return " ".join(["a number", " and ".join(told)]).strip()

    def check(self, value):
        if isinstance(value, (bool, str)):
            raise ValueError
        value = float(value)
        if not (self.above < value < self.below and self.least <= value <= self.most):  # nan fails too
            raise ValueError
        return value

    def read(self, text):
        return self.check(float(text))


@dataclass(frozen=True)
class Choice(Kind):
    """One of some names."""

    names: tuple

    @property
    def words(self):
        return f"one of {', '.join(self.names)}"

    @property
    def metavar(self):
        return f"{{{','.join(self.names)}}}"

    def check(self, value):
        if value not in self.names:
            raise ValueError
        return value


class Switch(Kind):
    """True or false; a word of its own on the command line."""

    words = "true or false"

    def check(self, value):
        if not isinstance(value, bool):
            raise ValueError
        return value


@dataclass(frozen=True)
class Several(Kind):
    """A tuple of at least one value of a kind; commas between on the command line."""

    kind: Kind

    @property
    def words(self):
        return f"a list, of {self.kind.words} each"

    @property
    def metavar(self):
        return f"{self.kind.metavar},{self.kind.metavar}"

    def check(self, value):
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError
        return tuple(self.kind.check(one) for one in value)

    def read(self, text):
        return tuple(self.kind.read(part.strip()) for part in text.strip("[]").split(","))


class Interval(Kind):
    """A pair of rising numbers of at least 0; the second may be infinite."""

    words, metavar = "LOW,HIGH, two rising numbers of at least 0", "LOW,HIGH"

    def check(self, value):
        if isinstance(value, str):
            raise ValueError
        low, high = (float(one) for one in value)
        if not 0 <= low < high:  # nan fails too
            raise ValueError
        return low, high

    def read(self, text):
        return self.check([float(part) for part in text.split(",")])


@dataclass(frozen=True)
class Maybe(Kind):
    """A value of a kind, or None."""

    kind: Kind

    @property
    def words(self):
        return f"{self.kind.words}, or none"

    @property
    def metavar(self):
        return self.kind.metavar

    def check(self, value):
        return None if value is None else self.kind.check(value)

    def read(self, text):
        return None if text == "none" else self.kind.read(text)


@dataclass(frozen=True)
class Option:
    """One thing that can be asked: its name in Python and, with hyphens, on the command line.

    flag: on the command line, where it is not the name, as the word that turns off a `Switch` which is on by default.
    """

    name: str
    kind: Kind
    default: object
    help: str
    flag: str = ""

    @property
    def word(self):
        """What it is called on the command line."""
        return self.flag or f"--{self.name.replace('_', '-')}"

    def check(self, value, whose):
        """Returns the value as the program keeps it. Raises UsageError: whose option, what it expects, what came."""
        try:
            return self.kind.check(value)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"{self.name} of {whose}: expected {self.kind.words}, got {value!r}") from None


def completed(options, asked, whose):
    """Returns {name: value} of all options: what was asked, checked, and else their defaults.

    Raises UsageError for a name that no option has, and for a value that does not fit.
    """
    known = {option.name: option for option in options}
    for name in asked:
        if name not in known:
            raise UsageError(f"{whose} has no option {name!r}: it takes {', '.join(known) or 'none'}")
    return {
        name: option.check(asked[name], whose) if name in asked else option.default for name, option in known.items()
    }


@dataclass(frozen=True)
class Entry:
    """A thing that can be asked for by name.

    summary: a line about it.   home: where its code is, 'package.module:name'; imported when it is needed.
    """

    name: str
    summary: str
    home: str
    options: tuple[Option, ...] = ()

    def load(self):
        """Returns what `home` names."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(module), name)


def catalogue(*entries):
    """Returns {name: entry}."""
    return {entry.name: entry for entry in entries}


def find(entries, name, what):
    """Returns the entry of that name; raises UsageError, which names them all, where there is none."""
    if name not in entries:
        raise UsageError(f"unknown {what} {name!r}: choose from {', '.join(entries)}")
    return entries[name]
