"""`python -m benchmarks.million`: a million images of 64x64x3, trained on, measured and gone on with in 3 GB of memory.

The images are blocks of colour, a function of their numbers alone; they go through the cache as those of any source do,
12 GB of them. Each step is a process of its own with RLIMIT_DATA, which the system holds it to: all memory that it
writes to, but for the pages of the mapped file, which the system takes back where it needs them. Children of a step,
such as that of the judge, have the same limit each. What they hold together is read every half second and drawn.

With --labels the images have ten labels, and a judge of few steps reads them. `--keep` keeps the files. With --files
they are JPEG files of 28x28 in a folder instead, the first 1,000 over and over, and only training is tried.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from tqdm import trange

from genzoo.data import catalogue
from genzoo.data.cache import stamp_of

SIDE, BLOCK = 64, 1000  # pixels; images made at once
TINY = ["--model", "ae", "--widths", "8,8,8", "--latent-dim", "8", "--batch-size", "64", "--sample-every", "0"]
JUDGE_STEPS = 100
STOP_AFTER = 10  # seconds after a run's beginning it is told to stop


def load(rest, _, __, cache):
    """A loader, see `genzoo.data.catalogue`. rest: how many images, and how many classes."""
    count, classes = map(int, rest.split("x"))

    def read(start):
        while start < count:
            block, at = divmod(start, BLOCK)
            raw = np.random.Philox(np.random.SeedSequence([block])).random_raw(BLOCK * 24)
            colours = raw.view(np.uint8).reshape(BLOCK, 8, 8, 3)[at : count - block * BLOCK]
            yield colours.repeat(SIDE // 8, axis=1).repeat(SIDE // 8, axis=2), colours[:, 0, 0, 0] % np.int32(classes)
            start += len(colours)

    images, labels = cache.images("all", count, (SIDE, SIDE, 3), read, lambda: stamp_of([]))
    return (images, labels), None, tuple(map(str, range(classes))) if classes > 1 else (), ()


def write_files(folder, count):
    """Writes JPEG files, a thousand folders of them."""
    colours = np.random.default_rng(0).integers(0, 256, (1000, 4, 4, 3), np.uint8)
    made = [io.BytesIO() for _ in colours]
    for image, file in zip(colours.repeat(7, axis=1).repeat(7, axis=2), made, strict=True):
        Image.fromarray(image).save(file, "JPEG")
    for start in trange(0, count, 1000, desc="writing files", unit=" thousand"):
        place = folder / f"{start // 1000:04d}"
        place.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(made[: count - start]):
            (place / f"{number:03d}.jpg").write_bytes(file.getvalue())


def step(words):
    """Is a step's process: a command of genzoo, with the set "million" beside the others."""
    from genzoo.cli.main import console
    from genzoo.evaluation.metrics import judge

    judge.RECIPE |= {"epochs": 0, "least_steps": JUDGE_STEPS}
    source = catalogue.Source("million", "made up", f"{__name__}:load", rest=os.environ["MILLION"])
    catalogue.SOURCES["million"] = source
    console(words)


def held(process):
    """Bytes that a process and its children hold, but for pages of files."""
    found = 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(OSError, KeyError, psutil.Error):  # it may have just ended
            lines = dict(line.split(":", 1) for line in Path(f"/proc/{one.pid}/status").read_text().splitlines())
            found += 1024 * int(lines["RssAnon"].split()[0])
    return found


