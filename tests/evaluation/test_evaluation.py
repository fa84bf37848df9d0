"""What `evaluate`, `compare` and `sweep` measure, and what they answer to mistakes."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from small import eagerly

from genzoo.cli.commands import measure
from genzoo.diffusion.catalogue import STEPS
from genzoo.errors import DataError
from genzoo.evaluation import drawing
from genzoo.evaluation.metrics import reference
from genzoo.evaluation.sweep import Point, pareto, sweep_table


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def test_evaluate(trained, call, tmp_path, real, draw_here):
    run = tmp_path / "run"
    shutil.copytree(trained("cddpm"), run)
    words = ["evaluate", run, "--seeds", 2, "--n", 60, "--steps", 3, "--guidance-interval", "0,inf"]
    with eagerly():
        code, out, err = call(*words)
    assert code == 0, err
    assert "judge: a classifier trained on the training images; it reads" in out and f"wrote {run}" in out
    result = metrics_of(run)
    accuracy = result["metrics"]["accuracy"]
    assert accuracy["n"] == 60 and len(accuracy["values"]) == 2
    assert accuracy["value"] == pytest.approx(np.mean(accuracy["values"]))
    assert sum(share["n"] for share in accuracy["per_class"].values()) == 120
    assert "real test images" in out and result["floor"]["accuracy"]["n"] == 60
    assert result["metrics"]["frechet"] == {"reason": "needs 256 images, there are 60"} and "n/a" in out
    assert result["metrics"]["ssim"] == {"reason": "needs images of 11 pixels a side"}
    assert result["metrics"]["bits"]["value"] == pytest.approx(result["metrics"]["elbo"]["value"] / (64 * np.log(2)))
    assert result["cost"]["nfe"] == 6 and result["cost"]["images_seen"] == 64
    assert 50e6 < result["cost"]["memory"] < 4e9 and result["cost"]["seconds_1000"] > 0

    assert result["asked"]["judge"] == real.judge.identity
    code, out, _ = call(*words)
    assert code == 0 and "metrics.json says it already" in out and "drawing" not in out


@pytest.mark.slow
def test_it_draws_in_a_process_of_its_own_and_is_a_function_of_the_seed(trained, call, tmp_path, monkeypatch, real):
    run = tmp_path / "run"
    shutil.copytree(trained("cddpm"), run)
    words = ["evaluate", run, "--seeds", 2, "--n", 60, "--steps", 3, "--guidance-interval", "0,inf"]
    found = []
    for draw in (drawing.draw, drawing._draw):
        monkeypatch.setattr(drawing, "draw", draw)
        assert call(*words)[0] == 0
        found.append((metrics_of(run)["metrics"], metrics_of(run)["floor"]))
        (run / "metrics.json").unlink()
    assert found[0] == found[1]


@pytest.mark.parametrize("words", [["evaluate"], ["sweep", "--steps", "3"]])
def test_nothing_is_drawn_before_there_is_a_judge(words, trained, call, monkeypatch, tmp_path):
    def none(data, say):
        raise DataError("no judge")

    monkeypatch.setattr(reference, "judge_of", none)
    monkeypatch.setattr(drawing, "draw", lambda *arguments: pytest.fail("too early"))
    run = tmp_path / "run"
    shutil.copytree(trained("cddpm"), run)
    assert call(words[0], run, *words[1:])[0] == 4


OTHERS = [pytest.param(family, marks=pytest.mark.slow) for family in ("ae", "blend")]


@pytest.mark.parametrize("family", ["cvae", *OTHERS])
def test_what_a_family_cannot_have_is_said(family, trained, call, tmp_path, draw_here):
    run = tmp_path / "run"
    shutil.copytree(trained(family), run)
    with eagerly():
        code, out, err = call("evaluate", run, "--n", 50)
    assert code == 0, err
    metrics = metrics_of(run)["metrics"]
    has = {name for name, score in metrics.items() if "value" in score}
    assert ("accuracy" in has) == (family == "cvae") and ("elbo" in has) == (family == "cvae")
    assert ("mse" in has) == (family != "blend")
    reasons = {score["reason"] for name, score in metrics.items() if name not in has}
    assert all(len(reason) > 10 for reason in reasons)
    if family == "cvae":
        assert metrics["importance"]["value"] <= metrics["elbo"]["value"]
        assert metrics["bits"]["value"] == pytest.approx(metrics["importance"]["value"] / (64 * np.log(2)))


@pytest.mark.slow
@pytest.mark.once
def test_compare_trains_measures_and_draws(call, tmp_path, quick_judge):
    quick_judge(20)
    out = tmp_path / "compare"
    words = ["compare", "--train", "vae,cddpm", "--data", "digits", "--minutes", 0.1, "--n", 60, "--out", out]
    code, said, err = call(*words)
    assert code == 0, err
    assert f"wrote {out / 'report.html'}" in said
    rows = {row["name"]: row for row in csv.DictReader((out / "table.csv").read_text().splitlines())}
    assert list(rows) == ["vae", "cddpm", "real test images"]
    assert float(rows["cddpm"]["accuracy_sd"]) >= 0 and not rows["vae"]["accuracy"]
    assert (out / "table.md").read_text().count("\n|") == 4
    for name in ("samples", "reconstructions", "interpolations", "training"):
        assert np.asarray(Image.open(out / f"{name}.png")).std() > 5
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4 + STEPS + 1 and "http" not in page.split("</style>")[1]

    code, _, err = call(*words)
    assert code == 5 and "exists; choose another --out, or --overwrite it" in err
    (out / "report.html").unlink()
    code, said, err = call(*words, "--overwrite")
    assert code == 0 and said.count("is trained already") == 2 and said.count("says it already") == 2, err
    code, _, err = call(*words[:-2], "--minutes", 0.2, "--out", out, "--overwrite")
    assert code == 5 and "was trained for another time or on other data" in err


def test_families_on_different_data_are_refused_by_name(trained, call, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained("ae"), other)
    config = json.loads((other / "config.json").read_text())
    config["data"] |= {"name": "mnist", "fingerprint": "1" * 64}
    (other / "config.json").write_text(json.dumps(config))
    code, _, err = call("compare", trained("cvae"), other, "--out", tmp_path / "c")
    assert code == 4 and f"{other} was trained on mnist" in err and f"{trained('cvae')} on digits" in err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("command", ["evaluate", "compare", "sweep"])
def test_an_unfinished_run_is_refused(command, trained, call, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained("cvae"), run)
    config = json.loads((run / "config.json").read_text())
    config["train"]["steps"] = 9
    (run / "config.json").write_text(json.dumps(config))
    code, _, err = call(command, run)
    assert code == 5 and f"interrupted at step 2 of 9; finish it with: genzoo train --resume {run}" in err


@pytest.mark.parametrize("command", ["evaluate", "compare", "sweep"])
def test_data_that_changed_is_refused(command, trained, call, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained("cddpm"), run)
    config = json.loads((run / "config.json").read_text())
    config["data"]["fingerprint"] = "0" * 64
    (run / "config.json").write_text(json.dumps(config))
    code, _, err = call(command, run)
    assert code == 4 and "digits is not what" in err


@pytest.mark.parametrize(
    "words, message",
    [
        ("compare", "say what to compare"),
        ("compare RUN --train all", "say what to compare"),
        ("compare --train vae,gan", "expected all, or some of ae,vae"),
        ("compare RUN --minutes 3", "--minutes is for --train"),
        ("compare RUN RUN", "the same run was given twice"),
        ("compare RUN --seeds 0", "expected a whole number"),
        ("evaluate RUN --n 0", "expected a whole number"),
        ("evaluate RUN --guidance 2", "sampling of cvae has no option 'guidance'"),
        ("sweep RUN", "sampling of cvae has no option 'sampler'"),
        ("sweep RUN --steps 5,x", "expected a whole number"),
    ],
)
def test_mistakes_are_answered_before_tensorflow_starts(words, message, trained, call, monkeypatch):
    monkeypatch.setattr(measure, "load_again", lambda *args: pytest.fail("too late"))
    code, _, err = call(*(str(trained("cvae")) if word == "RUN" else word for word in words.split()))
    assert code == 2 and message in err and err.count("\n") == 1


def test_sweep(trained, call, tmp_path, draw_here):
    run = tmp_path / "run"
    shutil.copytree(trained("cddpm"), run)
    guidance = ["--guidance", "1,3", "--guidance-interval", "0,inf"]
    words = ["sweep", run, "--samplers", "ddim,heun", "--steps", "3", *guidance, "--n", 60]
    with eagerly():
        code, out, err = call(*words)
    assert code == 0, err
    rows = list(csv.DictReader((run / "sweep.csv").read_text().splitlines()))
    assert [int(float(row["nfe"])) for row in rows[:-1]] == [3, 4, 6, 8]
    assert "ddim 3 steps, guidance 3" in out and rows[-1]["name"].strip() == "real test images"
    assert np.asarray(Image.open(run / "sweep.png")).std() > 5
    code, _, err = call(*words)
    assert code == 5 and "sweep.csv exists" in err
    assert call("sweep", run, "--samplers", "dimm", "--overwrite")[0] == 2


def test_the_pareto_front():
    points = [Point("ddim", steps, None, steps, 1.0, {"frechet": {"value": value}, "coverage": {"value": 1 / value}})
              for steps, value in ((5, 9.0), (5, 8.0), (10, 8.5), (20, 4.0), (50, 4.0))]  # fmt: skip
    for key, better in (("frechet", "lower"), ("coverage", "higher")):
        assert [(p.nfe, p.value("frechet")) for p in pareto(points, key, better)] == [(5, 8.0), (20, 4.0)]
    names = [name for name, _ in sweep_table(points, {}).rows]
    assert sum(name.startswith("→") for name in names) == 2
    assert pareto([Point("ddim", 5, None, 5, 1.0, {"frechet": {"reason": "few"}})]) == []
