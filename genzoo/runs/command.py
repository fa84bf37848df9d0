"""From a run's config back to the words that were typed."""

import shlex

from genzoo.models.families import family
from genzoo.networks.catalogue import NETWORKS
from genzoo.options import Switch


def train_command(config):
    """Returns the `genzoo train …` that trains such a run again; what this version has as default is left out."""
    train, data, preset = config["train"], config["data"], family(config["model"]).train
    words = ["--data", data["name"]]
    if data.get("image_size") is not None:
        words += ["--image-size", data["image_size"]]
    words += ["--minutes", f"{train['minutes']:g}"] if train.get("minutes") else ["--steps", train["steps"]]
    words += ["--seed", train.get("seed", 0)]
    for name in ("batch_size", "lr", "ema"):
        if train.get(name, preset[name]) != preset[name]:
            words += [f"--{name.replace('_', '-')}", train[name]]
    words += ["--accumulate", train["accumulate"]] if train.get("accumulate", 1) > 1 else []
    words += ["--jit-compile"] * train.get("jit_compile", False)
    source = train.get("from")
    what = ["--from", source["run"]] if source else ["--model", config["model"], *_options(config)]
    return shlex.join(map(str, ["genzoo", "train", *what, *words]))


def _options(config):
    """Yields the words of the model's options that are not the defaults of its family and network."""
    entry, model = family(config["model"]), config["model_config"]
    network = NETWORKS[model["network"]].options if "network" in model else ()
    for option in (*entry.general_options, *network):
        value = option.check(model.get(option.name, option.default), entry.name)
        if value != option.default:
            yield option.word
            if not isinstance(option.kind, Switch):
                yield _typed(value)


def _typed(value):
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)
