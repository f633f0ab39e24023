"""Contagion: found where it was put, not where only the village is bad, and called alike when the future shows it."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.village import contagion_test, guarantee_exposure
from creditlab.village.calibration import expit


def county(seed=0, push=0.0, alike=0.0, villages=25, each=60):
    """Groups of four inside villages; `push` raises the risk when a member has failed, `alike` is a shared trait."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), each)
    group = np.arange(len(village)) // 4
    linked = group % 2 == 0
    base = rng.normal(-2.2, 0.5, len(village)) + rng.normal(0, 0.7, villages)[village]
    trait = alike * rng.normal(size=group.max() + 1)[group]
    bad = rng.random(len(village)) < expit(base + trait)
    fallen = pd.Series(bad & linked).groupby(group).transform("max").to_numpy()
    bad |= linked & fallen & (rng.random(len(village)) < expit(base + trait + push) - expit(base + trait)) & (push > 0)
    pairs = [
        (a, b)
        for g in np.unique(group[linked])
        for a in np.flatnonzero(group == g)
        for b in np.flatnonzero(group == g)
        if a < b
    ]
    return (
        bad.astype(int),
        expit(rng.normal(-2.2, 0.1, len(village))),
        village,
        pd.DataFrame(pairs, columns=["household", "partner"]),
    )


def test_contagion_is_found_and_a_bad_village_alone_is_not():
    """p-values under the null are uniform: 30 counties whose villages differ widely, at 10 % (error .055)."""
    found = [
        contagion_test(*(c := county(s, push=2.0))[:3], np.arange(len(c[0])), c[3]).tidy()["p_value"][0]
        for s in range(5)
    ]
    assert max(found) <= 0.05
    null = []
    for seed in range(30):
        bad, prob, village, pairs = county(seed)
        null.append(
            contagion_test(bad, prob, village, np.arange(len(bad)), pairs, permutations=199).tidy()["p_value"][0]
        )
    assert np.mean(np.array(null) <= 0.1) <= 0.27 and 0.3 < np.mean(null) < 0.7


def test_links_of_the_future_tell_contagion_from_likeness():
    bad, prob, village, pairs = county(1, push=2.5)
    rng = np.random.default_rng(0)
    # future partners: other linked households of the same village, not of the same group
    ends = pairs["household"].to_numpy()
    later = pd.DataFrame({"household": ends, "partner": [rng.choice(ends[village[ends] == village[e]]) for e in ends]})
    result = contagion_test(bad, prob, village, np.arange(len(bad)), pairs, future=later)
    assert result.verdict == "contagion"
    bad, prob, village, pairs = county(2, alike=1.6)
    half = np.arange(len(pairs)) % 2 == 0
    result = contagion_test(bad, prob, village, np.arange(len(bad)), pairs[half], future=pairs[~half])
    assert result.verdict == "alike"


def test_the_chain_that_fell_is_the_first_group():
    bad, prob, village, pairs = county(3)
    bad[8:12] = 1
    groups = contagion_test(bad, prob, village, np.arange(len(bad)), pairs).groups
    first = groups.iloc[0]
    assert first["village"] == 0 and first["bad"] == 4 and first["households"] == 4 and first["p_value"] < 0.01
    assert groups["households"].sum() == len(set(pairs["household"]) | set(pairs["partner"]))


def test_direction_copies_and_strangers_of_links_do_not_matter():
    bad, prob, village, pairs = county(4, push=1.0)
    turned = pairs.rename(columns={"household": "partner", "partner": "household"})
    more = pd.concat([pairs, turned, pd.DataFrame({"household": [10**6, 5], "partner": [3, 5]})], ignore_index=True)
    one = contagion_test(bad, prob, village, np.arange(len(bad)), pairs)
    other = contagion_test(bad, prob, village, np.arange(len(bad)), more)
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())


def test_too_few_links_and_villages_without_a_choice():
    bad, prob, village, pairs = county(5)
    few = contagion_test(bad, prob, village, np.arange(len(bad)), pairs.head(5))
    assert few.verdict == "no data" and "fewer than 20 links" in few.tidy()["reason"][0]
    none = contagion_test(bad, prob, village, np.arange(len(bad)), pairs.iloc[:0])
    assert none.verdict == "no data" and len(none.groups) == 0
    # every village is one pair: there is nobody else to be paired with
    pairs = pd.DataFrame({"household": range(0, 60, 2), "partner": range(1, 60, 2)})
    stuck = contagion_test(np.arange(60) % 3 == 0, np.full(60, 0.3), np.arange(60) // 2, range(60), pairs)
    assert stuck.verdict == "no data" and "paired otherwise" in stuck.tidy()["reason"][0]
    with pytest.raises(InputError, match="one row per household"):
        contagion_test(bad, prob, village, np.zeros(len(bad)), pairs)


def test_exposure_counts_failures_in_the_window_over_links_that_held():
    day = pd.Timestamp
    links = pd.DataFrame(
        {"household": ["A", "A", "B", "D"], "partner": ["B", "C", "C", "A"],
         "from": [day("2020-01-01"), day("2020-01-01"), day("2024-06-01"), day("2020-01-01")],
         "to": [day("2026-01-01"), day("2021-01-01"), day("2026-01-01"), pd.NaT]}
    )  # fmt: skip
    failed = pd.Series({"B": day("2023-03-01"), "C": day("2023-05-01"), "A": day("2021-01-01")})
    out = guarantee_exposure(links, failed, "2023-12-31")
    # C's link to A had ended before C failed, B's link to C began later, A failed too long ago for D
    assert out.to_dict() == {"A": 1, "B": 0, "C": 0, "D": 0}
    assert guarantee_exposure(links, failed, "2021-06-30").to_dict()["D"] == 1
