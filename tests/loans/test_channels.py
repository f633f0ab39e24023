"""Applications by channel: the funnel adds up, selection is taken out, and second tries are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable

from creditlab.errors import ColumnError, InputError
from creditlab.loans import Bad, channel_funnel
from creditlab.loans.channels import _cmh
from tests.loans import made


def _tables(applications: list[dict]) -> dict:
    notes = [made.note(n, f"H{n}", granted="2023-01-10", due="2023-06-10") for n in ("good", "bad", "young")]
    notes[2]["due_on"] = "2024-05-10"
    rows = [
        *made.months("good", "2023-01", [0] * 5),
        *made.months("bad", "2023-01", [0] * 5 + [20, 51, 82, 112]),
        *made.months("young", "2023-01", [0] * 14),
    ]
    base = {"household_id": "H", "product": "p", "amount": 100, "applied_on": "2023-01-02", "decided_on": "2023-01-05",
            "note_id": None}  # fmt: skip
    return {
        "loans": pd.DataFrame(notes),
        "loan_months": pd.DataFrame(rows),
        "applications": pd.DataFrame([base | a for a in applications]),
    }


def test_the_funnel_worked_by_hand() -> None:
    tables = _tables(
        [
            {"channel": "branch", "decision": "granted", "note_id": "good"},
            {"channel": "branch", "decision": "granted", "note_id": "bad"},
            {"channel": "branch", "decision": "granted", "note_id": "young"},
            {"channel": "branch", "decision": "granted", "note_id": "not drawn"},
            {"channel": "branch", "decision": "refused"},
            {"channel": "wechat", "decision": "withdrawn"},
            {"channel": "wechat", "decision": None},
        ]
    )
    row = channel_funnel(tables).tidy().set_index("channel").loc["branch"]
    assert row[["applied", "granted", "refused", "drawn", "judged", "bad"]].tolist() == [5, 4, 1, 3, 2, 1]
    assert row["approval"] == 0.8 and row["bad_rate"] == 0.5 and row["days_median"] == 3
    wechat = channel_funnel(tables).tidy().set_index("channel").loc["wechat"]
    assert wechat["withdrawn"] == 1 and wechat["open"] == 1 and np.isnan(wechat["approval"])


def test_every_application_is_in_the_funnel_once(sample_county) -> None:
    result = channel_funnel(sample_county)
    table = result.tidy()
    assert table["applied"].sum() == len(sample_county.tables["applications"].frame)
    assert (table["granted"] + table["refused"] + table["withdrawn"] + table["open"] == table["applied"]).all()
    assert (table[["bad", "judged", "drawn", "granted"]].diff(axis=1).iloc[:, 1:] >= 0).all().all()
    for name in ("approval", "bad"):
        # indirect standardisation: over all channels as many as expected
        assert table[f"{name}_expected"].sum() == pytest.approx(table["granted" if name == "approval" else "bad"].sum())
        assert ((table[f"{name}_oe_lo"] < table[f"{name}_oe"]) & (table[f"{name}_oe"] < table[f"{name}_oe_hi"])).all()


def test_selection_between_channels_is_taken_out() -> None:
    """Mobile takes the small loans, which are refused half the time; branch the large, refused one time in ten."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(4000):
        large = rng.random() < 0.5
        mobile = rng.random() < (0.1 if large else 0.9)
        refused = rng.random() < (0.1 if large else 0.5)
        channel, decision = "mobile" if mobile else "branch", "refused" if refused else "granted"
        rows.append(
            {"household_id": f"H{i}", "channel": channel, "amount": 900 if large else 100, "decision": decision}
        )
    result = channel_funnel(_tables(rows), bands=2)
    table = result.tidy().set_index("channel")
    assert table.loc["branch", "approval_lo"] > table.loc["mobile", "approval_hi"] + 0.2
    assert table["approval_oe"].between(0.95, 1.05).all() and result.facts["p_value approval"] > 0.001


def test_the_stratified_test_is_that_of_statsmodels_for_two_channels() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "channel": rng.choice(["a", "b"], 600),
            "stratum": rng.choice(["x", "y", "z"], 600),
            "hit": rng.random(600) < 0.3,
        }
    )
    tables = [pd.crosstab(p["channel"], p["hit"]).to_numpy(dtype=float) for _, p in frame.groupby("stratum")]
    expected = StratifiedTable(tables).test_null_odds(correction=False).pvalue
    assert float(_cmh(frame, "hit")) == pytest.approx(expected, rel=1e-9)


def test_second_tries_are_counted() -> None:
    tries = [
        ("H1", "branch", "2023-01-02", "refused", None),
        ("H1", "mobile", "2023-02-02", "granted", "bad"),
        ("H2", "branch", "2023-01-02", "refused", None),
        ("H2", "branch", "2023-09-02", "granted", "good"),
        ("H3", "branch", "2023-01-02", "refused", None),
        ("H3", "branch", "2023-01-20", "refused", None),
    ]
    rows = [
        {"household_id": h, "channel": c, "applied_on": d, "decision": x, "note_id": n, "decided_on": d}
        for h, c, d, x, n in tries
    ]
    table = channel_funnel(_tables(rows)).reapplied.set_index("way")
    assert table["n"].to_dict() == {"another channel": 1, "not again": 2, "same channel": 1}
    assert table.loc["another channel", ["granted", "judged", "bad"]].tolist() == [1, 1, 1]
    assert table.loc["same channel", "granted"] == 0


def test_wrong_calls_are_refused(sample_county) -> None:
    with pytest.raises(InputError, match="the table applications"):
        channel_funnel({k: v for k, v in _tables([{}]).items() if k != "applications"})
    with pytest.raises(ColumnError, match="'decision'"):
        tables = _tables([{"channel": "a", "decision": "granted"}])
        channel_funnel(tables | {"applications": tables["applications"].drop(columns="decision")})
    with pytest.raises(InputError, match="a window by maturity"):
        channel_funnel(sample_county, bad=Bad(window="12m"))
    with pytest.raises(InputError, match="strata among"):
        channel_funnel(sample_county, strata=("age",))
