"""Results as tables and remarks: which scores are shown, how, and beside what."""

from genzoo.evaluation.metrics.intervals import wilson
from genzoo.pictures.tables import Cell, Column, Table

FLOOR = "real test images"
NO_MODEL = "real images are of no model"

QUALITY = (
    Column("frechet", "Fréchet", "lower", ".2f",
           note="distance of the judge's features, samples to training images; not FID, which takes Inception's"),
    Column("kid", "KID", "lower", ".2f",
           note="kernel distance (squared MMD, cubic kernel) of the same features, unbiased"),
    Column("density", "density", "higher", ".3f", note="in how many real neighbourhoods a sample lies, of 5 expected"),
    Column("coverage", "coverage", "higher", ".3f", note="share of real neighbourhoods with a sample inside"),
    Column("sure", "p > 0.9", "floor", ".1%",
           note="share of samples of whose class the judge is sure: its probability is above 0.9"),
    Column("classes", "classes", "floor", ".2f",
           note="as how many equally frequent classes the samples spread, exp of the entropy of what the judge reads"),
    Column("accuracy", "as asked", "higher", ".1%",
           note="share of samples that the judge reads as the label asked for"),
    Column("nearest", "nearest", "floor", ".3f",
           note="distance to the nearest training image, median, root mean square of pixels from 0 to 1"),
    Column("copies", "copies", "floor", ".1%",
           note="share of samples less than half as far from one training image as from the 50th nearest"),
    Column("mse", "MSE", "lower", ".4f", note="squared error of reconstructed test images, pixels from 0 to 1"),
    Column("psnr", "PSNR", "higher", ".1f", "dB", "the same in decibels, mean over images"),
    Column("ssim", "SSIM", "higher", ".3f", note="structural similarity of the same, in a window of 11 pixels"),
    Column("elbo", "-ELBO", "lower", ".0f", "nats", "bound on -log p of a test image, its pixels of 256 levels"),
    Column("importance", "IW bound", "lower", ".0f", "nats", "the same by importance weighting, tighter"),
    Column("bits", "bits/dim", "lower", ".3f", note="the tighter of both bounds, for one value of a pixel"),
)  # fmt: skip
COST = (
    Column("parameters", "parameters", "lower", ",d", note="of the network that samples"),
    Column("train_seconds", "training", "", ",.0f", "s", "wall-clock time"),
    Column("images_seen", "images seen", "", ",d", note="in training, repeats included"),
    Column("nfe", "NFE", "lower", "d", note="network evaluations for an image; a guided step counts two"),
    Column("seconds_1000", "1,000 samples", "lower", ".1f", "s", "time to draw them, without the start"),
    Column("memory", "memory", "lower", ",.0f", "MB", "of a process that draws samples, at most"),
)  # fmt: skip


def quality_table(results):
    """Returns the scores as a Table, a row a result, the floor last.

    results: {name of the row: result}, all of the same data and number of samples.
    """
    floor = next(iter(results.values()))["floor"]
    missing = {"reason": "not measured"}
    rows = [(name, {column.key: cell(result["metrics"].get(column.key, missing)) for column in QUALITY})
            for name, result in results.items()]  # fmt: skip
    real = {column.key: cell(floor.get(column.key, {"reason": NO_MODEL})) for column in QUALITY}
    return Table(QUALITY, rows, (FLOOR, real))


def cost_table(results):
    """Returns what the runs cost as a Table, as `quality_table` does."""
    costs = {name: result["cost"] | {"memory": result["cost"]["memory"] / 1e6} for name, result in results.items()}
    rows = [(name, {column.key: Cell(cost[column.key]) for column in COST}) for name, cost in costs.items()]
    return Table(COST, rows)


def whole_table(results):
    """Returns both tables side by side as one, a row a result."""
    quality, cost = quality_table(results), cost_table(results)
    rows = [(name, cells | more) for (name, cells), (_, more) in zip(quality.rows, cost.rows, strict=True)]
    name, cells = quality.floor
    return Table(QUALITY + COST, rows, (name, cells | {column.key: Cell(reason=NO_MODEL) for column in COST}))


def class_table(results):
    """Returns the accuracies by label, a row for each label that was asked for; None where no family takes labels."""
    shares = {name: r["metrics"]["accuracy"].get("per_class", {}) for name, r in results.items()}
    shares = {name: per_class for name, per_class in shares.items() if per_class}
    if not shares:
        return None
    columns = [Column(name, name, "higher", ".1%") for name in shares]
    labels = next(iter(shares.values()))
    return Table(columns, [(label, {name: Cell(shares[name][label]["value"]) for name in shares}) for label in labels])


def remarks(results):
    """Returns lines on what the tables do not say: the interval of each accuracy, and who copies."""
    lines = []
    for name, result in results.items():
        accuracy, copies = result["metrics"]["accuracy"], result["metrics"]["copies"]
        if "interval" in accuracy:
            low, high = accuracy["interval"]
            lines.append(f"{name}: {accuracy['value']:.2%} as asked, 95 % interval {low:.2%} to {high:.2%}")
        if memorised(result):
            lines.append(f"{name}: MEMORISED: {copies['value']:.1%} of the samples are near copies of a training image")
    return lines


def memorised(result):
    """Returns whether near copies are more frequent among samples than among test images: 95 % intervals lie apart."""
    return result["metrics"]["copies"]["interval"][0] > result["floor"]["copies"]["interval"][1]


def judge_line(result):
    """Returns a phrase: who judged, and how far that one can be trusted."""
    if result["judge"] is None:
        return f"none: {result['data']['name']} has no labels to train one on"
    judge = result["judge"]
    low, high = wilson(round(judge["accuracy"] * judge["n"]), judge["n"])
    reads = f"it reads {judge['accuracy']:.2%} of {judge['n']:,} test images right"
    return f"a classifier trained on the training images; {reads} (95 % interval {low:.2%} to {high:.2%})"


def cell(score):
    """Returns a score as a Cell."""
    return Cell(score.get("value"), score.get("sd"), score.get("reason", ""))
