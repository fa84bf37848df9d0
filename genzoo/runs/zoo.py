"""The zoo: runs that come with the package, each a folder without checkpoints. What is in the folder is the list."""

from difflib import get_close_matches
from pathlib import Path

from genzoo.errors import UsageError

FOLDER = Path(__file__).parents[1] / "zoo"
PREFIX = "zoo:"


def names():
    """Returns the names of the runs in the zoo, sorted."""
    return sorted(config.parent.name for config in FOLDER.glob("[!.]*/config.json"))


def folder(name):
    """Returns the folder of a run of the zoo. Raises UsageError, which names them all, for an unknown one."""
    known = names()
    if name in known:
        return FOLDER / name
    if not known:
        raise UsageError(f"no {PREFIX}{name}: no trained weights came with this installation")
    near = get_close_matches(name, known, 1)
    meant = f"did you mean {PREFIX}{near[0]}? " if near else ""
    raise UsageError(f"no {PREFIX}{name}: {meant}choose from {', '.join(PREFIX + one for one in known)}")


def name_of(path):
    """Returns the name of the run in a folder of the zoo; None for a folder elsewhere."""
    path = Path(path).resolve()
    return path.name if path.parent == FOLDER.resolve() else None
