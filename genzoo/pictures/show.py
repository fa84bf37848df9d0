"""What a notebook shows: images as one small picture, the source of a function, a slider. Scripts show no picture.

    from genzoo.pictures.show import show, show_source, slider

IPython and ipywidgets (the extra `notebooks`) are imported where they are needed, and nothing fails without them.
"""

import inspect
import io
import os
import sys
import textwrap
from collections.abc import Callable, Sequence

import numpy as np

from genzoo.pictures.grids import GAP, grid

STATIC = "GENZOO_STATIC"  # in the environment: pictures instead of sliders, for pages that are stored
STILLS = 4  # values of a slider that a stored page shows
FONT_SIZE = 13  # pixels


def show(images, columns: int = 10, title: str = "", rows=None, labels=None, scale: int = 3) -> None:
    """Shows images as one picture, row by row, enlarged without smoothing.

    images: floats in [-1, 1]: [N, H, W, C], in rows of `columns`; or a list of rows, each [n, H, W, C]; arrays, tensors
    or lists of them. [N, H, W] and a single [H, W, C] will do as well.
    title: above all.   rows: a name for each row, at its left.   labels: a name for each column, above it.
    scale: pixels of the picture, a side, for a pixel of an image.

    Raises ValueError for images that are none, and for more or fewer names than rows or columns.
    """
    _display_png(_png(picture(images, columns, title, rows, labels, scale)))


def picture(images, columns=10, title="", rows=None, labels=None, scale=3) -> np.ndarray:
    """Returns what `show` shows, uint8 [height, width, 3]."""
    from PIL import Image, ImageDraw

    batch, columns = _batch(images, columns)
    names = [[] if given is None else list(given) for given in (rows, labels)]  # an array has no truth value
    wanted = -(-len(batch) // columns), columns
    for what, given, n in zip(("rows", "labels"), names, wanted, strict=True):
        if given and len(given) != n:
            raise ValueError(f"{what} has {len(given)} names, expected one for each of {n} {what}")
    pixels = np.clip(np.rint((batch + 1) * 127.5), 0, 255).astype(np.uint8)
    sheet = grid(pixels, columns, pad=1).repeat(scale, axis=0).repeat(scale, axis=1)
    sheet = np.broadcast_to(sheet, (*sheet.shape[:2], 3))

    font = _font()
    left = max((int(font.getlength(str(name))) + 8 for name in names[0]), default=0)
    line = FONT_SIZE + 6
    top = line * (bool(title) + bool(names[1]))
    width = max(left + sheet.shape[1], int(font.getlength(title)) + 4)
    canvas = Image.new("RGB", (width, top + sheet.shape[0]), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(sheet)), (left, top))
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((left, 1), title, "black", font)
    high, wide = (side * scale + scale for side in batch.shape[1:3])
    for i, name in enumerate(names[0]):
        draw.text((left - 6, top + int((i + 0.5) * high)), str(name), "black", font, anchor="rm")
    for i, name in enumerate(names[1]):
        draw.text((left + int((i + 0.5) * wide), top - 3), str(name), "black", font, anchor="mb")
    return np.asarray(canvas)


def show_source(*objects) -> None:
    """Shows the source of functions, classes or methods as highlighted code; a script prints it.

    Raises TypeError or OSError where Python has no source of an object.
    """
    for each in objects:
        of = inspect.unwrap(each)
        code = textwrap.dedent(inspect.getsource(of)).rstrip()
        code = f"# {of.__module__.replace('.', '/')}.py\n{code}"
        if _in_notebook():
            from IPython.display import display

            display({"text/markdown": f"```python\n{code}\n```", "text/plain": code}, raw=True)
        else:
            print(code, end="\n\n")


def slider(draw: Callable, name: str, values: Sequence, start=None) -> None:
    """Shows a slider over `values`; draw(value) draws one picture, by `show` or with matplotlib.

    name: of what slides.   start: the first value that is shown (None: the first of them).
    A stored page, a script, and a notebook without ipywidgets draw some of the values below each other.
    """
    values = list(values)
    start = values[0] if start is None else start
    at = values.index(start)
    if _in_notebook() and STATIC not in os.environ:
        try:
            import ipywidgets
        except ImportError:
            pass
        else:
            from IPython.display import display

            options = [(_text(value), value) for value in values]
            knob = ipywidgets.SelectionSlider(options=options, value=start, description=name, continuous_update=False)
            display(knob, ipywidgets.interactive_output(draw, {_argument(draw): knob}))
            return
    few = np.linspace(0, len(values) - 1, min(STILLS, len(values))).round().astype(int)
    for i in sorted({at, *few.tolist()}):
        print(f"{name} = {_text(values[i])}")
        draw(values[i])
        if _in_notebook() and "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].show()  # now, and not below all the names


def _batch(images, columns):
    """Returns images as floats [N, H, W, C], 1 or 3 channels, and how many stand in a row."""
    if isinstance(images, (list, tuple)):
        images = [np.asarray(each, np.float32) for each in images]
        if images and all(each.ndim == 4 for each in images):  # rows
            columns = max(map(len, images))
            gap = GAP / 127.5 - 1
            images = [np.pad(row, [(0, columns - len(row))] + 3 * [(0, 0)], constant_values=gap) for row in images]
            images = np.concatenate(images)
    images = np.asarray(images, np.float32)
    if images.ndim == 3:
        images = images[None] if images.shape[-1] in (1, 3) else images[..., None]
    if images.ndim != 4 or not len(images) or images.shape[-1] not in (1, 3):
        raise ValueError(f"images have the shape {images.shape}, expected [N, H, W, C] with 1 or 3 channels")
    return images, max(1, min(columns, len(images)))


def _argument(draw):
    return next(iter(inspect.signature(draw).parameters))


def _text(value):
    return f"{value:g}" if isinstance(value, (float, np.floating)) else str(value)


def _in_notebook():
    """Whether a kernel runs this: then what is displayed is seen."""
    shell = sys.modules.get("IPython")
    shell = shell and shell.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _display_png(png):
    if _in_notebook():
        from IPython.display import Image, display

        display(Image(png))


def _png(pixels):
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if (pixels == pixels[..., :1]).all():
        image = image.convert("L")
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _font():
    """matplotlib's: it has Greek letters and subscripts, and is the same on every machine."""
    from pathlib import Path

    from matplotlib import get_data_path
    from PIL import ImageFont

    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), FONT_SIZE)  # Pillow 10.1 takes no Path
