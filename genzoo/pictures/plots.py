"""Figures, drawn with matplotlib and given as the bytes of PNG files."""

import io

ABOUT = ("epoch", "step", "seconds", "images_per_second")  # in metrics.csv, beside the losses
DPI = 120


def loss_curves(rows):
    """Draws each loss over the steps, in a panel of its own.

    rows: of metrics.csv, dicts with 'step', the losses, and 'val_…' beside each loss.
    """
    names = _losses(rows)
    figure = _figure(4 * len(names), 3)
    for name, axes in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        _draw_loss(axes, rows, name, "step")
        axes.set(title=name, xlabel="step")
    axes.legend()
    return _png(figure)


def training_curves(histories, quality, what):
    """Draws the loss of each run over the minutes, in a panel of its own, and in a last one where all of them arrived.

    histories: {run: its metrics.csv rows}.   quality: {run: (minutes, value)}.   what: the value's name.
    """
    columns = 4
    count = len(histories) + 1
    figure = _figure(3.2 * columns, 2.6 * -(-count // columns))
    panels = figure.subplots(-(-count // columns), columns, squeeze=False).ravel()
    for (run, rows), axes in zip(histories.items(), panels, strict=False):
        _draw_loss(axes, rows, "loss", "seconds", 1 / 60)
        axes.set(title=run, xlabel="minutes", ylabel="loss")
    panels[0].legend(fontsize=8, loc="upper right")  # "best" looks at every point, and warns where that is slow
    axes = panels[count - 1]
    for run, (minutes, value) in quality.items():
        axes.plot(minutes, value, "o")
        axes.annotate(run, (minutes, value), xytext=(5, 3), textcoords="offset points", fontsize=8)
    axes.set(title="where they arrived", xlabel="minutes", ylabel=what, yscale="log")
    axes.margins(0.25)
    axes.grid(alpha=0.3)
    for axes in panels[count:]:
        axes.axis("off")
    return _png(figure)


def picture_columns(pictures, row_names):
    """Draws pictures {name: [H, W, C]} of one size side by side, each below its name.

    row_names: of the rows in each picture, which are equally high.
    """
    height, width = _shape(pictures)
    figure = _figure(1.6 * len(pictures), 1.5 * height / width + 0.4)
    panels = figure.subplots(1, len(pictures), squeeze=False)[0]
    for (name, picture), axes in zip(pictures.items(), panels, strict=True):
        _show(axes, picture)
        axes.set_title(name, fontsize=9)
    row = height / len(row_names)
    panels[0].set_yticks([row * (i + 0.5) for i in range(len(row_names))], row_names, fontsize=8)
    return _png(figure)


def picture_rows(pictures):
    """Draws pictures {name: [H, W, C]} of one size below each other, each beside its name."""
    height, width = _shape(pictures)
    figure = _figure(8, len(pictures) * (7 * height / width + 0.06))
    panels = figure.subplots(len(pictures), 1, squeeze=False)[:, 0]
    for (name, picture), axes in zip(pictures.items(), panels, strict=True):
        _show(axes, picture)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return _png(figure)


def sweep_curves(points, floor, panels, front):
    """Draws quality over the cost of sampling, in a panel for each metric.

    points: `sweep.Point`s.   floor: the scores of real images.   panels: Columns of the metrics.
    front: front(points, key, better) → the points that no other one beats; they are ringed.
    """
    panels = [column for column in panels if any(p.value(column.key) is not None for p in points)]
    figure = _figure(4.2 * len(panels), 3.6)
    for column, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        for curve in dict.fromkeys(p.curve for p in points):
            mine = sorted((p for p in points if p.curve == curve), key=lambda p: p.nfe)
            axes.plot([p.nfe for p in mine], [p.value(column.key) for p in mine], "o-", markersize=4, label=curve)
        best = front(points, column.key, column.better)
        axes.plot([p.nfe for p in best], [p.value(column.key) for p in best], "ko", markersize=10, mfc="none",
                  label="Pareto front")  # fmt: skip
        if "value" in floor.get(column.key, {}):
            axes.axhline(floor[column.key]["value"], color="grey", linestyle=":", label="real test images")
        axes.set(title=column.head, xlabel="NFE", xscale="log", yscale="log" if column.better == "lower" else "linear")
        axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    return _png(figure)


def _losses(rows):
    return [name for name in rows[0] if name not in ABOUT and not name.startswith("val_")]


def _draw_loss(axes, rows, name, over, unit=1):
    at = [float(row[over]) * unit for row in rows]
    for key, label in ((name, "training"), (f"val_{name}", "test images, averaged weights")):
        axes.plot(at, [float(row[key]) for row in rows], marker="o", markersize=3, label=label)
    axes.grid(alpha=0.3)


def _shape(pictures):
    return next(iter(pictures.values())).shape[:2]


def _show(axes, picture):
    axes.imshow(picture.squeeze(-1) if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _figure(width, height):
    from matplotlib.figure import Figure  # takes half a second to import

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
