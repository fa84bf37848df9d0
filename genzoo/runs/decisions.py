"""decisions.json of a checkpoint: what was decided about the run's length, and its config then, with a checksum."""

import hashlib
import json

from genzoo.errors import CheckpointError
from genzoo.files import read_json
from genzoo.runs.schema import shortened

NAME = "decisions.json"  # in the folder of a checkpoint
# What may change by hand before a resume. The data has to have its fingerprint, the versions Keras' major version.
FREE = {"data": ("name", "reason", "data_dir", "cache", "fingerprint"), "train": ("sample_every", "tensorboard")}


def write(folder, decisions, config):
    """Writes what `read` reads into the folder of a checkpoint. Raises OSError."""
    content = json.dumps({"decisions": decisions, "config": config})
    signed = {"sha256": hashlib.sha256(content.encode()).hexdigest(), "content": content}
    (folder / NAME).write_text(json.dumps(signed) + "\n", encoding="utf-8")


def read(folder):
    """Returns (decisions, config) of a checkpoint; of one of an older genzoo the config is None.

    Raises ValueError where the file is damaged or missing.
    """
    try:
        signed = read_json(folder / NAME)
        if isinstance(signed, list):
            return signed, None
        if signed["sha256"] != hashlib.sha256(signed["content"].encode()).hexdigest():
            raise ValueError("some bits have changed")
        content = json.loads(signed["content"])
        return content["decisions"], content["config"]
    except (OSError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"{NAME}: {getattr(error, 'strerror', None) or error}") from error


def check_unchanged(before, config, path):
    """Raises CheckpointError, which names the field, where a config is not what it was but for FREE; path: its file."""
    for part in ("model", "model_config", "data", "train"):
        then, now = before[part], config[part]
        if isinstance(then, dict):
            fields = [f for f in {**then, **now} if f not in FREE.get(part, ()) and then.get(f) != now.get(f)]
            if not fields:
                continue
            part, then, now = f"{fields[0]} of {part}", then.get(fields[0]), now.get(fields[0])
        if then != now:
            raise CheckpointError(
                f"{path}: {part} was {shortened(then)} when its training began and is {shortened(now)} now; "
                "put it back, or train anew"
            )
