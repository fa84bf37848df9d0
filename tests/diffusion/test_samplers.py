"""Time steps and tables, as numbers."""

from functools import partial

import numpy as np
import pytest

from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.catalogue import SAMPLERS, SCHEDULES, SPACINGS
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs, time_steps
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
    with pytest.raises(UsageError, match="'cubic'.*trailing, linspace"):
        time_steps(schedule, 5, "cubic")
    with pytest.raises(UsageError, match="eta of sampler ddim: expected a number at least 0 and at most 1, got 1.5"):
        samplers.table("ddim", schedule, pairs, eta=1.5)
    with pytest.raises(UsageError, match="one of fixed_small, fixed_large, got 'learned'"):
        samplers.table("ddpm", schedule, pairs, variance="learned")


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_table_says_what_the_formula_says(eta):
    schedule = make_schedule("linear", 100)
    pairs = time_pairs(schedule, 7)
    table = samplers.table("ddim", schedule, pairs, eta=eta)
    x_0, eps, z = np.random.default_rng(1).normal(size=(3, 7))
    expected = formulas.ddim_step(x_0, eps, z, schedule.alpha_bar(pairs[:, 0]), schedule.alpha_bar(pairs[:, 1]), eta)
    ours = table.x0_weights[:, 0] * x_0 + table.eps_weights[:, 0] * eps + table.fresh * z
    np.testing.assert_allclose(ours, expected, atol=1e-14)
    assert not table.x0_weights[:, 1:].any() and not table.eps_weights[:, 1:].any()


@pytest.mark.parametrize("make", [lambda s, p: samplers.table("ddim", s, p, eta=1.0), partial(samplers.table, "ddpm"),
                                  lambda s, p: samplers.table("ddpm", s, p, variance="fixed_large")])  # fmt: skip
def test_the_last_step_lands_on_the_image_without_noise(make):
    table = make(make_schedule("cosine", 50), time_pairs(make_schedule("linear", 50), 10))
    assert table.x0_weights[-1, 0] == pytest.approx(1)
    assert table.eps_weights[-1, 0] == pytest.approx(0) and table.fresh[-1] == 0
    assert (table.fresh[:-1] > 0).all()


def columns(table):
    return np.column_stack([table.x0_weights, table.eps_weights, table.fresh])


@pytest.mark.filterwarnings("ignore:the schedule ends")
@pytest.mark.parametrize("T", [1, 2, 3, 5, 10, 100, 1000])
@pytest.mark.parametrize("name, zero_snr", [(name, zero) for name in SCHEDULES for zero in (False, True)])
def test_every_table_is_finite_and_ddim_with_eta_1_is_the_posterior(name, zero_snr, T):
    """In float32 as in float64. ᾱ ends at 0 or near it, where a difference of equal numbers may round below 0."""
    if zero_snr and T == 1:
        return
    schedule = make_schedule(name, T, zero_snr)
    ways = {sampler: partial(samplers.table, sampler) for sampler in SAMPLERS}
    ways |= {eta: partial(samplers.table, "ddim", eta=eta) for eta in (0.3, 0.9, 1.0)}
    ways |= {"fixed_large": partial(samplers.table, "ddpm", variance="fixed_large")}
    for S in sorted({min(S, T) for S in (1, 2, 3, 7, 50, T - 1, T)} - {0}):
        for spacing in SPACINGS if S < 999 else ["trailing"]:
            pairs = time_pairs(schedule, S, spacing)
            tables = {key: columns(way(schedule, pairs)) for key, way in ways.items()}
            for key, table in tables.items():
                assert np.isfinite(table.astype("float32")).all(), (key, S, spacing)
            np.testing.assert_allclose(tables[1.0], tables["ddpm"], atol=1e-12)
