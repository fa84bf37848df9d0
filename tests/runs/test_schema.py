"""What a config.json from a stranger may hold: never a traceback, never much memory, always the field's name.

tests/faults/test_13_words.py makes up more of them.
"""

import json

import pytest

from genzoo.errors import CheckpointError
from genzoo.runs import zoo
from genzoo.runs.run import Run

CONFIG = json.loads((zoo.folder("cddpm-mnist") / "config.json").read_text())


def places(value, path=()):
    """Yields the path of everything in a JSON value."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(path, value):
    config = json.loads(json.dumps(CONFIG))
    *way, last = path
    part = config
    for key in way:
        part = part[key]
    part[last] = value
    return config


@pytest.mark.parametrize("path", [p for p in places(CONFIG) if len(p) == 2 and p[0] in ("model_config", "train")])
def test_a_field_of_the_wrong_kind_is_named(tmp_path, path):
    (tmp_path / "config.json").write_text(json.dumps(changed(path, {"a": [1]})))
    with pytest.raises(CheckpointError, match=path[-1]):
        Run.open(tmp_path)


@pytest.mark.parametrize(
    "path, value",
    [
        (("model_config", "widths"), [10**9]),
        (("model_config", "depth"), 100_000),
        (("model_config", "diffusion_steps"), 10**9),
        (("model_config", "image_shape"), [10**6, 10**6, 1]),
        (("model_config", "image_shape"), [32, 32, 10**6]),
        (("model_config", "num_classes"), 10**9),
        (("model_config", "network"), "conv"),
        (("model_config", "no_such_option"), 1),
        (("model",), "nothing"),
        (("train", "lr"), float("nan")),
        (("train", "steps"), float("inf")),
    ],
)
def test_what_no_machine_could_hold_or_no_family_knows_is_refused(tmp_path, path, value):
    (tmp_path / "config.json").write_text(json.dumps(changed(path, value)))
    with pytest.raises(CheckpointError):
        Run.open(tmp_path)


@pytest.mark.parametrize("path, value", [(("model_config", "widths"), [4096] * 3), (("model_config", "depth"), 64)])
def test_a_network_larger_than_its_weights_is_refused_before_it_is_built(tmp_path, path, value):
    from genzoo.runs.load import load

    (tmp_path / "config.json").write_text(json.dumps(changed(path, value)))
    weights = (zoo.folder("cddpm-mnist") / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="of another run"):
        load(tmp_path)


@pytest.mark.parametrize(
    "content, words",
    [
        ("[" * 100_000, "nested too deep"),
        ('{"format": 2, "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"format": 2, "x": ' + "9" * 5000 + "}", "cannot be read"),
        ("{" + ", ".join(f'"{i:020}": 0' for i in range(400_000)) + "}", "larger than"),
    ],
)
def test_hostile_json_is_refused(tmp_path, content, words):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=words):
        Run.open(tmp_path)
