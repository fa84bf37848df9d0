"""Four faces of one table."""

import csv
import io
import re
import unicodedata

import pytest

from genzoo.pictures.tables import Cell, Column, Table

NASTY = "a|b\n<b>*bold*</b>, \"quoted\" \\ [x](y) \x1b[31m"


def width(text):
    return sum((unicodedata.east_asian_width(c) in "WF") + 1 for c in text if not unicodedata.combining(c))


def table(*, low=(3.0, 1.0, 2.0), high=(0.5, 0.25, 0.75), names=("ae", "vae", "cddpm"), floor=True):
    columns = [
        Column("fid", "Fréchet distance", "lower", ".1f"),
        Column("asked", "accuracy as asked", "higher", ".1%", note="Read by a classifier."),
        Column("seconds", "training", unit="s", format=",d"),
    ]
    rows = [
        (name, {"fid": Cell(a, 0.125), "asked": Cell(b), "seconds": Cell(1000 * i)})
        for i, (name, a, b) in enumerate(zip(names, low, high, strict=True))
    ]
    return Table(columns, rows, ("real images", {"fid": Cell(0.1), "asked": Cell(0.99)}) if floor else None)


def wide(columns=16):
    """A table of many columns with n/a, spreads and a floor."""
    heads = [Column(f"k{i}", f"a rather long title {i}", ("lower", "higher", "")[i % 3]) for i in range(columns)]
    rows = [
        (name, {c.key: Cell(i * j % 7, 0.5) if (i + j) % 4 else Cell(reason=f"why {i}") for j, c in enumerate(heads)})
        for i, name in enumerate(["ae", "数字", "e\u0301t\u00e9", "a_long_name"])
    ]
    return Table(heads, rows, ("real", {"k1": Cell(1.0)}))


def best_of(made):
    """The names of the best by column key, as each of three faces marks them."""
    names = [name for name, _ in made.shown()]
    shown = [[cells[i].best for _, cells in made.shown()] for i in range(len(made.columns))]
    cells = [re.split(r"(?<!\\)\|", line)[2:-1] for line in made.markdown().splitlines()[2 : 2 + len(names)]]
    bold = [["**" in row[i] for row in cells] for i in range(len(made.columns))]
    starred = []
    for i, column in enumerate(made.columns):
        text = Table([column], made.rows, made.floor).text(200).rsplit("\n\n", 1)[0].splitlines()
        starred.append(["*" in line for line in text if not set(line) <= {"─"}][-len(names) :])
        assert len(starred[i]) == len(names)
    assert shown == bold == starred
    return {c.key: [n for n, best in zip(names, flags, strict=True) if best]
            for c, flags in zip(made.columns, shown, strict=True)}  # fmt: skip


def test_the_faces_agree_on_the_best_and_the_floor_is_never_it():
    assert best_of(table()) == {"fid": ["vae"], "asked": ["cddpm"], "seconds": []}


@pytest.mark.parametrize(
    "low, best",
    [
        ((1.04, 1.0, 1.06), ["ae", "vae"]),  # what shows as 1.0 is as good as 1.0
        ((None, None, 2.0), []),  # best of one is no news
        ((None, 3.0, 2.0), ["cddpm"]),
        ((float("nan"), float("-inf"), 2.0), []),
        ((float("nan"), 5.0, 2.0), ["cddpm"]),
        ((-0.01, 0.02, 1.0), ["ae", "vae"]),  # no -0.0
    ],
)
def test_ties_and_missing_numbers(low, best):
    assert best_of(table(low=low))["fid"] == best


def test_numbers_as_they_are_shown():
    made = table(low=(float("nan"), float("inf"), -0.01), high=(None, 1.0, 0.123))
    assert [[c.value + c.spread for c in cells] for _, cells in made.shown()] == [
        ["nan ± 0.1", "n/a", "0"],
        ["inf ± 0.1", "100.0%", "1,000"],
        ["0.0 ± 0.1", "12.3%", "2,000"],
        ["0.1", "99.0%", "n/a"],
    ]


