"""Where figures go: a JSON with the machine and the versions beside them, and tables on the terminal."""

import contextlib
import json
import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from benchmarks.processes import ROOT
from genzoo import __version__
from genzoo.files import write_atomically
from genzoo.pictures.tables import Cell, Column

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("tensorflow", "keras", "tensorflow-addons", "numpy")


def machine():
    """What the figures were taken on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(terse=True),
        # Near 0 on a quiet machine; what else runs makes every figure worse.
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _cpu():
    """The name of the processor, with its family and model where the name says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    name = found.get("model name", platform.machine())
    return f"{name} (family {found['cpu family']}, model {found['model']})" if "cpu family" in found else name


def versions():
    """{"python", "genzoo", its "commit" and each of PACKAGES that is installed here: version}."""
    found = {"python": platform.python_version(), "genzoo": __version__}
    asked = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    if asked.returncode == 0:
        found["commit"] = asked.stdout.strip()
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


class Results:
    """Rows of figures, written to `path` after each, so that a run that is cut leaves what it had.

    others: versions of what runs elsewhere, or None.     about: what the figures depend on besides.
    """

    def __init__(self, path, others=None, **about):
        self.path = Path(path)
        self.content = {"date": time.strftime("%Y-%m-%d %H:%M:%S%z"), "machine": machine(),
                        "versions": versions() | (others or {}), **about, "rows": {}}  # fmt: skip
        self._began = time.monotonic()

    @property
    def heading(self):
        """The date, the machine and the versions, as lines of text."""
        about, memory = self.content["machine"], self.content["machine"]["memory_bytes"] / 2**30
        where = f"{about['cpu']}, {about['cores']} cores, {memory:.0f} GiB, {about['system']}"
        used = ", ".join(f"{name} {number}" for name, number in self.content["versions"].items())
        return f"{self.content['date']}, load {about['load']}\n{where}\n{used}"

    def add(self, name, found):
        """A row: a dict that JSON can hold."""
        self.content["rows"][name] = found
        self.content["seconds"] = round(time.monotonic() - self._began, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, (json.dumps(self.content, indent=1) + "\n").encode())


def median_and_range(key, title, format=".2f", unit=""):
    """Three columns for the `cells` of a spread: median, and from the lowest to the highest."""
    return [Column(key, title, format=format, unit=unit), *(Column(f"{key}_{end}", end, format=format)
            for end in ("low", "high"))]  # fmt: skip


def cells(key, spread):
    """{key: Cell} of a `measuring.spread` for `median_and_range`."""
    return {key: Cell(spread["median"]), f"{key}_low": Cell(spread["low"]), f"{key}_high": Cell(spread["high"])}
