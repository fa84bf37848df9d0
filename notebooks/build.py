"""Makes the notebooks of both languages from their sources: `make notebooks`.

    python -m notebooks.build                  # all, executed anew
    python -m notebooks.build 02 05_ddpm       # some, by their names or how these begin
    python -m notebooks.build --check 02       # executes and writes nothing
    python -m notebooks.build --keep           # executes none: text may have changed, the code must be as it was

A source, source/NAME.py, is in jupytext's percent format. Its code is executed once; NAME.ipynb holds it between the
English text, zh-CN/NAME.ipynb between the Chinese. Equal sources and equal outputs give equal bytes.
"""

import argparse
import configparser
import datetime
import hashlib
import os
import platform
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import jupytext
import nbformat

from notebooks import index
from notebooks.pairing import differences

HERE = Path(__file__).resolve().parent
LANGUAGES = {"en": HERE, "zh-CN": HERE / "zh-CN"}
HIDDEN = {"check": "# @title Check: ", "solution": "# @title Solution: "}  # cells with such a tag are folded
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
    "accelerator": "GPU",  # what Colab should offer
}
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)\s]+)\)")  # in Markdown, relative
LIMIT = 600  # seconds for a cell, on a busy machine


class SourceError(ValueError):
    """A source that is not as it has to be."""


def sources():
    """Returns the sources' paths, in order."""
    return sorted((HERE / "source").glob("*.py"))


def address():
    """Returns where the repository is to be found: setup.cfg alone says so."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(HERE.parent / "setup.cfg")
    return config["metadata"]["url"]


def read(path):
    """Returns the cells of a source, as jupytext reads them. Raises SourceError where one is not as it has to be."""
    cells = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells
    languages = list(LANGUAGES)
    prose, said = 0, ""  # how many languages the present paragraph had, and what it says in the first
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        begins = cell.source.split("\n")[0]
        where = f"{path.name}: the cell that begins with {begins!r}"
        if odd := re.search(r"[\x00-\x09\x0b-\x1f\x7f]", cell.source):
            raise SourceError(f"{where} has the control character {odd[0]!r}: a backslash sequence that became one?")
        if cell.cell_type == "markdown":
            expected = languages[prose]
            if cell.metadata.get("lang") != expected:
                raise SourceError(f'{where} is not marked lang="{expected}"')
            if prose and (found := differences(said, cell.source)):
                raise SourceError(f"{where} is not what the cell above it says, {'; '.join(found)}")
            said = said if prose else cell.source
            prose = (prose + 1) % len(languages)
        elif prose:
            raise SourceError(f'{where} comes where lang="{languages[prose]}" is missing')
        for tag in tags:
            if tag not in (*HIDDEN, "cover"):
                raise SourceError(f"{where} has the tag {tag!r}, expected {', '.join(HIDDEN)} or cover")
            if not begins.startswith(HIDDEN.get(tag, "")):
                raise SourceError(f"{where} does not begin with {HIDDEN[tag]!r}")
    if prose:
        raise SourceError(f'{path.name}: its last paragraph lacks lang="{languages[prose]}"')
    return cells


def notebook(path, language):
    """Returns the notebook of a source in a language, without outputs."""
    folder = LANGUAGES[language].relative_to(HERE.parent)
    cells = [_badge(folder / f"{path.stem}.ipynb"), _set_up()]
    cells += [c for c in read(path) if c.cell_type == "code" or c.metadata["lang"] == language]
    names = {f"{other.stem}.ipynb" for other in sources()}
    made = nbformat.v4.new_notebook(metadata=METADATA)
    seen = {}
    for cell in cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        one = {"id": f"{digest}-{seen[digest]}", "metadata": _shown_as(cell)}
        if cell.cell_type == "code":
            made.cells.append(nbformat.v4.new_code_cell(cell.source, **one))
        else:
            text = cell.source if LANGUAGES[language] == HERE else LINK.sub(partial(_from_below, names), cell.source)
            made.cells.append(nbformat.v4.new_markdown_cell(text, **one))
    return made


def _from_below(names, link):
    """A relative link as it reads from a folder below; the other notebooks are there too."""
    target = link[2]
    return link[0] if target.split("#")[0] in names else f"{link[1]}../{target})"


def _badge(path):
    repository = address().removeprefix("https://github.com/")
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    link = f"https://colab.research.google.com/github/{repository}/blob/main/{path}"
    return nbformat.v4.new_markdown_cell(f"[![Open in Colab]({image})]({link})")


def _set_up():
    return nbformat.v4.new_code_cell(
        "# @title Set-up: installs genzoo where it is missing, as in Colab\n"
        "import importlib.util\n"
        "import subprocess\n"
        "import sys\n\n"
        'if importlib.util.find_spec("genzoo") is None:\n'
        f'    package = "genzoo @ git+{address()}"\n'
        '    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", package])',
        metadata={"tags": ["set-up", "remove-cell"]},
    )


def _shown_as(cell):
    """Returns the metadata of a cell: that it is folded, for Jupyter, Colab and the pages of the documentation."""
    tags = list(cell.metadata.get("tags", []))
    if not {*HIDDEN, "set-up"} & set(tags):
        return {"tags": tags} if tags else {}
    if "check" in tags:
        tags.append("raises-exception")  # its claim is about what is stored: 'run all' goes on where a change broke it
    return {"tags": [*tags, "hide-input"], "jupyter": {"source_hidden": True}, "cellView": "form"}


def execute(made):
    """Executes a notebook with this interpreter, in a folder of its own. -> seconds it took.

    Raises nbclient's CellExecutionError where a cell fails. What went to stderr is printed and not kept.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisInterpreter(AsyncKernelManager):
        """Whatever kernels the user has installed."""

        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")

    with tempfile.TemporaryDirectory() as folder:
        changes = {"GENZOO_STATIC": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "IPYTHONDIR": folder}
        env = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"} | changes
        client = NotebookClient(
            made,
            kernel_manager_class=ThisInterpreter,
            timeout=LIMIT,
            record_timing=False,
            force_raise_errors=True,  # in checks too
            resources={"metadata": {"path": folder}},
        )
        started = time.monotonic()
        client.execute(env=env)
        seconds = time.monotonic() - started
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = _kept(cell.outputs)
    made.metadata = nbformat.from_dict(METADATA)
    return seconds


