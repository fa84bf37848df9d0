"""The README's tables of what there is, made from its declarations.

    PYTHONPATH=. python tests/readme.py        # writes them into README.md; test_readme.py says when that is due
"""

import re
from pathlib import Path

from genzoo.data.catalogue import SOURCES
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.models.families import MODELS

FILE = Path(__file__).parents[1] / "README.md"


def table(heads, rows):
    """Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def families():
    rows = [(f"`{name}`", entry.summary, entry.samples_by) for name, entry in MODELS.items()]
    return table(("`--model`", "what it is", "samples by"), rows)


def samplers():
    rows = [
        (f"`{name}`", entry.cost, "all" if entry.steps is None else str(entry.steps), entry.summary)
        for name, entry in SAMPLERS.items()
    ]
    return table(("`--sampler`", "evaluations for S steps", "steps by default", "what it is for"), rows)


def sources():
    return table(("`--data`", "what it is"), [(f"`{source.form}`", source.summary) for source in SOURCES.values()])


TABLES = {"families": families, "samplers": samplers, "sources": sources}


def filled(text):
    """The README with today's tables."""

    def today(match):
        return f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", today, text, flags=re.S)


if __name__ == "__main__":
    FILE.write_text(filled(FILE.read_text()))