def run(name, words, limit, environ, rows, stop_at=None):
    """Runs a step; its memory goes into rows. stop_at: a file soon after whose appearance the step is told to stop."""
    began, told = time.monotonic(), False
    before = rows[-1]["second"] if rows else 0.0
    command = [sys.executable, "-m", "benchmarks.million", "--step", *words]
    limited = lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # noqa: E731
    with subprocess.Popen(command, env=environ, preexec_fn=limited) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                second = before + time.monotonic() - began
                rows.append({"step": name, "second": round(second, 1), "held": held(watched)})
            if stop_at and not told and stop_at.exists() and time.time() - stop_at.stat().st_mtime > STOP_AFTER:
                process.send_signal(signal.SIGTERM)
                told = True
            time.sleep(0.5)
    if process.returncode != (143 if told else 0):
        raise SystemExit(f"{name}: exit code {process.returncode}")
    mine = [row["held"] for row in rows if row["step"] == name]
    print(f"{name}: {time.monotonic() - began:.0f} s, at most {max(mine) / 2**30:.2f} GiB", flush=True)


def draw(rows, limit, path):
    """Draws the curve as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
    seconds, most = [row["second"] for row in rows], limit / 2**30
    axes.plot(seconds, [row["held"] / 2**30 for row in rows], color="#1f5fa8", linewidth=1, label="held")
    axes.axhline(most, color="#b03030", linestyle="--", label="limit of each process")
    names = list(dict.fromkeys(row["step"] for row in rows))
    for i, name in enumerate(names):
        first = next(row["second"] for row in rows if row["step"] == name)
        axes.axvline(first, color="grey", linewidth=0.5)
        height = most * (0.95 - 0.08 * (i % 3))  # short steps lie close together
        axes.text(first, height, f" {name}", fontsize=8, verticalalignment="top")
    axes.set(xlabel="seconds", ylabel="GiB", ylim=(0, 1.15 * most), xlim=(0, 1.08 * max(seconds)))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", fontsize=8, ncols=2)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--limit", type=float, default=3e9, help="bytes (default: 3e9)")
    parser.add_argument("--n", type=int, default=100, help="samples to measure (default: 100)")
    parser.add_argument("--steps", type=int, default=300, help="of training (default: 300)")
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/results/million"))
    parser.add_argument("--files", action="store_true", help="read as many JPEG files")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    cache, rows, limit = args.folder / "cache", [], int(args.limit)
    free = shutil.disk_usage(args.folder).free
    if free < 1.1 * args.images * SIDE * SIDE * 3:
        raise SystemExit(f"{free / 1e9:.0f} GB are free in {args.folder}: ask for fewer --images")
    home, classes = (args.folder / "home").absolute(), 10 if args.labels else 1  # judges of few steps are for here only
    environ = os.environ | {"MILLION": f"{args.images}x{classes}", "XDG_CACHE_HOME": str(home)}
    whole, cut = args.folder / "whole", args.folder / "cut"
    length = ["--steps", args.steps]
    data = ["--data", f"folder:{args.folder / 'files'}", "--image-size", 32] if args.files else ["--data", "million"]
    train = ["train", *TINY, *data, "--cache", cache, "--overwrite", *length]

    def go(name, words, **more):
        run(name, [str(word) for word in words], limit, environ, rows, **more)
        said = {"images": args.images, "labels": args.labels, "limit": limit, "rows": rows}
        (args.folder / "memory.json").write_text(json.dumps(said))  # after each step: all of them take a while
        draw(rows, limit, args.folder / "memory.png")

    if args.files:
        write_files(args.folder / "files", args.images)
    go("write, train", [*train, "--out", whole])
    if args.files:
        go("train again", [*train, "--out", cut])
        if not args.keep:
            shutil.rmtree(cache)
            shutil.rmtree(args.folder / "files")
        return
    go("train again, cut", [*train, "--out", cut], stop_at=cut / "config.json")
    go("resume", ["train", "--resume", cut])
    same = (whole / "weights.safetensors").read_bytes() == (cut / "weights.safetensors").read_bytes()
    go("evaluate", ["evaluate", whole, "--n", args.n])
    go("sample shards", ["sample", whole, "--n", 20_000, "--out", f"{args.folder / 'shards'}/", "--overwrite"])
    print(f"the resumed run has {'the same' if same else 'OTHER'} weights as the whole one")
    if not args.keep:
        shutil.rmtree(cache)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        step(sys.argv[2:])
    else:
        main()
