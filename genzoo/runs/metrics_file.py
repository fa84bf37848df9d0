"""metrics.json of a run: the result of an evaluation, and the question that it answers."""

import json
import math
from dataclasses import dataclass

from genzoo.files import read_json, write_atomically

FORMAT = 3
COSTS = ("parameters", "train_seconds", "images_seen", "nfe", "seconds_1000", "memory")


@dataclass(frozen=True)
class Question:
    """What an evaluation asks of a run.

    n: samples of each of the `seeds`.     options: of the family's `sample`.
    judge: which one measures, as its `identity` says; None where there is none.
    """

    n: int
    seeds: tuple
    options: dict
    judge: dict | None


def asked(run, question):
    """Returns all that decides an evaluation's numbers, as metrics.json holds it: the question and the weights."""
    parts = {"n": question.n, "seeds": question.seeds, "options": question.options, "judge": question.judge}
    return json.loads(json.dumps(parts | {"weights": run.weights_sha256()}))


def save(run, result):
    """Writes metrics.json among the run's outputs. Raises CheckpointError."""
    write_atomically(run.output("metrics.json"), (json.dumps(result, indent=2) + "\n").encode())


def stored(run, question):
    """Returns the content of metrics.json where it answers this question; else None, and it has to be made anew."""
    found = (result for result in _found(run) if result["asked"] == asked(run, question))
    return next(found, None)


def latest(run):
    """Returns the content of metrics.json where it was measured with the weights that the run has now; else None."""
    found = (result for result in _found(run) if result["asked"]["weights"] == run.weights_sha256())
    return next(found, None)


def _found(run):
    """Yields what there is: among the outputs of a run of the zoo, and in its folder."""
    for folder in dict.fromkeys((run.outputs, run.path)):
        try:
            result = read_json(folder / "metrics.json")
            if result["format"] == FORMAT and _is_whole(result):
                yield result
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue


def _is_whole(result):
    """Whether a metrics.json of this format holds what is read of it: anybody may have written it."""
    asked, cost, judge = result["asked"], result["cost"], result["judge"]
    scores = [*result["metrics"].values(), *result["floor"].values()]
    numbers = [asked["n"], *cost.values(), *(judge.values() if judge else ())]
    for score in scores:
        parts = score.get("per_class", {}).values()
        numbers += [one[key] for one in (score, *parts) for key in ("value", "sd", "error", "n") if key in one]
        numbers += [end for one in (score, *parts) if "interval" in one for end in _two(one["interval"])]
    _two(result["metrics"]["copies"]["interval"]), _two(result["floor"]["copies"]["interval"])
    texts = [asked["weights"], result["data"]["name"], *(name for s in scores for name in s.get("per_class", ()))]
    texts += [score["reason"] for score in scores if "value" not in score]
    return (
        {"accuracy", "copies"} <= set(result["metrics"]) and set(COSTS) <= set(cost)
        and isinstance(asked["seeds"], list) and all(text.isprintable() for text in texts)
        and all(isinstance(x, (int, float)) and math.isfinite(x) for x in numbers)
    )  # fmt: skip


def _two(interval):
    low, high = interval
    return low, high
