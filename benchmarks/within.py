"""A family's own way to sample, made as cheap as asked."""

NFE = 10  # network evaluations an image


def options_within(model, chosen=None, most=NFE):
    """The sampling options of the model's family, some `chosen` otherwise, with as many steps as `most` evaluations an
    image allow. Raises ValueError where they allow none."""
    options = chosen or {}
    for steps in range(most, 0, -1):
        if model.evaluations(**options | {"steps": steps}) <= most:
            return options | {"steps": steps}
    raise ValueError(f"{model.family} needs more than {most} evaluations an image")
