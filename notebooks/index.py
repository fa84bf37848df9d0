"""The index of the notebooks, README.md and README.zh-CN.md: a picture, a line and the run time of each."""

import base64
import io
import json
import re
from pathlib import Path

import nbformat
from PIL import Image

HERE = Path(__file__).resolve().parent
TIMES = HERE / "times.json"  # {notebook: how long it took, where and when}, of the last execution
WIDTH = 280  # pixels of a picture
# language: (file, folder of its notebooks, heads, what a time reads like)
PAGES = {
    "en": ("README.md", "", ("", "notebook", "run time"), "{seconds} s<br>({cores} cores, Python {python}, {date})"),
    "zh-CN": ("README.zh-CN.md", "zh-CN/", ("", "笔记本", "运行时间"),
              "{seconds} 秒<br>（{cores} 核，Python {python}，{date}）"),
}  # fmt: skip
TABLE = re.compile(r"(<!-- notebooks -->\n).*?(<!-- end -->)", flags=re.S)


def times():
    return json.loads(TIMES.read_text()) if TIMES.exists() else {}


def save_times(measured):
    """Adds measured times {notebook: {seconds, cores, python, date}} to those of others."""
    TIMES.write_text(json.dumps(dict(sorted((times() | measured).items())), indent=1) + "\n")


def first_line(stored):
    """Returns the title of a notebook and the paragraph below it."""
    text = next(c.source for c in stored.cells if c.cell_type == "markdown" and c.source.startswith("# "))
    title, _, rest = text.partition("\n")
    return title.removeprefix("# ").strip(), " ".join(rest.strip().split("\n\n")[0].split())


def cover(stored):
    """Returns the picture that stands for a notebook, PNG: the first of the cell with the tag cover, or of all."""
    tagged = [cell for cell in stored.cells if "cover" in cell.metadata.get("tags", [])]
    for cell in [*tagged, *stored.cells]:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return _smaller(base64.b64decode(output.data["image/png"]))
    raise ValueError("no cell drew a picture")


def _smaller(png):
    with Image.open(io.BytesIO(png)) as image:
        if image.width > WIDTH:
            image = image.convert("RGB").resize((WIDTH, round(image.height * WIDTH / image.width)), Image.LANCZOS)
        buffer = io.BytesIO()
        image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def table(language, names):
    """Returns the table of these notebooks in Markdown."""
    _, folder, heads, time = PAGES[language]
    lines = [heads, ("---",) * len(heads)]
    for name in names:
        title, line = first_line(nbformat.read(HERE / folder / f"{name}.ipynb", as_version=4))
        took = time.format(**times()[name]) if name in times() else ""
        lines.append((f"![{title}](pictures/{name}.png)", f"[**{title}**]({folder}{name}.ipynb)<br>{line}", took))
    return "\n".join(f"| {' | '.join(cell.replace('|', r'&#124;') for cell in cells)} |" for cells in lines)


def filled(language, names):
    """Returns the index in a language, its table that of today."""
    text = (HERE / PAGES[language][0]).read_text(encoding="utf-8")
    return TABLE.sub(lambda match: f"{match[1]}\n{table(language, names)}\n\n{match[2]}", text)


def save(names):
    """Writes the pictures and both pages."""
    pictures = HERE / "pictures"
    pictures.mkdir(exist_ok=True)
    for name in names:
        (pictures / f"{name}.png").write_bytes(cover(nbformat.read(HERE / f"{name}.ipynb", as_version=4)))
    for gone in {path.stem for path in pictures.glob("*.png")} - set(names):
        (pictures / f"{gone}.png").unlink()
    for language, (file, *_) in PAGES.items():
        (HERE / file).write_text(filled(language, names), encoding="utf-8")
