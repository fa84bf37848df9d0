"""The shape of the package: floors whose imports run downwards, one file that asks for the stack, rooms with a sign."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "genzoo"
# From the top down. A file uses its own folder and floors below; two folders of one floor do not know each other.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("training", "evaluation", "export"),
    ("runs",),
    ("models", "pictures"),
    ("data", "diffusion", "networks"),
    ("files", "options", "progress", "rng"),
    ("checksum", "errors", "stack"),
    ("__init__",),
)


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {module_name(path): ast.parse(path.read_text()) for path in FILES}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module):
    """The folder of a module, or its file where it stands on the ground."""
    return (module.split(".") + ["__init__"])[1]


def floor(module):
    return next(i for i, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_every_room_has_a_floor_and_every_floor_its_rooms():
    assert {room(name) for name in MODULES} == {name for rooms in FLOORS for name in rooms}


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downwards(name):
    used = {m for m in imported(MODULES[name]) if m in MODULES}
    wrong = [m for m in used if room(m) != room(name) and floor(m) <= floor(name)]
    assert not wrong, f"{name} is no lower than {wrong}"


def test_imports_form_no_circle():
    graph = {name: {m for m in imported(tree) if m in MODULES} - {name, "genzoo"} for name, tree in MODULES.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("name", MODULES)
def test_each_file_says_what_it_is_for(name):
    said = ast.get_docstring(MODULES[name])
    assert said and said.splitlines()[0].endswith((".", ":", "?"))


def test_mathematics_and_what_the_command_line_reads_need_no_tensorflow():
    """Not even behind a function: mathematics works on NumPy, and `--help` must answer at once."""
    for name, tree in MODULES.items():
        if room(name) == "diffusion":
            assert "genzoo.stack" not in set(imported(tree)), name


def test_tensorflow_is_imported_in_one_place_which_alone_asks_for_the_stack():
    stack = ("tensorflow", "keras", "tf_keras", "tensorflow_addons")
    for name, tree in MODULES.items():
        foreign = [m for m in imported(tree) if m.split(".")[0] in stack]
        assert name == "genzoo.stack" or not foreign, f"{name} imports {foreign}: use genzoo.stack"
