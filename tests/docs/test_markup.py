"""The extensions of the documentation: docstrings as reStructuredText, formulas as MathML."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from notebooks import build
from notebooks.pairing import PARSER, flat

pytest.importorskip("sphinx", reason="the documentation is built on Python 3.11 and newer")
sys.path.append(str(Path(__file__).parents[2] / "docs" / "extensions"))
import docstrings  # noqa: E402
import generated  # noqa: E402
import mathml  # noqa: E402


def test_arguments_become_a_list_and_text_stays_text():
    lines = docstrings.restructured("Adds them.\n\na, b: numbers.     c: another,\nof more words.   Raises ValueError.")
    assert [line for line in lines if line] == [
        "Adds them.", "* **a, b**: numbers", "* **c**: another, of more words", "Raises ValueError.",
    ]  # fmt: skip


def test_formulas_keep_their_lines_and_nothing_is_markup_by_accident():
    lines = docstrings.restructured("One step.\n\nx_t = a * b\ny_ = |x|\nThe rest_ of `it`.")
    assert [line for line in lines if line] == [
        "One step.", r"| x\_t = a \* b", r"| y\_ = \|x\|", r"The rest\_ of :py:obj:`it`.",
    ]  # fmt: skip


def test_an_indented_block_stays_as_it_is():
    assert docstrings.restructured("Use:\n\n    make *it*")[-4:-1] == ["::", "", "       make *it*"]


def test_the_index_of_a_letter_with_an_accent_stands_beside_it():
    assert re.sub(r"\s", "", mathml.mathml(r"\bar\alpha_t")).endswith(
        '<msub><moveraccent="true"><mi>α</mi><mostretchy="false">ˉ</mo></mover><mi>t</mi></msub></math>'
    )
    assert "<munderover>" in mathml.mathml(r"\sum_{i=1}^n x_i")


@pytest.mark.parametrize(
    ("formula", "sign"),
    [
        (r"\frac{1}{N}\sum_i x_i", "mfrac"),
        (r"\mathbb{E}_{q}\left[\log\frac{p_\theta(x,z)}{q}\right]", "𝔼"),
        (r"D_{\mathrm{KL}}\!\left(q \,\middle\|\, p\right)", "‖"),
        (r"\big\|x\big\|^2", "‖"),
        (r"\frac1K \sum_{k=1}^K x_1, \dots, x_k", "…"),
        (r"\arg\min_\theta", "arg"),
        (r"\tfrac12 x", "mfrac"),
        (r"\begin{aligned} a &= b \\ &\le c\end{aligned}", "mtable"),
    ],
)
def test_formulas_are_well_formed_mathml(formula, sign):
    made = mathml.mathml(formula, "block")
    tree = ElementTree.fromstring(re.sub(r"&(?!lt|gt|amp)[a-zA-Z]+;", "", made))  # HTML knows more names than XML
    assert tree.tag.endswith("math") and tree.get("display") == "block"
    assert sign in made and "\\" not in "".join(tree.itertext())


@pytest.mark.parametrize("formula", [r"\nosuchcommand x", r"x^"])
def test_what_cannot_be_converted_is_said(formula):
    with pytest.raises(ValueError):
        mathml.mathml(formula)


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_every_formula_of_the_notebooks_can_be_drawn(source):
    for cell in build.read(source):
        if cell.cell_type == "markdown":
            for token in flat(PARSER.parse(cell.source)):
                if token.type.startswith("math"):
                    mathml.mathml(token.content)


def test_links_lead_from_the_tutorial_where_they_led_from_the_notebooks():
    text = "[a](02_vae.ipynb) [b](../docs/performance.md) [c](../README.md) [d](https://x.org)"
    assert generated.relinked(text, 1) == "[a](02_vae.ipynb) [b](../performance.md) c [d](https://x.org)"
