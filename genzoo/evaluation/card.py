"""What the card of a run says: each figure from metrics.json, everything else from config.json and the declarations."""

import re
from pathlib import Path

from genzoo.data.catalogue import SOURCES
from genzoo.errors import CheckpointError
from genzoo.evaluation import scores
from genzoo.models.families import family
from genzoo.pictures.card import Card, Figure, render
from genzoo.runs import metrics_file, zoo
from genzoo.runs.command import train_command
from genzoo.runs.release import portable

NEVER_TIMED = ("train_seconds", "seconds_1000", "memory")  # of the cost: those that another machine would change
KNOWN_TO_HUBS = re.compile(r"MIT|CC BY(-\w+)* \d\.\d")  # licences that are words there too
_AS_MANY = "; a length in minutes means as many steps as the machine makes in that time"


def card_of(run, folder):
    """Returns the card of a finished Run, Markdown, as it will lie in `folder`. Raises CheckpointError."""
    rows, result = run.read_metrics(), metrics_file.latest(run)
    if not rows:
        raise CheckpointError(f"{run.path} has no metrics.csv, which says how long it was trained; train it anew")
    config = portable(run.config)
    entry, data, train = family(config["model"]), config["data"], config["train"]
    kind, _, rest = data["name"].partition(":")
    licence = SOURCES[kind].licence
    name = run.name if run.name.startswith(zoo.PREFIX) else run.path.resolve().name
    seconds, batch_size = float(rows[-1]["seconds"]), train["batch_size"]
    source = {"begun with": f"the weights of {train['from']['run']}"} if "from" in train else {}
    return render(Card(
        name=name,
        family=(entry.name, entry.summary),
        labels=entry.labels,
        dataset=rest or kind,
        licence=licence,
        licence_id=licence.lower().replace(" ", "-") if KNOWN_TO_HUBS.fullmatch(licence) else "unknown",
        data=_data(data, SOURCES[kind].summary),
        command=train_command(config),
        training=source | {
            "length": f"{run.total_steps:,} steps of {batch_size} images in {seconds:,.0f} seconds"
            + _AS_MANY * bool(train.get("minutes")),
        },
        versions=config["versions"],
        picture=_picture(run, Path(folder)),
        measured=_measured(result) if result else (),
        figures=_figures(result) if result else (),
        limits=_limits(entry, data, train, result),
        tags=("genzoo", "tensorflow", "keras", "image-generation", entry.name),
    ))  # fmt: skip


def _data(data, summary):
    names = ", ".join(data.get("class_names", ())) if data["num_classes"] else "none"
    return {
        data["name"]: summary,
        "images": f"{'x'.join(map(str, data['native_shape']))}, {data['num_classes'] or 'no'} classes",
        "labels": names,
        "fingerprint": f"sha256 {data['fingerprint']} of shapes, pixels and labels",
    }


def _picture(run, folder):
    """Returns the path of the run's picture seen from the card, where it lies beside or below it; else ''."""
    for path in (run.path / "samples.png", run.picture(run.step)):
        if path.exists() and path.resolve().is_relative_to(folder.resolve()):
            return path.resolve().relative_to(folder.resolve()).as_posix()
    return ""


def _measured(result):
    asked = result["asked"]
    how = ", ".join(f"{name} {value}" for name, value in asked["options"].items() if value is not None)
    seeds, real = len(asked["seeds"]), next((score["n"] for score in result["floor"].values() if "n" in score), 0)
    return (
        f"{asked['n']:,} samples from each of {seeds} seed{'s' * (seeds > 1)}, drawn with {how or 'no options'}.",
        f"The floor is that of {real:,} real test images: no model can be expected to do better.",
        "The error is the standard deviation (sd) between seeds, a standard error (se), or a 95 % interval.",
        f"The judge is {scores.judge_line(result)}.",
    )


def _figures(result):
    figures = []
    for column in (*scores.QUALITY, *scores.COST):
        if column.key in NEVER_TIMED:
            continue
        score, floor = result["metrics"].get(column.key), result["floor"].get(column.key, {})
        if column.key in result["cost"]:
            score = {"value": result["cost"][column.key]}
        if score is None or "value" not in score:
            continue
        figures.append(Figure(
            column.key, column.name, column.head, score["value"], column.show(score["value"]), _error(column, score),
            _n(score), column.show(floor["value"]) if "value" in floor else "–", column.note,
        ))  # fmt: skip
    return figures


def _error(column, score):
    if "sd" in score:
        return f"± {column.show(score['sd'])} sd"
    if "error" in score:
        return f"± {column.show(score['error'])} se"
    if "interval" in score:
        return " to ".join(map(column.show, score["interval"]))
    return "–"


def _n(score):
    if "n" not in score:
        return "–"
    return f"{len(score['values'])} × {score['n']:,}" if "values" in score else f"{score['n']:,}"


def _limits(entry, data, train, result):
    height, width, channels = data["native_shape"]
    limits = [
        f"It draws images of {height}x{width} pixels in {'grey' if channels == 1 else 'colour'}, like those it was "
        "trained on, and nothing else.",
        f"It knows the {data['num_classes']} labels above and takes no text." if entry.labels
        else "It takes neither labels nor text: nothing can be asked for.",
        f"One training with one seed ({train.get('seed', 0)}): how far another would come is not part of the figures.",
    ]  # fmt: skip
    if train.get("minutes"):
        limits.append(f"It was trained for {train['minutes']:g} minutes, not until it converged.")
    if not entry.encodes:
        limits.append("No image can be put into it.")
    if result and not entry.likelihood:
        limits.append(f"No bound on its likelihood: {entry.no_likelihood}.")
    if result:
        limits += [f"{line[0].upper()}{line[1:]}." for line in scores.remarks({"this model": result})]
    return limits
