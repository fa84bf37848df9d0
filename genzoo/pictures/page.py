"""A comparison as one page, `report.html`: it needs no other file and no network, and reads on a phone and on paper."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from genzoo.files import write_atomically
from genzoo.pictures.tables import Table


@dataclass(frozen=True)
class Picture:
    """The bytes of a PNG file. alt says what is to be seen to those who do not see it; caption stands below.
    pixels: small images, to be enlarged with hard edges; False for a drawing, shown at its own size."""

    png: bytes
    alt: str
    caption: str = ""
    pixels: bool = True

    @property
    def source(self):
        """The picture itself as an address, for the page to need no other file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"

    def size(self, most):
        """(width, height) on the page, in CSS pixels. Pixels are enlarged a whole number of times, to a width of `most`
        at most; what is wider stays as it is."""
        width, height = struct.unpack(">II", self.png[16:24])  # of the header, where PNG always has them
        scale = max(1, most // width) if self.pixels else 1
        return width * scale, height * scale


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, in this order. text: paragraphs, with empty lines between."""

    title: str
    text: str = ""
    table: Table | None = None
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Frames:
    """PNG files of one size that a slider steps through, and what it says at each, as in 'step 7 of 20'."""

    pngs: Sequence[bytes]
    labels: Sequence[str]
    alt: str
    caption: str = ""

    @property
    def pictures(self):
        """Each frame as a `Picture` that says its label."""
        return [Picture(png, f"{self.alt}, {label}") for png, label in zip(self.pngs, self.labels, strict=True)]


@dataclass(frozen=True)
class Report:
    """The page: its heading and summary (paragraphs), facts as (name, text), sections, and frames at the end."""

    title: str
    summary: str = ""
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()
    frames: Frames | None = None


def render(report):
    """Returns the page as HTML. Equal reports give equal text, and all their words are escaped."""
    environment = Environment(
        loader=PackageLoader("genzoo.pictures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(report=report)


def save_report(path, report):
    """Writes the page. Raises CheckpointError when it cannot be written."""
    write_atomically(path, render(report).encode(errors="replace"))  # names of folders need not be Unicode
