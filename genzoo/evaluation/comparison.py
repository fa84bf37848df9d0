"""Families side by side: finished runs on the same data, in one table, one page and four pictures."""

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from platform import python_version

import numpy as np

from genzoo import __version__
from genzoo.data.pipeline import pairs_of, permutation
from genzoo.data.pixels import to_float, to_uint8
from genzoo.evaluation import scores
from genzoo.evaluation.metrics.reconstruction import TAKES_NO_IMAGES
from genzoo.files import write_atomically
from genzoo.models import families
from genzoo.pictures import plots
from genzoo.pictures.grids import GAP, grid, png_bytes
from genzoo.pictures.page import Frames, Picture, Report, Section, save_report
from genzoo.runs.load import load
from genzoo.runs.run import Run

EACH = 3  # samples of a label
MOST_ROWS = 10  # labels in the picture of samples
RECONSTRUCTED = 10  # images
PAIRS, WAY = 2, 8  # interpolated: pairs of images, images between them
FRAMES, FRAME_COLUMNS, FRAME_ROWS = 25, 10, 4  # of the denoising that the page steps through
PICTURES = ("samples.png", "reconstructions.png", "interpolations.png", "training.png")
FILES = ("table.md", "table.csv", *PICTURES, "report.html")


@dataclass(frozen=True)
class Contender:
    """A run in a comparison, with the options of its `sample` and its result."""

    name: str
    run: Run
    options: dict
    result: dict


def save_comparison(folder, contenders, data, facts):
    """Writes FILES into a folder, and returns the table of all numbers.

    contenders: of one ImageData, with results of equal n.   facts: [(name, text)], how they came about.
    Raises CheckpointError where a file cannot be written.
    """
    results = {c.name: c.result for c in contenders}
    table = scores.whole_table(results)
    write_atomically(folder / "table.md", table.markdown().encode())
    write_atomically(folder / "table.csv", table.csv().encode())
    pictures, frames = _pictures(contenders, data)
    for name, (png, _, _) in pictures.items():
        write_atomically(folder / f"{name}.png", png)
    save_report(folder / "report.html", _report(contenders, results, data, facts, pictures, frames))
    return table


def _pictures(contenders, data):
    """Returns {name: (png, alt, caption)}, and Frames or None. Each model is loaded once."""
    labels = np.repeat(np.arange(min(MOST_ROWS, data.num_classes)), EACH)
    if data.num_classes < 2:
        labels = np.zeros(EACH * MOST_ROWS, int)
    order = permutation(len(data.test_images), 0)
    shown = order[:RECONSTRUCTED]
    alike = len(np.unique(data.test_labels)) < len(data.test_labels)  # else any two will do
    a, b = pairs_of(data.test_labels, PAIRS, seed=0, same_label=alike)
    native = data.native_shape
    samples = {"real": grid(examples(data, labels), EACH)}
    copies = {"real": grid(data.test_images[shown], len(shown))}
    ways, frames = {}, None
    for contender in contenders:
        model, entry = load(contender.run.path), families.family(contender.run.config["model"])
        asked = labels if model.conditional else None
        made = model.sample(len(labels), labels=asked, seed=0, **contender.options)
        samples[contender.name] = grid(to_uint8(made, native), EACH)
        if entry.encodes:
            own = lambda chosen: data.test_labels[chosen] if model.conditional else None  # noqa: B023, E731
            made = model.reconstruct(to_float(data.test_images[shown]), own(shown))
            copies[contender.name] = grid(to_uint8(made, native), len(shown))
            ends = [to_float(data.test_images[chosen]) for chosen in (a, b)]
            between = to_uint8(model.interpolate(*ends, WAY, own(a)), native)
            way = np.concatenate([data.test_images[a][None], between, data.test_images[b][None]]).swapaxes(0, 1)
            ways[contender.name] = grid(way.reshape(-1, *native), WAY + 2)
        if entry.in_steps and (frames is None or model.conditional):
            frames = _frames(model, contender, data)
    without = [c.name for c in contenders if c.name not in ways]
    note = f" {' and '.join(without)}: {TAKES_NO_IMAGES}." if without else ""
    names = list(data.class_names)[: MOST_ROWS] if data.num_classes > 1 else [""] * MOST_ROWS
    pictures = {
        "samples": (plots.picture_columns(samples, names), "samples of each family beside real images",
                    "Rows: the label asked for, where a family takes labels; columns: real images, then each family. "
                    "Not selected; the same seed throughout."),
        "reconstructions": (plots.picture_rows(copies), "test images and their reconstructions",
                            f"Test images, and what each family makes of them.{note}"),
    }  # fmt: skip
    if ways:  # else no family here takes images in
        said = ("The same two test images at the ends of each row. Autoencoders go straight between their latents, "
                f"diffusion models on a great circle between their noises.{note}")  # fmt: skip
        pictures["interpolations"] = plots.picture_rows(ways), "ways between pairs of test images", said
    pictures["training"] = _training(contenders), "loss curves", "The losses are not comparable between families."
    return pictures, frames


