"""The commands that measure: one function each, as in `commands`."""

import gc
from itertools import product
from pathlib import Path

from genzoo.cli import checks
from genzoo.data.sets import load_again, load_data
from genzoo.errors import CheckpointError, DataError, UsageError
from genzoo.files import check_writable, write_atomically
from genzoo.models import families
from genzoo.runs.run import Run
from genzoo.training.settings import TrainSettings

SAMPLES = 10_000  # unless asked, and no more than there are test images: then the floor has as many
SWEEP_SAMPLES = 2000


def evaluate(args):
    """`genzoo evaluate`: what a run is worth, in numbers, into RUN/metrics.json."""
    run = Run.open(args.run)
    run.check_finished()
    options = checks.sampling_options(run, args.options)
    check_writable(run.output("metrics.json"))
    data = load_again(run.config["data"], run.name, args.data_dir, args.cache)
    name = run.path.resolve().name
    results = _evaluated({name: (run, options)}, data, args)
    from genzoo.evaluation import scores

    print(f"judge: {scores.judge_line(results[name])}\n")
    for table in (scores.quality_table(results), scores.cost_table(results), scores.class_table(results)):
        if table:
            print(table.text())
    print(*scores.remarks(results), sep="\n")


def compare(args):
    """`genzoo compare`: finished runs, or with --train a run of each family made for it, side by side."""
    from genzoo.evaluation.comparison import FILES, Contender, save_comparison

    folder = Path(args.out)
    taken = next((folder / name for name in FILES if (folder / name).exists()), None)
    if taken and not args.overwrite:
        raise CheckpointError(f"{taken} exists; choose another --out, or --overwrite it")
    if bool(args.runs) == bool(args.train):
        raise UsageError("say what to compare: run folders, or --train with all or some families")
    if args.train:
        runs, data, facts = _trained(args, folder / "runs")
    else:
        if args.minutes is not None:
            raise UsageError("--minutes is for --train: finished runs have been trained already")
        runs = _named([Run.open(path) for path in args.runs])
        _check_comparable(runs)
        first = next(iter(runs.values()))
        data, facts = load_again(first.config["data"], first.name, args.data_dir, args.cache), []
    asked = {name: (run, checks.sampling_options(run, {})) for name, run in runs.items()}
    results = _evaluated(asked, data, args)
    folder.mkdir(parents=True, exist_ok=True)
    contenders = [Contender(name, run, options, results[name]) for name, (run, options) in asked.items()]
    table = save_comparison(folder, contenders, data, facts)
    print(table.text())
    beside = [name for name in FILES[:-1] if (folder / name).exists()]  # without encoders no interpolations
    print(f"wrote {folder / 'report.html'}, and beside it {', '.join(beside)}")


def sweep(args):
    """`genzoo sweep`: one run, sampled in many ways: quality against cost, as a table and a picture."""
    run = Run.open(args.run)
    run.check_finished()
    guided = any(option.name == "guidance" for option in families.family(run.config["model"]).sampling)
    if args.guidance and not guided:
        raise UsageError(f"{run.config['model']} has no sampling option --guidance")
    settings = {}
    for sampler, steps, guidance in product(args.samplers, args.steps, args.guidance or [None]):
        asked = {"sampler": sampler, "steps": steps} | ({} if guidance is None else {"guidance": guidance})
        settings[sampler, steps, guidance] = checks.sampling_options(run, args.options | asked)
    files = [run.output("sweep.csv"), run.output("sweep.png")]
    for path in files:
        checks.file_to_write(path, args.overwrite, ".csv", ".png")
    data = load_again(run.config["data"], run.name, args.data_dir, args.cache)
    from genzoo.evaluation.drawing import draw, labels_to_ask
    from genzoo.evaluation.metrics.reference import Reference
    from genzoo.evaluation.sweep import QUALITY, Point, pareto, sweep_table
    from genzoo.pictures.plots import sweep_curves

    reference = Reference(data)  # first: without a judge, all that is drawn would be lost
    n, seeds = args.n or min(SWEEP_SAMPLES, len(data.test_images)), (args.seed,)
    labels = labels_to_ask(run, data, n)
    print(f"drawing {n:,} samples in each of {len(settings)} ways")
    drawn = draw(run.path, n, seeds, list(settings.values()), labels)
    points = [
        Point(*key, one.nfe, one.seconds_1000, reference.measure(one.images[0], labels))
        for key, one in zip(settings, drawn, strict=True)
    ]
    floor = reference.floor(n)
    table = sweep_table(points, floor)
    write_atomically(files[0], table.csv().encode())
    write_atomically(files[1], sweep_curves(points, floor, QUALITY, pareto))
    print(table.text())
    print(f"wrote {files[0]} and {files[1].name}")


