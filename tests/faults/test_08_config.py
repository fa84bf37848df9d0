"""Row 8: each field of config.json changed by hand before a resume is refused by its name, or may change: see FREE."""

import json
import re
import shutil
from importlib.metadata import version

import pytest
from stand_in import filled

from genzoo.errors import CheckpointError
from genzoo.runs import zoo
from genzoo.runs.run import Run
from genzoo.training.start import resume

FREE = {"name", "reason", "fingerprint", "data_dir", "cache", "sample_every", "tensorboard"}
FREE |= {"genzoo", "python", "tensorflow"}


def other(value):
    """Another value of the same kind, which a person could have meant."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [*value[:-1], other(value[-1])]
    if value is None:
        return 8
    if isinstance(value, str):
        return {"v": "eps", "cosine": "linear", "cddpm": "ddpm", "float32": "bfloat16"}.get(value, f"9{value}")
    return value / 2 if isinstance(value, float) else value * 2 or 1


@pytest.fixture
def begun(tmp_path):
    """A run of cddpm with a checkpoint, and its config as text."""
    config = json.loads((zoo.folder("cddpm-mnist") / "config.json").read_text())
    del config["trained"]
    config["versions"]["keras"], config["data"]["data_dir"] = version("keras"), "/data"
    run = Run.create(tmp_path / "run", config)
    filled(1).save(run, 1)
    return run, (run.path / "config.json").read_text()


@pytest.mark.faults(8, "field of config.json changed before a resume")
def test_a_changed_field(begun, trials):
    run, text = begun
    config = json.loads(text)
    fields = [(part, name) for part in ("model_config", "data", "train", "versions") for name in config[part]]
    assert len(fields) > 30
    for part, name in trials.of([*fields, ("model", None)]):
        changed = json.loads(text)
        if name is None:
            changed[part] = other(config[part])
        else:
            changed[part][name] = other(config[part][name])
        (run.path / "config.json").write_text(json.dumps(changed))
        if name in FREE:
            Run.open(run.path).check_unchanged()
        else:
            with pytest.raises(CheckpointError, match="Keras" if name == "keras" else name or part) as error:
                resume(run.path)
            assert "\n" not in str(error.value) and re.search("train.* anew|Keras", str(error.value))


@pytest.mark.faults(8, "all fields at once that may change")
def test_the_free_fields_change_nothing(train, tmp_path, trials):
    from genzoo.runs.state import state_sha256

    run = train(tmp_path / "run")
    whole = state_sha256(run)
    shutil.rmtree(run.checkpoints()[run.step])
    config = json.loads((run.path / "config.json").read_text())
    config["data"] |= {"reason": "another"}
    config["train"] |= {"sample_every": 3}
    config["versions"] |= {"genzoo": "0", "python": "0", "tensorflow": "0"}
    (run.path / "config.json").write_text(json.dumps(config))
    for _ in trials.of(["at once"]):
        assert resume(run.path).run.step == 8 and state_sha256(run) == whole
