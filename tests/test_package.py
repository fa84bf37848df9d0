"""What an installation brings beside Python files."""

import configparser
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def patterns():
    """Of all package data, seen from the root."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    data = config["options.package_data"].items()
    found = [(package, re.split(r"[,\s]+", names.strip())) for package, names in data]
    return [f"{package.replace('.', '/')}/{pattern}" for package, names in found for pattern in names]


def brought(path):
    return any(fnmatch(path, pattern) and path.count("/") == pattern.count("/") for pattern in patterns())


def test_every_file_of_the_package_is_installed():
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "genzoo").rglob("*") if path.is_file()]
    assert [path for path in files if not path.endswith((".py", ".pyc")) and not brought(path)] == []


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "metrics.csv", "metrics.json", "README.md"])
def test_so_is_the_zoo(name):
    assert brought(f"genzoo/zoo/cddpm-mnist/{name}") and not brought(f"genzoo/zoo/cddpm-mnist/samples/{name}")
