"""Quality against cost of sampling: one run, many samplers, numbers of steps and guidance scales."""

from dataclasses import dataclass

from genzoo.evaluation import scores
from genzoo.pictures.tables import Cell, Table

_KNOWN = {column.key: column for column in scores.QUALITY + scores.COST}
QUALITY = tuple(_KNOWN[key] for key in ("frechet", "coverage", "accuracy"))
COLUMNS = (_KNOWN["nfe"], *QUALITY, _KNOWN["seconds_1000"])


@dataclass(frozen=True)
class Point:
    """One setting of sampling, its cost for an image (nfe) and for 1,000 images (seconds_1000), and its scores.

    guidance: None where the family has none.
    """

    sampler: str
    steps: int
    guidance: float | None
    nfe: int
    seconds_1000: float
    scores: dict

    @property
    def curve(self):
        """The curve that it is on: points of one curve differ in their steps."""
        return self.sampler if self.guidance is None else f"{self.sampler}, guidance {self.guidance:g}"

    @property
    def name(self):
        """What it is called in tables."""
        guidance = "" if self.guidance is None else f", guidance {self.guidance:g}"
        return f"{self.sampler} {self.steps} steps{guidance}"

    def value(self, key):
        """The cost or the score's value under `key`, or None."""
        return getattr(self, key, self.scores.get(key, {}).get("value"))


def pareto(points, key="frechet", better="lower"):
    """Returns the points that no other one beats, the cheapest first.

    One point beats another where it costs no more network evaluations and has a better value under `key`.
    better: "lower" or "higher".
    """
    sign = 1 if better == "lower" else -1
    front, best = [], float("inf")
    for point in sorted((p for p in points if p.value(key) is not None), key=lambda p: (p.nfe, sign * p.value(key))):
        if sign * point.value(key) < best:
            best = sign * point.value(key)
            front.append(point)
    return front


def sweep_table(points, floor):
    """Returns a Table with a row a point, the cheapest first.

    An arrow before a name says that the point is on the Pareto front of NFE and Fréchet distance.
    floor: the scores of real test images.
    """
    front = pareto(points)
    rows = []
    for point in sorted(points, key=lambda p: p.nfe):
        cells = {column.key: _cell(point, column.key) for column in COLUMNS}
        rows.append((f"{'→' if point in front else ' '} {point.name}", cells))
    return Table(COLUMNS, rows, (f"  {scores.FLOOR}", {key: scores.cell(score) for key, score in floor.items()}))


def _cell(point, key):
    return Cell(point.value(key), reason=point.scores.get(key, {}).get("reason", ""))
