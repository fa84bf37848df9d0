"""Row 5: images drawn a second, ours and by the baselines' own recipes, with the accuracy that `quality` found."""

import json

from benchmarks.measuring import interleaved, ratio, seconds_of, spread
from benchmarks.reporting import cells, median_and_range
from benchmarks.within import options_within
from genzoo.pictures.tables import Cell, Column, Table

TITLE = "Sampling at matched quality"
OURS, ARTICLE, COURSE = 256, 64, 80  # images at once; the course draws 80
STEPS = 4  # of the baselines' 100 and 1000 that are timed
OWN = "cddpm"


def measure(bench):
    model = bench.trainer("cddpm").model
    options = options_within(model)  # what `quality` examines
    contenders = {OWN: lambda: OURS / seconds_of(lambda: model.sample(OURS, **options))}
    evaluations = {OWN: model.evaluations(**options)}

    from benchmarks.baselines import article

    network, labels = bench.article[0], [i % bench.data.num_classes for i in range(ARTICLE)]
    contenders["article"] = lambda: ARTICLE / seconds_of(lambda: network.own(labels, 0, STEPS)) * STEPS / article.STEPS
    evaluations["article"] = article.STEPS
    if bench.course:
        asked = [i % 10 for i in range(COURSE)], 0, STEPS
        all_steps = bench.ask_course("steps")
        contenders["course"] = (
            lambda: COURSE / seconds_of(lambda: bench.ask_course("own", *asked)) * STEPS / all_steps
        )
        evaluations["course"] = all_steps
    for name in contenders:
        contenders[name]()  # compiles
    rates = interleaved(contenders, bench.rounds)
    last = "course" if bench.course else "article"
    return {
        "images_per_second": {name: spread(values) for name, values in rates.items()},
        "over": last,
        "times_as_fast": {name: ratio(values, rates[last]) for name, values in rates.items()},
        "evaluations": evaluations,
        "options": options,
        "accuracy": accuracies(bench.quality),
    }


def accuracies(path):
    """{name of a contender: its share read as asked} that `quality` wrote to `path`: of ours the worst seed's, of a
    baseline that of its own recipe. {} where there is no such file."""
    try:
        rows = json.loads(path.read_text())["rows"]
    except FileNotFoundError:
        return {}
    runs = {name: row["own"] for name, row in rows.items() if row["own"]}
    ours = [row for name, row in rows.items() if name.startswith("ours")]
    if ours:
        runs[OWN] = min(ours, key=lambda row: row["share"])
    return {name: {"share": run["share"], "n": run["n"]} for name, run in runs.items()}


def table(found):
    columns = [
        *median_and_range("rate", "images/s", ".3g"),
        *median_and_range("over", f"over the {found['over']}'s", ".4g"),
        Column("nfe", "evaluations an image", format="d"),
        Column("share", "read as asked", format=".1%"),
    ]
    rows = []
    for name, rate in found["images_per_second"].items():
        count, known = found["evaluations"][name], found["accuracy"].get(name)
        if known:
            share = Cell(known["share"], reason=f"of {known['n']:,}, from bench-quality")
        else:
            share = Cell(reason="see bench-quality")
        extrapolated = "" if name == OWN else f"from {STEPS} of its steps, extrapolated to all"
        rows.append((
            name, cells("rate", rate) | cells("over", found["times_as_fast"][name])
            | {"nfe": Cell(count, reason=extrapolated), "share": share},
        ))  # fmt: skip
    return Table(columns, rows)
