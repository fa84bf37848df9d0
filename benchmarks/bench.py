"""How fast, row by row, every figure beside the ones it is compared with: a table each, and all in one JSON.

    python -m benchmarks.bench                                  # `make bench`; half an hour on two quiet cores
    python -m benchmarks.bench --rows throughput,efficiency --rounds 5
    python -m benchmarks.bench --course-python ~/torch/bin/python   # PyTorch and diffusers from another environment

Without PyTorch and diffusers (the extra `bench`), the course's baseline is left out, and said to be.
"""

import argparse
import logging
import sys
import tempfile
from contextlib import ExitStack
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path

from benchmarks import reporting
from benchmarks.processes import course_versions, save_for_course, started
from genzoo.errors import GenzooError

ROWS = ("throughput", "efficiency", "overhead", "matched", "startup", "growth", "minutes")


def default_trainer(name, data, **workers):
    """Returns a `Trainer` of a family with all its defaults on an ImageData. workers: as of `Trainer`."""
    from genzoo.models.families import build, family
    from genzoo.training.loop import Trainer

    model = build(name, image_shape=data.image_shape, num_classes=data.num_classes)
    settings = family(name).train | {"seed": 0, "jit_compile": False, "tensorboard": False}
    return Trainer(model, data, settings, **workers)


class Bench:
    """What the rows share. data: of the name asked for; rounds: of each measurement; seconds: of a training part."""

    def __init__(self, data, rounds, seconds, course_python, quality, stack):
        self.data_name, self.rounds, self.seconds, self.quality = data, rounds, seconds, quality
        self._course_python, self._stack = course_python, stack

    @cached_property
    def folder(self):
        """A folder that is removed at the end."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="genzoo-bench-")))

    @cached_property
    def data(self):
        from genzoo.data.sets import load_data

        return load_data(self.data_name)

    @cache  # noqa: B019 (there is one bench, and it lives as long as the process)
    def trainer(self, name, in_files=False):
        """A `Trainer` of a family with all its defaults. in_files: whether the images are read from files."""
        from genzoo.data.sets import load_data

        data = load_data(self.data_name, cache=str(self.folder / "sets")) if in_files else self.data
        return default_trainer(name, data)

    @cached_property
    def article(self):
        """(the article's model, compiled; its batches; their size)."""
        from benchmarks.baselines.article import BATCH, Article
        from genzoo.stack import keras

        model = Article(self.data.image_shape, self.data.num_classes)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
        return model, self.data.train_batches(BATCH, seed=0, epoch=0), BATCH

    @cached_property
    def course_versions(self):
        """Of PyTorch and diffusers; None where the course's baseline cannot run, which is said."""
        if self.data.native_shape != (28, 28, 1):
            return print("the course's baseline is left out: it is made for images of 28x28x1")
        found = course_versions(self._course_python)
        if found is None:
            print("the course's baseline is left out: no PyTorch with diffusers here; pip install -e '.[bench]'")
        return found

    @cached_property
    def course(self):
        """The connection to the course's baseline; None where it cannot run."""
        if self.course_versions is None:
            return None
        save_for_course(self.data, self.folder / "data.npz")
        asked = {"data": str(self.folder / "data.npz")}
        connection = self._stack.enter_context(started("benchmarks.baselines.course", asked, self._course_python))
        connection.recv()  # it is ready
        return connection

    def ask_course(self, method, *arguments):
        """What a method of `course.Course` returns, in its process."""
        self.course.send((method, arguments))
        return self.course.recv()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default=",".join(ROWS), help="which, of: %(default)s")
    parser.add_argument("--data", default="mnist", help="data set (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a training part (default: %(default)s)")
    parser.add_argument("--course-python", default=sys.executable, metavar="PATH", help="a Python with the extra bench")
    parser.add_argument("--quality", type=Path, default=reporting.FOLDER / "quality.json", help="what quality.py wrote")
    parser.add_argument("--out", type=Path, default=reporting.FOLDER / "bench.json", help="(default: %(default)s)")
    args = parser.parse_args(argv)
    names = args.rows.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        parser.error(f"unknown row {unknown[0]!r}: choose from {', '.join(ROWS)}")
    if args.rounds < 1:
        parser.error(f"--rounds {args.rounds}: expected at least 1")

    logging.getLogger("tensorflow").setLevel("ERROR")  # it warns that so many models are traced
    with ExitStack() as stack:
        bench = Bench(args.data, args.rounds, args.seconds, args.course_python, args.quality, stack)
        try:
            written = reporting.Results(args.out, bench.course_versions, data=args.data, rounds=args.rounds)
        except GenzooError as error:
            sys.exit(f"error: {error}")
        print(written.heading, flush=True)
        for name in names:
            row = import_module(f"benchmarks.rows.{name}")
            found = row.measure(bench)
            written.add(name, found)
            print(f"\n{row.TITLE}\n\n{row.table(found).text()}", flush=True)
    print(f"{written.content['seconds']:.0f} s; wrote {args.out}")


if __name__ == "__main__":
    main()