def test_text_reads_as_intended():
    made = Table(table().columns, [*table().rows, ("blend", {"asked": Cell(reason="it takes no label")})])
    expected = """\
                   accuracy
          Fréchet        as  training
       distance ↓   asked ↑       (s)
─────────────────────────────────────
ae     3.0  ± 0.1    50.0%          0
vae    1.0* ± 0.1    25.0%      1,000
cddpm  2.0  ± 0.1    75.0%*     2,000
blend  n/a             n/a¹       n/a

↓ lower is better; ↑ higher is better; ± standard deviation; * best
¹ it takes no label
"""
    assert [line.rstrip() for line in made.text(80).split("\n")] == [line.rstrip() for line in expected.split("\n")]


@pytest.mark.parametrize("limit", [40, 80, 120, 1000])
def test_blocks_fit_the_terminal_with_equal_lines(limit):
    made = wide()
    *blocks, _ = made.text(limit).split("\n\n")
    assert (len(blocks) == 1) == (limit == 1000)
    numbers = 0
    for block in blocks:
        lines = block.splitlines()
        assert len({width(line) for line in lines}) == 1 and width(lines[0]) <= limit
        body = [line for line in lines if not line.startswith("─")][-5:]
        assert [line.split("  ")[0] for line in body] == ["ae", "数字", "e\u0301té", "a_long_name", "real"]
        numbers += block.count("↑") + block.count("↓")
    assert numbers == sum(bool(column.better) for column in made.columns)


def test_the_terminal_says_how_wide_it_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert wide().text() == wide().text(60) != wide().text(100)


def test_markdown_is_aligned_and_its_notes_follow():
    lines = wide().markdown().splitlines()
    assert len({width(line) for line in lines[:7]}) == 1
    assert set(lines[1]) == set("|:-")
    assert [line for line in lines[7:] if line] == ["¹ why 0", "² why 1", "³ why 2", "⁴ why 3"]
    assert lines[2].count("n/a¹") == 4


def test_equal_reasons_are_one_footnote():
    rows = [(name, {"fid": Cell(reason="no judge"), "asked": Cell(reason="no judge")}) for name in "abc"]
    made = Table(table().columns, rows)
    assert made.reasons == ["no judge"]
    assert made.markdown().count("no judge") == made.text(80).count("no judge") == 1
    assert {cell.note for _, cells in made.shown() for cell in cells[:2]} == {1}


def test_hostile_names_break_no_face():
    made = table(names=(NASTY, "x`y", "_z_"))
    assert len({width(line) for line in made.text(200).split("\n\n")[0].splitlines()}) == 1
    lines = made.markdown().splitlines()
    assert len(lines) == 6 and {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}
    assert r"a\|b \<b\>\*bold\*\</b\>" in lines[2] and r"\_z\_" in lines[4]
    assert not any("\x1b" in face or "\n<b>" in face for face in (made.text(200), made.markdown(), made.csv()))
    rows = list(csv.reader(io.StringIO(made.csv())))
    assert len(rows) == 5 and {len(row) for row in rows} == {7}
    assert rows[1][0] == NASTY.replace("\n", " ").replace("\x1b", " ")


def test_csv_gives_the_very_numbers_back():
    numbers = (0.1 + 0.2, 1e-17, 12345678.123456789)
    rows = list(csv.DictReader(io.StringIO(table(low=numbers, high=(None, float("nan"), 1.0)).csv())))
    assert list(rows[0]) == ["name", "fid", "fid_sd", "asked", "asked_sd", "seconds", "seconds_sd"]
    assert tuple(float(row["fid"]) for row in rows[:3]) == numbers
    assert [row["fid_sd"] for row in rows] == ["0.125"] * 3 + [""]
    assert [row["asked"] for row in rows] == ["", "nan", "1.0", "0.99"]
    assert rows[-1] == {"name": "real images", "fid": "0.1", "fid_sd": "", "asked": "0.99", "asked_sd": "",
                        "seconds": "", "seconds_sd": ""}  # fmt: skip


def test_a_table_without_rows_or_floor():
    made = table(low=(), high=(), names=(), floor=False)
    assert made.csv() == "name,fid,fid_sd,asked,asked_sd,seconds,seconds_sd\n"
    assert len(made.markdown().splitlines()) == 2 and "Fréchet" in made.text(80)
