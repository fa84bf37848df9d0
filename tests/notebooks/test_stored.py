"""The notebooks as they are stored: in step with their sources, small, and of no machine in particular."""

import base64
import io
import re
import textwrap
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from notebooks import build, index

ROOT = build.HERE.parent
MOST = 1.5e6  # bytes
MACHINE = re.compile(r"(?:^|[\s'\"(=])(?:/(?:home|root|tmp|work|usr|opt|Users|mnt)/|[A-Z]:\\)|0x[0-9a-f]{6}")
SHOWN = re.compile(r"# (genzoo/\S+\.py)\n(.*)", re.S)  # as `show_source` prints it
PAIRS = [(source, language) for source in build.sources() for language in build.LANGUAGES]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0].stem}-{pair[1]}")
def stored(request):
    """(the path of a stored notebook, its content, its source's path, its language)."""
    source, language = request.param
    path = build.LANGUAGES[language] / f"{source.stem}.ipynb"
    return path, nbformat.read(path, as_version=4), source, language


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def words(notebook):
    """All text of the outputs."""
    for output in outputs(notebook):
        yield output.get("text", "")
        yield from (text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


def test_it_is_its_source(stored):
    """Else: python -m notebooks.build NAME, or with --keep where only text has changed."""
    path, notebook, source, language = stored
    fresh = build.notebook(source, language)
    assert [(c.id, c.cell_type, c.source, c.metadata) for c in notebook.cells] == [
        (c.id, c.cell_type, c.source, c.metadata) for c in fresh.cells
    ]
    assert notebook.metadata == fresh.metadata


def test_the_code_that_it_shows_is_that_of_today(stored):
    """Else: python -m notebooks.build NAME."""
    for shown in filter(None, map(SHOWN.fullmatch, words(stored[1]))):
        of_today = (ROOT / shown[1]).read_text()
        assert any(textwrap.indent(shown[2], margin) in of_today for margin in ("", "    ")), shown[1]


def test_both_languages_have_the_same_outputs(stored):
    path, notebook, source, _ = stored
    assert outputs(notebook) == outputs(nbformat.read(build.HERE / f"{source.stem}.ipynb", as_version=4))


def test_every_cell_was_executed_in_order_and_none_failed(stored):
    code = [cell for cell in stored[1].cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for output in outputs(stored[1]) if output.output_type == "error"]


def test_what_prints_or_draws_has_an_output(stored):
    shows = re.compile(r"^(?:print|show|show_source|slider|plt\.show)\(", flags=re.M)
    silent = [cell.source for cell in stored[1].cells
              if cell.cell_type == "code" and shows.search(cell.source) and not cell.outputs]  # fmt: skip
    assert not silent
    assert any("image/png" in output.get("data", {}) for output in outputs(stored[1]))


def test_outputs_are_small_and_of_no_machine(stored):
    path, notebook, *_ = stored
    assert path.stat().st_size <= MOST
    for text in words(notebook):
        assert not MACHINE.search(text)
    assert not [output for output in outputs(notebook) if output.get("name") == "stderr"]
    assert not [o for o in outputs(notebook) if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]


def test_pictures_can_be_read_and_show_something(stored):
    for output in outputs(stored[1]):
        if png := output.get("data", {}).get("image/png"):
            with Image.open(io.BytesIO(base64.b64decode(png))) as image:
                assert image.width <= 1400 and len(image.convert("L").getcolors(65536)) > 1


def links(text):
    return re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)[^)]*\)", text)


def test_links_lead_somewhere(stored):
    path, notebook, *_ = stored
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in links(cell.source):
                assert (path.parent / target).exists(), target


@pytest.mark.parametrize("language", index.PAGES)
def test_the_index_is_that_of_today_and_its_links_lead_somewhere(language):
    """Else: python -m notebooks.build --keep"""
    text = (build.HERE / index.PAGES[language][0]).read_text(encoding="utf-8")
    names = [path.stem for path in build.sources()]
    assert index.filled(language, names) == text
    assert all((build.HERE / target).exists() for target in links(text))
    assert set(names) <= set(index.times())


def test_the_address_of_the_repository_stands_in_one_place():
    """setup.cfg; what else has it is made from there."""
    made = {path for folder in build.LANGUAGES.values() for path in Path(folder).glob("*.ipynb")}
    others = {path for pattern in ("*.*", "notebooks/**/*", "docs/*.*", "docs/[!_t]*/*.*", "genzoo/**/*.py")
              for path in ROOT.glob(pattern) if path.suffix in (".md", ".cfg", ".toml", ".py", ".ipynb")}  # fmt: skip
    have = {path for path in others if build.address() in path.read_text(encoding="utf-8")}
    assert ROOT / "setup.cfg" in have and have <= made | {ROOT / "setup.cfg"}
