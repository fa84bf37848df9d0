"""A text and its translation: what has to agree, and that each rule can fail."""

import pytest

from notebooks.pairing import anatomy, differences

TEXT = """## Heading

A paragraph with $x_t$, `code` and [a link](https://arxiv.org/abs/2006.11239).

- one
- two

| a | b |
|---|---|
| 1 | 2 |

$$
x = y
$$
"""
TRANSLATION = """## 标题

一段话，含 [链接](https://arxiv.org/abs/2006.11239)、`code` 和 $x_t$。

- 一
- 二

| 甲 | 乙 |
|---|---|
| 1 | 2 |

$$x = y$$
"""


def test_a_translation_agrees_whatever_the_order_of_words_within_a_paragraph():
    assert differences(TEXT, TRANSLATION) == []
    assert {what: len(found) for what, found in anatomy(TEXT).items()} == {
        "blocks": 9, "formulas": 2, "code": 1, "links": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "says", "instead"),
    [
        ("blocks", "## 标题", "### 标题"),
        ("blocks", "- 二\n", ""),
        ("blocks", "| 1 | 2 |\n", ""),
        ("blocks", "一段话", "又一段话。\n\n一段话"),
        ("formulas", "$x_t$", "$x_0$"),
        ("formulas", "x = y", "x = z"),
        ("code", "`code`", "code"),
        ("links", "2006.11239", "2010.02502"),
    ],
)
def test_each_rule_can_fail(what, says, instead):
    assert TRANSLATION.count(says) == 1
    found = differences(TEXT, TRANSLATION.replace(says, instead))
    assert [line.split(":")[0] for line in found] == [what]
