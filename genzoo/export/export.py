"""From finished runs to a file or a folder of a format: checks, a temporary place, and the format's writer."""

import json
from importlib.util import find_spec
from pathlib import Path

from genzoo.errors import CheckpointError, UsageError
from genzoo.export.written import plain, sizes
from genzoo.files import check_writable, staged
from genzoo.models import families
from genzoo.options import completed

MANIFEST = "export.json"  # in each folder that was exported: by it --overwrite knows one again


def export(entry, runs, path=None, *, overwrite=False, sampling=None, **options):
    """Writes runs in a `Format`; returns (where, `Written`).

    path: where (default: as the format calls it, among the first run's outputs).
    sampling: options of `model.sample` for a format that holds the way of sampling; the others get their defaults.
    options: those that the format declares.
    Raises UsageError for what does not fit, CheckpointError for runs that are not finished or cannot be read and for a
    place that is taken or cannot be written, and what the writer raises. Then nothing is left there.
    """
    options = completed(entry.options, options, f"format {entry.name}")
    check_runs(entry, runs)
    if entry.samples:
        options["sampling"] = _sampling(runs[0], sampling or {})
    elif sampling:
        raise UsageError(f"format {entry.name} takes no {next(iter(sampling))}: it leaves sampling to its user")
    path = runs[0].output(entry.output) if path is None else Path(path)
    check_place(entry, path, overwrite)
    for run in runs:
        run.read_weights()  # a broken file answers now
    with staged(path) as place:
        written = entry.load()(runs, place, **options)
        if not entry.suffix:
            (place / MANIFEST).write_text(json.dumps(_manifest(entry, runs, options, written), indent=2) + "\n")
    return path, written


def check_runs(entry, runs):
    """Raises UsageError where the format does not take these runs or misses its runtime, CheckpointError for a run that
    is not finished."""
    missing = [name for name in entry.modules if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"format {entry.name} needs {' and '.join(missing)}: pip install 'genzoo[{entry.extra}]', "
            f"or in a checkout: pip install -e '.[{entry.extra}]'"
        )
    if len(runs) > 1 and not entry.several:
        raise UsageError(f"format {entry.name} takes one run at a time, got {len(runs)}")
    for run in runs:
        precision = run.model_options.get("precision", "float32")
        if precision not in entry.precisions:
            raise UsageError(
                f"{run.name} computes in {precision}, which format {entry.name} cannot hold: export it as savedmodel, "
                "or train it with --precision float32"
            )
        run.check_finished()


def check_place(entry, path, overwrite):
    """Raises UsageError for a name that does not suit the format, CheckpointError where something else is there or
    nothing can be written."""
    if path.suffix != entry.suffix if entry.suffix else path.suffix == f".{entry.name}":
        expected = f"a name that ends in {entry.suffix}" if entry.suffix else "the name of a folder, which it makes"
        raise UsageError(f"cannot write {path}: format {entry.name} expects {expected}")
    if not path.exists():
        return check_writable(path)
    foreign = _foreign(entry, path)
    if foreign is not None:
        raise CheckpointError(f"{path} exists and {foreign}: it stays; choose another --out")
    if not overwrite:
        raise CheckpointError(f"{path} exists; choose another --out, or --overwrite it")


def _foreign(entry, path):
    """Returns why what is at a path must not be replaced, or None: only a file, or a folder of nothing but exports."""
    if entry.suffix:
        return None if path.is_file() else "is no file"
    try:
        known = {MANIFEST, *json.loads((path / MANIFEST).read_text())["files"]}
    except (OSError, ValueError, TypeError, KeyError):
        return "is no export of genzoo"
    others = sorted({*sizes(path)} - known)
    return f"holds {others[0]} beside an export" if others else None


def _sampling(run, asked):
    entry, config = families.family(run.config["model"]), run.config["model_config"]
    model = entry.model_options(run.model_options, config["image_shape"], config["num_classes"])
    return entry.sampling_options(asked, model)


def _manifest(entry, runs, options, written):
    """What MANIFEST says: of which run a folder is, by its weights' sha256, how it was made and how far it is off."""
    (run,) = runs
    return {
        "format": entry.name,
        "model": run.config["model"],
        "weights_sha256": run.weights_sha256(),
        "image_shape": run.config["model_config"]["image_shape"],
        "native_shape": run.config["data"]["native_shape"],
        "class_names": run.config["data"].get("class_names", []),
        "options": plain(options),
        "difference": written.difference,
        "files": written.files,
    }
