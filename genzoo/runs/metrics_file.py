"""metrics.json of a run: what an evaluation found, and for which question."""

import hashlib
import json
from dataclasses import dataclass

from genzoo.files import write_atomically

FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """n: samples of each of the `seeds`.   options: of the family's `sample`."""

    n: int
    seeds: tuple
    options: dict


def asked(run, settings):
    """What decides the numbers of an evaluation: where it is equal, they are."""
    weights = hashlib.sha256((run.path / "weights.safetensors").read_bytes()).hexdigest()
    return {"n": settings.n, "seeds": list(settings.seeds), "options": settings.options, "weights": weights}


def save(run, result):
    """Writes metrics.json. Raises CheckpointError."""
    write_atomically(run.path / "metrics.json", (json.dumps(result, indent=2) + "\n").encode())


def stored(run, settings):
    """The content of metrics.json where it answers the same question; else None."""
    try:
        result = json.loads((run.path / "metrics.json").read_text(encoding="utf-8"))
        same = result["format"] == FORMAT and result["asked"] == json.loads(json.dumps(asked(run, settings)))
        return result if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