def _kept(outputs):
    """Returns outputs without stderr, with pieces of one stream joined: how they were cut depends on the moment."""
    kept = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            print(output.text, file=sys.stderr, end="")
        elif output.output_type == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def with_outputs(made, executed):
    """Gives a notebook the outputs of another one with the same code. Raises SourceError where the code differs."""
    pairs = [[cell for cell in one.cells if cell.cell_type == "code"] for one in (made, executed)]
    codes = [[cell.source for cell in cells if "set-up" not in cell.metadata.get("tags", [])] for cells in pairs]
    if codes[0] != codes[1]:
        raise SourceError("its code is not what was executed: execute it anew, without --keep")
    for mine, theirs in zip(*pairs, strict=True):
        mine.outputs, mine.execution_count = theirs.outputs, theirs.execution_count
    return made


def write(path, made):
    path.parent.mkdir(exist_ok=True)
    nbformat.validate(made)
    path.write_text(nbformat.writes(made) + "\n", encoding="utf-8")


def chosen(names):
    """Returns the sources whose names begin with one of these; all for none. Raises SourceError for one without."""
    wanted = [re.sub(r".*/|\.(py|ipynb)$", "", name) for name in names]
    for name in wanted:
        if not any(path.stem.startswith(name) for path in sources()):
            raise SourceError(f"no source {name!r} among {', '.join(path.stem for path in sources())}")
    return [path for path in sources() if not wanted or path.stem.startswith(tuple(wanted))]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="how a notebook's name begins (default: all)")
    parser.add_argument("--check", action="store_true", help="execute, and write nothing")
    parser.add_argument("--keep", action="store_true", help="keep the stored outputs; only text may have changed")
    args = parser.parse_args(argv)
    measured = {}
    try:
        for path in chosen(args.names):
            made = notebook(path, "en")
            if args.keep:
                with_outputs(made, nbformat.read(HERE / f"{path.stem}.ipynb", as_version=4))
            else:
                seconds = execute(made)
                print(f"{path.stem}: {seconds:.0f} s", flush=True)
                measured[path.stem] = {"seconds": round(seconds), **_machine()}
            if not args.check:
                for language, folder in LANGUAGES.items():
                    write(folder / f"{path.stem}.ipynb", with_outputs(notebook(path, language), made))
    except SourceError as error:
        sys.exit(f"error: {error}")
    if not args.check:
        index.save_times(measured)
        index.save([path.stem for path in sources() if (HERE / f"{path.stem}.ipynb").exists()])


def _machine():
    version = ".".join(platform.python_version_tuple()[:2])
    return {"cores": len(os.sched_getaffinity(0)), "python": version, "date": f"{datetime.date.today()}"}


if __name__ == "__main__":
    main()
