"""Officers beside villages: told apart where the data can, and not claimed where they cannot."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from creditlab.errors import InputError
from creditlab.village import crossed_effects
from creditlab.village.calibration import expit, logit
from creditlab.village.crossed import UNKNOWN, _design, _mode


def county(seed=0, villages=60, each=40, officers=15, bad_officer=1.5, spread=0.4):
    """Officers shared between villages; officer 0 lends badly."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), each)
    officer = (village // 4 + rng.choice([0, 1, 5], len(village), p=[0.6, 0.25, 0.15])) % officers
    effect = rng.normal(0, spread, villages)
    skill = rng.normal(0, 0.2, officers)
    skill[0] = bad_officer
    base = rng.normal(-2.6, 0.7, len(village))
    bad = rng.random(len(village)) < expit(base + effect[village] + skill[officer])
    return bad.astype(int), expit(base), village, officer, effect, skill


def test_the_bad_officer_is_found_and_the_villages_are_not_blamed():
    for seed in range(3):
        bad, prob, village, officer, effect, skill = county(seed)
        fit = crossed_effects(bad, prob, village, {"officer": officer})
        officers = fit.tidy().query("factor == 'officer'").set_index("level")
        assert officers["effect"].idxmax() == 0 and officers["p_above"][0] > 0.95
        assert officers["lo"][0] < skill[0] - np.mean(skill) + 0.3
        villages = fit.villages.set_index("village")
        assert np.corrcoef(villages["effect"], effect)[0, 1] > 0.5
        alone = crossed_effects(bad, prob, village, {"other": np.random.default_rng(9).integers(0, 15, len(bad))})
        mostly = pd.Series(officer == 0).groupby(village).mean() > 0.4
        # told of the officer, the model takes his share out of his villages
        assert (villages["effect"] < alone.villages.set_index("village")["effect"])[mostly.to_numpy()].all()


def test_intervals_cover_the_truth():
    """90 % intervals of villages and officers over four seeds of 60 + 15 levels: within three errors of a proportion
    of 300, and what the normal approximation of the spreads leaves."""
    covered = []
    for seed in range(4):
        bad, prob, village, officer, effect, skill = county(seed, bad_officer=0.5)
        table = crossed_effects(bad, prob, village, {"officer": officer}).tidy()
        truth = np.concatenate([effect - effect.mean(), skill - skill.mean()])
        covered.append(((table["lo"] <= truth) & (truth <= table["hi"])).mean())
    assert 0.82 <= np.mean(covered) <= 0.98


def test_where_village_and_officer_coincide_they_are_not_told_apart():
    """Every village has its own officer: whatever is high, the verdict is that the two cannot be told apart."""
    bad, prob, village, _, _, _ = county(3, spread=1.0)
    fit = crossed_effects(bad, prob, village, {"officer": village + 100})
    assert (fit.tidy()["separable"] == 0).all()
    assert set(fit.villages["verdict"]) <= {"not told apart", "not clear"}
    assert (fit.villages["verdict"] == "not told apart").sum() >= 3


def test_an_officer_with_all_loans_of_three_villages_coincides_with_them():
    bad, prob, village, officer, _, _ = county(4)
    officer = np.where(village < 3, 99, np.where(officer == 99, 1, officer))
    bad = np.where(village < 3, np.random.default_rng(0).random(len(bad)) < 0.45, bad).astype(int)
    villages = crossed_effects(bad, prob, village, {"officer": officer}).villages.set_index("village")
    assert (villages.loc[:2, "verdict"] == "not told apart").all() and (villages.loc[:2, "main_officer"] == 99).all()


def test_the_mode_is_that_of_a_general_optimiser():
    """L-BFGS on the penalised likelihood, written from the formula, finds the same effects."""
    bad, prob, village, officer, _, _ = county(5, villages=12, each=25, officers=4)
    design, offset = _design(bad, village, {"officer": officer}), logit(prob)
    mode = _mode(design, bad, offset, np.log([0.5, 0.3]), None)

    def minus(x):
        eta = offset + x[-1] + x[village] + x[12 + officer]
        return -(bad * eta - np.logaddexp(0, eta)).sum() + (x[:12] ** 2).sum() / 0.5 + (x[12:-1] ** 2).sum() / 0.18

    other = minimize(minus, np.zeros(17), method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-8, "maxiter": 2000}).x
    np.testing.assert_allclose(np.concatenate([mode.u, mode.w]), other, atol=2e-4)


def test_order_of_rows_and_names_change_nothing():
    bad, prob, village, officer, _, _ = county(6, villages=20)
    base = crossed_effects(bad, prob, village, {"officer": officer}).tidy()
    order = np.random.default_rng(0).permutation(len(bad))
    moved = crossed_effects(bad[order], prob[order], village[order], {"officer": officer[order]}).tidy()
    np.testing.assert_allclose(moved["effect"], base["effect"], atol=1e-6)
    named = crossed_effects(bad, prob, [f"v{v:03d}" for v in village], {"officer": officer}).tidy()
    np.testing.assert_allclose(named["effect"], base["effect"], atol=1e-9)


def test_two_factors_and_rows_without_an_officer():
    bad, prob, village, officer, _, _ = county(7)
    who = pd.Series(officer, dtype=object).mask(np.arange(len(bad)) % 50 == 0)
    fit = crossed_effects(
        bad, prob, village, {"officer": [str(o) if o == o else None for o in who], "branch": village // 15}
    )
    assert UNKNOWN in fit.tidy().query("factor == 'officer'")["level"].tolist()
    assert fit.tidy()["factor"].unique().tolist() == ["village", "officer", "branch"]
    # a village lies inside one branch and shares it with others: the branch does not hide it
    assert (fit.tidy().query("factor == 'village'")["separable"] > 0).all()


def test_awkward_inputs():
    prob = np.full(20, 0.1)
    none = crossed_effects(np.zeros(20), prob, np.repeat([1, 2], 10), {"officer": np.tile([1, 2], 10)})
    assert none.tidy()["effect"].isna().all() and "same outcome" in str(none.facts["note"])
    one = crossed_effects(np.arange(20) % 2, prob, np.ones(20), {"officer": np.tile([1, 2], 10)})
    assert one.villages["effect"].isna().all() and "one village" in str(one.facts["note"])
    with pytest.raises(InputError, match="two levels or more; got one level in 'officer'"):
        crossed_effects(np.arange(20) % 2, prob, np.arange(20) // 5, {"officer": np.ones(20)})
    with pytest.raises(InputError, match="officers or branches beside the village"):
        crossed_effects(np.arange(20) % 2, prob, np.arange(20) // 5, {})
    singles = crossed_effects(np.arange(20) % 4 == 0, prob, np.arange(20), {"officer": np.arange(20) // 4})
    assert np.isfinite(singles.tidy()["effect"]).all()


def test_spreads_that_differ_are_found_where_levels_are_few():
    """The search of the spreads once stopped after one step, with the same spread for both factors."""
    bad, p, village, officer, *_ = county(seed=2, villages=16, each=35, officers=5, bad_officer=2.5, spread=0.0)
    found = crossed_effects(bad, p, village, {"officer": officer})
    assert found.facts["sd_officer"] > 1.5 * found.facts["sd_village"]
    assert found.facts["sd_village_hi"] < 1.0
