"""Time to quality: minutes from launch until 1,000 samples, at most 10 network evaluations each, are read as asked.

    python -m benchmarks.quality                      # `make bench-quality`; at most an hour and a half
    python -m benchmarks.quality --seeds 0 --baselines '' --minutes 3

Each candidate trains in a process of its own and sits an exam now and then (see `exams`): it draws with the weights
that it would sample with, and a classifier (`genzoo.metrics.judge`, trained on the training split before any clock
starts) reads the samples, in parts of 100, until 1,000 are read or too many are misread for the next goal. A goal is
reached when the exam ends in which at most 5, 2 or 1 % of 1,000 samples are misread. Nothing is subtracted: the clock
runs from the start of the process through imports, data, tracing, planning, training, checkpoints, pictures and every
exam so far.

The candidates: `genzoo train --model cddpm --minutes M` with each of the seeds; the article's model, sampled by 10
steps of DDIM; the course's likewise, its images decoded and in a file beforehand. A baseline is stopped after half an
hour, and then draws a few images by its own recipe of 100 or 1000 steps, off the clock, for the accuracy in `bench`.
"""

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import exams, reporting
from benchmarks.processes import course_versions, save_for_course, started
from genzoo.cli import types
from genzoo.errors import GenzooError
from genzoo.evaluation.metrics.intervals import wilson
from genzoo.pictures.tables import Cell, Column, Table

GOALS = (0.95, 0.98, 0.99)
ASKED = 1000  # samples
GRACE = 600.0  # seconds that a candidate has to answer, once the limit is past; then it is ended
MODULES = {"article": "benchmarks.candidates", "course": "benchmarks.baselines.course"}
BASELINES = tuple(MODULES)


def misread(goal):
    """How many of ASKED samples may be misread."""
    return math.floor(ASKED * (1 - goal) + 1e-9)


def examine(images, more, read, worst):
    """Reads the part `images` and further ones, more(), until ASKED are read or more than `worst` misread.

    → (how many were read, how many of them as asked)
    """
    n = hits = 0
    while True:
        hits += int((read(images) == np.array(exams.labels_of_part())).sum())
        n += len(images)
        if n >= ASKED or n - hits > worst:
            return n, hits
        images = more()


def watch(connection, read, limit, own=0, clock=time.monotonic):
    """Examines a candidate that has just been started, until it has reached all GOALS, is over, or `limit` seconds.

    own: images to draw by its own recipe at the end.    → the candidate's row, a dict.
    """
    began, exam_log, goals = clock(), [], dict.fromkeys(map(str, GOALS))

    def receive():
        if not connection.poll(max(0.0, began + limit - clock()) + GRACE):
            raise EOFError
        seen, shape, pixels = connection.recv()
        return seen, np.frombuffer(pixels, np.uint8).reshape(shape)

    def more(word=exams.MORE):
        connection.send(word)
        return receive()[1]

    row = {"goals": goals, "exams": exam_log, "own": None}
    try:
        while True:
            seen, images = receive()
            open_goals = [goal for goal in GOALS if goals[str(goal)] is None]
            n, hits = examine(images, more, read, misread(open_goals[0]))
            seconds = clock() - began
            exam_log.append({"seconds": seconds, "images_seen": seen, "n": n, "share": hits / n})
            for goal in open_goals:
                if n >= ASKED and n - hits <= misread(goal) and seconds <= limit:
                    goals[str(goal)] = seconds
            if None not in goals.values() or seconds > limit:
                break
            connection.send(exams.TRAIN)
        if own:
            row["own"] = own_recipe(own, lambda: more(exams.OWN), read)
        connection.send(exams.STOP)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        if not exam_log:
            raise ChildProcessError("a candidate ended before its first exam; what it said stands above") from None
    return row | exam_log[-1]


def own_recipe(n, more, read):
    """At least n images, ten at a time, one of each digit. → {"share", "n", "interval"}."""
    hits = drawn = 0
    while drawn < n:
        images = more()
        hits, drawn = hits + int((read(images) == np.arange(len(images))).sum()), drawn + len(images)
    return {"share": hits / drawn, "n": drawn, "interval": wilson(hits, drawn)}


def table(rows, limit):
    """rows: {name: what `watch` gave}; limit: seconds. A column of minutes for each goal, and ours against theirs."""
    ours = [row for name, row in rows.items() if name.startswith("ours")]
    columns = [Column(f"t{goal}", f"to {goal:.0%}", format=".1f", unit="min") for goal in GOALS]
    if ours and len(ours) < len(rows):
        columns += [Column(f"x{goal}", f"ours to {goal:.0%} is so many times as fast", format=".1f") for goal in GOALS]
    columns += [Column("seen", "images seen", format=",d"), Column("share", "read as asked at the end", format=".1%")]
    shown = []
    medians = {goal: _median([row["goals"][str(goal)] for row in ours]) for goal in GOALS}
    for name, row in rows.items():
        cells = {"seen": Cell(row["images_seen"]), "share": Cell(row["share"], reason=f"of {row['n']:,}")}
        for goal in GOALS:
            seconds = row["goals"][str(goal)]
            cells[f"t{goal}"] = _minutes(seconds, f"not reached in {row['seconds'] / 60:.0f} minutes")
            if name in MODULES and medians[goal] is not None:
                reason = "" if seconds else "at least so many: it was stopped before it got there"
                cells[f"x{goal}"] = Cell((seconds or limit) / medians[goal], reason=reason)
        shown.append((name, cells))
    if len(ours) > 1:
        middle = {f"t{goal}": _minutes(medians[goal], "not reached by half of the seeds") for goal in GOALS}
        shown.insert(len(ours), ("ours, median", middle))
    return Table(columns, shown)


