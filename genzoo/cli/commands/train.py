"""`genzoo train`."""

import os
import shlex
import sys

from genzoo.cli.printing import phrase, print_aligned
from genzoo.data.sets import load_data
from genzoo.errors import UsageError
from genzoo.models import families
from genzoo.runs.run import Run, check_free
from genzoo.training.cluster import check_divides, of_tf_config
from genzoo.training.launch import launch
from genzoo.training.settings import TrainSettings, check_fits


def train(args):
    """Runs `genzoo train`: trains a new run, or with --resume the rest of an interrupted one."""
    asked = {key: value for key, value in vars(args).items() if key not in ("command", "debug", "options", "words")}
    cluster = _cluster(asked, args.words)
    follower = cluster is not None and not cluster.chief
    if "resume" in asked:
        path = asked.pop("resume")
        places = {name: asked.pop(name, None) for name in ("data_dir", "cache")}
        run = None if follower else Run.open(path)
        others = ", ".join(f"--{key.replace('_', '-')}" for key in (*asked, *args.options))
        if others:
            raise UsageError(f"--resume goes on with the settings of {run.name if run else path}: leave out {others}")
        if run and run.status()[0] == "finished" and not cluster:
            print(f"{run.name} is finished: nothing to resume; to begin a new run with its weights: train --from")
            return
        from genzoo.training.start import resume

        return _finish(resume(run.path if run else path, **places, **_joined(cluster)))
    settings = TrainSettings(from_run=asked.pop("from", None), **asked, options=args.options)
    if settings.out is not None and not settings.dry_run and not follower:
        check_free(settings.out, overwrite=settings.overwrite)
    workers, batch_size = {}, settings.batch_size or families.family(settings.model).train["batch_size"]
    check_divides(batch_size, cluster.count if cluster else 1, settings.accumulate)
    if cluster is not None:
        workers = _joined(cluster)  # before the data: TensorFlow, which may read it, has to be told of the others first
    data = load_data(**settings.source)
    check_fits(settings, data)
    families.family(settings.model).model_options(settings.options, data.image_shape, data.num_classes)
    from genzoo.training.start import train

    _finish(train(settings, data, **workers))


def _cluster(asked, words):
    """Takes what says who trains out of `asked`. -> a `Cluster`, or None for this process alone. With --workers, where
    no TF_CONFIG says that this is one of them, they are started, and this process ends with them."""
    count, kind = asked.pop("workers", None), asked.pop("cluster", None)
    text = os.environ.get("TF_CONFIG")
    if kind == "slurm":
        if count is not None:
            raise UsageError("--cluster slurm knows how many workers there are: leave out --workers")
        from genzoo.training.workers import of_slurm

        return of_slurm()
    cluster = of_tf_config(text) if text else None
    found = cluster.count if cluster else 1
    if count in (None, found):
        return cluster
    if text:
        raise UsageError(f"--workers {count}, and TF_CONFIG names {found}: leave one of them out")
    sys.exit(launch([sys.executable, "-m", "genzoo", *words], count))


def _joined(cluster):
    """Returns {"workers": `Workers`}, all of whom have come; {} for None."""
    if cluster is None:
        return {}
    from genzoo.training.workers import Workers

    return {"workers": Workers(cluster)}


def _finish(summary):
    """Says where everything is, and what to type next; nothing of a dry run, or where another worker says it."""
    if summary is None:
        return
    minutes, seconds = divmod(round(summary.seconds), 60)
    lines = {
        "steps": f"{summary.run.total_steps:,} in {minutes} min {seconds} s",
        "metrics": phrase(summary.metrics),
        "note": summary.note,
        "run": summary.run.path,
        "picture": summary.picture,
        "next": f"genzoo sample {shlex.quote(str(summary.run.path))}",
    }
    print_aligned({name: text for name, text in lines.items() if text})
