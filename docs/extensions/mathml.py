"""Formulas as MathML, made when the pages are: a browser draws it without a script, a font or a network."""

import html
import re
from xml.etree import ElementTree

from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
LOGGER = logging.getLogger(__name__)
# LaTeX that docutils does not know, as LaTeX that it knows.
SPELT = {
    r"\\(frac|[dt]frac)\s*(\d)\s*(\w|\\[a-zA-Z]+)": r"\\\1{\2}{\3}",
    r"\\(big|Big|bigg|Bigg)(?![a-zA-Z])": r"\\\1l",
    r"\\dots(?![a-zA-Z])": r"\\ldots",
    r"\\texttt(?![a-zA-Z])": r"\\text",
    r"\\(middle|mathop|textstyle|displaystyle)(?![a-zA-Z])": "",
}


def mathml(formula, display="inline"):
    """Returns a formula in LaTeX as MathML. Raises ValueError for what docutils does not know."""
    for pattern, spelt in SPELT.items():
        formula = re.sub(pattern, spelt, formula)
    try:
        made = tex2mathml(formula, as_block=display == "block")
    except MathError as error:
        raise ValueError(f"{error}") from error
    return _mended(made)


def _mended(made):
    """Puts right what docutils gets wrong: the index of a letter with an accent belongs beside it, not below it, and a
    norm's bars are as high as the line, also that with an exponent."""
    ElementTree.register_namespace("", NAMESPACE)
    # XML knows five names of characters, docutils writes some of HTML's.
    made = re.sub(r"&(?!amp;|lt;|gt;|quot;|apos;)\w+;", lambda name: html.unescape(name[0]), made)
    root = ElementTree.fromstring(made)
    for node in root.iter():
        parts = list(node)
        if node.tag == f"{{{NAMESPACE}}}munderover" and parts[2].get("stretchy") == "false":
            base, index, accent = parts
            letter = ElementTree.Element(f"{{{NAMESPACE}}}mover", accent="true")
            letter.extend((base, accent))
            node[:] = letter, index
            node.tag = f"{{{NAMESPACE}}}msub"
        if node.text == "‖" and "minsize" not in node.attrib:
            node.set("stretchy", "false")
    return ElementTree.tostring(root, encoding="unicode")


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
