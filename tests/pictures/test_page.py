"""The page of a comparison, as text; test_page_browser.py opens it."""

import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from genzoo.errors import CheckpointError
from genzoo.pictures.grids import grid
from genzoo.pictures.page import Frames, Picture, Report, Section, render, save_report
from genzoo.pictures.tables import Cell, Column, Table

VOID = {"meta", "link", "img", "input"}
NASTY = "<script>alert(1)</script>\" onload='x' & {{ 7 * 7 }}"


def png(level=0, n=20, columns=10, side=28):
    file = io.BytesIO()
    pictures = np.random.default_rng(level).integers(0, 256, (n, side, side, 1)).astype(np.uint8)
    Image.fromarray(grid(pictures, columns)[..., 0]).save(file, format="png")
    return file.getvalue()


def sample(columns=14, words="plain"):
    """A report with everything that one can have, `words` in all its texts."""
    ways = ("lower", "higher", "floor", "")
    heads = [Column(f"k{i}", f"distance {i} {words}", ways[i % 4], note=f"note {words}") for i in range(columns)]
    rows = [
        (f"{name} {words}", {c.key: Cell(1000.0 * i + j, 0.5) if (i + j) % 5 else Cell(reason=f"no {words}")
                             for j, c in enumerate(heads)})
        for i, name in enumerate(["ae", "vae", "cvae", "blend", "ddpm", "cddpm"])
    ]  # fmt: skip
    table = Table(heads, rows, (f"real {words}", {"k0": Cell(1.0)}))
    pictures = [Picture(png(i), f"grid {i} {words}", f"caption {words}") for i in range(3)]
    labels = [f"step {i + 1} of 4, {words}" for i in range(4)]
    return Report(
        f"Title {words}",
        f"First {words}.\n\nSecond.",
        [("machine", words)],
        [Section(f"Numbers {words}", words, table), Section("Samples", pictures=pictures), Section("Again", "", table)],
        Frames([png(i) for i in range(4)], labels, f"digits {words}", f"caption {words}"),
    )


class Page(HTMLParser):
    """Reads a page strictly: every tag is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        assert len(dict(attributes)) == len(attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.mark.parametrize("report", [sample(), sample(2, NASTY), Report("bare"), Report("one", "", (), [Section("s")])])
def test_the_page_is_whole_and_needs_nothing_else(report):
    text = render(report)
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    assert not re.search(r"https?:|url\(|@import|\bsrcset=", text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for _, attributes in page.tags:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "data:").startswith("data:") or attributes["href"].removeprefix("#") in ids
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name) in (None, *ids)
        assert not [name for name in attributes if name.startswith("on")]
    [policy] = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_everything_given_is_there():
    page = Page(render(sample()))
    assert len(page.all("img")) == 3 + 4 and all(len(image["alt"]) > 5 for image in page.all("img"))
    assert len(page.all("table")) == len(page.all("caption")) == 2
    assert [th["scope"] for th in page.all("th")] == 2 * (14 * ["col"] + 7 * ["row"])
    assert len(page.all("td")) == 2 * (1 + 7 * 14)
    for words in ("Title plain", "First plain.", "machine", "real plain", "n/a", "± 0.50", "no plain", "note plain",
                  "lower is better", "step 4 of 4"):  # fmt: skip
        assert words in page.text
    assert page.text.count("no plain") == 2  # a footnote a table


def test_the_best_are_those_of_the_table():
    report = sample()
    flags = [cell.best for _, cells in report.sections[0].table.shown() for cell in cells]
    page = Page(render(report))
    marked = [td.get("class") == "best" for td in page.all("td")]
    assert marked == 2 * ([False] + flags) and any(flags)


def test_words_are_words():
    page = Page(render(sample(3, NASTY)))
    assert len(page.all("script")) == 1 and "49" not in page.text
    assert page.text.count(NASTY) > 20
    assert {image["alt"] for image in page.all("img")} >= {f"grid 0 {NASTY}", f"digits {NASTY}, step 1 of 4, {NASTY}"}


def test_without_frames_there_is_no_script():
    assert not Page(render(Report("t", sections=sample().sections))).all("script", "input", "button")


@pytest.mark.parametrize("most, pixels, expected", [(480, True, (456, 186)), (640, True, (608, 248)),
                                                    (100, True, (152, 62)), (640, False, (152, 62))])  # fmt: skip
def test_pixels_are_enlarged_by_whole_numbers(most, pixels, expected):
    assert Picture(png(n=10, columns=5), "x", pixels=pixels).size(most) == expected


def test_a_frame_without_a_label_is_a_mistake():
    with pytest.raises(ValueError):
        render(Report("t", frames=Frames([png()], ["a", "b"], "x")))


def test_equal_reports_give_equal_files(tmp_path):
    for name in "ab":
        save_report(tmp_path / name, sample(words="\udcff é"))  # a folder's name that is no Unicode
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "? é" in (tmp_path / "a").read_text("utf-8")
    with pytest.raises(CheckpointError):
        save_report(tmp_path / "absent" / "a", sample())


def test_a_report_takes_no_tensorflow():
    code = "import sys, genzoo.pictures.page as r; r.render(r.Report('t')); sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
