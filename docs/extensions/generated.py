"""Pages that are made from what lies elsewhere: the tutorial from notebooks/, the commands from the parser."""

import json
import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
PAGES = {"README.md": "", "README.zh-CN.md": "zh-CN/"}  # an index, and the folder of its notebooks


def write(docs):
    """Writes docs/tutorial and docs/reference/commands.md, of which nothing is kept in the repository."""
    tutorial(docs / "tutorial")
    put(docs / "reference" / "commands.md", commands())


def tutorial(folder):
    """Copies the stored notebooks with their index, in both languages. What is gone there goes here."""
    made = {folder / name: index(name, below) for name, below in PAGES.items()}
    for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("zh-CN/*.ipynb")]:
        made[folder / path.relative_to(NOTEBOOKS)] = page(path)
    for path, text in made.items():
        put(path, text)
    shutil.rmtree(folder / "pictures", ignore_errors=True)
    (folder / "pictures").mkdir(parents=True)
    for path in NOTEBOOKS.glob("pictures/*.png"):
        shutil.copyfile(path, folder / "pictures" / path.name)
    for path in {*folder.glob("*.ipynb"), *folder.glob("zh-CN/*.ipynb")} - set(made):
        path.unlink()


def index(name, below):
    """Returns an index of the notebooks as a page, whose table of contents they are."""
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    names = sorted(path.stem for path in (NOTEBOOKS / below).glob("*.ipynb"))
    contents = "\n".join(f"{below}{stem}" for stem in names)
    return f"{relinked(text, 1)}\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n"


def page(path):
    """Returns a stored notebook as the documentation shows it: its button is a link, since no page loads a picture from
    elsewhere, and what points to files of the repository points to their pages."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    depth = len(path.relative_to(NOTEBOOKS).parts)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = re.sub(r"\[!\[([^]]*)\]\(https?:[^)]*\)\]\(([^)]*)\)", r"[\1](\2)", "".join(cell["source"]))
            cell["source"] = relinked(text, depth)
    # The title comes first on a page, the button below it.
    cells = notebook["cells"]
    markdown = [cell["cell_type"] == "markdown" and "".join(cell["source"]) for cell in cells]
    title = next(i for i, text in enumerate(markdown) if text and text.startswith("# "))
    cells.insert(0, cells.pop(title))
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def relinked(text, depth):
    """Returns Markdown whose links from notebooks/ lead to the same things from docs/tutorial. What has no page here
    stands as its name.     depth: folders up to the root."""
    up = "../" * depth
    text = text.replace(f"]({up}docs/", f"]({up}")
    return re.sub(rf"\[([^]]*)\]\((?:{re.escape(up)}(?:README|CONTRIBUTING|genzoo)[^)]*|source/?)\)", r"\1", text)


def commands():
    """Returns what `--help` of every command says."""
    from genzoo.cli.parser import COMMANDS, make_parser

    os.environ["COLUMNS"], os.environ["NO_COLOR"] = "100", "1"
    parser = make_parser()
    lines = ["# Commands", "", parser.epilog, ""]
    choices = next(action.choices for action in parser._actions if action.dest == "command")
    for name in COMMANDS:
        lines += [f"## genzoo {name}", "", "```text", choices[name].format_help().rstrip(), "```", ""]
    return "\n".join(lines)


def put(path, text):
    """Writes a file where it has changed: Sphinx reads again what was touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
