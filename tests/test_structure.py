"""The shape of the package: imports run one way, one file asks which stack it is on, one imports TensorFlow."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "genzoo"
FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text()) for path in FILES}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_form_no_circle():
    graph = {name: {m for m in imported(tree) if m in MODULES} - {name, "genzoo"} for name, tree in MODULES.items()}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_mathematics_knows_no_network_and_networks_know_no_loss():
    inside = {name: {m for m in imported(tree) if m.startswith("genzoo.")} for name, tree in MODULES.items()}
    leaves = ("genzoo.errors", "genzoo.errors.UsageError")
    assert not inside["genzoo.schedules"] - set(leaves)
    assert not inside["genzoo.diffusion"] - set(leaves)
    for name, names in inside.items():
        if name.startswith("genzoo.networks"):
            assert not [m for m in names if m.startswith(("genzoo.models", "genzoo.diffusion", "genzoo.data"))]
        if name.startswith("genzoo.models"):
            outer = ("genzoo.registry", "genzoo.data", "genzoo.checkpoint", "genzoo.training", "genzoo.cli")
            assert not [m for m in names if m.startswith(outer)]


def test_tensorflow_is_imported_in_one_place():
    for name, tree in MODULES.items():
        if name != "genzoo.quiet":
            assert "tensorflow" not in set(imported(tree)), f"{name}: use `from genzoo.quiet import tf`"


def test_only_blocks_asks_for_the_stack():
    for name, tree in MODULES.items():
        foreign = [m for m in imported(tree) if m.split(".")[0] in ("keras", "tf_keras", "tensorflow_addons")]
        assert name == "genzoo.blocks" or not foreign, f"{name} imports {foreign}"
