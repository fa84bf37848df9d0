"""Figures, drawn with matplotlib."""

import io

from genzoo.files import write_atomically


def save_curves(path, rows):
    """Draws metrics.csv rows (dicts with 'step' and losses, 'val_…' beside each) as one panel a loss, over the steps.

    Raises CheckpointError when the file cannot be written.
    """
    from matplotlib.figure import Figure  # takes half a second to import

    about = ("epoch", "step", "seconds", "images_per_second")
    names = [name for name in rows[0] if name not in about and not name.startswith("val_")]
    figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
    steps = [int(row["step"]) for row in rows]
    for name, axes in zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "test images, averaged weights")):
            axes.plot(steps, [float(row[key]) for row in rows], marker="o", markersize=3, label=label)
        axes.set(title=name, xlabel="step")
        axes.grid(alpha=0.3)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
