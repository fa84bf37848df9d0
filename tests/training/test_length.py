"""Runs of so many minutes, simulated: a plan meets machines whose speed changes, and ends them on time."""

import math

import pytest

from genzoo.training.length import SHARES, Length
from genzoo.training.rate import learning_rate
from genzoo.training.speed import Speed, steps_within

BUDGET = 600.0  # seconds
STEP = 0.1
PER_EPOCH = 150
SPEED = Speed(step=STEP, validation=1.0, picture=2.0, tracing=4.0, preparation=0.0, memory=0)


def steadily(now):
    return 1.0


def halved(at):
    return lambda now: 1.0 if now < at * BUDGET else 2.0


def doubled(at):
    return lambda now: 1.0 if now < at * BUDGET else 0.5


class Machine:
    """Runs a plan as the trainer does, on a clock of its own. slowness(now): the factor on all that is done then.

    pauses: {share of the budget: seconds} in which the machine stands still.   measured: of the speed, by this factor
    wrong.
    """

    def __init__(self, slowness=steadily, pauses=None, every=None, measured=1.0, budget=BUDGET):
        self.now, self.slowness, self.pauses = 0.0, slowness, dict(pauses or {})
        told = Speed(*(measured * part for part in (STEP, 1.0, 2.0, 4.0, 0.0)), memory=0)
        steps, self.every, reserve = steps_within(budget, told, PER_EPOCH, every)
        self.length, self.seen = Length(steps, budget, reserve), set()
        self.positions, step = [], 0
        while step < self.length.total:
            self.positions.append(self.length.position(step))
            self.spend(STEP)
            step += 1
            self.length.step_done(step, self.now)
            if step % PER_EPOCH == 0 or step == self.length.total:
                self.once("validation", 1.0)
            if self.every and step % self.every == 0 or step == self.length.total:
                self.once("picture", 2.0)
        self.steps = step
        self.spend(2.0)

    def once(self, what, seconds):
        self.spend(seconds + (0.0 if what in self.seen else 2.0))  # the first time it is traced
        self.seen.add(what)

    def spend(self, seconds):
        self.now += seconds * self.slowness(self.now)
        for share in [share for share in self.pauses if self.now >= share * BUDGET]:
            self.now += self.pauses.pop(share)


@pytest.mark.parametrize("budget", [60, 600, 6000])
@pytest.mark.parametrize("every", [None, 0, 100])
def test_a_steady_run_ends_on_time_and_keeps_its_pace(budget, every):
    machine = Machine(budget=budget, every=every)
    assert 0.97 * budget < machine.now < 1.03 * budget
    assert machine.positions == sorted(machine.positions)
    assert machine.positions[-1] > 0.9 * machine.length.steps  # the learning rate came down
    halfway = machine.positions[machine.steps // 2]
    assert abs(halfway - machine.length.steps / 2) < 0.1 * machine.length.steps


@pytest.mark.parametrize("measured", [0.4, 0.8, 1.25, 2.5])
def test_a_wrong_measurement_is_made_good(measured):
    machine = Machine(measured=measured)
    assert 0.97 * BUDGET < machine.now < 1.01 * BUDGET


@pytest.mark.parametrize("at", [0.1, 0.5, 0.85, 0.93, 0.97])
def test_a_run_whose_machine_becomes_half_as_fast_ends_on_time(at):
    machine = Machine(halved(at))
    assert 0.97 * BUDGET < machine.now < 1.03 * BUDGET
    assert machine.positions[-1] > 0.9 * machine.length.steps


@pytest.mark.parametrize("at", [0.1, 0.5, 0.85])
def test_a_run_whose_machine_becomes_twice_as_fast_uses_its_time(at):
    machine = Machine(doubled(at))
    assert 0.97 * BUDGET < machine.now < 1.01 * BUDGET
    assert machine.steps > machine.length.steps


@pytest.mark.parametrize("pauses", [{0.02: 60}, {0.3: 60, 0.6: 30}, {0.45: 200}, {0.92: 20}])
def test_a_run_that_stood_still_ends_on_time(pauses):
    assert 0.97 * BUDGET < Machine(pauses=pauses).now < 1.01 * BUDGET


def test_a_pause_beyond_the_time_ends_the_run_at_once():
    machine = Machine(pauses={0.5: 2 * BUDGET})
    assert machine.length.total == machine.steps < machine.length.steps
    assert machine.now < (0.5 + 2 + 0.03) * BUDGET


@pytest.mark.parametrize("machine", [{}, {"slowness": halved(0.5)}, {"measured": 5.0}, {"pauses": {0.3: 100}}])
def test_there_are_few_decisions(machine):
    assert 1 <= len(Machine(**machine).length.decisions) <= len(SHARES) + 1


def test_progress_has_no_jumps():
    """From step to step it goes on by no more than the greater of the paces before and after a decision."""
    machine = Machine(halved(0.5))
    moves = [b - a for a, b in zip(machine.positions, machine.positions[1:], strict=False)]
    assert min(moves) > 0 and max(moves) < 3


def test_without_decisions_the_learning_rate_is_that_of_the_steps_to_the_last_bit():
    for steps in (1, 7, 49, 997, 12_345):
        length = Length(steps)
        assert not any(length.step_done(step, 1e9) for step in range(1, steps + 1))
        for step in range(steps):
            assert learning_rate(length.position(step), length.steps, 2e-3) == learning_rate(step, steps, 2e-3)


def test_a_plan_goes_on_from_its_decisions_as_it_would_have():
    """The clock runs in eighths of a second: no rounding."""
    whole, decisions = Length(1000, 120.0, 8.0), {}
    for step in range(1, 501):
        if whole.step_done(step, step / 8):
            decisions[step] = list(whole.decisions)
    resumed = Length(1000, 120.0, 8.0, decisions[max(decisions)])
    start = max(decisions)
    for step in range(start + 1, 900):
        assert resumed.position(step) == whole.position(step)
        assert resumed.total == whole.total
        if step > 500:
            whole.step_done(step, step / 8)
        resumed.step_done(step, step / 8)


# The first plan.


def test_minutes_become_steps_that_fit():
    for every in (None, 0, 20, 1000):
        steps, pictured, reserve = steps_within(BUDGET, SPEED, PER_EPOCH, every)
        assert 0.98 * BUDGET < SPEED.seconds(steps, PER_EPOCH, pictured) <= BUDGET
        assert every in (None, pictured) and 0 < reserve < 0.05 * steps
    steps, every, _ = steps_within(BUDGET, SPEED, PER_EPOCH)
    assert math.ceil(steps / every) == 8
    steps, every, _ = steps_within(40, SPEED, PER_EPOCH)
    assert math.ceil(steps / every) == 2  # 10 % of the time for pictures
    assert steps_within(-5, SPEED, PER_EPOCH)[:2] == (1, 1)


def test_pictures_that_are_asked_for_are_part_of_the_time():
    often, seldom = (steps_within(BUDGET, SPEED, PER_EPOCH, every)[0] for every in (10, 1000))
    assert often < seldom / 2
