"""Programmes: effects that were put there are found, nothing where there is nothing, and few villages stay honest."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from creditlab import village as vl
from creditlab.errors import InputError


def panel(seed=0, villages=60, periods=6, treated=12, effect=0.0):
    """Village-periods with serial correlation; the first villages are treated from period 3 on."""
    rng = np.random.default_rng(seed)
    village, time = np.repeat(np.arange(villages), periods), np.tile(np.arange(periods), villages)
    drift = np.cumsum(rng.normal(0, 0.3, (villages, periods)), axis=1).ravel()
    on, after = (village < treated).astype(int), (time >= 3).astype(int)
    y = rng.normal(size=villages)[village] + 0.2 * time + drift + rng.normal(0, 0.5, len(village)) + effect * on * after
    return pd.DataFrame({"y": y, "village": village, "time": time, "on": on, "after": after})


def found(frame, **options):
    return vl.did(frame["y"], frame["village"], frame["on"], frame["after"], **options)


def test_the_effect_is_found_and_is_that_of_two_way_fixed_effects():
    frame = panel(1, effect=2.0)
    result = found(frame)
    X = pd.get_dummies(frame[["village", "time"]].astype(str), drop_first=True).astype(float)
    X["effect"] = frame["on"] * frame["after"]
    ols = sm.OLS(frame["y"], sm.add_constant(X)).fit()
    assert result.facts["estimate"] == pytest.approx(ols.params["effect"])
    assert result.facts["lo"] < 2 < result.facts["hi"] and result.facts["p_permutation"] == pytest.approx(0.001)


def test_standard_error_and_degrees_of_freedom_of_two_groups():
    """HC2 of a regression on one dummy, and Welch's degrees of freedom where variances are equal by design."""
    result = found(panel(2, treated=10))
    change = result.tidy()
    ols = sm.OLS(change["change"], sm.add_constant(change["treated"].astype(float))).fit(cov_type="HC2")
    assert result.facts["se"] == pytest.approx(ols.bse["treated"])
    even = vl.did([0, 1, 0, 2, 0, 4, 0, 3], list("AABBCCDD"), [1] * 4 + [0] * 4, [0, 1] * 4).facts
    assert even["df"] == pytest.approx(2)


@pytest.mark.parametrize("treated", [3, 5])
def test_few_treated_villages_do_not_reject_too_often(treated):
    """True null, 300 panels of 60 villages: nominal 5 %, of which the standard error over 300 is 1.3 %."""
    facts = [found(panel(seed, treated=treated), permutations=199).facts for seed in range(300)]
    assert np.mean([f["p_permutation"] <= 0.05 for f in facts]) <= 0.05 + 3 * 0.0126
    assert np.mean([f["p_value"] <= 0.05 for f in facts]) <= 0.06 + 3 * 0.0137  # .059 with three treated is known


def test_regression_to_the_mean_is_not_hidden_from_view():
    """Villages picked for a high rate before: the naive difference is far below 0, that of random villages is not."""
    rng = np.random.default_rng(0)
    before, after = rng.binomial(25, 0.1, (2, 400)) / 25
    worst = (before >= np.sort(before)[-12]).astype(int)
    change = after - before
    assert vl.permutation(change, worst).p_value < 0.01
    assert change[worst == 1].mean() < -0.1


def test_all_assignments_are_counted_where_they_are_few():
    value, on = [3.0, 1.0, 2.0, 0.5, 0.1], [1, 1, 0, 0, 0]
    result = vl.permutation(value, on, alternative="greater")
    sums = [sum(c) for c in itertools.combinations(value, 2)]
    assert result.facts["exact"] and result.facts["assignments"] == 10
    assert result.p_value == pytest.approx(np.mean([s >= 4 - 1e-9 for s in sums]))
    pairs = vl.permutation([2.0, 1.0, 5.0, 3.0], [1, 0, 1, 0], block=list("aabb"))
    assert pairs.facts["assignments"] == 4 and pairs.p_value == 0.5


