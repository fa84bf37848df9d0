"""Row 17: the fast tests with the oldest, or the newest, dependencies that setup.cfg admits.

    python tests/faults/dependencies.py --python python3.11 --oldest
    python tests/faults/dependencies.py --python python3.13 -- tests/runs tests/data

Makes an environment of that Python in a temporary folder, installs genzoo there with its tests' dependencies, and runs
pytest on what follows `--` (else on all fast tests). The newest is what pip chooses; with --oldest each dependency of
genzoo itself is held at its lower bound. Not in CI: an environment is two gigabytes. Exit code 1 where a test fails.
"""

import argparse
import configparser
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lower_bounds():
    """Yields (constraint, marker): each requirement of genzoo in setup.cfg, held at its lower bound."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = config["options"]["install_requires"].splitlines()
    for line in filter(None, (line.strip() for line in lines)):
        requirement, _, marker = line.partition(";")
        found = re.match(r"([\w.-]+)>=([\d.]+)", requirement)
        if found and not line.startswith("#"):
            yield f"{found[1]}~={found[2]}.0" if found[2].isdecimal() else f"{found[1]}=={found[2]}", marker.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter")
    parser.add_argument("--oldest", action="store_true", help="hold each dependency at its lower bound")
    parser.add_argument("--extra", default="test", help="of setup.cfg, installed too; '' for none, and pytest alone")
    parser.add_argument("tests", nargs="*", help="files, folders and options for pytest")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([args.python, "-m", "venv", folder], check=True)
        python, constraints = Path(folder) / "bin" / "python", Path(folder) / "constraints.txt"
        held = [f"{pin} ; {marker}" if marker else pin for pin, marker in lower_bounds()]
        constraints.write_text("\n".join(held) + "\n" if args.oldest else "")
        what = [f"{ROOT}[{args.extra}]"] if args.extra else [str(ROOT), "pytest>=7.4"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--constraint", constraints, *what], check=True)
        subprocess.run([python, "-m", "pip", "list"], check=True)
        tests = args.tests or ["-m", "not slow"]
        return subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
