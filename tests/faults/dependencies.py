"""Row 17: the fast tests with the oldest, or the newest, dependencies that setup.cfg admits.

    pip install uv
    python tests/faults/dependencies.py --python 3.11 --oldest
    python tests/faults/dependencies.py --python 3.13 -- tests/runs tests/data

Makes an environment of that Python in a temporary folder, installs genzoo there with its tests' dependencies, and runs
pytest on what follows `--` (else on all fast tests). uv chooses the versions: with --oldest each dependency that
setup.cfg names is at its lower bound. Not in CI: an environment is two gigabytes. The exit code is that of pytest.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter, or its version")
    parser.add_argument("--oldest", action="store_true", help="hold each dependency at its lower bound")
    parser.add_argument("tests", nargs="*", help="files, folders and options for pytest")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python, chosen = Path(folder) / "venv/bin/python", Path(folder) / "chosen.txt"
        uv("venv", "--python", args.python, Path(folder) / "venv")
        order = "lowest-direct" if args.oldest else "highest"
        uv("pip", "compile", "--extra", "test", "--resolution", order, "--python", python, "-o", chosen, "setup.cfg")
        uv("pip", "install", "--python", python, "-r", chosen)
        uv("pip", "install", "--python", python, "--no-deps", "-e", ROOT)
        uv("pip", "list", "--python", python, "--format", "freeze")
        return subprocess.run([python, "-m", "pytest", *(args.tests or ["-m", "not slow"])], cwd=ROOT).returncode


def uv(*words):
    subprocess.run(["uv", "--quiet", *words], check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