def _training(contenders):
    histories = {c.name: c.run.read_metrics() for c in contenders}
    arrived = {c.name: (c.result["cost"]["train_seconds"] / 60, c.result["metrics"]["frechet"].get("value"))
               for c in contenders}  # fmt: skip
    quality = {name: point for name, point in arrived.items() if point[1] is not None}
    return plots.training_curves(histories, quality, "Fréchet distance")


def _frames(model, contender, data):
    columns = min(FRAME_COLUMNS, data.num_classes) if model.conditional else FRAME_COLUMNS
    n = columns * FRAME_ROWS
    labels = np.arange(n) % columns if model.conditional else None
    way = model.trajectory(n, labels=labels, seed=0, frames=FRAMES, **contender.options)
    pictures = [png_bytes(grid(to_uint8(x, data.native_shape), columns)) for x, _ in way]
    said = [f"{i / (len(way) - 1):.0%} of the way" for i in range(len(way))]
    nfe = contender.result["cost"]["nfe"]
    caption = f"{contender.name}, from noise to images in {nfe} network evaluations each."
    return Frames(pictures, said, f"a grid of samples of {contender.name}", caption)


def _report(contenders, results, data, facts, pictures, frames):
    first = contenders[0].result
    n, seeds = first["asked"]["n"], len(first["asked"]["seeds"])
    height, width, channels = data.native_shape
    facts = [
        ("data", f"{data.name}: {len(data.train_images):,} images to train on, {len(data.test_images):,} to test, "
                 f"{height}x{width}x{channels}"),
        ("samples", f"{n:,} of each family from each of {seeds} seeds; ± is the standard deviation between seeds"),
        ("judge", scores.judge_line(first)),
        *facts,
        ("versions", f"genzoo {__version__}, Python {python_version()}, TensorFlow {version('tensorflow')}, "
                     f"Keras {version('keras')}"),
        ("date", date.today().isoformat()),
    ]  # fmt: skip
    seen = {name: [Picture(*picture, pixels=False)] for name, picture in pictures.items()}
    sections = [
        Section("Quality", "\n\n".join(scores.remarks(results)), scores.quality_table(results)),
        Section("Cost", "", scores.cost_table(results)),
        Section("Samples", "", None, seen["samples"]),
    ]
    if per_class := scores.class_table(results):
        sections.append(Section("As asked, by label", "", per_class))
    rest = [name for name in seen if name != "samples"]
    sections += [Section(name.capitalize(), "", None, seen[name]) for name in rest]
    summary = f"{', '.join(c.name for c in contenders)}, trained on {data.name} and measured alike."
    return Report("Generative models side by side", summary, facts, sections, frames)


def examples(data, asked):
    """Returns a test image for each label in `asked`, as many different ones as there are, uint8 [n, h, w, c].

    They are grey where no test image has the label, so that no other image stands under its name.
    """
    images = np.full((len(asked), *data.native_shape), GAP, np.uint8)
    order = permutation(len(data.test_labels), 0)
    for label in np.unique(asked):
        own, places = order[data.test_labels[order] == label], np.flatnonzero(asked == label)
        if len(own):
            images[places] = data.test_images[np.resize(own, len(places))]
    return images
