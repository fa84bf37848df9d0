"""`genzoo zoo`."""

from genzoo.evaluation import scores
from genzoo.pictures.tables import Cell, Column, Table
from genzoo.runs import metrics_file
from genzoo.runs.run import Run
from genzoo.runs.zoo import folder, names

COLUMNS = (
    Column("steps", "steps", format=",d"),
    Column("minutes", "training", format=".0f", unit="min"),
    Column("frechet", "Fréchet", format=".2f"),
    Column("floor", "its floor", format=".2f"),
    Column("size", "size", format=".1f", unit="MB"),
)
UNMEASURED = {"reason": "not measured yet: genzoo evaluate zoo:NAME"}


def zoo(args):
    """Runs `genzoo zoo`: a row for each run that comes with the package."""
    runs = [Run.open(folder(name)) for name in names()]
    if not runs:
        return print("the zoo is empty: no trained weights came with this installation")
    what = [(run.name, run.config["model"], run.config["data"]["name"]) for run in runs]
    widths = [max(map(len, parts)) for parts in zip(*what, strict=True)]
    rows = ["  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)) for parts in what]
    print(Table(COLUMNS, [(row, _cells(run)) for row, run in zip(rows, runs, strict=True)]).text(), end="")
    print(f"try: genzoo sample {runs[0].name}")


def _cells(run):
    result = metrics_file.latest(run) or {"metrics": {}, "floor": {}}
    distance, floor = (scores.cell(result[part].get("frechet", UNMEASURED)) for part in ("metrics", "floor"))
    size = sum(file.stat().st_size for file in run.path.iterdir())
    minutes = Cell(run.config["trained"]["seconds"] / 60)
    return {"steps": Cell(run.step), "minutes": minutes, "frechet": distance, "floor": floor, "size": Cell(size / 1e6)}
