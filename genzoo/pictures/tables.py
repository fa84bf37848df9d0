"""One table, four faces: for a terminal, as Markdown, as CSV, and cell by cell for a page.

It is drawn here and by none of rich, tabulate and prettytable: they would replace some fifty lines that lay out a
terminal's blocks, and know neither a cell's footnoted reason, its mark as the best and its aligned ±, nor tables that
are cut to the terminal's width between columns, with the names repeated.
"""

import csv
import io
import math
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What `Column.better` can be: the arrow in the head, and what the legend says of it.
DIRECTIONS = {
    "lower": ("↓", "lower is better"),
    "higher": ("↑", "higher is better"),
    "floor": ("↔", "best near the last row"),  # neither low nor high is good, so that none is marked
    "": ("", ""),
}
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Column:
    """What one column holds and how its numbers are written.

    key names it in CSV and in the rows; better is a key of DIRECTIONS; format is Python's, as in '.2f', ',d' or '.1%';
    note says in a sentence what the numbers are.
    """

    key: str
    title: str
    better: str = ""
    format: str = ".2f"
    unit: str = ""
    note: str = ""

    @property
    def name(self):
        """The title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def arrow(self):
        """Which way is better, as a sign."""
        return DIRECTIONS[self.better][0]

    @property
    def direction(self):
        """The same in words."""
        return DIRECTIONS[self.better][1]

    @property
    def head(self):
        """What stands above the column."""
        return f"{self.name} {self.arrow}".rstrip()

    def show(self, value):
        """Returns a number as text. What is not finite is nan, inf or -inf, and no zero has a minus."""
        if not math.isfinite(value):
            return f"{value:f}"
        text = format(float(value), self.format.replace("d", ".0f"))  # a float has no format d
        return text if text.strip("-0.,%") else text.lstrip("-")


@dataclass(frozen=True)
class Cell:
    """A number, or None with the reason why there is none; spread is its standard deviation."""

    value: float | None = None
    spread: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Shown:
    """A cell as text: its number, its spread or '', whether it is the best, and the number of its footnote or 0."""

    value: str
    spread: str
    best: bool
    note: int

    @property
    def mark(self):
        """The number of the footnote, raised, or ''."""
        return str(self.note).translate(SUPERSCRIPTS) if self.note else ""


@dataclass(frozen=True)
class Table:
    """Rows of a name and its cells by column key (None, or no such key: n/a without a reason).

    floor is a row to compare the others with; it comes last and is never marked as the best. The best of a column is
    every number that shows as the lowest (or highest) one does, where at least two rows have a number.
    """

    columns: Sequence[Column]
    rows: Sequence[tuple[str, Mapping[str, Cell | None]]]
    floor: tuple[str, Mapping[str, Cell | None]] | None = None

    @property
    def all_rows(self):
        """The rows, and the floor below them where there is one."""
        return [*self.rows, self.floor] if self.floor else list(self.rows)

    @property
    def reasons(self):
        """The footnotes, without repetition, in reading order; `Shown.note` counts them from 1."""
        cells = (cells.get(column.key) for _, cells in self.all_rows for column in self.columns)
        return list(dict.fromkeys(_line(cell.reason) for cell in cells if cell and cell.reason))

    @property
    def legend(self):
        """What the arrows and signs that occur here mean, a phrase each."""
        used = dict.fromkeys(column.better for column in self.columns if column.better)
        spreads = any(cell and cell.spread is not None for _, cells in self.all_rows for cell in cells.values())
        return [" ".join(DIRECTIONS[better]) for better in used] + ["± standard deviation"] * spreads

    def shown(self):
        """Returns (name, list of Shown) for each row, the floor last."""
        notes = {reason: number for number, reason in enumerate(self.reasons, 1)}
        best = [self._best(column) for column in self.columns]
        rows = [(*row, best) for row in self.rows]
        if self.floor:
            rows.append((*self.floor, [None] * len(best)))
        return [
            (_line(name), [_shown(cells.get(c.key), c, b, notes) for c, b in zip(self.columns, bests, strict=True)])
            for name, cells, bests in rows
        ]

    def _best(self, column):
        """Returns how the best number of a column shows, or None."""
        cells = (cells.get(column.key) for _, cells in self.rows)
        values = [cell.value for cell in cells if cell and cell.value is not None and math.isfinite(cell.value)]
        choose = {"lower": min, "higher": max}.get(column.better)
        return column.show(choose(values)) if choose and len(values) > 1 else None

    def text(self, width=None):
        """Returns the table for a terminal of `width` characters (None: as wide as this one).

        A wider table becomes several blocks of columns, each with the names. `*` marks the best. The legend and the
        reasons follow.
        """
        rows = self.shown()
        names = _aligned([name for name, _ in rows])
        room = (width or shutil.get_terminal_size().columns) - max(map(_width, names), default=0)
        blocks, left = [], 0
        for i, column in enumerate(self.columns):
            head, body = _text_column(column, [cells[i] for _, cells in rows])
            needed = 2 + max(map(_width, head + body))
            if not blocks or needed > left:
                blocks.append([])
                left = room
            blocks[-1].append((head, body))
            left -= needed
        signs = self.legend + ["* best"] * any(cell.best for _, cells in rows for cell in cells)
        below = filter(None, ["; ".join(signs), *self._footnotes()])
        return "\n\n".join([*(self._block(names, block) for block in blocks), "\n".join(below)]).rstrip("\n") + "\n"

    def _block(self, names, columns):
        """Returns columns (head, body), each a list of lines, beside the names, with rules below heads and rows."""
        height = max(len(head) for head, _ in columns)
        stacks = [_aligned([""] * (height - len(head)) + head + body, right=True) for head, body in columns]
        stacks.insert(0, _aligned([""] * height + names))
        lines = ["  ".join(parts) for parts in zip(*stacks, strict=True)]
        rule = "─" * _width(lines[0])
        if self.floor:
            lines.insert(-1, rule)
        return "\n".join([*lines[:height], rule, *lines[height:]])

    def markdown(self):
        """Returns the table in Markdown, the best in bold. The reasons follow as paragraphs."""
        rows = self.shown()
        columns = [_aligned([""] + [escaped(name) for name, _ in rows])]
        for i, column in enumerate(self.columns):
            cells = [row[i] for _, row in rows]
            texts = [f"**{cell.value}**" if cell.best else cell.value + cell.mark for cell in cells]
            body = [text + cell.spread for text, cell in zip(texts, cells, strict=True)]
            columns.append(_aligned([escaped(column.head), *body], right=True))
        lines = [f"| {' | '.join(line)} |" for line in zip(*columns, strict=True)]
        rule = [":" + "-" * (_width(columns[0][0]) + 1)] + ["-" * (_width(c[0]) + 1) + ":" for c in columns[1:]]
        lines.insert(1, f"|{'|'.join(rule)}|")
        return "\n\n".join(["\n".join(lines), *map(escaped, self._footnotes())]) + "\n"

    def csv(self):
        """Returns the table as CSV: `name`, then KEY and KEY_sd for each column, at full precision.

        A field is empty where there is no number.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name"] + [head for c in self.columns for head in (c.key, f"{c.key}_sd")])
        for name, cells in self.all_rows:
            given = [cells.get(column.key) or Cell() for column in self.columns]
            writer.writerow([_line(name)] + [number for cell in given for number in (cell.value, cell.spread)])
        return file.getvalue()

    def _footnotes(self):
        return [f"{str(i).translate(SUPERSCRIPTS)} {reason}" for i, reason in enumerate(self.reasons, 1)]


