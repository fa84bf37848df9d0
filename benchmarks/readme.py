"""Remakes tables and pictures of the README and the documentation, from the declarations and the zoo.

The pictures are drawn by the weights of the zoo, with seed 0; none is selected.

    python -m benchmarks.readme               # the tables; tests/test_readme.py says when that is due
    python -m benchmarks.readme --pictures    # `make figures`: also docs/*.png; a minute, and the real MNIST
"""

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np

from genzoo.data.catalogue import SOURCES
from genzoo.diffusion.catalogue import SAMPLERS, SCHEDULES, SPACINGS
from genzoo.errors import GenzooError
from genzoo.evaluation import scores
from genzoo.models.families import MODELS
from genzoo.pictures.tables import Table
from genzoo.runs import zoo

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FILES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted(DOCS.glob("*/*.md"))]
MARKED = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", flags=re.S)
SHOWN = ("frechet", "coverage", "sure", "accuracy", "mse", "bits", "images_seen", "nfe")
COLUMNS, ROWS = 5, 2  # of the pictures of one family
EACH = 3  # images of a label, of a family, in the picture of all


def table(heads, rows):
    """Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def families():
    rows = [
        (f"`{name}`", entry.summary, entry.samples_by, f"![samples of {name}](docs/family-{name}.png)")
        for name, entry in MODELS.items()
    ]
    return table(("`--model`", "what it is", "samples by", "its samples"), rows)


def samplers():
    rows = [
        (f"`{name}`", entry.cost, "all" if entry.steps is None else str(entry.steps), entry.summary)
        for name, entry in SAMPLERS.items()
    ]
    return table(("`--sampler`", "evaluations for S steps", "steps by default", "what it is for"), rows)


def named(heads, catalogue):
    return lambda: table(heads, [(f"`{name}`", entry.summary) for name, entry in catalogue.items()])


def sources():
    return table(("`--data`", "what it is"), [(f"`{source.form}`", source.summary) for source in SOURCES.values()])


def figures():
    """What `metrics.json` says of the families of the zoo, measured alike."""
    results = {name: json.loads((zoo.folder(f"{name}-mnist") / "metrics.json").read_text()) for name in MODELS}
    whole = scores.whole_table(results)
    columns = [column for column in whole.columns if column.key in SHOWN]
    return Table(columns, whole.rows, whole.floor).markdown().strip()


TABLES = {
    "families": families,
    "samplers": samplers,
    "spacings": named(("`--timesteps`", "what it is"), SPACINGS),
    "schedules": named(("`--schedule`", "what it is"), SCHEDULES),
    "sources": sources,
    "figures": figures,
}


def filled(text):
    """Returns a page with today's tables."""
    return MARKED.sub(lambda match: f"<!-- table: {match[1]} -->\n\n{TABLES[match[1]]()}\n\n<!-- end -->", text)


def pictures():
    """Draws docs/digits.png, family-NAME.png and families.png there. Raises DataError where MNIST is not at hand."""
    from genzoo import load, load_data
    from genzoo.data.pixels import to_uint8
    from genzoo.evaluation.comparison import examples
    from genzoo.files import write_atomically
    from genzoo.pictures.grids import grid, save_png
    from genzoo.pictures.plots import picture_columns

    data = load_data("mnist")
    labels = np.repeat(np.arange(10), EACH)
    columns = {"real": grid(examples(data, labels), EACH)}
    for name in MODELS:
        model = load(f"zoo:{name}-mnist")

        def drawn(asked, model=model):
            return to_uint8(model.sample(len(asked), labels=asked if model.conditional else None), data.native_shape)

        columns[name] = grid(drawn(labels), EACH)
        save_png(DOCS / f"family-{name}.png", grid(drawn(np.arange(COLUMNS * ROWS)), COLUMNS), 2)
        if name == "cddpm":
            save_png(DOCS / "digits.png", grid(drawn(np.tile(np.arange(10), 6)), 10))
    write_atomically(DOCS / "families.png", picture_columns(columns, data.class_names))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", action="store_true", help="also the pictures, by the weights of the zoo")
    args = parser.parse_args(argv)
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        file.write_text(filled(text), encoding="utf-8")
    try:
        if args.pictures:
            pictures()
    except GenzooError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
