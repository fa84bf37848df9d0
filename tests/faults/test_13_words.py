"""Row 13: whatever is typed ends with a documented exit code and never in a traceback, and nothing is written where it
was not asked.

What would start work ends here where TensorFlow would be imported. And whatever stands in a config, it opens or is
refused in one line.
"""

import argparse
import json
import re
import shutil
import sys

import pytest
from cli.test_cli import NEEDS_TENSORFLOW
from hypothesis import given, settings
from hypothesis import strategies as st
from runs.test_schema import CONFIG, changed, places

from genzoo.cli.commands import train
from genzoo.cli.parser import make_parser
from genzoo.data import cache
from genzoo.data.sources import tfds
from genzoo.errors import CheckpointError
from genzoo.runs import zoo
from genzoo.runs.run import Run

CODES = (0, 2, 4, 5)
NAMES = sorted(name for name in make_parser()._subparsers._group_actions[0].choices)
VALUES = (
    "", " ", "x", "-", "--", "-1", "0", "1", "3", "9" * 30, "-0.0", "0.5", "1e400", "nan", "inf", "1,2,3,4", "0-9x6",
    "1-", "[1,", "[8, 8]", "{}", "null", "true", "None", "\0", "\x1b[2J", "a\nb", "é", "日本", "../x", "/", ".", "~",
    "/dev/null", "%s", "{0}", "$HOME", "*", "vae", "cddpm", "digits", "tfds:../x", "folder:.", "zoo:x", "widths=[8]",
    "depth=1", "=", "a=b", "x.png", "x.npz", "no/x.png", "ddim", "all",
)  # fmt: skip


MODELS = re.compile(r"genzoo\.models\.(?!families$)")
NEEDS = re.compile(rf"({'|'.join(map(re.escape, NEEDS_TENSORFLOW))})$|genzoo\.(evaluation|export)|{MODELS.pattern}")


class Started(Exception):
    """The command would begin its work now."""


def started(*arguments):
    raise Started


real_images = cache.Cache.images


def in_memory(taken_in, *arguments):
    """Is `Cache.images` that writes nothing: it may have been asked to write anywhere on this machine."""
    if taken_in._asked:
        raise Started
    return real_images(taken_in, *arguments)


class NoImport:
    """What needs TensorFlow cannot be imported; the rest can."""

    def find_spec(self, name, path=None, target=None):
        if name in NEEDS_TENSORFLOW or MODELS.match(name):
            raise Started


@pytest.fixture
def typed(tmp_path, monkeypatch, call):
    """typed(words) -> checks what becomes of them, in an empty folder."""
    for name in [name for name in sys.modules if NEEDS.match(name)]:  # other tests have imported them
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoImport(), *sys.meta_path])
    monkeypatch.setattr(tfds, "host_answers", lambda: False)
    monkeypatch.setattr(cache.Cache, "images", in_memory)
    monkeypatch.setattr(train, "launch", started)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shutil.copytree(zoo.folder("cddpm-digits"), tmp_path / "run")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(tmp_path.rglob("*"))

    def typed(words):
        try:
            code, out, err = call(*words)
        except Started:
            code, out, err = 0, "", ""
        assert code in CODES, words
        assert not code or re.fullmatch("genzoo: error: [^\n\x1b\0]+\n", err), (words, err)
        assert not code or not out or words[0] in ("compare", "train"), (words, out)
        left = set(tmp_path.rglob("*")) - set(before)
        asked = {path for path in left if path.name in ("README.md", "export", "samples.png") or "runs" in path.parts}
        assert not left - asked, (words, left)

    return typed


def options_of(command):
    """[(option, whether a value follows)] of a command."""
    actions = make_parser()._subparsers._group_actions[0].choices[command]._actions
    flags = (argparse._StoreTrueAction, argparse._HelpAction, argparse._VersionAction)
    return [(action.option_strings[-1], not isinstance(action, flags)) for action in actions if action.option_strings]


@pytest.mark.faults(13, "random argument vectors", few=50, many=5000)
def test_random_words(typed, tmp_path, trials):
    options = {command: [o for o in options_of(command) if o[0] != "--debug"] for command in NAMES}
    for draw in trials:
        command = draw.choice(NAMES)
        words = [command] + [str(tmp_path / "run")] * (draw.random() < 0.7)
        for _ in range(draw.randrange(5)):
            option, valued = draw.choice(options[command])
            words += [option] + [draw.choice(VALUES)] * (valued if draw.random() < 0.9 else not valued)
        if draw.random() < 0.2:
            words.insert(draw.randrange(len(words) + 1), draw.choice(VALUES))
        if "--help" not in words:
            typed(words)


@pytest.mark.faults(13, "every option with every odd value", few=50)
def test_every_option(typed, tmp_path, trials):
    cases = [
        (command, option, value)
        for command in NAMES
        for option, valued in options_of(command)
        if valued
        for value in VALUES
    ]
    for command, option, value in trials.of(cases):
        typed([command, *([str(tmp_path / "run")] if command not in ("train", "zoo") else []), option, value])


VALUES_OF_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.faults(13, "a config with anything anywhere", few=400, many=5000)
def test_random_configs(tmp_path, trials):
    @settings(max_examples=trials.count, deadline=None, database=None)
    @given(st.sampled_from(list(places(CONFIG))), VALUES_OF_JSON)
    def opens(path, value):
        for config in trials.of([changed(path, value)]):
            (tmp_path / "config.json").write_text(json.dumps(config))
            try:
                run = Run.open(tmp_path)
            except CheckpointError as error:
                assert "\n" not in str(error) and len(str(error)) < 600
            else:
                assert run.status() and run.total_steps >= 0 and run.model_options

    opens()
