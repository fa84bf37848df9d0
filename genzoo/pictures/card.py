"""The card of a model, in Markdown: a block of metadata that model hubs read, then what a person should know of it."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

from genzoo.pictures.tables import escaped


@dataclass(frozen=True)
class Figure:
    """A number on a card: key, name and value for machines; head, shown, error, n and floor for people, and a note on
    what it is."""

    key: str
    name: str
    head: str
    value: float
    shown: str
    error: str
    n: str
    floor: str
    note: str


@dataclass(frozen=True)
class Card:
    """What a card says.

    name: that commands call the model by.      family: its name and a line about it.   image: 'HxWxC'.
    dataset: its name for a hub.                data: facts of it, {name: text}.        licence, licence_id: of the
    images, in words and for a hub.             picture: a path beside the card, or ''.
    command: that trains it again.              training, versions: {name: text}.
    measured: how the figures came about, in sentences; '' without figures.
    limits: sentences.
    """

    name: str
    family: tuple[str, str]
    labels: bool
    dataset: str
    licence: str
    licence_id: str
    data: Mapping[str, str]
    command: str
    training: Mapping[str, str]
    versions: Mapping[str, str]
    picture: str = ""
    measured: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    limits: Sequence[str] = ()
    tags: Sequence[str] = field(default=())


def render(card):
    """Returns the card as Markdown. Equal cards give equal text, and no word of theirs is taken as markup."""
    environment = Environment(  # the text is no HTML: its filters escape
        loader=PackageLoader("genzoo.pictures"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"yaml": _yaml, "md": lambda value: escaped(str(value)), "code": _code, "quote": shlex.quote}
    return environment.get_template("card.md").render(card=card).rstrip("\n") + "\n"


def _yaml(value):
    """A value of the block of metadata: JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)


def _code(text):
    """What stands in a block of code, on one line."""
    return "".join(character if character.isprintable() else " " for character in text)
