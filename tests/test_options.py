"""Declarations: each thing that can be asked for is declared once, and all that reads it agrees."""

import math
import subprocess
import sys

import pytest

from genzoo.data.catalogue import SOURCES
from genzoo.diffusion.catalogue import SAMPLERS, SCHEDULES, SPACINGS
from genzoo.errors import UsageError
from genzoo.export.catalogue import FORMATS
from genzoo.models.families import MODELS, TASKS
from genzoo.networks.catalogue import NETWORKS
from genzoo.options import Choice, Interval, Maybe, Number, Option, Several, Switch, Whole, completed

CATALOGUES = (MODELS, NETWORKS, SAMPLERS, SPACINGS, SCHEDULES, SOURCES, FORMATS)
ENTRIES = [pytest.param(entry, id=entry.home) for entries in CATALOGUES for entry in entries.values()]


@pytest.mark.parametrize(
    "kind, word, value",
    [
        (Whole(1), "8", 8),
        (Whole(-3, 3), "-3", -3),
        (Number(least=0), "0.5", 0.5),
        (Interval(), "0,inf", (0.0, math.inf)),
        (Choice(("a", "b")), "b", "b"),
        (Several(Whole(1)), "8, 16", (8, 16)),
        (Several(Whole(1)), "[8,16]", (8, 16)),
        (Interval(), "0.3,5", (0.3, 5.0)),
        (Maybe(Interval()), "none", None),
        (Maybe(Whole(1)), "4", 4),
    ],
)
def test_a_word_and_its_value_are_the_same(kind, word, value):
    assert kind.read(word) == value == kind.check(value)
    assert kind.words and kind.metavar


@pytest.mark.parametrize(
    "kind, bad",
    [
        (Whole(1, 5), [0, 6, 1.5, True, "3", None, math.nan, math.inf, [1]]),
        (Number(above=0), [math.inf, -math.inf]),
        (Number(above=0, most=1), [0, 1.1, math.nan, True, "0.5", None, [1]]),
        (Choice(("a", "b")), ["c", 1, None, ["a"], {}]),
        (Switch(), [1, "true", None]),
        (Several(Whole(1)), [(), [0], 3, "3", None, [1.5], [[1]]]),
        (Interval(), [(1, 1), (2, 1), (-1, 1), 3, "1,2", (1,), (1, 2, 3), (math.nan, 2)]),
    ],
)
def test_what_does_not_fit_is_told_with_what_was_expected(kind, bad):
    option = Option("thing", kind, None, "")
    for value in bad:
        with pytest.raises(UsageError, match="^thing of some model: expected .*, got ") as error:
            option.check(value, "some model")
        assert kind.words in str(error.value) and repr(value) in str(error.value)


def test_completed_checks_names_and_values_and_fills_in_the_rest():
    options = (Option("a", Whole(1), 3, ""), Option("b", Maybe(Number()), None, ""))
    assert completed(options, {"b": 2}, "it") == {"a": 3, "b": 2.0}
    with pytest.raises(UsageError, match="it has no option 'c': it takes a, b"):
        completed(options, {"c": 1}, "it")


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_entry_leads_to_its_code_and_its_defaults_fit(entry):
    assert callable(entry.load())
    assert entry.summary and not entry.summary.endswith(".")
    for option in (*entry.options, *getattr(entry, "sampling", ())):
        assert option.check(option.default, entry.name) == option.default and option.help


def test_options_of_one_name_are_of_one_kind_of_value():
    """The command line has one word for them."""
    kinds = {}
    for entry in (entry for entries in (MODELS, NETWORKS) for entry in entries.values()):
        for option in (*getattr(entry, "general_options", entry.options),):
            kinds.setdefault(option.name, set()).add(type(option.kind))
    assert all(len(found) == 1 for found in kinds.values()), kinds


@pytest.mark.parametrize("task", TASKS)
def test_defaults_of_tasks_fit(task):
    for entry in MODELS.values():
        if entry.diffuses:
            options = entry.sampling_options({}, {"diffusion_steps": 1000}, task)
            again = entry.sampling_options(options, {"diffusion_steps": 1000}, task)
            assert options == again


def test_declarations_need_neither_numpy_nor_tensorflow():
    code = (
        "import sys; from genzoo.models import families; from genzoo.data import catalogue\n"
        "assert not {'numpy', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
