"""Row 14: one process that trains and samples for long holds no more and more memory, traces nothing anew and leaves no
files open. With --faults it trains for an hour, and calls `sample` ten thousand times.
"""

import gc

import numpy as np
import psutil
import pytest
from small import shared

from genzoo.stack import keras

SHARE = 0.05  # by which memory may grow, after a third of the time


def held():
    """(bytes of memory, open files) of this process."""
    gc.collect()
    process = psutil.Process()
    return process.memory_info().rss, process.num_fds()


def assert_flat(seen):
    memory, files = np.array(seen[len(seen) // 3 :]).T
    assert memory.max() < (1 + SHARE) * memory[0] and files.max() <= files[0] + 2, seen


@pytest.mark.slow
@pytest.mark.faults(14, "steps of a long training", few=100)
def test_training(tmp_path, monkeypatch, trials):
    import tiny

    from genzoo.training.settings import TrainSettings
    from genzoo.training.start import train

    seen, traces, traced, loss_terms = [], [], [], tiny.Tiny.loss_terms
    # Python runs it only where a graph is traced.
    monkeypatch.setattr(tiny.Tiny, "loss_terms", lambda *given, **more: traced.append(1) or loss_terms(*given, **more))

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(held())
            traces.append(len(traced))

    tiny.register()
    try:
        length = {"minutes": 60} if trials.full else {"steps": trials.count}
        asked = {"image_size": 8, "sample_every": 0, "out": tmp_path / "run"} | length
        summary = train(TrainSettings("tiny", "digits", **asked), callbacks=[Watch()])
    finally:
        tiny.unregister()
    assert_flat(seen)
    assert 0 < traces[len(traces) // 3] == traces[-1]
    trials.tried = trials.held = summary.run.step


@pytest.mark.slow
@pytest.mark.faults(14, "calls of sample in one process", few=20, many=10_000)
def test_sampling(trials):
    model, seen = shared("ddpm"), []
    model.sample(4, seed=0, steps=5)
    for _ in trials:
        assert np.isfinite(model.sample(4, seed=trials.tried, steps=5)).all()
        if trials.tried % max(1, trials.count // 30) == 0:
            seen.append(held())
    assert_flat(seen)