def _evaluated(asked, data, args):
    """Returns the results, {name: content of metrics.json}, of {name: (run, sampling options)}.

    What a run's metrics.json answers already is not asked again. The judge comes first, since it is a part of the
    question; then all samples are drawn, in processes of their own; then they are measured.
    """
    from genzoo.evaluation.drawing import draw, labels_to_ask
    from genzoo.evaluation.evaluate import evaluate
    from genzoo.evaluation.metrics.reference import Reference
    from genzoo.runs import metrics_file

    reference = Reference(data)
    judge = reference.judge and reference.judge.identity
    n, seeds = args.n or min(SAMPLES, len(data.test_images)), tuple(range(args.seed, args.seed + args.seeds))
    questions = {name: metrics_file.Question(n, seeds, options, judge) for name, (_, options) in asked.items()}
    found = {name: metrics_file.stored(run, questions[name]) for name, (run, _) in asked.items()}
    drawn = {}
    for name, (run, options) in asked.items():
        if found[name]:
            print(f"{name}: its metrics.json says it already")
            continue
        print(f"{name}: drawing {n:,} samples" + f" from each of {len(seeds)} seeds" * (len(seeds) > 1))
        drawn[name] = draw(run.path, n, seeds, [options], labels_to_ask(run, data, n))[0]
    for name, samples in drawn.items():
        print(f"{name}: measuring")
        run = asked[name][0]
        found[name] = evaluate(run, samples, reference, questions[name])
        metrics_file.save(run, found[name])
        print(f"wrote {run.output('metrics.json')}")
        gc.collect()  # a model's graphs refer to each other in circles
    return found


def _named(runs):
    """{name: run}, by family where each occurs once, else by folder."""
    names = [run.config["model"] for run in runs]
    if len(set(names)) < len(names):
        names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise UsageError("the same run was given twice")
    return dict(zip(names, runs, strict=True))


def _check_comparable(runs):
    """Raises CheckpointError for a run that is not finished, DataError where they saw different data."""
    first, *others = runs.values()
    for run in runs.values():
        run.check_finished()
    for run in others:
        mine, theirs = first.config["data"], run.config["data"]
        if mine["fingerprint"] != theirs["fingerprint"]:
            raise DataError(
                f"{run.name} was trained on {_described(theirs)}, {first.name} on {_described(mine)}: "
                "only runs on the same images compare"
            )


def _described(data):
    return f"{data['name']} ({'x'.join(map(str, data['native_shape']))}, fingerprint {data['fingerprint'][:8]})"


def _trained(args, folder):
    """({family: finished run}, data, facts), in `folder`; runs that it holds already are kept or gone on with."""
    minutes = 5.0 if args.minutes is None else args.minutes
    data = load_data(args.data, data_dir=args.data_dir, cache=args.cache)
    for name in args.train:  # all of them, before the first is put to minutes of work
        families.family(name).check_labels(data.num_classes, data.name)
    runs = {}
    for name in args.train:
        path = folder / name
        if path.exists():
            run = runs[name] = Run.open(path)
            made_for = run.config["train"]["minutes"], run.config["data"]["fingerprint"]
            if made_for != (minutes, data.fingerprint):
                raise CheckpointError(f"{path} was trained for another time or on other data; choose another --out")
            if run.status()[0] == "finished":
                print(f"{name}: {path} is trained already")
                continue
            from genzoo.training.start import resume

            resume(path)
        else:
            print(f"{name}: training for {minutes:g} minutes")
            from genzoo.training.start import train

            places = {"data_dir": args.data_dir, "cache": args.cache, "out": path}
            settings = TrainSettings(name, data.name, minutes=minutes, **places)
            runs[name] = train(settings, data).run
        gc.collect()
    how = f"{minutes:g} minutes of wall-clock time each, with the family's own batch size and learning rate"
    return runs, data, [("training", f"{how}; not until it converged")]
