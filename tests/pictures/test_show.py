"""What a notebook shows, and what a script does instead."""

import sys
import types

import numpy as np
import pytest

from genzoo.pictures import show as module
from genzoo.pictures.show import picture, show, show_source, slider


def black_and_white(n, side=4):
    return np.stack([np.full([side, side, 1], 1.0 if i % 2 else -1.0, np.float32) for i in range(n)])


class Kernel:
    """As if a kernel ran this: keeps what is displayed."""

    def __init__(self, monkeypatch):
        self.shown = []
        shell = types.SimpleNamespace(kernel=object())
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
        displays = types.SimpleNamespace(display=lambda what, raw=False: self.shown.append(what), Image=lambda png: png)
        monkeypatch.setitem(sys.modules, "IPython.display", displays)


def test_images_lie_in_rows_enlarged_without_smoothing():
    sheet = picture(black_and_white(6), columns=3, scale=2)
    assert sheet.shape == (2 * (2 * 5 + 1), 2 * (3 * 5 + 1), 3)
    assert sheet[6, 6].tolist() == [0, 0, 0] and sheet[6, 16].tolist() == [255, 255, 255]
    assert set(np.unique(sheet)) == {0, module.GAP, 255}


@pytest.mark.parametrize("images", [black_and_white(1)[0], black_and_white(2)[..., 0], list(black_and_white(2))])
def test_what_is_nearly_a_batch_will_do(images):
    assert picture(images, scale=1).shape[0] == 6


def test_rows_of_unequal_length_are_filled_with_grey():
    sheet = picture([black_and_white(3), black_and_white(1)], scale=1)
    assert sheet.shape[:2] == (11, 16) and (sheet[6:10, 6:] == module.GAP).all()


def test_names_take_room_beside_and_above():
    plain = picture(black_and_white(4), columns=2)
    named = picture(black_and_white(4), columns=2, title="β", rows=["first", "second"], labels=[1, 2])
    assert named.shape[0] > plain.shape[0] and named.shape[1] > plain.shape[1]
    np.testing.assert_array_equal(named[-plain.shape[0] :, -plain.shape[1] :], plain)


def test_colours_stay():
    assert picture(np.ones([1, 4, 4, 3]) * [1.0, -1.0, 0.0], scale=1)[2, 2].tolist() == [255, 0, 128]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": np.zeros([2, 4, 4, 2])}, r"shape \(2, 4, 4, 2\)"),
        ({"images": np.zeros([0, 4, 4, 1])}, r"shape \(0, 4, 4, 1\)"),
        ({"images": black_and_white(4), "columns": 2, "rows": ["one"]}, "rows has 1 names, expected one for each of 2"),
        ({"images": black_and_white(4), "columns": 2, "labels": "abc"}, "labels has 3 names"),
    ],
)
def test_mistakes_are_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        picture(**arguments)


def test_a_script_shows_no_picture_and_prints_source(capsys):
    show(black_and_white(2))
    show_source(black_and_white, Kernel.__init__)
    printed = capsys.readouterr().out
    assert "def black_and_white(n, side=4):" in printed and "\ndef __init__(self, monkeypatch):" in printed


def test_a_notebook_gets_a_png_and_highlighted_code(monkeypatch):
    kernel = Kernel(monkeypatch)
    show(black_and_white(2))
    show_source(black_and_white)
    png, code = kernel.shown
    assert png.startswith(b"\x89PNG") and code["text/markdown"].startswith("```python\n# ")


@pytest.mark.parametrize("notebook", [False, True])
def test_a_stored_page_has_some_values_of_a_slider_and_the_one_it_starts_at(monkeypatch, capsys, notebook):
    monkeypatch.setenv(module.STATIC, "1")
    if notebook:
        Kernel(monkeypatch)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    drawn = []
    slider(drawn.append, "x", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0], start=0.5)
    assert drawn == [0.0, 0.5, 1.0, 2.0, 3.0]
    assert capsys.readouterr().out.splitlines()[:2] == ["x = 0", "x = 0.5"]


def test_a_living_notebook_has_a_slider(monkeypatch):
    kernel, made = Kernel(monkeypatch), {}

    def knob(**options):
        made.update(options)
        return "knob"

    def output(draw, controls):
        assert controls == {"value": "knob"}
        return "output"

    widgets = types.SimpleNamespace(SelectionSlider=knob, interactive_output=output)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    kernel_display = sys.modules["IPython.display"]
    monkeypatch.setattr(kernel_display, "display", lambda *what: kernel.shown.extend(what))
    slider(lambda value: None, "x", [1, 2.5], start=2.5)
    assert kernel.shown == ["knob", "output"]
    assert made["options"] == [("1", 1), ("2.5", 2.5)] and made["value"] == 2.5
