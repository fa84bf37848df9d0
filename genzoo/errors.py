"""What can go wrong by a user's doing, each with the exit code that the command line returns for it."""


class GenzooError(Exception):
    """Base of all errors that are reported as one line, without a traceback."""

    exit_code = 1


class UsageError(GenzooError, ValueError):
    """An argument that cannot be used."""

    exit_code = 2


class DivergedError(GenzooError):
    """Training produced NaN or infinity."""

    exit_code = 3


class DataError(GenzooError):
    """A data set that is missing, broken or of the wrong kind."""

    exit_code = 4


class CheckpointError(GenzooError):
    """A run folder, checkpoint or output that cannot be read or written."""

    exit_code = 5


class ClusterError(GenzooError):
    """Of the workers that train together, one did not come, went away, or differs from the others."""

    exit_code = 5
