"""Quality against cost of sampling: one run, many samplers, numbers of steps and guidance scales."""

from dataclasses import dataclass

from genzoo.tables import Cell, Column, Table

QUALITY = (
    Column("frechet", "Fréchet", "lower", ".2f", note="distance of the judge's features, samples to training images"),
    Column("coverage", "coverage", "higher", ".3f", note="share of real neighbourhoods with a sample inside"),
    Column("accuracy", "as asked", "higher", ".1%", note="share of samples that the judge reads as asked"),
)
COLUMNS = (
    Column("nfe", "NFE", "lower", "d", note="network evaluations for an image; a guided step counts two"),
    *QUALITY,
    Column("seconds_1000", "1,000 samples", "lower", ".1f", "s", "time to draw them"),
)


@dataclass(frozen=True)
class Point:
    """One setting: a sampler, its steps and its guidance (None where the family has none), and what came of it."""

    sampler: str
    steps: int
    guidance: float | None
    nfe: int
    seconds_1000: float
    scores: dict

    @property
    def curve(self):
        return self.sampler if self.guidance is None else f"{self.sampler}, guidance {self.guidance:g}"

    @property
    def name(self):
        guidance = "" if self.guidance is None else f", guidance {self.guidance:g}"
        return f"{self.sampler} {self.steps} steps{guidance}"

    def value(self, key):
        """The number under `key`, or None."""
        return getattr(self, key, self.scores.get(key, {}).get("value"))


def pareto(points, key="frechet", better="lower"):
    """Those of the points that no other one beats: as cheap or cheaper (NFE), and better in `key`."""
    sign = 1 if better == "lower" else -1
    front, best = [], float("inf")
    for point in sorted((p for p in points if p.value(key) is not None), key=lambda p: (p.nfe, sign * p.value(key))):
        if sign * point.value(key) < best:
            best = sign * point.value(key)
            front.append(point)
    return front


def sweep_table(points, floor):
    """A row a point, the cheapest first; those on the Pareto front of NFE and Fréchet distance have an arrow before
    their names. floor: {metric: score} of real test images."""
    front = pareto(points)
    rows = []
    for point in sorted(points, key=lambda p: p.nfe):
        cells = {column.key: _cell(point, column.key) for column in COLUMNS}
        rows.append((f"{'→' if point in front else ' '} {point.name}", cells))
    return Table(COLUMNS, rows, ("  real test images", {key: Cell(s.get("value"), reason=s.get("reason", ""))
                                                        for key, s in floor.items()}))  # fmt: skip


def _cell(point, key):
    return Cell(point.value(key), reason=point.scores.get(key, {}).get("reason", ""))
