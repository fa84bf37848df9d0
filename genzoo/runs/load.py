"""From a run folder back to a model."""

from genzoo.errors import CheckpointError
from genzoo.models.families import family
from genzoo.networks.catalogue import NETWORKS
from genzoo.runs.run import Run


def load(path):
    """The model of a run with its sampling weights (EMA), as of the run's last checkpoint. `model.run_config` is the
    run's config. Raises CheckpointError where there is no run or no weights."""
    run = Run.open(path)
    weights = run.read_weights()  # before TensorFlow starts: a missing file answers at once
    _check_size(run, weights)
    from genzoo.models.families import build

    model = build(run.config["model"], **run.config["model_config"])
    model.load_weights_dict(weights)
    vars(model)["run_config"] = run.config  # past Keras' __setattr__, which would wrap the dict
    return model


def _check_size(run, weights):
    """Raises CheckpointError where the config asks for more weights than there are: to make them could take all memory
    there is, before their shapes are compared."""
    config, entry = run.config["model_config"], family(run.config["model"])
    shape, classes = config["image_shape"], config["num_classes"]
    options = entry.model_options(run.model_options, shape, classes)
    network = NETWORKS.get(options.get("network"))
    least = network.least(shape, classes if entry.labels else 0, options) if network else 0
    least += options.get("clusters", 0) * shape[0] * shape[1] * shape[2]
    found = sum(array.size for array in weights.values())
    if least > found:
        raise CheckpointError(
            f"{run.path}: its config asks for a network of {least:,} weights and more, weights.safetensors holds "
            f"{found:,}; one of the two is of another run"
        )
