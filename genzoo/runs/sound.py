"""Whether a config.json that may come from anywhere is as genzoo writes it."""


def sound(config):
    """Whether what a config says of shapes and lengths has the right form and size: it may come from anywhere.

    Names and options are checked where they are used, by what declares them.
    """
    model, data, lengths = config["model_config"], config["data"], (config["train"], config.get("trained", {"step": 0}))
    if not all(isinstance(part, dict) for part in (model, data, *lengths)):
        return False

    def shape(value):
        return isinstance(value, list) and len(value) == 3 and all(_whole(size, 1, 4096) for size in value)

    steps = config["train"].get("steps"), lengths[1].get("step")
    return (
        isinstance(config["model"], str)
        and shape(model.get("image_shape"))
        and shape(data.get("native_shape"))
        and all(_whole(part.get("num_classes"), 0, 100_000) for part in (model, data))
        and all(_whole(step, 0, 10**12) for step in steps)
    )


def _whole(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
