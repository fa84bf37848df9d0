"""What the pages of the documentation say: every public object explains itself, and code runs as it stands."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*/*.md"), *ROOT.glob("docs/*.md")])
PAGES = [path for path in PAGES if path.parent.name != "tutorial" and path.name != "commands.md"]
DOCUMENTED = re.findall(r"automodule:: ([\w.]+)", "".join(path.read_text(encoding="utf-8") for path in PAGES))
LEFT_OUT = {"genzoo.cli", "genzoo.stack", "genzoo.data.sources", "genzoo.evaluation.process",
            "genzoo.evaluation.memory", "genzoo.evaluation.metrics.classifier", "genzoo.export.alone",
            "genzoo.export.cases", "genzoo.export.checks", "genzoo.export.onnx", "genzoo.export.savedmodel",
            "genzoo.export.tflite", "genzoo.export.web"}  # fmt: skip


def test_the_reference_has_every_module():
    files = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "genzoo").rglob("*.py")]
    names = {".".join(path.parts) for path in files if not path.name.startswith("__")}
    left_out = {name for name in names if any(name == one or name.startswith(f"{one}.") for one in LEFT_OUT)}
    assert names - left_out == set(DOCUMENTED) and len(DOCUMENTED) == len(set(DOCUMENTED))


def public(tree):
    """Yields (name, definition) of functions and classes, and of what classes define for the first time."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            own = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
            yield from ((f"{node.name}.{one.name}", one) for one in own if not (node.bases and one.name in INHERITED))


# What a class or Keras explains once for all that override it.
INHERITED = {"call", "loss_terms", "example_inputs", "generate", "way", "extras", "evaluations", "codes_of",
             "prepare_training", "label_count", "check", "read", "words", "metavar",
             "join", "begin", "before_step", "after_step", "signal", "seconds", "part", "from_chief", "check_same",
             "wait", "watched"}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_public_object_has_a_docstring(name):
    path = ROOT / f"{name.replace('.', '/')}.py"
    bare = [called for called, node in public(ast.parse(path.read_text())) if not ast.get_docstring(node)]
    assert not bare


def test_the_check_of_docstrings_can_fail():
    tree = ast.parse('def f(): pass\n\nclass C:\n    """One."""\n    def m(self): pass\n    def _p(self): pass')
    assert [name for name, node in public(tree) if not ast.get_docstring(node)] == ["f", "C.m"]


def test_a_layer_says_in_its_class_what_it_is_called_with():
    for path in (ROOT / "genzoo" / "networks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [getattr(one, "name", "") for one in node.body] if isinstance(node, ast.ClassDef) else []
            assert "call" not in named or re.search(r"call\(|→", ast.get_docstring(node)), (path.name, node.name)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_files_that_a_page_names_are_there(path):
    named = re.findall(r"`((?:genzoo|benchmarks|docs|notebooks)/[\w./-]+)`", path.read_text(encoding="utf-8"))
    made = ("benchmarks/results/", "docs/_build/")  # by running something
    assert all((ROOT / name).exists() for name in named if not name.startswith(made)), named


@pytest.mark.slow
@pytest.mark.parametrize("page", ["family", "sampler"])
def test_the_python_of_a_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    import numpy as np

    from genzoo.models.families import MODELS

    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "howto" / f"{page}.md").read_text(), flags=re.S)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = dict(MODELS)
    try:
        names = {}
        for block in blocks:
            if file := re.match(r"# (\w+\.py)\n", block):
                (tmp_path / file[1]).write_text(block, encoding="utf-8")
            else:
                exec(compile(block, f"{page}.md", "exec"), names)
    finally:
        for name in set(MODELS) - set(known):
            del MODELS[name]
    assert len(names["images"]) in (3, 4) and np.isfinite(names["images"]).all()
