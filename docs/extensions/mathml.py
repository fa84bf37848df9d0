"""Formulas as MathML, made when the pages are: a browser draws it without a script, a font or a network."""

import re

from latex2mathml.converter import convert
from latex2mathml.exceptions import NoAvailableTokensError
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
# What the converter leaves as it stands.
SPELT = {r"\\\|": r"\\Vert ", r"\\arg(?![a-zA-Z])": r"\\operatorname{arg}", r"\\tfrac(?![a-zA-Z])": r"\\frac"}


def mathml(formula, display="inline"):
    """Returns a formula in LaTeX as MathML. Raises ValueError for what the converter does not know."""
    for pattern, spelt in SPELT.items():
        formula = re.sub(pattern, spelt, formula)
    try:
        made = convert(formula, display=display)
    except (NoAvailableTokensError, IndexError, StopIteration, ValueError) as error:
        raise ValueError(f"{error or type(error).__name__}") from error
    if "\\" in made:
        raise ValueError("unknown: " + ", ".join(re.findall(r"[\\][a-zA-Z]*", made)))
    return made


def _written(translator, node, display):
    try:
        made = mathml(node.astext(), display)
    except ValueError as error:
        LOGGER.warning("no MathML for %r: %s", node.astext(), error, location=node)
        made = f"<code>{translator.encode(node.astext())}</code>"
    translator.body.append(made)


def inline(translator, node):
    _written(translator, node, "inline")
    raise _skip()


def block(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math-block"))
    if node.get("number"):
        translator.body.append(f'<span class="eqno">({node["number"]})</span>')
    _written(translator, node, "block")
    translator.body.append("</div>\n")
    raise _skip()


def _skip():
    from docutils import nodes

    return nodes.SkipNode()


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
