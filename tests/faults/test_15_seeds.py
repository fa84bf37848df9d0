"""Row 15: one seed gives one run, to the last bit; different seeds give different ones."""

from functools import partial

import pytest
from processes import DIGITS, Command, of_family
from small import OPTIONS, eagerly, few_latents

from benchmarks.workers import difference
from genzoo.models.families import MODELS


@pytest.mark.slow
@pytest.mark.faults(15, "seeds twice each: the same bytes, and others'", few=1, many=30)
def test_seeds(tmp_path, trials):
    from genzoo.runs.state import state_sha256
    from genzoo.training.settings import TrainSettings
    from genzoo.training.start import train

    def trained(family, seed, path):
        asked = {"image_size": 8, "steps": 2, "batch_size": 32, "sample_every": 0, "options": OPTIONS[family]}
        with eagerly(), few_latents():
            run = train(TrainSettings(family, "digits", seed=seed, out=path, **asked)).run
        return state_sha256(run), run.picture(2).read_bytes(), run.weights_sha256()

    seen = {}
    for _ in trials:
        family, seed = list(MODELS)[trials.tried % len(MODELS)], trials.tried // len(MODELS)
        once, again = (trained(family, seed, tmp_path / f"{family}{seed}{word}") for word in "ab")
        assert once == again
        assert all(len({*other} & {*once}) == 0 for other in seen.get(family, ()))
        seen.setdefault(family, []).append(once)


def use_threads(count):
    from genzoo.stack import tf

    tf.config.threading.set_intra_op_parallelism_threads(count)


@pytest.mark.slow
@pytest.mark.faults(15, "another number of threads: within 1e-6 after 20 steps", few=1)
def test_threads(tmp_path, trials):
    """The order of sums differs, and so may their last bits."""
    for family in trials.of(reversed(MODELS)):
        words = ["train", *of_family(family), *DIGITS, "--steps", 20, "--sample-every", 0, "--out"]
        paths = [tmp_path / f"{family}{count}" for count in (1, 4)]
        for count, path in zip((1, 4), paths, strict=True):
            code, said = Command([*words, path], tmp_path / "log", partial(use_threads, count)).wait(300)
            assert code == 0, said
        assert difference(*paths) < 1e-6
