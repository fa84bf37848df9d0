"""Time steps and tables, as numbers."""

import numpy as np
import pytest

from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import SPACINGS, time_pairs, time_steps
from genzoo.errors import UsageError


@pytest.mark.filterwarnings("ignore:the schedule ends at")  # those of so few steps
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("T", [1, 2, 7, 100, 500, 1000])
def test_exactly_S_distinct_steps_for_every_S(spacing, T):
    for S in range(1, T + 1) if T <= 100 else [1, 2, 3, 7, 10, 33, 50, 300, T - 1, T]:
        pairs = time_pairs(make_schedule("cosine", T), S, spacing)
        assert pairs.shape == (S, 2)
        t = pairs[:, 0]
        assert (np.diff(t) < 0).all() and t[-1] >= 0 and t[0] <= T - 1
        assert pairs[-1, 1] == -1 and (pairs[:-1, 1] == t[1:]).all()
        if spacing != "uniform":
            assert t[0] == T - 1


def test_spacings_as_defined():
    assert time_steps(make_schedule("linear", 1000), 4, "uniform").tolist() == [750, 500, 250, 0]
    assert time_steps(make_schedule("linear", 1000), 4, "trailing").tolist() == [999, 749, 499, 249]
    assert time_steps(make_schedule("linear", 1000), 3, "linspace").tolist() == [999, 500, 0]
    assert time_steps(make_schedule("linear", 1000), 3, "quad").tolist() == [999, 250, 0]
    trailing = np.round(1000 - np.arange(7) * 1000 / 7).astype(int) - 1
    assert time_steps(make_schedule("linear", 1000), 7, "trailing").tolist() == trailing.tolist()


@pytest.mark.parametrize("S", [0, -1, 101, 2.5, True])
def test_steps_out_of_range_are_refused(S):
    with pytest.raises(UsageError, match="steps must be an integer from 1 to 100"):
        time_steps(make_schedule("linear", 100), S)


def test_unknown_names_and_values_are_refused():
    schedule = make_schedule("cosine", 10)
    pairs = time_pairs(schedule, 5)
    with pytest.raises(UsageError, match="'cubic'.*uniform, linspace"):
        time_steps(schedule, 5, "cubic")
    with pytest.raises(UsageError, match="eta must be between 0 and 1, got 1.5"):
        samplers.ddim(schedule, pairs, eta=1.5)
    with pytest.raises(UsageError, match="fixed_small or fixed_large, got 'learned'"):
        samplers.ddpm(schedule, pairs, variance="learned")


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_table_says_what_the_formula_says(eta):
    schedule = make_schedule("linear", 100)
    pairs = time_pairs(schedule, 7)
    table = samplers.ddim(schedule, pairs, eta)
    x_0, eps, z = np.random.default_rng(1).normal(size=(3, 7))
    expected = formulas.ddim_step(x_0, eps, z, schedule.alpha_bar(pairs[:, 0]), schedule.alpha_bar(pairs[:, 1]), eta)
    ours = table.image[:, 0] * x_0 + table.noise[:, 0] * eps + table.fresh * z
    np.testing.assert_allclose(ours, expected, atol=1e-14)
    assert not table.image[:, 1:].any() and not table.noise[:, 1:].any()


@pytest.mark.parametrize("make", [lambda s, p: samplers.ddim(s, p, eta=1.0), samplers.ddpm,
                                  lambda s, p: samplers.ddpm(s, p, "fixed_large")])  # fmt: skip
def test_the_last_step_lands_on_the_image_without_noise(make):
    table = make(make_schedule("cosine", 50), time_pairs(make_schedule("linear", 50), 10))
    assert table.image[-1, 0] == pytest.approx(1) and table.noise[-1, 0] == pytest.approx(0) and table.fresh[-1] == 0
    assert (table.fresh[:-1] > 0).all()


def test_ddim_with_eta_1_over_adjacent_steps_is_ddpm():
    schedule = make_schedule("linear", 200)
    pairs = time_pairs(schedule, 200)
    a, b = samplers.ddim(schedule, pairs, eta=1.0), samplers.ddpm(schedule, pairs)
    for column in ("image", "noise", "fresh"):
        np.testing.assert_allclose(getattr(a, column), getattr(b, column), atol=1e-12)
