"""metrics.json of a run: the result of an evaluation, and the question that it answers."""

import hashlib
import json
from dataclasses import dataclass

from genzoo.files import write_atomically

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
    weights = hashlib.sha256((run.path / "weights.safetensors").read_bytes()).hexdigest()
    parts = {"n": question.n, "seeds": question.seeds, "options": question.options, "judge": question.judge}
    return json.loads(json.dumps(parts | {"weights": weights}))


def save(run, result):
    """Writes metrics.json. Raises CheckpointError."""
    write_atomically(run.path / "metrics.json", (json.dumps(result, indent=2) + "\n").encode())


def stored(run, question):
    """Returns the content of metrics.json where it answers this question; else None, and it has to be made anew."""
    try:
        result = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        return result if result["format"] == FORMAT and result["asked"] == asked(run, question) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
