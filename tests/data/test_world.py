"""The sample county: the same seed gives the same county, the committed one is what the code makes, its size is right,
its tables keep their contracts, and reading its raw files gives its tables."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.checks import kind_of
from creditlab.data.schema import CLASSES, PORTS, TABLES
from creditlab.data.world import make_county, write_county
from creditlab.data.world.streams import SAMPLE_KEY, check_digits, pseudonyms
from creditlab.errors import InputError

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
EACH = pytest.mark.parametrize("name", list(TABLES))
KINDS = {"text": "text", "id": "text", "code": "text", "date": "date", "number": "number", "flag": "number"}


@pytest.fixture(scope="module")
def world():
    return make_county(120, seed=7)


@pytest.fixture(scope="module")
def sample() -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(SAMPLE / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def truth() -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in sorted((SAMPLE / "truth").glob("*.parquet"))}


# -- the same seed, the same county ------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_county_and_another_does_not():
    one = make_county(12, seed=1, households_per_village=24)
    assert one.digest() == make_county(12, seed=1, households_per_village=24).digest()
    assert one.digest() != make_county(12, seed=2, households_per_village=24).digest()


def test_a_county_of_ten_villages_has_every_table(tmp_path):
    county = make_county(10, seed=5, households_per_village=20)
    assert list(county.tables) == list(TABLES)
    write_county(county, tmp_path / "a")
    write_county(county, tmp_path / "b")
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) > len(TABLES) + 8
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


@pytest.mark.parametrize(
    ("settings", "words"), [({"villages": 9}, "10 or more"), ({"households_per_village": 5}, "20 or more")]
)
def test_a_county_too_small_is_refused(settings, words):
    with pytest.raises(InputError, match=words):
        make_county(**settings)


def test_the_committed_county_is_what_the_code_makes(world, sample, truth):
    for name in TABLES:
        pd.testing.assert_frame_equal(world.tables[name], sample[name])
    assert sorted(truth) == sorted(world.truth)
    for name, frame in world.truth.items():
        pd.testing.assert_frame_equal(frame, truth[name])
    assert json.loads((SAMPLE / "villages.geojson").read_text(encoding="utf-8")) == world.geojson
    for name, content in world.raw.content.items():
        assert (SAMPLE / "raw" / name).read_bytes() == content


def test_the_committed_county_has_the_promised_size(sample):
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) <= 8_000_000
    assert sample["villages"]["village_id"].nunique() == 120
    assert 55 <= len(sample["households"]) / 120 <= 65
    borrowers = sample["loans"]["household_id"].nunique()
    assert 0.28 <= borrowers / len(sample["households"]) <= 0.40


# -- the contracts hold --------------------------------------------------------------------------------------------


@EACH
def test_columns_keys_and_kinds_are_those_of_the_contract(sample, name):
    frame, contract = sample[name], TABLES[name]
    assert tuple(frame.columns) == contract.names
    assert len(frame) > 0
    assert not frame.duplicated(list(contract.keys)).any()
    for column in contract:
        values = frame[column.name]
        assert kind_of(values) == KINDS[column.kind], column.name
        assert not (column.required and values.isna().any()), column.name
        assert values.notna().any(), column.name
        if column.kind == "flag":
            assert set(values.dropna().unique()) <= {0, 1}, column.name
        if column.kind == "date":
            assert values.dropna().equals(values.dropna().dt.normalize()), column.name


@EACH
def test_dates_lie_within_the_span_and_nothing_is_known_before_it_is_true(sample, name):
    frame = sample[name]
    assert (frame["known_on"] >= frame["observed_on"]).all()
    assert frame["known_on"].max() <= pd.Timestamp("2025-07-10")
    assert frame[TABLES[name].event].max() <= pd.Timestamp("2025-06-30")
    assert set(frame["port"]) <= set(PORTS)
    assert set(frame["source"]) == {TABLES[name].source}


def test_the_months_are_month_ends_from_january_2020_to_june_2025(sample):
    months = pd.date_range("2020-01-31", "2025-06-30", freq="ME")
    assert sorted(sample["loan_months"]["month_end"].unique()) == list(months)
    assert sorted(sample["control_totals"]["month_end"].unique()) == list(months)
    assert set(sample["deposits"]["month_end"]) == set(months[2::3])


@EACH
def test_every_household_village_note_and_person_exists(sample, name):
    known = {
        "household_id": set(sample["households"]["household_id"]),
        "village_id": set(sample["villages"]["village_id"]),
        "stated_village_id": set(sample["villages"]["village_id"]),
        "note_id": set(sample["loans"]["note_id"]),
        "renewed_from": set(sample["loans"]["note_id"]),
        "person_id": set(sample["members"]["person_id"]),
    }
    for column, values in known.items():
        if column in sample[name].columns:
            assert set(sample[name][column].dropna()) <= values, column


def test_organisations_borrow_too_and_a_collective_has_no_household(sample):
    loans = sample["loans"]
    assert set(loans["borrower_kind"]) == {"person", "cooperative", "family_farm", "firm", "village_collective"}
    collective = loans["borrower_kind"] == "village_collective"
    assert loans.loc[collective, "household_id"].isna().all()
    assert loans.loc[~collective, "household_id"].notna().all()
    person = loans["borrower_kind"] == "person"
    assert loans.loc[person, "borrower_id"].str[1:].equals(loans.loc[person, "household_id"].str[1:])


def test_all_repayment_plans_terms_and_guarantees_are_used(sample):
    loans = sample["loans"]
    assert set(loans["plan"]) == {"instalments", "monthly_interest", "quarterly_interest", "harvest", "revolving"}
    assert set(loans["guarantee"]) == {"credit", "joint", "mortgage", "startup"}
    months = (loans["due_on"] - loans["granted_on"]).dt.days / 30.44
    assert 0.8 < (months < 13).mean() < 0.99
    assert (months > 23).any() and (months > 35).any()


def test_villages_have_polygons_that_hold_their_centres_and_share_corners(sample, world):
    shapes = {f["properties"]["village_id"]: f["geometry"]["coordinates"][0] for f in world.geojson["features"]}
    centres = sample["villages"].drop_duplicates("village_id").set_index("village_id")[["longitude", "latitude"]]
    assert set(shapes) == set(centres.index)
    assert all(len(c) == 12 and c.startswith("999") for c in shapes)
    for code, ring in shapes.items():
        assert ring[0] == ring[-1]
        np.testing.assert_allclose(np.mean(ring[:-1], axis=0), centres.loc[code], atol=1e-4)
    corners = pd.Series([tuple(p) for ring in shapes.values() for p in ring[:-1]]).value_counts()
    assert (corners == 3).sum() > 100


# -- identities and raw files --------------------------------------------------------------------------------------


def test_the_check_digit_of_the_published_example():
    published = "11010519491231002X"  # the example of GB 11643-1999
    assert check_digits(np.array([[int(c) for c in published[:17]]]))[0] == published[17]


def test_the_pseudonym_of_a_known_number():
    # HMAC-SHA256 is a published function; this value was computed with openssl
    assert pseudonyms(np.array(["99999919800101001X"]), "key")[0] == "c197067fd863"


def _raw(name: str, encoding: str, table: str) -> pd.DataFrame:
    text = (SAMPLE / "raw" / name).read_bytes().decode(encoding)
    frame = pd.read_csv(io.StringIO(text), dtype={"身份证号": str, "户主身份证号": str}, keep_default_na=True)
    return frame.rename(columns={c.zh: c.name for c in TABLES[table]})


def test_reading_the_register_gives_the_members(sample):
    raw = _raw("户籍登记.csv", "utf-8-sig", "members")
    person = "P" + pseudonyms(raw["身份证号"].to_numpy(dtype=object))
    household = "H" + pseudonyms(raw["户主身份证号"].to_numpy(dtype=object))
    table = sample["members"].set_index("person_id").loc[person]
    assert (table["household_id"].to_numpy() == household).all()
    assert (table["birth_year"].to_numpy() == pd.to_datetime(raw["出生日期"]).dt.year).all()
    assert (raw["身份证号"].str[6:14] == raw["出生日期"].str.replace("-", "")).all()


def test_raw_numbers_have_valid_check_digits_under_an_area_of_no_place():
    raw = _raw("户籍登记.csv", "utf-8-sig", "members")
    body = np.array([[int(c) for c in n[:17]] for n in raw["身份证号"]])
    assert (check_digits(body) == raw["身份证号"].str[17].to_numpy()).all()
    assert raw["身份证号"].str.startswith("9999").all()
    assert raw["身份证号"].str.endswith("X").any()


def test_numbers_names_and_addresses_are_written_as_offices_write_them():
    register = _raw("户籍登记.csv", "utf-8-sig", "members").set_index("身份证号")["姓名"]
    ledger = _raw("客户台账.csv", "utf-8-sig", "deposits")
    number, address = ledger["身份证号"], ledger["住址"]
    assert number.str.contains("x").any() and number.str.endswith(" ").any()
    assert number.str.contains("９").any() and number.str.fullmatch("[0-9]{15}").any()
    plain = number.str.fullmatch("[0-9]{17}[0-9X]").to_numpy()
    same = ledger.loc[plain, "户主姓名"].to_numpy() == register.loc[number[plain]].to_numpy()
    assert 0.5 < same.mean() < 1.0
    assert address.str.contains(" ").any() and address.str.endswith("号").any()
    assert address.str.startswith("样例县").any() and address.str.contains("幸福路").any()


def test_two_lists_without_numbers_and_the_truth_of_whom_they_mean(sample, truth):
    links = truth["links"]
    lists = {"妇联荣誉名册.csv": ("programmes", "awarded_on"), "村委会文明积分.csv": ("civility_events", "happened_on")}
    for name, (table, key) in lists.items():
        listed = _raw(name, "utf-8-sig", table)
        assert not {"身份证号", "户主身份证号", "household_id"} & set(listed.columns)
        meant = links[links["file"] == name].sort_values("row")["household_id"].reset_index(drop=True)
        known = listed[meant.notna()].assign(household_id=meant.dropna())
        known[key] = pd.to_datetime(known[key])
        assert len(known.merge(sample[table], on=["household_id", key])) >= len(known) > 50
    assert links["household_id"].isna().sum() >= 2  # people whom nobody here knows


def test_no_identity_number_and_no_key_is_in_any_table(world):
    numbers = set(_raw("户籍登记.csv", "utf-8-sig", "members")["身份证号"])
    for name, frame in {**world.tables, **{f"truth {k}": v for k, v in world.truth.items()}}.items():
        for column in frame.select_dtypes("str"):
            values = set(frame[column].dropna().unique())
            assert not values & numbers, (name, column)
            assert not any(SAMPLE_KEY in v for v in values), (name, column)


def test_the_five_classes_are_used(sample):
    assert set(sample["loan_months"]["class5"]) == set(CLASSES)
