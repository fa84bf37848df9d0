"""Row 15: one seed gives one run, to the last bit; different seeds give different ones."""

import pytest
from small import OPTIONS, eagerly, few_latents

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
