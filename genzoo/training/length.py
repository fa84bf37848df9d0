"""The length of a run: how many steps it has, and how they are counted anew while a run of so many minutes goes on."""

import math
from dataclasses import dataclass

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of a run, at which its steps are counted anew
LEAST_STRETCH = 0.01  # of the time: steps that took less say too little about the speed


@dataclass(frozen=True)
class Decision:
    """From `step`, where the run stood at `progress` (0 to 1), it goes on evenly to progress 1 at step `total`."""

    step: int
    progress: float
    total: int


class Length:
    """The steps of a run, and how far along it is.

    steps: as planned before the first one.
    seconds: that the run may take from its first step to its end; None: as many as the steps take.
    reserve: what follows the last step (validation, picture, files), as the number of steps that take as long. Counted
        so, it keeps pace where the machine becomes slower.
    decisions: made so far, each a `Decision`.
    """

    def __init__(self, steps, seconds=None, reserve=0.0, decisions=()):
        self.steps, self.decisions = steps, list(decisions)
        self._seconds, self._reserve = seconds, reserve
        self._stretch = None
        if seconds is not None:
            self._pace = seconds / (steps + reserve)  # seconds a step, of the last stretch
            self._for_steps = self._pace * steps  # seconds

    @property
    def total(self):
        """Steps of the whole run, as of the last decision."""
        return self._last.total

    def position(self, step):
        """How far the run is at `step`, in steps of the first plan: evenly from where the last decision found it to
        `steps` at `total`. Where nothing was decided it is `step` itself, to the last bit."""
        last = self._last
        start = last.progress * self.steps
        return start + (step - last.step) * (self.steps - start) / (last.total - last.step)

    def step_done(self, step, now):
        """Notes that `step` steps are done `now` seconds after the run's start. -> whether `total` was decided anew."""
        if self._seconds is None or step >= self.total:
            return False
        share = max(self.position(step) / self.steps, now / self._for_steps)
        if self._stretch is None:  # the first step here may have compiled: it tells nothing about the others
            self._stretch = _Stretch(now, share)
            return False
        self._stretch.add_step(now)
        late = now + self._reserve * self._pace >= self._seconds
        if not late and (share < self._stretch.until or self._stretch.seconds < LEAST_STRETCH * self._seconds):
            return False
        if not late:
            self._pace = self._stretch.pace
        self._decide(step, step if late else step + max(0, int((self._seconds - now) / self._pace - self._reserve)))
        self._stretch = _Stretch(now, share)
        return True

    def end(self, step):
        """Decides that the run is over after `step` steps."""
        self._decide(step, step)

    @property
    def _last(self):
        return self.decisions[-1] if self.decisions else Decision(0, 0.0, self.steps)

    def _decide(self, step, total):
        self.decisions.append(Decision(step, self.position(step) / self.steps, total))


class _Stretch:
    """Steps in a row that are timed.     until: share of the run at which they end."""

    def __init__(self, began, share):
        self._began = self._now = began
        self._steps, self._longest = 0, 0.0
        self.until = next((later for later in SHARES if later > share), math.inf)

    def add_step(self, now):
        self._longest = max(self._longest, now - self._now)
        self._steps, self._now = self._steps + 1, now

    @property
    def seconds(self):
        return self._now - self._began

    @property
    def pace(self):
        """Seconds a step, with the pictures and files between them. The longest step is left out, where there are
        others: then the machine stood still, or a graph was traced, which does not come again."""
        if self._steps == 1:
            return self.seconds
        return (self.seconds - self._longest) / (self._steps - 1)
