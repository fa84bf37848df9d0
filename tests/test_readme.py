"""The README says what is so: its tables, its Python, its commands."""

import re
import shlex
import shutil

import numpy as np
import pytest
from readme import FILE, TABLES, filled

from genzoo.cli.parser import make_parser

TEXT = FILE.read_text()


def test_its_tables_are_those_of_the_declarations():
    """Else: PYTHONPATH=. python tests/readme.py"""
    assert filled(TEXT) == TEXT
    assert all(f"<!-- table: {name} -->" in TEXT for name in TABLES)


@pytest.mark.slow
def test_its_python_runs_as_it_stands(trained, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    shutil.copytree(trained("cddpm"), tmp_path / "runs" / "cddpm-mnist")
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.S)
    names = {}
    exec(compile(snippet, "README.md", "exec"), names)
    assert names["images"].shape[0] == 3 and np.isfinite(names["images"]).all()


COMMANDS = [line.strip() for line in re.findall(r"^    (?:genzoo|python train\.py) .*$", TEXT, flags=re.M)]


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_words_that_the_parser_takes(line):
    words = shlex.split(line, comments=True)
    words = words[1:] if words[0] == "genzoo" else ["train", *words[2:]]
    assert make_parser().parse_args(words).command == words[0]