def test_neither_order_nor_names_change_a_p_value():
    frame = panel(3, treated=8, effect=0.5)
    one = found(frame)
    mixed = frame.sample(frac=1, random_state=0).assign(village=lambda f: (7 * f["village"] + 5) % 60)
    other = found(mixed)
    for name in ("estimate", "se", "df", "p_value", "p_permutation"):
        assert one.facts[name] == pytest.approx(other.facts[name], abs=1e-12)


def test_staggered_effects_are_found_by_group_and_by_time():
    """Effects of 1 and 3 by group, growing by .5 a period: exact without noise."""
    rows = []
    for v in range(30):
        start = (3, 5, np.nan)[v % 3]
        for t in range(1, 8):
            lift = 0.0 if not t >= start else (1.0 if start == 3 else 3.0) + 0.5 * (t - start)
            rows.append((v, t, start, 0.1 * v + 0.3 * t + lift))
    frame = pd.DataFrame(rows, columns=["v", "t", "first", "y"])
    for control in ("never", "notyet"):
        result = vl.att_gt(frame["y"], frame["v"], frame["t"], frame["first"], control=control)
        table = result.tidy()
        truth = np.where(
            table["before"], 0, np.where(table["group"] == 3, 1, 3) + 0.5 * (table["time"] - table["group"])
        )
        np.testing.assert_allclose(table["att"], truth, atol=1e-12)
    average = result.averages.set_index("average")["estimate"]
    assert average["group"] == pytest.approx((1 + 0.5 * 2 + 3 + 0.5 * 1) / 2)
    events = result.events.set_index("event")["estimate"]
    assert events[0] == pytest.approx(2) and events[-1] == pytest.approx(0)


def test_intervals_of_group_time_effects_cover_nothing_where_there_is_nothing():
    """40 panels of three groups: 90 % intervals of the simple average; the standard error over 40 is 4.7 %."""
    covered = []
    for seed in range(40):
        frame = panel(seed, villages=90)
        first = np.array([2, 4, np.nan])[frame["village"] % 3]
        row = vl.att_gt(frame["y"], frame["village"], frame["time"], first).averages.iloc[0]
        covered.append(row["lo"] < 0 < row["hi"])
    assert np.mean(covered) >= 0.9 - 3 * 0.047


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: vl.did([1, 2], list("AA"), [1, 0], [0, 1]), "treated or not"),
        (lambda: vl.did([1, 2, 3, 4], list("AABB"), [1, 1, 1, 1], [0, 1, 0, 1]), "treated and other"),
        (lambda: vl.did([1, np.nan], list("AA"), [1, 1], [0, 1]), "finite numbers"),
        (lambda: vl.did([1, 2], list("AA"), [1, 2], [0, 1]), "0 or 1"),
        (lambda: vl.permutation([1, 2], [1, 1]), "treated and other"),
        (lambda: vl.att_gt([1, 2, 3], list("AAB"), [1, 2, 1], [2, 2, np.nan]), "every period"),
        (lambda: vl.att_gt([1, 2], list("AA"), [1, 2], [np.nan, np.nan]), "reached within"),
        (lambda: vl.att_gt([1, 2], list("AA"), [1, 2], [1, 1]), "before the start"),
        (lambda: vl.att_gt([1, 2, 1, 2], list("AABB"), [1, 2] * 2, [2, 2, 2, 2]), "never or not yet"),
        (lambda: vl.att_gt([1, 2], list("AA"), [1, 2], [2, np.nan]), "one start per village"),
    ],
)
def test_wrong_calls(call, said):
    with pytest.raises(InputError, match=said):
        call()


def test_one_treated_village_has_no_standard_error_and_says_so():
    result = vl.did([0, 1, 0, 2, 0, 4], list("AABBCC"), [1, 1, 0, 0, 0, 0], [0, 1] * 3)
    assert np.isnan(float(result.facts["se"])) and "fewer than two" in str(result.facts["se"])
    assert result.facts["estimate"] == pytest.approx(-2) and 0 < result.facts["p_permutation"] <= 1
