import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small import eagerly, families

from genzoo.cli import main, parser, types
from genzoo.cli.commands import edit, info, sample, train
from genzoo.data.catalogue import SOURCES
from genzoo.data.pipeline import permutation
from genzoo.data.pixels import to_uint8
from genzoo.data.sets import load_data
from genzoo.diffusion.catalogue import PREDICTIONS, SAMPLERS, SCHEDULES, SPACINGS
from genzoo.models.base import GenerativeModel
from genzoo.models.editing import Editing
from genzoo.models.families import MODELS
from genzoo.networks.catalogue import NETWORKS
from genzoo.pictures.grids import GAP
from genzoo.runs import load
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
NEEDS_TENSORFLOW = ("tensorflow", "genzoo.stack", "genzoo.training.start", "genzoo.training.loop", "genzoo.runs.state")


def genzoo(*argv, module="genzoo.cli.main", **kwargs):
    """The command in a process of its own, as a user runs it."""
    code = f"import sys; from {module} import console; console(sys.argv[1:])"
    argv = [sys.executable, "-c", code, *map(str, argv)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, cwd=ROOT, **kwargs)


def snapshot(folder):
    """{path: content} of all files below a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(autouse=True, scope="module")
def load_once():
    """Here a run is loaded once; `test_a_run_from_training_to_samples` loads as a user does."""
    with pytest.MonkeyPatch.context() as patch:
        cached = functools.cache(load.load)
        for module in (sample, edit):
            patch.setattr(module, "load", cached)
        yield


# What `--help` says, and how fast.


@pytest.mark.parametrize("words", ["--version", "--help", *(f"{name} --help" for name in parser.COMMANDS)])
def test_help_imports_nothing_heavy_and_answers_within_a_second(words):
    code = (
        "import sys; from genzoo.cli.main import main; code = main(sys.argv[1:])\n"
        "print([name for name in ('tensorflow', 'numpy', 'PIL', 'sklearn') if name in sys.modules], code)"
    )
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, cwd=ROOT)
    after = os.times()
    assert done.stdout.endswith("[] 0\n") and not done.stderr
    # The processor's time: that of the clock is as long as others on this machine make it.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


def test_help_shows_the_defaults_of_every_family(call):
    _, text, _ = call("train", "--help")
    for name, family in MODELS.items():
        assert family.summary in text
        told = " ".join(text.split(family.summary)[1].split()[: 40])
        for key, value in family.train.items():
            assert f"{key}={value:g}" in told, (name, key)
        for option in family.options:
            assert option.default is None or f"{option.name}=" in told, (name, option.name)


def test_help_names_what_there_is(call):
    _, text, _ = call("train", "--help")
    for names in (SCHEDULES, PREDICTIONS, sorted(NETWORKS)):
        assert f"{{{','.join(names)}}}" in text
    assert all(source.form in text for source in SOURCES.values())
    _, text, _ = call("sample", "--help")
    assert all(name in text.split("network evaluations for S steps")[1] for name in SAMPLERS)
    assert f"{{{','.join(SPACINGS)}}}" in text


def test_every_declared_option_is_a_word(call):
    words = {"train": [o for e in (*MODELS.values(), *NETWORKS.values()) for o in e.options]}
    words["sample"] = words["evaluate"] = [o for entry in MODELS.values() for o in entry.sampling]
    words["sample"] += [o for entry in SAMPLERS.values() for o in entry.options]
    for command, options in words.items():
        _, text, _ = call(command, "--help")
        assert all(option.word in text for option in options), command


def test_train_py_is_genzoo_train():
    done = subprocess.run([sys.executable, "train.py", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == genzoo("train", "--help").stdout and done.returncode == 0


# What is parsed.


@pytest.mark.parametrize("spelling", ["--batch_size 8", "--batch-size 8", "--batch_size=8"])
def test_underscores_are_hyphens(spelling, monkeypatch):
    seen = []
    monkeypatch.setattr(train, "train", seen.append)
    assert main.main(["train", *spelling.split(), "--out", "a_b--c_d"]) == 0
    assert (seen[0].batch_size, seen[0].out) == (8, "a_b--c_d")


def test_options_of_a_family_by_flag_and_by_set(monkeypatch):
    seen = []
    monkeypatch.setattr(train, "train", seen.append)
    words = "--latent-dim 8 --set beta=0.5 --set schedule=cosine --set widths=[8,16] --set drop-label=0.2"
    assert main.main(["train", *words.split()]) == 0
    expected = {"latent_dim": 8, "beta": 0.5, "schedule": "cosine", "widths": [8, 16], "drop_label": 0.2}
    assert seen[0].options == expected
    words = "--predict x0 --schedule linear --zero-snr --min-snr 5 --diffusion-steps 20"
    assert main.main(["train", *words.split()]) == 0
    expected = {"predict": "x0", "schedule": "linear", "zero_snr": True, "min_snr": 5.0, "diffusion_steps": 20}
    assert seen[1].options == expected


@pytest.mark.parametrize(
    "text, labels",
    [
        ("7", [7]),
        ("0,1,2", [0, 1, 2]),
        ("0-3", [0, 1, 2, 3]),
        ("3x4", [3, 3, 3, 3]),
        ("0-1x2", [0, 1, 0, 1]),
        ("5, 0-1 ,2x2", [5, 0, 1, 2, 2]),
    ],
)
def test_labels(text, labels):
    assert types.labels(text) == labels


@pytest.mark.parametrize("text", ["", "a", "1,", "-1", "3-1", "1x0", "1.5", "0-9x999999", "0-999999"])
def test_bad_labels(text):
    with pytest.raises(argparse.ArgumentTypeError):
        types.labels(text)


# Bad input: one line, its exit code, soon, and nothing is overwritten.


BAD = {
    "no command": ("", 2, "COMMAND"),
    "unknown command": ("trian", 2, "trian"),
    "unknown option": ("train --lerning-rate 1", 2, "--lerning-rate"),
    "unknown model": ("train --model gan", 2, "gan"),
    "steps of 0": ("train --steps 0", 2, "at least 1"),
    "epochs and steps": ("train --steps 1 --epochs 1", 2, "--epochs"),
    "minutes nan": ("train --minutes nan", 2, "--minutes"),
    "batch size of words": ("train --batch-size many", 2, "many"),
    "negative rate": ("train --lr -1", 2, "--lr"),
    "ema of 1": ("train --ema 1", 2, "below 1"),
    "tiny images": ("train --image-size 4", 2, "at least 8"),
    "setting without a value": ("train --set beta", 2, "KEY=VALUE"),
    "out that is not empty": ("train --out TMP/full", 5, "not empty"),
    "out that is a file": ("train --out TMP/full/kept", 5, "kept"),
    "out below a file": ("train --out TMP/full/kept/run", 5, "kept"),
    "overwriting what is no run": ("train --out TMP/full --overwrite", 5, "full"),
    "resume with settings": ("train --resume RUN --lr 1", 2, "--lr"),
    "resume of nothing": ("train --resume TMP/absent", 5, "absent"),
    "no run": ("sample TMP/absent", 5, "absent"),
    "not a run": ("sample TMP/full", 5, "config.json"),
    "info of no run": ("info TMP/absent", 5, "absent"),
    "weights missing": ("sample RUN --sampler ddim --steps 2", 5, "no weights"),
    "unknown sampler": ("sample RUN --sampler eular", 2, "eular"),
    "steps above T": ("sample RUN --steps 21", 2, "20"),
    "no steps": ("sample RUN --steps 0", 2, "at least 1"),
    "unknown spacing": ("sample RUN --timesteps random", 2, "random"),
    "eta above 1": ("sample RUN --eta 2", 2, "--eta"),
    "option of blend": ("sample RUN --share 0.2", 2, "has no option 'share'"),
    "label out of range": ("sample RUN --labels 3,10", 2, "0 to 9"),
    "negative label": ("sample RUN --labels=-1", 2, "labels"),
    "no images": ("sample RUN --n 0", 2, "from 1"),
    "too many images": ("sample RUN --n 1000000000", 2, "100000"),
    "a part of one file": ("sample RUN --part 1/2", 2, "FOLDER/"),
    "a part beyond the last": ("sample RUN --part 3/2 --out TMP/a/", 2, "K/M"),
    "an animation of shards": ("sample RUN --gif TMP/a.gif --out TMP/a/", 2, "--gif"),
    "out of no kind": ("sample RUN --out TMP/a.bmp", 2, ".png"),
    "out in no folder": ("sample RUN --out TMP/absent/a.png", 5, "absent"),
    "out exists": ("sample RUN --out TMP/full/kept.png", 5, "--overwrite"),
    "gif exists": ("sample RUN --gif TMP/full/kept.gif", 5, "--overwrite"),
    "one file for two": ("sample RUN --out TMP/a.png --steps-picture TMP/a.png", 2, "different"),
    "unknown prediction": ("train --predict noise", 2, "x0"),
    "unknown schedule": ("train --schedule steep", 2, "linear"),
    "min-snr of 0": ("train --min-snr 0", 2, "above 0"),
    "eta of another sampler": ("sample RUN --sampler unipc --eta 0.5", 2, "unipc takes no eta: that is for ddim"),
    "variance of another sampler": ("sample RUN --variance fixed_large", 2, "unipc takes no variance"),
    "unknown variance": ("sample RUN --sampler ddpm --variance learned", 2, "fixed_small"),
    "threshold above 1": ("sample RUN --threshold 2", 2, "--threshold"),
    "threshold and none": ("sample RUN --threshold 0.9 --no-clip", 2, "--no-clip"),
    "no clip for a vae": ("sample RUN.vae --no-clip", 2, "sampling of vae has no option 'clip_denoised'"),
    "guidance of one step": ("sample RUN.ae --guidance 2", 2, "sampling of ae has no option 'guidance'"),
    "one level": ("sample RUN --guidance-interval 3", 2, "LOW,HIGH"),
    "levels of words": ("sample RUN --guidance-interval low,high", 2, "LOW,HIGH"),
    "negative level": ("sample RUN --guidance-interval=-1,2", 2, "LOW,HIGH"),
    "nan for a level": ("sample RUN --guidance-interval nan,2", 2, "LOW,HIGH"),
    "falling levels": ("sample RUN --guidance-interval 3,0.3", 2, "two rising numbers"),
    "rescaled by 2": ("sample RUN --guidance-rescale 2", 2, "--guidance-rescale"),
    "interpolation in one step": ("interpolate RUN --steps 1", 2, "from 2"),
    "inversion beyond T": ("reconstruct RUN --steps 21", 2, "20"),
    "interpolation beyond T": ("interpolate RUN --ddim-steps 21", 2, "20"),
    "inversion without noise": ("interpolate RUN.vae --ddim-steps 20", 2, "vae"),
    "noise of a vae": ("reconstruct RUN.vae --show-noise", 2, "vae has no noise"),
    "img2img on vae": ("img2img RUN.vae", 2, "vae cannot start from a given image: use ddpm or cddpm"),
    "inpaint on blend": ("inpaint RUN.blend", 2, "blend cannot start"),
    "no strength": ("img2img RUN --strength 0", 2, "above 0"),
    "strength above 1": ("img2img RUN --strength 1.5", 2, "at most 1"),
    "img2img beyond T": ("img2img RUN --steps 21", 2, "20"),
    "img2img with a label out of range": ("img2img RUN --labels 10", 2, "0 to 9"),
    "img2img with labels for none": ("img2img RUN.ddpm --labels 1", 2, "ddpm takes no labels"),
    "inpaint with memory": ("inpaint RUN --sampler heun", 2, "heun"),
    "inpaint beyond T": ("inpaint RUN --steps 250", 2, "20"),
    "box of three": ("inpaint RUN --box 1,2,3", 2, "TOP,LEFT,HEIGHT,WIDTH"),
    "box outside": ("inpaint RUN --box 4,0,5,8", 2, "8 high"),
    "box of no height": ("inpaint RUN --box 4,0,0,8", 2, "inside"),
    "box and mask": ("inpaint RUN --box 4,0,4,8 --mask TMP/full/dark.png", 2, "--mask"),
    "no mask": ("inpaint RUN --mask TMP/absent.png", 2, "absent.png"),
    "mask that is no picture": ("inpaint RUN --mask TMP/full/kept", 2, "full/kept"),
    "mask of the wrong size": (
        "inpaint RUN --mask TMP/full/wide.png",
        2,
        "is 9x8 pixels; expected",
    ),
    "mask of nothing": ("inpaint RUN --mask TMP/full/dark.png", 2, "dark"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_before_tensorflow_starts(case, call, written, tmp_path, monkeypatch):
    """RUN is a run of cddpm, RUN.vae of vae ..."""
    words, code, phrase = BAD[case]
    family = re.search(r"RUN\.?(\w*)", words)
    run = written(family[1] if family and family[1] else "cddpm")
    (tmp_path / "full").mkdir()
    for name in ("kept", "kept.png", "kept.gif"):
        (tmp_path / "full" / name).write_text("kept")
    Image.new("L", (9, 8), 255).save(tmp_path / "full" / "wide.png")
    Image.new("L", (8, 8), 0).save(tmp_path / "full" / "dark.png")
    classes = (name for name in sys.modules if re.match(r"genzoo\.models\.(?!families$)", name))
    for name in {*NEEDS_TENSORFLOW, *classes}:
        monkeypatch.setitem(sys.modules, name, None)  # to import it is an error now
    before = snapshot(tmp_path)
    words = re.sub(r"RUN(\.\w+)?", str(run), words).replace("TMP", str(tmp_path))
    got, out, err = call(*words.split())
    assert got == code, err
    assert err.startswith("genzoo: error: ") and err.count("\n") == 1 and phrase in err and not out
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("data, code", [("mnits", 2), ("folder:absent", 4), ("tfds:../absent", 4)])
def test_bad_data(data, code, call, tmp_path):
    got, _, err = call("train", "--data", data, "--out", tmp_path / "run")
    assert got == code and err.count("\n") == 1 and data.split(":")[-1] in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("family", [name for name in MODELS if name not in ("cvae", "cddpm")])
def test_labels_for_a_family_without(family, call, written):
    code, _, err = call("sample", written(family), "--labels", "1")
    assert code == 2 and f"{family} takes no labels" in err


@pytest.mark.parametrize("family", [name for name in MODELS if name not in ("blend", "ddpm", "cddpm")])
def test_the_way_of_a_family_without(family, call, written, tmp_path):
    code, _, err = call("sample", written(family), "--gif", tmp_path / "a.gif")
    assert code == 2 and f"{family} makes an image in one step" in err


@pytest.mark.parametrize("command", ["reconstruct", "interpolate"])
@pytest.mark.parametrize("family", ["blend"])
def test_images_into_a_family_without_an_encoder(command, family, call, written):
    code, _, err = call(command, written(family))
    assert code == 2 and f"{family} has no encoder" in err and "ae or vae or cvae or ddpm or cddpm" in err


def test_run_folders_that_are_broken_or_newer(call, written):
    run = written(format=999)
    code, _, err = call("sample", run)
    assert code == 5 and "newer" in err
    (run / "config.json").write_text('{"format": 1, "model"')
    code, _, err = call("sample", run)
    assert code == 5 and err.count("\n") == 1


def test_debug_shows_where(call, tmp_path):
    code, _, err = call("info", tmp_path / "absent", "--debug")
    assert code == 5 and "Traceback" in err


@pytest.mark.parametrize(
    "error, code", [(KeyboardInterrupt(), 130), (OSError(28, "No space left"), 5), (MemoryError(), 5)]
)
def test_other_ends(error, code, call, monkeypatch):
    def fail(args):
        raise error

    monkeypatch.setattr(info, "info", fail)
    got, _, err = call("info", "RUN")
    assert got == code and err.count("\n") == 1 and "Traceback" not in err and len(err) > len("genzoo: error: \n")


def test_the_declarations_say_what_the_classes_do():
    for family in MODELS.values():
        cls = family.load()
        assert family.encodes == (cls.reconstruct is not GenerativeModel.reconstruct)
        assert family.diffuses == issubclass(cls, Editing)
        assert family.in_steps == (cls.way is not GenerativeModel.way)


@pytest.mark.parametrize(
    "words, phrase",
    [
        ("--model ddpm --latent-dim 8", "diffusion_steps"),
        ("--model vae --set leyers=3", "latent_dim, beta, network, precision, widths"),
        ("--model vae --set latent_dim=big", "latent_dim of vae: expected a whole number"),
        ("--model vae --set latent_dim=true", "got True"),
        ("--model vae --set widths=8", "widths"),
        ("--model vae --latent-dim 1000000", "latent_dim"),
        ("--model ddpm --set schedule=steep", "steep"),
        ("--model ddpm --set min_snr=high", "a number above 0, or none"),
        ("--model ddpm --zero-snr --predict eps", "zero_snr needs predict v or x0"),
        ("--model vae --predict v", "vae has no option 'predict'"),
        ("--model ddpm --set predict=noise", "noise"),
    ],
)
def test_bad_options_of_a_family(words, phrase, call, tmp_path):
    code, _, err = call("train", *TINY, "--out", tmp_path / "run", *words.split())
    assert code == 2 and err.count("\n") == 1 and phrase in err
    assert not (tmp_path / "run").exists()


# A run from its training to its pictures.


def arrays(path):
    with np.load(path) as file:
        return file["images"], file["labels"]


@pytest.mark.slow
def test_a_run_from_training_to_samples_without_chatter(tmp_path):
    run = tmp_path / "a run"
    done = genzoo("train", "--model", "vae", "--steps", "2", "--out", run, *TINY)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("data: digits (asked for)")
    assert f"genzoo sample '{run}'" in rest[-1] and str(run / "samples" / "step_0000002.png") in done.stdout
    assert all(line.startswith("step ") for line in done.stderr.splitlines())  # the progress

    for argv in (["info", run], ["sample", run, "--n", "4"], ["sample", run, "--n", "4"]):
        done = genzoo(*argv)
        assert (done.returncode, done.stderr) == (0, "")
    assert (run / "sample.png").read_bytes() == (run / "sample-2.png").read_bytes()


@pytest.mark.parametrize("family", families())
def test_npz(family, trained, call, tmp_path):
    run = trained(family)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        code, out, err = call("sample", run, "--n", 12, "--seed", seed, "--out", tmp_path / f"{name}.npz")
        assert code == 0 and f"wrote {tmp_path / name}.npz" in out, err
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    images, labels = arrays(tmp_path / "a.npz")
    assert images.shape == (12, 8, 8, 1) and images.dtype == np.uint8
    assert labels.dtype == np.int32
    assert labels.tolist() == ([*range(10), 0, 1] if family in ("cvae", "cddpm") else [-1] * 12)
    assert (arrays(tmp_path / "c.npz")[0] != images).any()


SAMPLING = {"sampler": "unipc", "steps": 7, "timesteps": "trailing", "clip_denoised": True, "threshold": None}
INTERVAL = {"guidance_interval": (1.0, 10.0)}
PRIOR = {"prior": "mixture"}
COMPLETE = {
    "vae": PRIOR, "cvae": PRIOR, "blend": INTERVAL | {"guidance": 3.0, "share": None},
    "ddpm": SAMPLING | INTERVAL | {"guidance": 3.0, "guidance_rescale": 0.0},
    "cddpm": SAMPLING | INTERVAL | {"guidance": 1.7, "guidance_rescale": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    "family, words, n, labels, options",
    [
        ("vae", "--n 3 --seed 5", 3, None, {}),
        ("vae", "--prior normal", 64, None, {"prior": "normal"}),
        ("cvae", "", 60, [*range(10)] * 6, {}),
        ("cvae", "--labels 3x2,7", 3, [3, 3, 7], {}),
        ("cvae", "--labels 0-2 --n 5", 5, [0, 1, 2, 0, 1], {}),
        ("cvae", "--labels 0-9 --n 2", 2, [0, 1], {}),
        ("blend", "--steps 5 --share 0.2", 64, None, {"steps": 5, "share": 0.2}),
        ("ddpm", "", 64, None, {}),
        ("cddpm", "--n 1", 1, [0], {}),
        ("ddpm", "--sampler ddpm --variance fixed_large", 64, None,
         {"sampler": "ddpm", "steps": 20, "variance": "fixed_large"}),
        ("cddpm", "--n 1 --sampler ddim --steps 5 --eta 0.5 --timesteps quad --guidance 0", 1, [0],
         {"sampler": "ddim", "steps": 5, "eta": 0.5, "timesteps": "quad", "guidance": 0.0}),
        ("cddpm", "--n 2 --sampler unipc --threshold 0.9 --guidance-interval 0.3,inf --guidance-rescale 0.7", 2, [0, 1],
         {"sampler": "unipc", "threshold": 0.9,
          "guidance_interval": (0.3, float("inf")), "guidance_rescale": 0.7}),
        ("ddpm", "--n 2 --no-clip --steps 3", 2, None, {"steps": 3, "clip_denoised": False}),
    ],
)  # fmt: skip
def test_what_is_asked_reaches_the_model(family, words, n, labels, options, call, written, monkeypatch):
    asked = []

    class Model:
        conditional = family in ("cvae", "cddpm")

        def sample(self, n, progress, **options):
            asked.append({"n": n, **options})
            return np.zeros([n, 8, 8, 1], np.float32)

        def evaluations(self, **asked):
            assert asked == COMPLETE[family] | options
            return 7

    monkeypatch.setattr(sample, "load", lambda run: Model())
    code, out, _ = call("sample", written(family), *words.split())
    assert code == 0 and re.match(rf"{n} images, .*in [\d.]+ s: [\d.]+ images/s\n", out)
    options = COMPLETE[family] | options
    if "steps" in options:
        assert f"{options['steps']} steps, 7 network evaluations each, " in out
    if "sampler" in options:
        assert f", {options['sampler']}, " in out
    assert asked == [{"n": n, "labels": labels, "seed": 5 if "--seed" in words else 0, **options}]


@pytest.mark.parametrize(
    "family, words, rows",
    [("blend", "", 5), ("cddpm", "--timesteps uniform", 5)]
    + [("cddpm", f"--sampler {name} --timesteps logsnr", {"heun": 9}.get(name, 5)) for name in SAMPLERS],
)
def test_pictures_of_the_way(family, words, rows, trained, call, tmp_path):
    names = {"--out": "a.png", "--gif": "a.gif", "--steps-picture": "steps.png"}
    files = [word for option, name in names.items() for word in (option, tmp_path / name)]
    code, out, err = call("sample", trained(family), "--n", 9, "--steps", 5, *words.split(), *files)
    assert code == 0 and out.count("wrote") == 3, err
    still = np.asarray(Image.open(tmp_path / "a.png").convert("L"), int)
    with Image.open(tmp_path / "a.gif") as gif:
        assert rows - 1 <= gif.n_frames - 1 <= rows  # the noise, and what each evaluation made of it
        gif.seek(gif.n_frames - 1)
        assert np.abs(np.asarray(gif.convert("L"), int) - still).max() <= 1  # it ends in the picture
        n_frames = gif.n_frames
    with Image.open(tmp_path / "steps.png") as picture:
        width, height = picture.size
    assert width * (n_frames * 10 + 2) == height * (8 * 10 + 2)  # rows of 4 pairs, 8 + 2 pixels each


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_drawn_is_what_the_model_samples(sampler, trained, call, tmp_path):
    run = trained("cddpm")
    code, _, err = call("sample", run, "--n", 3, "--sampler", sampler, "--steps", 7, "--out", tmp_path / "a.npz")
    assert code == 0, err
    images = sample.load(run).sample(3, sampler=sampler, steps=7)
    np.testing.assert_array_equal(arrays(tmp_path / "a.npz")[0], to_uint8(images, (8, 8, 1)))


@pytest.mark.parametrize("family", ["cvae", "blend", "cddpm"])
def test_the_library_draws_by_default_what_the_command_draws(family, trained, call, tmp_path):
    labels = MODELS[family].labels
    words = ("--labels", "3,7") if labels else ("--n", "2")
    assert call("sample", trained(family), *words, "--out", tmp_path / "a.npz")[0] == 0
    images = sample.load(trained(family)).sample(**{"labels": [3, 7]} if labels else {"n": 2})
    np.testing.assert_array_equal(arrays(tmp_path / "a.npz")[0], to_uint8(images, (8, 8, 1)))


def test_28_pixels_are_padded_to_32_and_cropped_again(call, tmp_path):
    """From the data through training to what is drawn: no image is moved, and none keeps its padding."""
    run, side = tmp_path / "run", 28
    words = ["--data", "digits", "--image-size", side, "--widths", "4,4", "--latent-dim", "4", "--sample-every", "0"]
    with eagerly():
        assert call("train", "--model", "ae", "--steps", 1, "--out", run, *words)[0] == 0
        assert call("sample", run, "--n", 3, "--out", tmp_path / "a.npz")[0] == 0
        assert call("reconstruct", run, "--n", 4, "--out", tmp_path / "a.png")[0] == 0
    config = json.loads((run / "config.json").read_text())
    assert config["model_config"]["image_shape"] == [32, 32, 1] and config["data"]["native_shape"] == [28, 28, 1]
    assert arrays(tmp_path / "a.npz")[0].shape == (3, side, side, 1)
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    scale = picture.shape[1] // (4 * (side + 2) + 2)
    above = picture[::scale, ::scale][2 : 2 + side, 2:].reshape(side, 4, side + 2)[:, :, :side]
    data = load_data("digits", image_size=side)
    originals = data.test_images[permutation(len(data.test_images), 0)[:4], ..., 0]
    np.testing.assert_array_equal(above.swapaxes(0, 1), originals)


def cells(path, rows, columns):
    """The 8x8 images of a picture [rows, columns, 8, 8]."""
    picture = np.asarray(Image.open(path).convert("L"))
    scale = picture.shape[1] // (10 * columns + 2)
    assert picture.shape == (scale * (10 * rows + 2), scale * (10 * columns + 2))
    images = picture[::scale, ::scale][2:, 2:].reshape(rows, 10, columns, 10).swapaxes(1, 2)
    return images[..., :8, :8].astype(int)


@pytest.mark.parametrize("family", ["ae", "cvae", "cddpm"])
def test_reconstruct_and_interpolate(family, trained, call, tmp_path):
    for name in ("a", "b"):
        code, out, err = call("reconstruct", trained(family), "--n", 13, "--out", tmp_path / f"{name}.png")
        assert code == 0 and "13 test images" in out, err
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    images = cells(tmp_path / "a.png", 4, 10)  # twice originals above reconstructions
    assert (images[2:, 3:] == GAP).all() and not (images[2:, :3] == GAP).all((2, 3)).any()
    code, _, err = call("interpolate", trained(family), "--n", 3, "--steps", 4, "--out", tmp_path / "c.png")
    assert code == 0, err
    assert cells(tmp_path / "c.png", 3, 6).std((2, 3)).min() > 0


def test_noise_between_an_image_and_its_reconstruction(trained, call, tmp_path):
    words = ["--n", 4, "--steps", 5, "--show-noise", "--out", tmp_path / "a.png"]
    assert call("reconstruct", trained("cddpm"), *words)[0] == 0
    images = cells(tmp_path / "a.png", 3, 4)
    assert 100 < images[1].mean() < 155 and images[0].mean() < 100  # around grey; digits are dark


def test_img2img(trained, call, tmp_path):
    # After two steps of training a label moves little: guidance makes it show in 8 bits.
    other = "--labels 1,2 --sampler unipc --guidance 100 --guidance-interval 0,inf"
    for name, words in {"a": "", "b": "", "c": "--seed 1", "d": other}.items():
        words = f"--n 4 --steps 5 --strength 0.5 {words}".split()
        code, out, err = call("img2img", trained("cddpm"), *words, "--out", tmp_path / f"{name}.png")
        assert code == 0 and "4 images in" in out, err
    a, b, c, d = (cells(tmp_path / f"{name}.png", 2, 4) for name in "abcd")
    assert (a == b).all() and (a[0] == d[0]).all()
    assert all((other[1] != a[1]).any() for other in (c, d))


@pytest.mark.parametrize("where", ["", "--box 2,0,3,8", "--mask"])
def test_inpaint(where, trained, call, tmp_path):
    made = np.zeros((8, 8), bool)
    if where == "--mask":
        made[1:4, 5:] = True
        Image.fromarray((255 * made).astype(np.uint8)).save(tmp_path / "mask.png")
        where += f" {tmp_path / 'mask.png'}"
    else:
        made[2 : 5 if where else 8] = True
        made[:4] &= bool(where)
    words = f"--n 4 --steps 5 {where}".split()
    code, out, err = call("inpaint", trained("cddpm"), *words, "--out", tmp_path / "a.png")
    assert code == 0, err
    original, kept, new = cells(tmp_path / "a.png", 3, 4)
    assert (kept[:, made] == 128).all() and (kept[:, ~made] == original[:, ~made]).all()
    assert np.abs(new - original)[:, ~made].max() <= 1
    assert (new != original)[:, made].any(1).all()


def test_files_are_numbered_and_replaced_only_when_asked(trained, call, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained("ae"), run)
    for name in ("sample.png", "sample-2.png", "sample-3.png"):
        assert call("sample", run, "--n", 1)[0] == 0
        assert (run / name).exists()
    before = snapshot(run)
    assert call("sample", run, "--n", 2, "--out", run / "sample.png")[0] == 5
    assert snapshot(run) == before
    assert call("sample", run, "--n", 2, "--out", run / "sample.png", "--overwrite")[0] == 0
    changed = {path for path, content in snapshot(run).items() if before.get(path) != content}
    assert changed == {run / "sample.png"}


def test_info(trained, call):
    code, out, err = call("info", trained("cddpm"))
    assert code == 0 and not err
    said = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert said["status"] == "finished, 2 of 2 steps"
    assert said["model"].startswith("cddpm") and said["data"].startswith("digits (asked for), 8x8x1, 10 classes")
    assert int(said["parameters"].replace(",", "")) > 1000 and len(said["state"].split()[1]) == 64
    assert "val_loss" in said["metrics"] and "tensorflow" in said["versions"]
    assert said["next"] == f"genzoo sample {trained('cddpm')}"


def test_info_into_a_closed_pipe(written):
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "-m", "genzoo", "info", str(written())]
    done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (141, "")


def test_data_that_changed(trained, call, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained("ae"), run)
    config = json.loads((run / "config.json").read_text())
    config["data"]["fingerprint"] = "0" * 64
    (run / "config.json").write_text(json.dumps(config))
    code, _, err = call("reconstruct", run)
    assert code == 4 and "digits is not what" in err


def test_resuming_a_finished_run_changes_nothing(trained, call):
    before = snapshot(trained("ae"))
    code, out, _ = call("train", "--resume", trained("ae"))
    assert code == 0 and "nothing to resume" in out and snapshot(trained("ae")) == before


def test_shards_hold_the_images_of_one_file_however_they_are_split(trained, call, tmp_path, monkeypatch):
    """Also where a shard is lost, and drawn again by a second call."""
    monkeypatch.setattr("genzoo.models.sampling.CHUNK", 4)
    monkeypatch.setattr("genzoo.runs.shards.CHUNK", 4)
    monkeypatch.setattr("genzoo.runs.shards.SHARD_BYTES", 8 * 64)  # two chunks
    run, words = trained("cvae"), ("--n", 30, "--seed", 7, "--labels", "3,1,4")
    assert call("sample", run, *words, "--out", tmp_path / "a.npz")[0] == 0
    whole = arrays(tmp_path / "a.npz")

    def together(folder):
        files = sorted((tmp_path / folder).glob("*.npz"))
        assert [path.name for path in files] == [f"images-0000{i}-of-00004.npz" for i in (1, 2, 3, 4)]
        return [np.concatenate(both) for both in zip(*map(arrays, files), strict=True)]

    code, out, _ = call("sample", run, *words, "--out", f"{tmp_path}/one/")
    assert code == 0 and "wrote 4 of 4 shards" in out
    kept = (tmp_path / "one" / "images-00001-of-00004.npz").stat().st_mtime_ns
    (tmp_path / "one" / "images-00003-of-00004.npz").unlink()
    code, out, _ = call("sample", run, *words, "--out", f"{tmp_path}/one/")
    assert "wrote 1 of 4 shards" in out and "3 were there" in out
    assert (tmp_path / "one" / "images-00001-of-00004.npz").stat().st_mtime_ns == kept
    for part in ("2/3", "3/3", "1/3"):
        assert call("sample", run, *words, "--out", f"{tmp_path}/three/", "--part", part)[0] == 0
    for folder in ("one", "three"):
        for found, expected in zip(together(folder), whole, strict=True):
            np.testing.assert_array_equal(found, expected)

    for changed, named in ((["--seed", 8], "seed"), (["--n", 29], "n"), (["--prior", "normal"], "options")):
        code, _, err = call("sample", run, *words, *changed, "--out", f"{tmp_path}/one/")
        assert code == 5 and f"other {named}:" in err and err.count("\n") == 1
    assert call("sample", run, *words, "--n", 3, "--out", f"{tmp_path}/one/", "--overwrite")[0] == 0
    assert [path.name for path in (tmp_path / "one").glob("*.npz")] == ["images-00001-of-00001.npz"]