def _median(times):
    """Of seconds, None where it was not reached; None where that is so for half of them."""
    middle = float(np.median([math.inf if t is None else t for t in times])) if times else math.inf
    return middle if math.isfinite(middle) else None


def _minutes(seconds, reason):
    return Cell(reason=reason) if seconds is None else Cell(seconds / 60)


def in_turn(ours, theirs):
    """The order of the candidates: ours between the baselines, so that a drift of the machine meets all."""
    return [name for i in range(max(len(ours), len(theirs))) for name in (*ours[i : i + 1], *theirs[i : i + 1])]


def candidates(args, options, folder):
    """(name, module, what is asked of it, its Python, images by its own recipe) of each, in their order."""
    ours = {f"ours, seed {seed}": seed for seed in args.seeds}
    for name in in_turn(list(ours), args.baselines):
        asked = {"who": name, "data": args.data, "seed": 0, "least": args.baseline_least}
        if name in ours:
            asked |= {"who": "ours", "seed": ours[name], "least": args.least, "minutes": args.minutes}
            asked |= {"options": options, "run": str(folder / f"seed{ours[name]}")}
            yield name, "benchmarks.candidates", asked, sys.executable, 0
        elif name == "course":
            yield name, MODULES[name], asked | {"data": str(folder / "data.npz")}, args.course_python, args.own
        else:
            yield name, MODULES[name], asked, sys.executable, args.own


def main(argv=None):
    args = parsed(argv)
    from benchmarks.within import options_within
    from genzoo.data.sets import load_data
    from genzoo.evaluation.metrics.judge import judge_of
    from genzoo.models.families import build

    others = course_versions(args.course_python) if "course" in args.baselines else None
    if "course" in args.baselines and others is None:
        print("the course's baseline is left out: no PyTorch with diffusers here; pip install -e '.[bench]'")
        args.baselines.remove("course")
    try:
        data = load_data(args.data)
        judge = judge_of(data)
    except GenzooError as error:
        sys.exit(f"error: {error}")
    model = build("cddpm", image_shape=data.image_shape, num_classes=data.num_classes)
    options = options_within(model, dict(args.set))
    evaluations, limit = model.evaluations(**options), 60 * args.limit
    written = reporting.Results(
        args.out, others, data=args.data, judge=judge.accuracy, minutes=args.minutes, limit_minutes=args.limit,
        options=options, evaluations=evaluations,
    )  # fmt: skip
    print(written.heading)
    print(f"judge: {judge.accuracy:.2%} of {len(data.test_images):,} test images; ours draws by {options}", flush=True)

    rows = written.content["rows"]
    with tempfile.TemporaryDirectory(prefix="genzoo-quality-") as folder:
        if "course" in args.baselines:
            save_for_course(data, Path(folder) / "data.npz")
        for name, module, asked, python, own in candidates(args, options, Path(folder)):
            with started(module, asked, python) as connection:
                written.add(name, watch(connection, lambda images: judge.read(images).classes, limit, own))
            last = rows[name]
            print(f"{name}: {last['share']:.1%} of {last['n']:,} after {last['seconds'] / 60:.1f} minutes", flush=True)
    print(f"\nTime to quality, at most {evaluations} evaluations an image\n\n{table(rows, limit).text()}")
    print(f"{written.content['seconds']:.0f} s; wrote {args.out}")


def parsed(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist", help="data set (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="of ours (default: 0 1 2)")
    parser.add_argument("--minutes", type=float, default=6, help="that ours plans for (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=30, help="minutes until a candidate is stopped (default: 30)")
    parser.add_argument("--least", type=float, default=15, help="seconds between exams of ours (default: %(default)s)")
    parser.add_argument("--baseline-least", type=float, default=60, help="the same of a baseline's (default: 60)")
    parser.add_argument("--baselines", default=",".join(BASELINES), help="any of: %(default)s")
    parser.add_argument("--own", type=int, default=10, help="images by a baseline's own recipe (default: %(default)s)")
    parser.add_argument("--set", nargs="*", default=[], type=types.setting, metavar="KEY=VALUE", help="how ours draws")
    parser.add_argument("--course-python", default=sys.executable, metavar="PATH", help="a Python with the extra bench")
    parser.add_argument("--out", type=Path, default=reporting.FOLDER / "quality.json", help="(default: %(default)s)")
    args = parser.parse_args(argv)
    args.baselines = [name for name in args.baselines.split(",") if name]
    unknown = [name for name in args.baselines if name not in MODULES]
    if unknown:
        parser.error(f"unknown baseline {unknown[0]!r}: choose from {', '.join(BASELINES)}")
    return args


if __name__ == "__main__":
    main()
