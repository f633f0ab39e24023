"""The household file sees what was known on its date, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from creditlab.data import County, make_county, read_county, write_county
from creditlab.data.household import blank_later, household_file, known_rows
from creditlab.errors import ColumnError, InputError
from creditlab.results import digest

AS_OF = pd.Timestamp("2023-06-30")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> County:
    out: Path = tmp_path_factory.mktemp("county")
    write_county(make_county(12, seed=3, households_per_village=40), out)
    return read_county(out)


def _content(file: object) -> str:
    return digest(file.frame, *(file.tables[name] for name in sorted(file.tables)))  # type: ignore[attr-defined]


def test_changing_or_dropping_any_row_that_became_known_later_changes_nothing(county: County) -> None:
    frames = {name: source.frame for name, source in county.tables.items()}
    full = _content(household_file(frames, AS_OF))
    cut = {name: frame[frame["known_on"] <= AS_OF] for name, frame in frames.items()}
    assert sum(map(len, cut.values())) < sum(map(len, frames.values()))
    assert _content(household_file(cut, AS_OF)) == full
    spoilt = dict(frames)
    for name, column in (("loan_months", "dpd"), ("deposits", "avg_balance"), ("households", "members")):
        late = frames[name]["known_on"] > AS_OF
        spoilt[name] = frames[name].assign(**{column: frames[name][column].mask(late, 999_999)})
    assert _content(household_file(spoilt, AS_OF)) == full


def test_the_day_itself_counts() -> None:
    rows = pd.DataFrame({"known_on": pd.to_datetime(["2023-06-30", "2023-07-01"])})
    assert len(known_rows(rows, AS_OF)) == 1


def test_what_a_row_tells_later_is_blank_before() -> None:
    cases = pd.DataFrame(
        {
            "closed_on": pd.to_datetime(["2023-06-30", "2023-07-01", None]),
            "outcome": ["paid", "settled", "open"],
            "n": [1, 2, 3],
        }
    )
    seen = blank_later(cases, {"closed_on": ("closed_on", "outcome")}, AS_OF)
    assert seen["outcome"].tolist()[0] == "paid" and seen["outcome"].isna().tolist() == [False, True, True]
    assert seen["closed_on"].isna().tolist() == [False, True, True] and seen["n"].tolist() == [1, 2, 3]
    assert cases["outcome"].notna().all(), "the input is not changed"


def test_a_correction_counts_from_the_day_on_which_it_is_known() -> None:
    rows = {"household_id": "H1", "village_id": "V1", "observed_on": pd.Timestamp("2022-01-01")}
    old = {**rows, "members": 3, "known_on": pd.Timestamp("2022-02-01")}
    new = {**rows, "members": 4, "known_on": pd.Timestamp("2023-09-01")}
    for order in ([old, new], [new, old]):
        frames = {"households": pd.DataFrame(order)}
        assert household_file(frames, AS_OF).frame["members"].tolist() == [3]
        assert household_file(frames, pd.Timestamp("2023-12-31")).frame["members"].tolist() == [4]


def test_columns_that_need_consent_are_blank_without_it(county: County) -> None:
    file = county.household_file(AS_OF)
    deposits = file.tables["tax"]
    given = deposits["household_id"].isin(file.consented["tax"])
    assert 0 < given.mean() < 1
    assert deposits.loc[~given, ["paid", "arrears"]].isna().all().all()
    assert deposits.loc[given, "paid"].notna().any()


def test_a_withdrawn_consent_takes_effect_on_its_day(county: County) -> None:
    papers = county.tables["consents"].frame
    withdrawn = papers[papers["withdrawn_on"].notna() & papers["purpose"].eq("credit")].iloc[0]
    day = pd.Timestamp(withdrawn["withdrawn_on"])
    others = papers[(papers["household_id"] == withdrawn["household_id"]) & (papers["covers"] == withdrawn["covers"])]
    assert len(others) >= 1
    frames = {"households": county.tables["households"].frame, "consents": others.loc[[withdrawn.name]]}
    source = withdrawn["covers"]
    before = household_file(frames, day - pd.Timedelta(days=1)).consented
    assert withdrawn["household_id"] in before[source]
    assert withdrawn["household_id"] not in household_file(frames, day).consented.get(source, [])


def test_a_file_of_few_households_equals_their_rows_in_the_whole_file(county: County) -> None:
    whole = county.household_file(AS_OF)
    few = whole.frame.index[:7]
    part = county.household_file(AS_OF, households=few)
    assert part.frame.equals(whole.frame.loc[few])
    mine = whole.tables["deposits"]
    assert part.tables["deposits"].equals(mine[mine["household_id"].isin(few)])
    assert len(part.tables["villages"]) == len(whole.tables["villages"])


def test_a_household_traces_to_its_rows(county: County) -> None:
    file = county.household_file(AS_OF)
    home = file.tables["deposits"]["household_id"].iloc[0]
    rows = file.trace(home, "deposits")
    assert len(rows) == (file.tables["deposits"]["household_id"] == home).sum()
    with pytest.raises(ColumnError, match="one of the tables"):
        file.trace(home, "horoscope")
    with pytest.raises(ColumnError, match="a household of this file"):
        file.trace("nobody")


def test_wrong_calls(county: County) -> None:
    with pytest.raises(InputError, match="a date such as"):
        county.household_file("yesterday")
    with pytest.raises(InputError, match="the table households"):
        household_file({}, AS_OF)
