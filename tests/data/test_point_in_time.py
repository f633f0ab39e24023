"""The file of a date is the same whenever it is built: from the extract of that day, or from a later one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.data.household import HouseholdFile, household_file
from creditlab.data.schema import TABLES
from creditlab.data.world import make_county
from creditlab.features import make_features
from creditlab.results import digest

MARCH, SEPTEMBER = pd.Timestamp("2023-03-31"), pd.Timestamp("2023-09-30")
EACH = pytest.mark.parametrize("name", [n for n in TABLES if n != "villages"])


def extract(frames: dict[str, pd.DataFrame], day: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What a bank would have drawn from its systems on a day: rows known by then, blank what came later still."""
    drawn = {}
    for name, frame in frames.items():
        seen = frame[frame["known_on"] <= day].reset_index(drop=True)
        for date, columns in TABLES[name].later.items():
            seen = seen.assign(**{c: seen[c].mask(~(seen[date] <= day)) for c in columns if c in seen})
        drawn[name] = seen
    return drawn


def content(file: HouseholdFile, *names: str) -> str:
    tables = [file.tables[n].reset_index(drop=True) for n in names or sorted(file.tables)]
    # a column that is blank throughout may have any dtype
    return digest(file.frame, *(t.dropna(axis=1, how="all") for t in tables))


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return make_county(10, seed=8, households_per_village=20).tables


def test_the_file_of_march_is_the_same_in_march_and_in_september(frames: dict[str, pd.DataFrame]) -> None:
    march, september = extract(frames, MARCH), extract(frames, SEPTEMBER)
    assert sum(map(len, march.values())) < sum(map(len, september.values()))
    then, later, now = (household_file(f, MARCH) for f in (march, september, frames))
    assert content(then) == content(later) == content(now)
    assert content(household_file(september, SEPTEMBER)) != content(now)
    features = [make_features(f).frame for f in (then, later, now)]
    pd.testing.assert_frame_equal(features[0], features[1])
    pd.testing.assert_frame_equal(features[0], features[2])


@EACH
def test_a_row_added_later_changes_nothing_before_it_is_known(frames: dict[str, pd.DataFrame], name: str) -> None:
    """A copy of every row under a new key, and a correction of every row under the old one, both known in September."""
    frame, table = frames[name], TABLES[name]
    numbers = [c.name for c in table if c.kind == "number" and c.name not in table.keys]
    corrected = frame.assign(known_on=SEPTEMBER, **{c: frame[c] + 1 for c in numbers})
    fresh = frame.assign(known_on=SEPTEMBER)
    key = table.keys[0]
    if table[key].kind in ("id", "code", "text"):
        fresh = fresh.assign(**{key: "X" + fresh[key].astype("str")})
    else:
        fresh = fresh.assign(**{key: fresh[key] - pd.Timedelta(days=1)})
    changed = frames | {name: pd.concat([fresh, corrected, frame], ignore_index=True)}
    for file in (household_file(changed, MARCH), household_file(changed, SEPTEMBER - pd.Timedelta(days=1))):
        names = () if name in ("consents", "village_changes") else (name,)  # these two are read for other tables
        assert content(file, *names) == content(household_file(frames, file.as_of), *names)


@EACH
def test_a_correction_replaces_the_row_from_the_day_on_which_it_is_known(
    frames: dict[str, pd.DataFrame], name: str
) -> None:
    frame, table = frames[name], TABLES[name]
    known = frame[frame["known_on"] <= MARCH]
    columns = [c.name for c in table if c.kind == "number" and c.name not in table.keys and c.access == "free"]
    later = {c for listed in table.later.values() for c in listed}
    columns = [c for c in columns if c not in later]
    if not columns or not len(known):
        pytest.skip("no number that a correction could change")
    column = columns[0]
    corrected = known.assign(known_on=SEPTEMBER, **{column: known[column] + 1})
    for order in ([frame, corrected], [corrected, frame]):
        changed = frames | {name: pd.concat(order, ignore_index=True)}
        before, after = household_file(changed, MARCH), household_file(changed, SEPTEMBER)
        keys = list(table.keys)
        old = before.tables[name].set_index(keys)[column]
        new = after.tables[name].set_index(keys)[column].reindex(old.index)
        same = old.notna() & new.notna()
        rival = known.duplicated(keys, keep=False).any()
        assert rival or np.allclose(new[same].astype(float), old[same].astype(float) + 1)
        assert not after.tables[name].duplicated(keys).any()


def test_a_consent_given_or_withdrawn_later_changes_nothing_before(frames: dict[str, pd.DataFrame]) -> None:
    papers = frames["consents"]
    homes = frames["households"]["household_id"]
    fresh = pd.DataFrame(
        {
            "document_no": [f"Z{i}" for i in range(len(homes))],
            "person_id": "P" + homes.str[1:],
            "household_id": homes,
            "covers": "tax",
            "purpose": "credit",
            "given_on": MARCH - pd.Timedelta(days=9),  # dated back, but received in September
            "valid_to": SEPTEMBER + pd.DateOffset(years=5),
            "withdrawn_on": pd.NaT,
            "known_on": SEPTEMBER,
            "observed_on": SEPTEMBER,
            "source": "platform",
            "port": "bank",
        }
    ).astype(papers.dtypes.to_dict())
    gone = papers.assign(withdrawn_on=papers["withdrawn_on"].fillna(SEPTEMBER))
    before = content(household_file(frames, MARCH))
    for changed in (pd.concat([papers, fresh], ignore_index=True), gone):
        assert content(household_file(frames | {"consents": changed}, MARCH)) == before
    late = household_file(frames | {"consents": pd.concat([papers, fresh])}, SEPTEMBER)
    assert set(late.consented["tax"]) == set(homes)