def _shown(cell, column, best, notes):
    cell = cell or Cell()
    value = "n/a" if cell.value is None else column.show(cell.value)
    spread = "" if cell.value is None or cell.spread is None else f" ± {column.show(cell.spread)}"
    return Shown(value, spread, value == best, notes.get(_line(cell.reason), 0))


def _text_column(column, cells):
    """Returns the lines of a column's head, which is wrapped, and of its body: numbers, marks and spreads, aligned."""
    values = _aligned([cell.value for cell in cells], right=True)
    marks = _aligned(["*" * cell.best + cell.mark for cell in cells])
    spreads = _aligned([cell.spread for cell in cells], right=True)
    body = ["".join(parts) for parts in zip(values, marks, spreads, strict=True)]
    head = f"{column.name}\xa0{column.arrow}" if column.arrow else column.name  # no line begins with an arrow
    longest = max(map(len, head.split(" ") + body))
    return [line.replace("\xa0", " ") for line in textwrap.wrap(head, longest, break_on_hyphens=False)], body


def _line(text):
    """Returns a text on one line, without what a terminal would obey: names of folders can hold anything."""
    return "".join(character if character.isprintable() else " " for character in text)


def escaped(text):
    """Returns a text on one line whose signs mean nothing to Markdown."""
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", _line(text))


def _width(text):
    """Returns how many columns of a terminal a text takes: accents take none, Chinese characters two."""
    return sum((unicodedata.east_asian_width(c) in "WF") + 1 for c in text if not unicodedata.combining(c))


def _aligned(texts, right=False):
    """Returns all texts padded to the width of the widest."""
    widest = max(map(_width, texts), default=0)
    pads = [" " * (widest - _width(text)) for text in texts]
    return [pad + text if right else text + pad for text, pad in zip(texts, pads, strict=True)]
