"""The README says what is so, in both languages, and the documentation too: tables, Python, commands, links."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readme import FILES, MARKED, ROOT, TABLES, filled
from genzoo.cli.parser import make_parser

TEXT, CHINESE = (path.read_text(encoding="utf-8") for path in FILES[:2])
PAGES = [path for path in [*FILES, ROOT / "CONTRIBUTING.md"] if path.parent.name != "tutorial"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_tables_are_those_of_today(path):
    """Else: python -m benchmarks.readme"""
    text = path.read_text(encoding="utf-8")
    assert filled(text) == text


def test_every_table_stands_somewhere():
    marked = [match[1] for path in FILES for match in MARKED.finditer(path.read_text(encoding="utf-8"))]
    assert set(marked) == set(TABLES) and marked.count("figures") == 2


@pytest.mark.slow
def test_its_python_runs_as_it_stands(trained, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    shutil.copytree(trained("cddpm"), tmp_path / "runs" / "cddpm-mnist")
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
    names = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["images"].shape[0] == 3 and np.isfinite(names["images"]).all()


ALL = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
COMMANDS = sorted({line.strip() for line in re.findall(r"^    (?:genzoo|python train\.py) .*$", ALL, flags=re.M)})


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_words_that_the_parser_takes(line):
    words = shlex.split(line, comments=True)
    words = words[1:] if words[0] == "genzoo" else ["train", *words[2:]]
    assert make_parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", text):
        assert (path.parent / target).exists(), target


def shared(text):
    """What a translation of a page has in common with it: {what: a list}, sorted where words change places."""
    prose = re.sub(r"```.*?```|^    [^\n]*$|<!-- table: .*?<!-- end -->", "", text, flags=re.S | re.M)
    links = [target.replace("README.zh-CN.md", "README.md") for target in re.findall(r"\]\(([^)]+)\)", prose)]
    links = [target for target in links if not target.startswith("docs/family-")]  # in the table
    return {
        "headings": re.findall(r"^#+(?= )", text, flags=re.M),
        "code": re.findall(r"```.*?```|^    [^\n]*$", text, flags=re.S | re.M),
        "tables": [match[0] for match in MARKED.finditer(text) if match[1] == "figures"],
        "links": sorted(links),
        "words of code": sorted(set(re.findall(r"`[^`\n]+`", _without_families(prose)))),
        "numbers": sorted(re.findall(r"\d[\d,.]*\d|\d", _without_families(prose))),
    }


def _without_families(prose):
    """The table of the families is made in one language, and written by hand in the other."""
    return re.sub(r"^\|.*$", "", prose, flags=re.M)


@pytest.mark.parametrize("what", shared(TEXT))
def test_both_languages_say_the_same(what):
    assert shared(CHINESE)[what] == shared(TEXT)[what]


def test_both_name_the_same_families():
    rows = [re.findall(r"^\| (`\w+`) .*(docs/family-[\w.-]+)", text, flags=re.M) for text in (TEXT, CHINESE)]
    assert rows[0] == rows[1] and len(rows[0]) == 6


@pytest.mark.parametrize(
    ("what", "says", "instead"),
    [
        ("headings", "## 局限", "### 局限"),
        ("code", "genzoo inpaint runs/cddpm-mnist", "genzoo inpaint runs/ddpm-mnist"),
        ("tables", "real test images", "real images"),
        ("links", "(docs/performance.md)", "(docs/index.md)"),
        ("words of code", "`--clusters 0`", "`--clusters 1`"),
        ("numbers", "2026-11-21", "2026-11-20"),
    ],
)
def test_each_rule_can_fail(what, says, instead):
    assert says in CHINESE
    assert shared(CHINESE.replace(says, instead))[what] != shared(TEXT)[what]


def test_pictures_are_there_and_small():
    for target in set(re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT + CHINESE)):
        assert 0 < (ROOT / target).stat().st_size < 700_000, Path(target)
