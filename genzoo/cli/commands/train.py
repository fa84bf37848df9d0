"""`genzoo train`."""

import shlex

from genzoo.cli.printing import phrase, print_aligned
from genzoo.data.sets import load_data
from genzoo.errors import UsageError
from genzoo.models import families
from genzoo.runs.run import Run, check_free
from genzoo.training.settings import TrainSettings, check_fits


def train(args):
    """Runs `genzoo train`: trains a new run, or with --resume the rest of an interrupted one."""
    asked = {key: value for key, value in vars(args).items() if key not in ("command", "debug", "options")}
    if "resume" in asked:
        run = Run.open(asked.pop("resume"))
        places = {name: asked.pop(name, None) for name in ("data_dir", "cache")}
        others = ", ".join(f"--{key.replace('_', '-')}" for key in (*asked, *args.options))
        if others:
            raise UsageError(f"--resume goes on with the settings of {run.name}: leave out {others}")
        if run.status()[0] == "finished":
            print(f"{run.name} is finished: nothing to resume; to begin a new run with its weights: train --from")
            return
        from genzoo.training.start import resume

        return _finish(resume(run.path, **places))
    settings = TrainSettings(from_run=asked.pop("from", None), **asked, options=args.options)
    if settings.out is not None and not settings.dry_run:
        check_free(settings.out, overwrite=settings.overwrite)
    data = load_data(**settings.source)
    check_fits(settings, data)
    families.family(settings.model).model_options(settings.options, data.image_shape, data.num_classes)
    from genzoo.training.start import train

    summary = train(settings, data)
    if summary is not None:  # else a dry run
        _finish(summary)


def _finish(summary):
    """Says where everything is, and what to type next."""
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
