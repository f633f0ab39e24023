"""Enforcement: survival with cases that still run, against statsmodels and the sample county's truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from creditlab.errors import InputError
from creditlab.loans import enforcement
from creditlab.loans.court import _log_rank


def _cases(n: int = 10, **more: object) -> dict:
    start = pd.Timestamp("2023-01-01")
    frame = pd.DataFrame(
        {
            "household_id": [f"H{i}" for i in range(n)],
            "court": ["north", "south"] * (n // 2),
            "role": "debtor",
            "amount": 100.0,
            "filed_on": start,
            "enforcement_on": [start + pd.Timedelta(days=10 * (i + 1)) for i in range(n)],
            "closed_on": [start + pd.Timedelta(days=200 + 10 * i) for i in range(n)],
            "outcome": ["paid", "no_assets"] * (n // 2),
            "enforced_amount": [100.0, 0.0] * (n // 2),
        }
    )
    return {"judgments": frame.assign(**more)}


def test_without_censoring_the_curve_is_the_plain_share() -> None:
    result = enforcement(_cases())
    row = result.tidy().set_index("stage").loc["enforcement"]
    assert (row["cases"], row["events"], row["median"]) == (10, 10, 50.0) and row["done_90"] == pytest.approx(0.9)
    curve = result.curves.query("stage == 'enforcement'")
    np.testing.assert_allclose(curve["estimate"], np.arange(1, 11) / 10)
    assert ((curve["lo"] <= curve["estimate"]) & (curve["estimate"] <= curve["hi"])).all()


def test_cases_that_still_run_count_as_long_as_they_were_seen() -> None:
    """By hand, seen to day 55: five of ten done by day 50, five running. Product limit 0.5; never all."""
    row = enforcement(_cases(), as_of="2023-02-25").tidy().set_index("stage").loc["enforcement"]
    assert row["events"] == 5 and row["median"] == 50.0
    none = enforcement(_cases(), as_of="2023-02-15").tidy().set_index("stage").loc["enforcement"]
    assert np.isnan(none["median"]) and none["reason"] == "结束的案件不足一半 less than half of the cases have ended"


def test_what_happened_after_the_day_is_not_known_on_it() -> None:
    tables = _cases()
    later = tables["judgments"].copy()
    later.loc[later["closed_on"] > "2023-08-15", ["closed_on", "outcome"]] = [pd.Timestamp("2030-01-01"), "settled"]
    one, other = (enforcement(t, as_of="2023-08-15") for t in (tables, {"judgments": later}))
    pd.testing.assert_frame_equal(one.tidy(), other.tidy())
    pd.testing.assert_frame_equal(one.outcomes, other.outcomes)


def test_outcomes_by_court() -> None:
    result = enforcement(_cases(), "court")
    table = result.outcomes.set_index("group")
    assert table.loc["north", ["closed", "paid_or_settled", "no_assets", "enforced_share"]].tolist() == [5, 5, 0, 1.0]
    assert table.loc["south", "no_assets_share"] == 1.0 and table.loc["all", "closed"] == 10
    assert 0 < result.facts["p_value enforcement"] <= 1


def test_the_log_rank_test_is_that_of_statsmodels() -> None:
    from statsmodels.duration.survfunc import survdiff

    rng = np.random.default_rng(4)
    spells = pd.DataFrame(
        {"days": rng.integers(1, 60, 200), "done": rng.random(200) < 0.7, "group": rng.choice(list("abc"), 200)}
    )
    expected = survdiff(spells["days"].to_numpy(), spells["done"].to_numpy(dtype=int), spells["group"].to_numpy())[1]
    assert float(_log_rank(spells)) == pytest.approx(expected, rel=1e-9)


def test_few_cases_have_no_curve_but_a_reason() -> None:
    rows = enforcement(_cases(4)).tidy()
    assert rows["median"].isna().all() and (rows["reason"] == "少于 5 件 fewer than 5 cases").all()


def test_times_of_the_sample_county(sample_county) -> None:
    """Its truth: enforcement is applied for after 60 to 199 days in 80 % of the cases; closing takes 60 to 399 days."""
    table = enforcement(sample_county).tidy().set_index("stage")
    assert table.loc["enforcement", "lo"] < 60 + 140 * 0.5 / 0.8 + 40 and 100 < table.loc["enforcement", "median"] < 170
    assert 0.72 < table.loc["enforcement", "done_365"] < 0.88  # four standard errors around 0.8 with 376 cases
    closing = table.loc["closing"]
    assert closing["lo"] - 15 < 230 < closing["hi"] + 15


def test_more_cases_end_for_lack_of_assets_where_the_credit_environment_is_bad(sample_county, sample_folder) -> None:
    effect = pd.read_parquet(sample_folder / "truth" / "villages.parquet").set_index("village_id")["effect"]
    outcomes = enforcement(sample_county, "village_id").outcomes.set_index("group").drop(index="all")
    bad = outcomes.index.map(effect).to_numpy(dtype=float) > 0.3
    good = outcomes.index.map(effect).to_numpy(dtype=float) < -0.3
    sums = [[p["no_assets"].sum(), (p["closed"] - p["no_assets"]).sum()] for p in (outcomes[bad], outcomes[good])]
    assert fisher_exact(sums, alternative="greater").pvalue < 0.001


def test_groups_are_the_cases_once(sample_county) -> None:
    table = enforcement(sample_county, "village_id").tidy()
    for stage in ("enforcement", "closing", "whole"):
        part = table[table["stage"] == stage].set_index("group")
        assert part.drop(index="all")["cases"].sum() == part.loc["all", "cases"]


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(InputError, match="the table judgments"):
        enforcement({})
    with pytest.raises(InputError, match="at least one case"):
        enforcement(_cases(), role="guarantor")
    with pytest.raises(InputError, match="the table households"):
        enforcement(_cases(), "village_id")
    with pytest.raises(InputError, match="one of None"):
        enforcement(_cases(), "judge")
