"""What an export gives in a fresh process of its own runtime, held against what the run's own model gives."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from genzoo.errors import CheckpointError
from genzoo.export.written import Written, checked, sizes

IMAGES = 16  # that are compared, and of the second timing
SECONDS = 0.4  # in which a timing is repeated
GREY = 2 / 255  # a grey level in [-1, 1]


def compare(kind, folder, cases, suffix, bound):
    """Asks an export in a fresh process, see `alone`; returns what it says as `Written`.

    cases: as of `cases.cases`, each asked of the file of its name and suffix.
    bound: how far they may be apart at most.
    Raises TooFarError, and CheckpointError where the runtime fails.
    """
    timed = next(name for name, case in cases.items() if case.evaluates) + suffix
    answers = ask(kind, folder, {name + suffix: case.inputs for name, case in cases.items()}, timed)
    apart = [_apart(answers[f"{name}{suffix}:{what}"], value)
             for name, case in cases.items() for what, value in case.ours().items()]  # fmt: skip
    seconds = dict(zip((1, IMAGES), answers[f"{timed}:seconds"].tolist(), strict=True))
    return checked(Written(sizes(folder), max(apart), bound, seconds, (str(answers["runtime"]),)))


def _apart(theirs, ours):
    """The largest difference: where numbers of ours are beyond 1, as latents are, as a share of the largest."""
    if theirs.shape != ours.shape:
        raise CheckpointError(f"the export gives {theirs.shape} where {ours.shape} was expected; nothing was written")
    return float(np.abs(theirs - ours).max() / max(1, np.abs(ours).max()))


def ask(kind, folder, questions, timed):
    """Returns {"FILE:OUTPUT": array} and more, see `alone`. questions: {file: {input: array}}."""
    with tempfile.TemporaryDirectory() as place:
        asked, answered = (Path(place) / name for name in ("questions.npz", "answers.npz"))
        arrays = {f"{name}:{what}": value for name, inputs in questions.items() for what, value in inputs.items()}
        np.savez(asked, **arrays, **{f"time:{timed}": np.array(1)})
        # By its text and in an empty folder: else the script's own folder, with `onnx` in it, would be searched first.
        script = Path(__file__).with_name("alone.py").read_text()
        words = [sys.executable, "-c", script, kind, Path(folder).absolute(), str(SECONDS), asked, answered]
        done = subprocess.run(words, capture_output=True, text=True, cwd=place)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise CheckpointError(f"the exported files cannot be read again ({said[-1]}); nothing was written")
        with np.load(answered) as answers:
            return dict(answers)
