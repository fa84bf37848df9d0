"""`genzoo info`."""

import shlex

from genzoo.cli.printing import phrase, print_aligned
from genzoo.models import families
from genzoo.runs.run import Run


def info(args):
    """Runs `genzoo info`: says what a run folder holds."""
    run = Run.open(args.run)
    config, (status, step) = run.config, run.status()
    data = config["data"]
    source = {"from": config["train"]["from"]["run"]} if "from" in config["train"] else {}
    lines = {
        "run": run.name,
        "status": f"{status}, {step:,} of {run.total_steps:,} steps",
        "model": f"{config['model']}: {families.family(config['model']).summary}",
        "options": phrase(config["model_config"]),
        "data": f"{data['name']} ({data['reason']}), {'x'.join(map(str, data['native_shape']))}, "
        f"{data['num_classes'] or 'no'} classes, fingerprint {data['fingerprint'][:12]}",
        "training": phrase(config["train"] | {"steps": run.total_steps} | source),
        "versions": phrase(config["versions"]),
    }
    if rows := run.read_metrics():
        lines["metrics"] = phrase(rows[-1])
    if step:
        weights = run.read_weights()
        lines["parameters"] = f"{sum(w.size for name, w in weights.items() if name.startswith('ema.')):,}"
        lines["weights"] = f"sha256 {run.weights_sha256()}"
    if step and run.checkpoints():  # a released run has none
        from genzoo.runs.state import state_sha256

        lines["state"] = f"sha256 {state_sha256(run)}"
    goes_on = "train --resume" if status == "interrupted" else "sample"
    lines["next"] = f"genzoo {goes_on} {shlex.quote(run.name)}"
    print_aligned(lines)
