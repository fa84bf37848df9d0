"""How good a run is, in numbers, alone and beside others.

A metric is a kind of measurement, such as "frechet".
Its score is what was found, a dict: "value", the "n" of images, the "reference" they are held against, and where they
    are known "error", "interval", "sd", "per_class"; or else a "reason" why there is no value. Scores: {metric: score}.
A result is all that an evaluation found of a run, the content of its metrics.json.
"""
