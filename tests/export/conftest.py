"""What the tests of exports share: finished runs of tiny models, and no time spent on timings."""

import numpy as np
import pytest
from small import eagerly, shaken, shared

from genzoo.export import checks
from genzoo.runs.run import Run


def folder_of(model, folder):
    """Writes a model as a finished, released run."""
    h, w, c = model.image_shape
    classes = model.num_classes
    data = {"name": "digits", "native_shape": [h - 1, w - 1, c], "num_classes": classes,
            "class_names": [f"class {i}" for i in range(classes)]}  # fmt: skip
    config = {"model": model.family, "model_config": model.config, "data": data, "train": {"steps": 2},
              "versions": {}, "trained": {"step": 2, "seconds": 1.0}}  # fmt: skip
    run = Run.create(folder, config)
    run.write_weights(model.weights_dict())
    return run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """made(family, **options) -> the finished run of a tiny model whose weights are all away from where they began."""
    runs = {}

    def made(family, **options):
        key = family, repr(sorted(options.items()))
        if key not in runs:
            with eagerly():
                model = shaken(shared(family, **{"widths": (8, 8)} | options))
            runs[key] = folder_of(model, tmp_path_factory.mktemp("made") / family)
        return runs[key]

    return made


@pytest.fixture(autouse=True)
def untimed(monkeypatch):
    monkeypatch.setattr(checks, "SECONDS", 0)
    monkeypatch.setattr(checks, "IMAGES", 5)


@pytest.fixture
def sampled():
    """sampled(model, **options) -> images, drawn without a graph."""

    def sampled(model, n=5, **options):
        with eagerly():
            return np.asarray(model.sample(n, **options))

    return sampled
