"""How fast, and how good at which cost: `python -m benchmarks.bench`, `python -m benchmarks.quality`."""
