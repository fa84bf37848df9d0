"""The documentation, built once for all its tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built pages. Any warning fails the build, a missing docstring or formula too."""
    pytest.importorskip("myst_nb", reason="the documentation is built on Python 3.11 and newer")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers
    html, made = folder / "site", folder / "site.made"
    with FileLock(folder / "site.lock"):
        if not html.exists():
            strict = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
            command = [*strict, "-d", folder / "doctrees", "docs", made]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-5000:]
            made.rename(html)
    return html
