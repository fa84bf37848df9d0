"""metrics.json of a run: the result of an evaluation, and the question that it answers."""

import json
from dataclasses import dataclass

from genzoo.files import read_json, write_atomically

FORMAT = 3


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
            result["asked"]["weights"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if result.get("format") == FORMAT:
            yield result
