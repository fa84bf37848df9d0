"""Docstrings as they stand in the code, plain text with `names`, for autodoc, which takes reStructuredText.

What an argument means, 'name: text', becomes an item of a list, a line that is a formula stays a line, and an indented
block stays as it is. An object without a docstring is a warning, and `make docs` takes none.
"""

import re
from itertools import groupby

from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
ITEM = re.compile(r"([a-z]\w*(?:, \*?[a-z]\w*)*): (?=\S)")
FORMULA = re.compile(r"[^\s=:]+ (?:=|←) \S")
NAME = re.compile(r"[\w.]+(?:\(\))?")


def restructured(text):
    """Returns a docstring as reStructuredText, a list of lines."""
    lines = []
    for paragraph in _paragraphs(text):
        if paragraph.startswith("  "):
            lines += ["::", "", *("   " + line for line in paragraph.splitlines()), ""]
            continue
        pieces = []
        for line in paragraph.splitlines():
            for i, piece in enumerate(re.split(r"\.?(?: {3,}|\t)(?=\S)", line)):
                if item := ITEM.match(piece):
                    pieces.append(["item", f"**{item[1]}**: ", piece[item.end() :]])
                elif FORMULA.match(piece):
                    pieces.append(["formula", "", piece])
                elif i or not pieces or pieces[-1][0] == "formula":
                    pieces.append(["text", "", piece])
                else:
                    pieces[-1][2] += " " + piece.strip()
        for (kind, head, body), before in zip(pieces, [[None], *pieces], strict=False):
            if lines and lines[-1] and kind != before[0]:
                lines.append("")
            starts = {"item": "* ", "formula": "| ", "text": ""}[kind]
            lines.append(starts + head.replace("*", "\\*").replace("\\*\\*", "**") + escaped(body))
            if kind == "text":
                lines.append("")
        lines.append("")
    return lines


def _paragraphs(text):
    """Parts a docstring at empty lines, and where indentation begins or ends, unless lines go on with an item."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.splitlines()
        if any(map(ITEM.match, lines)):
            yield paragraph
        else:
            yield from ("\n".join(group) for _, group in groupby(lines, lambda line: line.startswith("    ")))


def escaped(text):
    """Returns plain text in which only `names` are marked; those that the reference has become links."""
    parts = re.split(r"`([^`]+)`", text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f":py:obj:`{part}`" if NAME.fullmatch(part) else f"``{part}``"
        else:
            parts[i] = re.sub(r"([\\*_|`])", r"\\\1", part)
    # Markup must not touch a word: '\ ' is nothing that parts them.
    return "".join(
        part if i % 2 == 0 else (r"\ " if parts[i - 1][-1:].isalnum() else "") + part
        + (r"\ " if parts[i + 1][:1].isalnum() else "")
        for i, part in enumerate(parts)
    )  # fmt: skip


def process(app, what, name, obj, options, lines):
    if what == "method" and name.endswith(".call"):  # a layer's, of which its class says what it takes and gives
        lines.clear()  # Keras 2 has words for all of them, Keras 3 none
        return
    text = "\n".join(lines).strip()
    ours = (getattr(obj, "__module__", None) or "genzoo").split(".")[0] == "genzoo"
    value = what == "attribute" or getattr(obj, "__name__", "") == "<lambda>"  # a field, and its default
    if what == "class" and text.startswith(f"{name.split('.')[-1]}("):
        text = ""  # what a dataclass gets where nothing is written
    if ours and not value and not text:
        LOGGER.warning("%s has no docstring", name)
    lines[:] = restructured(text) if text else []


def setup(app):
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
