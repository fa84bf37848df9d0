"""From a run folder back to a model."""

from genzoo.runs.run import Run


def load(path):
    """The model of a run with its sampling weights (EMA), as of the run's last checkpoint. `model.run_config` is the
    run's config. Raises CheckpointError where there is no run or no weights."""
    run = Run.open(path)
    weights = run.read_weights()  # before TensorFlow starts: a missing file answers at once
    from genzoo.models.families import build

    model = build(run.config["model"], **run.config["model_config"])
    model.load_weights_dict(weights)
    vars(model)["run_config"] = run.config  # past Keras' __setattr__, which would wrap the dict
    return model
