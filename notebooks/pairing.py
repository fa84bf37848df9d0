"""What a text and its translation have in common: their blocks, formulas, code, links."""

import re

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

BLOCKS = ("paragraph_open", "heading_open", "list_item_open", "tr_open", "blockquote_open", "fence", "math_block", "hr")
PARSER = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, double_inline=True)


def differences(text, translation):
    """Returns in what the translation of a text in Markdown differs from it, a line each; [] where in nothing."""
    found = []
    for (what, mine), theirs in zip(anatomy(text).items(), anatomy(translation).values(), strict=True):
        if mine != theirs:
            found.append(f"{what}: {_only(mine, theirs)} and {_only(theirs, mine)}")
    return found


def anatomy(text):
    """Returns what a translation shares: {what: a list, of the blocks in order, or a set}."""
    blocks, formulas, code, links = [], set(), set(), set()
    for token in flat(PARSER.parse(text)):
        if token.type in BLOCKS:
            blocks.append(token.tag if token.type == "heading_open" else token.type.removesuffix("_open"))
        if token.type.startswith("math"):
            formulas.add(re.sub(r"\s+", "", token.content))
        elif token.type in ("code_inline", "fence"):
            code.add(token.content.strip())
        elif token.type in ("link_open", "image"):
            links.add(token.attrs.get("href") or token.attrs["src"])
    return {"blocks": blocks, "formulas": formulas, "code": code, "links": links}


def flat(tokens):
    """Yields tokens of markdown-it, and those within them."""
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def _only(these, those):
    """What these have and those have not; of blocks, all: their order tells."""
    return " ".join(these) if isinstance(these, list) else sorted(these - those)
