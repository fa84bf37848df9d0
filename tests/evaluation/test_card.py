"""The card: its figures are those of metrics.json, its command trains the same again, and its words are no markup."""

import json
import re
import shlex
import shutil

import pytest
import yaml

from genzoo.cli.parser import make_parser
from genzoo.data.sets import load_data
from genzoo.evaluation import scores
from genzoo.evaluation.card import card_of
from genzoo.models.families import MODELS, family
from genzoo.runs import metrics_file
from genzoo.runs.command import train_command
from genzoo.runs.run import Run

SCORES = {
    "frechet": {"value": 3.70123, "n": 5000, "sd": 0.114, "values": [3.6, 3.7, 3.8], "reference": "training images"},
    "accuracy": {"value": 0.98712, "n": 5000, "interval": [0.98, 0.99]},
    "mse": {"value": 0.00123456, "error": 0.00041, "n": 1000},
    "kid": {"reason": "needs more"},
    "copies": {"value": 0.0, "n": 5000, "interval": [0.0, 0.001]},
}
RESULT = {
    "format": metrics_file.FORMAT,
    "data": {"name": "digits"},
    "asked": {"n": 5000, "seeds": [0, 1, 2], "options": {"sampler": "ddim", "threshold": None}},
    "judge": {"accuracy": 0.99, "n": 297},
    "metrics": SCORES,
    "floor": {"frechet": {"value": 0.63, "n": 297}, "copies": {"value": 0.001, "interval": [0.0, 0.002]}},
    "cost": {"parameters": 812345, "images_seen": 64, "nfe": 10, "train_seconds": 2, "seconds_1000": 3, "memory": 9},
}


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained("cvae"), tmp_path / "my run")
    return Run.open(tmp_path / "my run")


@pytest.fixture
def measured(run):
    asked = RESULT["asked"] | {"weights": run.weights_sha256()}
    metrics_file.save(run, RESULT | {"asked": asked})
    return run


def front_matter(card):
    block, rest = card.removeprefix("---\n").split("\n---\n", 1)
    return yaml.safe_load(block), rest


def rows_of(card):
    """{title: cells} of the table of figures."""
    lines = [line.strip("| ").split(" | ") for line in card.split("## Figures")[1].splitlines() if line.startswith("|")]
    return {cells[0].split(" ")[0]: cells[1:] for cells in lines[2:]}


def test_figures_are_those_of_metrics_json(measured):
    meta, text = front_matter(card_of(measured, measured.path))
    (entry,) = meta["model-index"]
    (result,) = entry["results"]
    told = {metric["type"]: metric["value"] for metric in result["metrics"]}
    given = {name: score["value"] for name, score in SCORES.items() if "value" in score}
    assert told == given | {name: RESULT["cost"][name] for name in ("parameters", "images_seen", "nfe")}
    rows = rows_of(text)
    assert rows["Fréchet"][:4] == ["3.70", "± 0.11 sd", "3 × 5,000", "0.63"]
    assert rows["MSE"][:4] == ["0.0012", "± 0.0004 se", "1,000", "–"]
    assert rows["as"][:2] == ["98.7%", "98.0% to 99.0%"]
    assert "KID" not in rows and "812,345" in text
    assert "5,000 samples from each of 3 seeds" in text and "that of 297 real test images" in text
    assert "sampler ddim" in text.replace("\\", "") and "threshold" not in text
    columns = {column.head.split(" ")[0] for column in (*scores.QUALITY, *scores.COST)}
    assert set(rows) <= columns


def test_the_block_of_metadata(measured):
    meta, text = front_matter(card_of(measured, measured.path))
    assert meta["license"] == "cc-by-4.0" and meta["datasets"] == ["digits"] and "cvae" in meta["tags"]
    assert meta["pipeline_tag"] == "unconditional-image-generation" and "library_name" not in meta
    assert "CC BY 4.0" in text and "![Samples, not selected](samples/step_0000002.png)" in text
    assert measured.config["data"]["fingerprint"] in text and "genzoo sample 'my run'" in text
    assert 'genzoo.load("my run")' in text


def test_figures_of_other_weights_are_no_figures(measured):
    weights = measured.read_weights()
    measured.write_weights({name: array + 1 for name, array in weights.items()})
    meta, text = front_matter(card_of(measured, measured.path))
    assert "model-index" not in meta and "genzoo evaluate 'my run'" in text and "3.70" not in text


