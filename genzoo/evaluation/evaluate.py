"""How good a finished run is, in numbers: samples against real images, reconstructions, likelihood, cost."""

import numpy as np

from genzoo.data.pixels import to_float, to_uint8
from genzoo.evaluation.drawing import labels_to_ask
from genzoo.evaluation.metrics.intervals import wilson
from genzoo.evaluation.metrics.likelihood import likelihood
from genzoo.evaluation.metrics.reconstruction import LEAST_SIDE, TAKES_NO_IMAGES, reconstruction_errors
from genzoo.evaluation.metrics.reference import missing
from genzoo.models import families
from genzoo.runs import metrics_file
from genzoo.runs.load import load

NO_WEIGHTS = "its bound has no importance weights"
RECONSTRUCTED, RECONSTRUCTED_BY_STEPS = 1000, 250  # test images; the latter where each takes a hundred evaluations


def evaluate(run, drawn, reference, question):
    """Returns the result for a finished Run and its samples, a `Drawn`, against a Reference: what metrics.json holds.

    Everything but the seconds and the memory under "cost" is a function of weights, data and `Question`.
    """
    data, model = reference.data, load(run.path)
    labels = labels_to_ask(run, data, question.n)
    draws = [reference.measure(images, labels) for images in drawn.images]
    scores = {metric: _over_seeds([draw[metric] for draw in draws]) for metric in draws[0]}
    return {
        "format": metrics_file.FORMAT,
        "run": run.path.name,
        "family": model.family,
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "asked": metrics_file.asked(run, question),
        "judge": reference.judge and {"accuracy": reference.judge.accuracy, "n": len(data.test_labels)},
        "metrics": scores | _reconstruction(model, reference) | _likelihood(model, data),
        "floor": reference.floor(question.n),
        "cost": _cost(run, drawn, data),
    }


def _over_seeds(scores):
    """Makes one score of those of k draws: their mean, the "sd" of a draw, the interval or error of all together."""
    first, k = scores[0], len(scores)
    if "reason" in first or k == 1:
        return first
    values = [score["value"] for score in scores]
    score = first | {"value": float(np.mean(values)), "sd": float(np.std(values, ddof=1)), "values": values}
    if "error" in first:
        score["error"] = float(np.sqrt(np.square([s["error"] for s in scores]).sum()) / k)
    if "interval" in first:
        score["interval"] = wilson(round(sum(values) * first["n"]), k * first["n"])
    if "per_class" in first:
        score["per_class"] = {name: _pooled([s["per_class"][name] for s in scores]) for name in first["per_class"]}
    return score


def _pooled(shares):
    n = sum(share["n"] for share in shares)
    hits = round(sum(share["value"] * share["n"] for share in shares))
    return {"n": n, "value": hits / n, "interval": wilson(hits, n)}


def _reconstruction(model, reference):
    data, names = reference.data, ("mse", "psnr", "ssim")
    entry = families.family(model.family)
    count = RECONSTRUCTED_BY_STEPS if entry.diffuses else RECONSTRUCTED
    chosen = reference.test_order[:count]
    originals, labels = data.test_images[chosen], data.test_labels[chosen]
    if not entry.encodes:
        return dict.fromkeys(names, missing(TAKES_NO_IMAGES))
    made = []
    for part in np.array_split(np.arange(len(chosen)), -(-len(chosen) // RECONSTRUCTED_BY_STEPS)):
        own = labels[part] if model.conditional else None
        made.append(to_uint8(model.reconstruct(to_float(originals[part]), own), data.native_shape))
    errors = reconstruction_errors(originals, np.concatenate(made))
    scores = {name: _of_test_images(values) for name, values in errors.items()}
    return {name: scores.get(name, missing(f"needs images of {LEAST_SIDE} pixels a side")) for name in names}


def _of_test_images(values):
    error = float(np.std(values) / np.sqrt(len(values)))
    return {"value": float(np.mean(values)), "error": error, "n": len(values), "reference": "test images"}


def _likelihood(model, data):
    names = ("elbo", "importance", "bits")
    if not model.entry.likelihood:
        return dict.fromkeys(names, missing(model.entry.no_likelihood))
    bounds = likelihood(model, data)
    tightest = min(bounds.values(), key=lambda bound: bound.nats)
    scores = {"importance": missing(NO_WEIGHTS)} | {name: _of_bound(bound) for name, bound in bounds.items()}
    share = tightest.bits_per_dim / tightest.nats
    return scores | {"bits": _of_bound(tightest) | {"value": tightest.bits_per_dim, "error": tightest.error * share}}


def _of_bound(bound):
    return {"value": bound.nats, "error": bound.error, "n": bound.n, "reference": f"test images; {bound.method}"}


def _cost(run, drawn, data):
    batch_size = min(run.config["train"]["batch_size"], len(data.train_images))
    return {
        "parameters": drawn.parameters,
        "train_seconds": float(run.read_metrics()[-1]["seconds"]),
        "images_seen": run.total_steps * batch_size,
        "nfe": drawn.nfe,
        "seconds_1000": drawn.seconds_1000,
        "memory": drawn.memory,
    }
