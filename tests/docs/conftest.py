"""The documentation, built once for all its tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages. Any warning fails the build, a missing docstring or formula too."""
    pytest.importorskip("myst_nb", reason="the documentation is built on Python 3.11 and newer")
    folder = tmp_path_factory.mktemp("site")
    strict = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", folder / "doctrees"]
    done = subprocess.run([*strict, "docs", folder / "html"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder / "html"
