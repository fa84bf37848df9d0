"""What a writer has made, and how far it is from the runs' own models."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from genzoo.errors import GenzooError


class TooFarError(GenzooError):
    """An export whose pictures are not those of its run."""

    exit_code = 5


@dataclass(frozen=True)
class Written:
    """files: {name: bytes} of all that was made, largest first.

    difference: the largest one between numbers of its pictures and of ours, from the same noise, where pixels reach
    from -1 to 1; None: there is no runtime here to compare it in.      bound: what was allowed; None: anything.
    seconds: {images: seconds of one evaluation of the network for so many}, the best of some.
    notes: lines for the user.
    """

    files: dict
    difference: float | None
    bound: float | None
    seconds: dict = field(default_factory=dict)
    notes: tuple = ()

    @property
    def bytes(self):
        """Of all files together."""
        return sum(self.files.values())

    def lines(self):
        """Returns what `genzoo export` prints, {what: text}."""
        sizes = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in self.files.items())
        allowed = "" if self.bound is None else f", allowed {self.bound:.1g}"
        said = {"files": sizes}
        if self.difference is not None:
            said["difference"] = f"at most {self.difference:.1e} in [-1, 1]{allowed}"
        if self.seconds:
            times = ", ".join(f"{1e3 * s:.3g} ms for {n}" for n, s in self.seconds.items())
            said["evaluation"] = f"{times} image{'s' * (max(self.seconds) > 1)}"
        return said | ({"note": "; ".join(self.notes)} if self.notes else {})


def plain(options):
    """Returns options as JSON keeps them; it has no infinity, which becomes a word."""
    return json.loads(json.dumps(options), parse_constant=str)


def sizes(path):
    """Returns {name: bytes} of a file, or of all files in a folder, the largest first."""
    path = Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    found = {str(file.relative_to(path.parent if path.is_file() else path)): file.stat().st_size for file in files}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def checked(written):
    """Returns a `Written`; raises TooFarError where its difference is above its bound, or no number."""
    bound = math.inf if written.bound is None else written.bound
    if not written.difference <= bound:
        raise TooFarError(
            f"the exported pictures differ from this run's by {written.difference:.2g} in [-1, 1], more than the "
            f"{bound:.2g} that is allowed; nothing was written"
        )
    return written