def test_a_picture_that_does_not_lie_beside_the_card_is_not_in_it(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    assert "![" not in card_of(run, tmp_path / "elsewhere")
    (run.path / "samples.png").touch()
    assert "](samples.png)" in card_of(run, run.path)


def test_words_are_no_markup_and_no_path_of_the_machine_is_told(run):
    nasty = "a|b\n<b>*bold*</b>: [x](y) # \"quoted\" \x1b[31m"
    data = run.config["data"] | {"name": f"folder:/home/me/{nasty}", "class_names": [nasty], "num_classes": 1}
    card = card_of(Run(run.path, run.config | {"data": data}), run.path)
    meta, text = front_matter(card)
    assert meta["datasets"] == [f"{nasty}".split("/")[-1]] and meta["license"] == "unknown"
    assert "unknown: yours to say" in text and "/home/me" not in card and "\x1b" not in text
    words = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    assert not re.search(r"(?<!\\)<b>|(?<!\\)\*bold", words)


def test_the_command(call, measured, tmp_path):
    code, out, err = call("card", measured.path)
    assert code == 0 and out == f"wrote {measured.path / 'README.md'}\n", err
    card = (measured.path / "README.md").read_text()
    assert card == card_of(measured, measured.path)
    code, _, err = call("card", measured.path)
    assert code == 5 and "--overwrite" in err
    assert call("card", measured.path, "--overwrite")[0] == 0
    assert call("card", measured.path, "--out", tmp_path / "card.md")[0] == 0
    assert call("card", measured.path, "--out", tmp_path / "card.txt")[0] == 2


def test_a_card_of_an_unfinished_run_is_refused(call, written):
    code, _, err = call("card", written())
    assert code == 5 and "interrupted at step 0 of 2" in err and err.count("\n") == 1


# The command that trains it again.

WORDS = [
    "--model cddpm --minutes 60",
    "--model cddpm --steps 7 --seed 4 --batch-size 48 --lr 0.001 --ema 0 --jit-compile --widths 8,16 --min-snr 5",
    "--model blend --steps 7 --accumulate 2",
    "--model ddpm --steps 7 --predict x0 --zero-snr --diffusion-steps 20 --image-size 16",
    "--model vae --steps 7 --beta 0.5 --latent-dim 4 --precision bfloat16",
    *(f"--model {name} --steps 1" for name in MODELS),
]


@pytest.mark.parametrize("words", WORDS)
def test_what_was_typed_is_found_again(words):
    def typed(words):
        args = make_parser().parse_args(words)
        options = family(args.model).model_options(args.options, (16, 16, 1), 10)
        return {key: value for key, value in vars(args).items() if key != "options"}, options

    args, options = typed(["train", "--data", "digits", "--seed", "0", *words.split()])
    preset = family(args["model"]).train
    train = {name: args.get(name, preset.get(name)) for name in ("batch_size", "lr", "ema")}
    train |= {"steps": args.get("steps", 99), "minutes": args.get("minutes"), "seed": args["seed"]}
    config = {
        "model": args["model"],
        "model_config": json.loads(json.dumps({"image_shape": [16, 16, 1], "num_classes": 10, **options})),
        "data": {"name": "digits", "image_size": args.get("image_size")},
        "train": train | {name: args[name] for name in ("jit_compile", "accumulate") if name in args},
    }
    found = shlex.split(train_command(config))
    assert found[:2] == ["genzoo", "train"]
    assert typed(found[1:]) == (args, options)
    source = config | {"train": config["train"] | {"from": {"run": "zoo:x", "weights_sha256": ""}}}
    said = train_command(source)
    assert said.startswith("genzoo train --from zoo:x --data digits") and "--widths" not in said


def test_a_run_that_was_trained_is_trained_by_it(run):
    found = make_parser().parse_args(shlex.split(train_command(run.config))[1:])
    data = load_data("digits", image_size=8)
    options = family("cvae").model_options(found.options, data.image_shape, data.num_classes)
    config = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    assert config | {"image_shape": [8, 8, 1], "num_classes": 10} == run.config["model_config"]
    assert (found.steps, found.batch_size, found.image_size) == (2, 32, 8)
