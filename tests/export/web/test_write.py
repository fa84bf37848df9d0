"""The page as a file: what it holds, what it must not, and the mistakes that are answered in one line."""

import base64
import gzip
import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from node import Given, needs_node
from small import eagerly, small

from genzoo.errors import CheckpointError, UsageError
from genzoo.export.web import write as writing
from genzoo.export.web.pack import pack
from genzoo.export.web.page import render
from genzoo.runs.run import Run


@pytest.fixture(scope="module")
def vae():
    return Given(small("vae"), name="runs/<b>Tom & Jerry's</b>")


@pytest.fixture(scope="module")
def runs(trained):
    """Folders of runs of two steps: of cddpm and of cvae."""
    return [trained(family) for family in ("cddpm", "cvae")]


def blocks(html, tag):
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", html, flags=re.DOTALL)


def test_the_policy_names_the_script_and_the_style_and_nothing_else(vae):
    html = render([vae], pack([vae]))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digest = {
        tag: "'sha256-" + base64.b64encode(hashlib.sha256(blocks(html, tag)[-1].encode()).digest()).decode() + "'"
        for tag in ("script", "style")
    }
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert rules["script-src"] == f"{digest['script']} 'wasm-unsafe-eval'" and rules["style-src"] == digest["style"]
    assert len(blocks(html, "script")) == 4 and len(blocks(html, "style")) == 1
    assert not re.search(r"""(src|href)=["'](?!data:,)|https?://|\son\w+=|\sstyle=""", html.split("<script")[0])


def test_names_are_escaped(vae):
    html = render([vae], pack([vae]))
    assert "<b>Tom" not in html and "&lt;b&gt;Tom &amp; Jerry&#39;s&lt;/b&gt;" in html


def test_equal_runs_give_equal_bytes(vae):
    assert pack([vae]) == pack([vae])


def test_the_pack_holds_the_weights_but_those_of_the_encoder(vae):
    packed = gzip.decompress(pack([vae]))
    length = int.from_bytes(packed[:4], "little")
    [run] = json.loads(packed[4 : 4 + length])["runs"]
    kept = {name: array for name, array in vae.read_weights().items() if not name.startswith("ema.encoder.")}
    assert run["weights"] == {name: list(array.shape) for name, array in sorted(kept.items())}
    upper, lower = np.frombuffer(packed[4 + length :], np.uint8).reshape(2, -1)
    found = np.stack([lower, upper], axis=1).reshape(-1).view("<f2")
    np.testing.assert_array_equal(found, np.concatenate([kept[name].ravel() for name in sorted(kept)]))


@needs_node
def test_several_runs_are_written_and_compared(runs, tmp_path):
    with eagerly():
        written = writing.write([Run.open(run) for run in runs], tmp_path / "page.html")
    assert written.files == {"page.html": (tmp_path / "page.html").stat().st_size}
    assert 0 < written.difference <= writing.GREY / 10 and written.seconds[writing.PICTURES] > 0
    assert "float16" in written.lines()["note"]  # these weights are float32


@needs_node
def test_a_page_that_draws_something_else_is_refused(runs, tmp_path, call, monkeypatch):
    monkeypatch.setattr(writing, "GREY", 1e-9)
    with eagerly():
        code, _, error = call("export", runs[1], "--format", "web", "--out", tmp_path / "page.html")
    assert code == 5 and "differ" in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@needs_node
def test_an_engine_that_fails_is_refused(vae, monkeypatch):
    with pytest.raises(CheckpointError, match="does not run under node .*Error"):
        writing.ask(shutil.which("node"), pack([vae]), [{"kind": "nothing"}])


def test_without_node_it_says_that_nothing_was_compared(vae, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    written = writing.write([vae], tmp_path / "page.html")
    assert written.difference is None and "node" in written.lines()["note"] and "difference" not in written.lines()


def test_a_page_too_large_says_which_runs_make_it_so(vae, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST", 50_000)
    with pytest.raises(UsageError, match=r"the page would have 0\.\d MB, 0 at most: leave runs out \(.*Tom"):
        writing.write([vae, vae], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_weights_that_float16_cannot_hold_are_named():
    run = Given(small("vae"))
    run.rounded["ema.decoder.head.bias"] = np.array([7e4] * 4, np.float32)
    with pytest.raises(UsageError, match="ema.decoder.head.bias is too large for the float16"):
        pack([run])


def test_a_network_that_the_engine_does_not_know_is_named():
    run = Given(small("ddpm"))
    run.config["model_config"] |= {"network": "conv"}
    with pytest.raises(UsageError, match="network"):
        pack([run])


def test_one_broken_run_of_several_leaves_nothing_behind(runs, tmp_path, call):
    broken = tmp_path / "broken"
    shutil.copytree(runs[1], broken)
    weights = broken / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    target = tmp_path / "page.html"
    code, _, error = call("export", runs[0], broken, "--format", "web", "--out", target)
    assert code == 5 and "cannot be read" in error and str(weights) in error and error.count("\n") == 1
    assert not target.exists()


def test_a_page_that_exists_stays(runs, tmp_path, call):
    target = tmp_path / "page.html"
    target.write_text("mine")
    code, _, error = call("export", runs[1], "--format", "web", "--out", target)
    assert code == 5 and "exists" in error and error.count("\n") == 1 and target.read_text() == "mine"
