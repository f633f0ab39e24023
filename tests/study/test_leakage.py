"""The leakage hunter: planted leaks are found, honest features are not accused, suspicious dates are findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.data import County, SourceTable, make_county, read_county
from creditlab.data.leakage import date_findings
from creditlab.errors import InputError
from creditlab.loans import performance_sample
from creditlab.study.frame import modelling_frame
from creditlab.study.leakage import hunt_in_county, hunt_leaks

AS_OF = pd.Timestamp("2022-12-31")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return make_county(40, seed=5, households_per_village=60).tables


@pytest.fixture(scope="module")
def county(tables: dict[str, pd.DataFrame]) -> County:
    return County({name: SourceTable(name, frame, name, "") for name, frame in tables.items()})


@pytest.fixture(scope="module")
def sample(county: County):
    return performance_sample(county, as_of=AS_OF)


def test_no_honest_feature_of_the_plan_is_called_a_leak(county: County, sample) -> None:
    hunt = hunt_in_county(county, sample)
    assert (hunt.table["verdict"] != "leak").all()
    assert len(hunt.flagged()) <= 0.1 * len(hunt.table) and hunt.table["iv_earlier"].notna().all()
    assert hunt.facts["bads"] >= 30


def test_planted_leaks_are_found_and_told_apart(sample_folder: Path) -> None:
    """Four leaks as they happen: derived from the target, cases counted without a date, a field that is written when a
    loan goes bad, and the worst arrears ever with the future in it."""
    county = read_county(sample_folder)
    tables = {name: s.frame for name, s in county.tables.items()}
    sample = performance_sample(county, as_of=AS_OF)
    data = modelling_frame(county, sample, card="composition")
    y, rng = data.y.to_numpy(), np.random.default_rng(0)
    household = data.household.to_numpy()
    cases = tables["judgments"].query("role == 'debtor'")["household_id"].value_counts()
    worst = tables["loan_months"].merge(tables["loans"][["note_id", "household_id"]], on="note_id")
    planted = pd.DataFrame(
        {
            "from_target": y + rng.normal(0, 0.3, len(y)),
            "cases_ever": cases.reindex(household).fillna(0).to_numpy(),
            "recovery_officer_grade": np.where((y == 1) & (rng.random(len(y)) < 0.8), 1.0, np.nan),
            "worst_dpd_ever": worst.groupby("household_id")["dpd"].max().reindex(household).fillna(0).to_numpy(),
        },
        index=data.X.index,
    )
    earlier = data.X.assign(from_target=rng.normal(0, 1, len(y)))
    hunt = hunt_leaks(data.X.join(planted), data.y, earlier=earlier, special=data.special, dictionary=data.dictionary)
    verdict = hunt.table.set_index("feature")["verdict"]
    assert (verdict[planted.columns] == "leak").all()
    assert (verdict.drop(planted.columns) != "leak").all()
    signs = hunt.table.set_index("feature")["signs"]
    assert "sudden" in signs["from_target"] and "presence" in signs["recovery_officer_grade"]
    assert set(hunt.table["feature"].iloc[:4]) == set(planted.columns), "the most suspicious come first"


def test_a_feature_whose_rows_are_dated_later_is_a_leak_whatever_its_iv() -> None:
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"honest": rng.normal(size=300), "late": rng.normal(size=300)})
    y = (rng.random(300) < 0.2).astype(int)
    dated = pd.DataFrame({"late": AS_OF + pd.to_timedelta(rng.integers(-60, 10, 300), unit="D")})
    hunt = hunt_leaks(X, y, dated=dated, as_of=AS_OF)
    table = hunt.table.set_index("feature")
    assert table.loc["late", "verdict"] == "leak" and table.loc["late", "signs"] == "dated later"
    assert table.loc["late", "later"] == (dated["late"] > AS_OF).sum()
    assert table.loc["honest", "verdict"] == "none"


def test_wrong_calls() -> None:
    X, y = pd.DataFrame({"a": [1.0, 2, 3, 4]}), [0, 1, 0, 1]
    with pytest.raises(InputError, match="dates and the observation date together"):
        hunt_leaks(X, y, as_of=AS_OF)
    with pytest.raises(InputError, match="the rows of X"):
        hunt_leaks(X, y, earlier=X.iloc[:2])


# -- dates in the tables -----------------------------------------------------------------------------------------------


def test_the_dates_of_an_honest_county_give_no_finding(tables: dict[str, pd.DataFrame]) -> None:
    assert date_findings(tables) == []


def test_dates_filled_in_afterwards_are_found(tables: dict[str, pd.DataFrame]) -> None:
    court, tax = tables["judgments"].copy(), tables["tax"].copy()
    court.loc[[1, 4], "filed_on"] = court.loc[[1, 4], "known_on"] + pd.Timedelta(days=9)
    court.loc[7, "closed_on"], court.loc[7, "outcome"] = pd.NaT, "paid"
    tax["known_on"] = tax["observed_on"]
    found = {(f["table"], f["column"]): f for f in date_findings({"judgments": court, "tax": tax})}
    assert found["judgments", "filed_on"]["rows"] == 2 and found["judgments", "filed_on"]["first_rows"] == "1, 4"
    assert found["judgments", "outcome"]["first_rows"] == "7"
    assert found["tax", "known_on"]["rows"] == len(tax)
    assert {f["severity"] for f in found.values()} == {"warning"}


def test_they_are_among_the_findings_of_a_county(tables: dict[str, pd.DataFrame]) -> None:
    tax = tables["tax"].assign(known_on=tables["tax"]["observed_on"])
    check = County({"tax": SourceTable("tax", tax, "tax", "")}).check()
    assert check["rule"].str.contains("known_on copied").any()
