"""The maker of the zoo: what it asks of `genzoo`, what it takes over, and what lies in the zoo in the end."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import zoo
from genzoo.runs import metrics_file
from genzoo.runs.run import Run


@pytest.fixture
def asked(trained, tmp_path, monkeypatch):
    """The commands that the maker gives; the runs are those of the tests, and the numbers made up."""
    calls = []

    def genzoo(*words):
        calls.append(" ".join(map(str, words[:2])))
        if "--out" in words:
            path = Path(words[words.index("--out") + 1])
            shutil.copytree(trained("ae"), path)
            config = json.loads((path / "config.json").read_text())
            unit = "minutes" if "--minutes" in words else "steps"
            config["train"] |= {"minutes": None, unit: words[words.index(f"--{unit}") + 1]}
            (path / "config.json").write_text(json.dumps(config))
        elif words[0] == "evaluate":
            run = Run.open(words[1])
            question = metrics_file.asked(run, metrics_file.Question(words[3], (0, 1, 2), {}, None))
            empty = {"format": metrics_file.FORMAT, "asked": question, "judge": None, "data": {"name": "digits"}}
            copies = {"copies": {"value": 0.0, "n": words[3], "interval": [0.0, 0.1]}}
            cost = dict.fromkeys(metrics_file.COSTS, 1)
            more = {"metrics": copies | {"accuracy": {"reason": "no labels"}}, "floor": copies, "cost": cost}
            metrics_file.save(run, empty | more)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "genzoo", genzoo)
    monkeypatch.setattr(zoo, "ENTRIES", {"ae-digits": zoo.Entry("ae", "digits", ("steps", 2), 60)})
    return calls


def test_it_trains_once_and_puts_whole_runs_into_the_zoo(asked, tmp_path, capsys):
    out = tmp_path / "zoo"
    zoo.main(["--out", str(out)])
    assert asked == ["train --model", f"evaluate {Path('runs/zoo/ae-digits/released/ae-digits')}"]
    made = Run.open(out / "ae-digits")
    files = {path.name for path in made.path.iterdir()}
    assert files == {"config.json", "metrics.csv", "metrics.json", "README.md", "samples.png", "weights.safetensors"}
    assert metrics_file.latest(made)["asked"]["n"] == 60 and made.status()[0] == "finished"
    card = (made.path / "README.md").read_text()
    assert "genzoo train --model ae --latent-dim 4" in card and "60 samples from each of 3 seeds" in card
    assert [path.name for path in out.iterdir()] == ["ae-digits"] and "MB of at most 12" in capsys.readouterr().out
    weights = made.weights_sha256()
    zoo.main(["ae-digits", "--out", str(out), "--n", "30"])
    assert asked[2:] == asked[1:2]  # no other training
    assert made.weights_sha256() == weights and metrics_file.latest(made)["asked"]["n"] == 30


def test_a_run_of_the_zoo_is_measured_again_without_a_training(asked, tmp_path):
    out = tmp_path / "zoo"
    zoo.main(["--out", str(out), "--n", "30"])
    made = Run.open(out / "ae-digits")
    weights = made.weights_sha256()
    shutil.rmtree(zoo.TRAINED)
    zoo.main(["--again", "--out", str(out)])
    assert asked[2:] == [f"evaluate {Path('runs/zoo/again/ae-digits')}"]
    assert made.weights_sha256() == weights and metrics_file.latest(made)["asked"]["n"] == 60


def test_an_interrupted_training_is_gone_on_with(asked, tmp_path):
    zoo.trained("ae-digits", zoo.ENTRIES["ae-digits"])
    path = zoo.TRAINED / "ae-digits"
    for folder in Run.open(path).checkpoints().values():
        shutil.rmtree(folder)
    zoo.trained("ae-digits", zoo.ENTRIES["ae-digits"])
    assert asked[1:] == ["train --resume"]


def test_a_run_of_another_length_is_not_taken(asked, tmp_path):
    zoo.trained("ae-digits", zoo.ENTRIES["ae-digits"])
    minutes = zoo.ENTRIES["ae-digits"]._replace(length=("minutes", 2))
    with pytest.raises(SystemExit, match="was trained as .* move it away"):
        zoo.trained("ae-digits", minutes)
    with pytest.raises(SystemExit, match="was trained as .* move it away"):
        zoo.main(["--steps", "3", "--out", str(tmp_path / "zoo")])


def test_a_zoo_that_is_too_large_is_an_error(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "MOST", 1000)
    with pytest.raises(SystemExit, match="too large"):
        zoo.main(["--out", str(tmp_path / "zoo")])


def test_an_unknown_name_is_answered_with_the_known_ones(asked, capsys):
    with pytest.raises(SystemExit):
        zoo.main(["gan-mnist"])
    assert "unknown name 'gan-mnist': choose from ae-digits" in capsys.readouterr().err and not asked
