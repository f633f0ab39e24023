"""The raw files of the sample, read as they arrive, give the committed tables; what is not sure is listed."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from creditlab.data import County, read_county, read_key
from creditlab.data.schema import TABLES
from creditlab.errors import IdentityError

RAW = ["villages", "households", "members", "deposits", "businesses", "agriculture", "programmes", "civility_events"]


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """Everything that any logger says while the files are read."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="module")
def county(sample_folder: Path, log: io.StringIO) -> County:
    return read_county(sample_folder / "raw", id_key=read_key(sample_folder / "raw" / "sample.key"))


@pytest.fixture(scope="module")
def links(sample_folder: Path) -> pd.DataFrame:
    return pd.read_parquet(sample_folder / "truth" / "links.parquet")


def test_every_file_is_recognised_by_its_headers(county: County) -> None:
    assert sorted(county.tables) == sorted(RAW) and county.unknown == ()


@pytest.mark.parametrize("name", RAW)
def test_reading_gives_the_rows_of_the_committed_table(county: County, sample_folder: Path, name: str) -> None:
    """Row for row and column for column, but for the rows that are listed for a person to decide."""
    read, table = county.tables[name].frame, pd.read_parquet(sample_folder / f"{name}.parquet")
    keys = list(TABLES[name].keys)
    both = read.merge(table, on=keys, how="left", suffixes=("", "_table"), indicator=True)
    assert (both["_merge"] == "both").all() and len(read) > 50
    listed = {"households": county.addresses, "civility_events": county.doubtful}.get(name)
    for column in (c for c in TABLES[name].names if c not in keys):
        given, true = both[column], both[f"{column}_table"]
        differs = (given != true) & ~(given.isna() & true.isna())
        if column in ("village_id", "household_id") and listed is not None:
            assert given[differs].isna().all()
            open_rows = set(listed.loc[listed["table"] == name, "row"])
            assert set(both.index[differs]) <= open_rows
        else:
            assert not differs.any(), column


def test_lists_without_numbers_are_linked_with_measured_precision_and_recall(
    county: County, links: pd.DataFrame
) -> None:
    both = county.links.merge(links, on=["file", "row"], suffixes=("", "_true"), how="inner")
    assert len(both) == len(links) == len(county.links)
    linked, true = both["household_id"].notna(), both["household_id_true"].notna()
    right = both["household_id"] == both["household_id_true"]
    measured = {}
    for file, rows in both.groupby("file"):
        precision = right[rows.index][linked[rows.index]].mean()
        recall = right[rows.index][true[rows.index]].mean()
        measured[file] = (precision, recall)
    assert measured["妇联荣誉名册.csv"][0] >= 0.99 and measured["妇联荣誉名册.csv"][1] >= 0.95
    # without birth dates: as precise, and one in ten is for a person to decide
    assert measured["村委会文明积分.csv"][0] >= 0.99 and measured["村委会文明积分.csv"][1] >= 0.9
    assert not linked[~true].any(), "people whom nobody here knows"
    decided = both["outcome"] != "none"
    assert decided[true].mean() > 0.99, "what is not linked is listed"


def test_addresses_name_the_true_village(county: County, sample_folder: Path) -> None:
    read = county.tables["households"].frame.dropna(subset="village_id").set_index("household_id")["village_id"]
    table = pd.read_parquet(sample_folder / "households.parquet").set_index("household_id")["village_id"]
    assert (read == table.loc[read.index]).all()
    assert len(read) / len(county.tables["households"].frame) > 0.97


def test_no_name_number_address_or_key_is_in_anything_that_is_kept(
    county: County, sample_folder: Path, log: io.StringIO
) -> None:
    register = pd.read_csv(sample_folder / "raw" / "户籍登记.csv", dtype="str")
    file = county.household_file("2025-06-30")
    text = " ".join(
        [s.frame.to_csv() for s in county.tables.values()]
        + [county.check().to_csv(), county.links.to_csv(), county.doubtful.to_csv(), county.addresses.to_csv()]
        + [str(file.stamp), file.frame.to_csv(), log.getvalue(), repr(county)]
    )
    key = (sample_folder / "raw" / "sample.key").read_text(encoding="utf-8").strip()
    names = "|".join(n for n in register["姓名"].unique() if len(n) > 2)
    assert not re.search(names, text) and key not in text and "幸福路" not in text
    assert not set(re.findall("[0-9]{17}[0-9X]", text)) & set(register["身份证号"])
    assert not set(re.findall("[0-9]{4}-[0-9]{2}-[0-9]{2}", text)) & set(register["出生日期"][lambda b: b < "2000"])


def test_without_a_key_the_reading_stops_with_one_message(sample_folder: Path) -> None:
    with pytest.raises(IdentityError, match="a key to make them; got (identity numbers|credit codes)") as caught:
        read_county(sample_folder / "raw")
    assert "999999" not in str(caught.value) and "\n" not in str(caught.value)


def test_another_key_gives_other_pseudonyms(county: County, sample_folder: Path, tmp_path: Path) -> None:
    for name in ("农业农村局_2024.csv", "户籍登记.csv"):
        (tmp_path / name).write_bytes((sample_folder / "raw" / name).read_bytes())
    other = read_county(tmp_path, id_key="another key, long enough").tables["agriculture"].frame["household_id"]
    first = county.tables["agriculture"].frame["household_id"]
    assert len(first) == len(other) and not set(first) & set(other)


def test_the_number_of_another_member_stands_for_the_household(sample_folder: Path, tmp_path: Path) -> None:
    raw = sample_folder / "raw"
    register = pd.read_csv(raw / "户籍登记.csv", dtype="str")
    (tmp_path / "户籍登记.csv").write_bytes((raw / "户籍登记.csv").read_bytes())
    wife = register[register["与户主关系"] == "配偶"].iloc[0]
    farm = pd.read_csv(raw / "农业农村局_2024.csv", dtype="str", encoding="gb18030").iloc[:1]
    farm.assign(身份证号=wife["身份证号"]).to_csv(tmp_path / "farm.csv", index=False, encoding="utf-8")
    key = read_key(raw / "sample.key")
    read = read_county(tmp_path, id_key=key)
    members = read.tables["members"].frame
    home = read.tables["agriculture"].frame["household_id"].iloc[0]
    assert (members["household_id"] == home).sum() >= 2
    assert read.check()["rule"].str.contains("number of a member").any()


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig", "gb18030", "xlsx", "parquet", "renamed"])
def test_every_form_of_a_file_gives_the_same_table(
    county: County, sample_folder: Path, tmp_path: Path, form: str
) -> None:
    """Identity numbers, codes and dates come through text, workbook and Parquet alike, whatever the file is called."""
    raw = pd.read_csv(sample_folder / "raw" / "农业农村局_2024.csv", dtype="str", encoding="gb18030")
    place = tmp_path / {"xlsx": "农业.xlsx", "parquet": "farm.parquet", "renamed": "农业生产.csv"}.get(form, "x.csv")
    if form == "xlsx":
        raw.to_excel(place, index=False)
    elif form == "parquet":
        raw.to_parquet(place)
    else:
        raw.to_csv(place, index=False, encoding="utf-8" if form == "renamed" else form)
    read = read_county(tmp_path, id_key=read_key(sample_folder / "raw" / "sample.key")).tables["agriculture"]
    pd.testing.assert_frame_equal(read.frame, county.tables["agriculture"].frame)


def test_a_damaged_file_of_another_name_is_an_error_in_the_findings_and_the_rest_is_read(
    sample_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "民政局.xlsx").write_bytes(b"no workbook")
    (tmp_path / "行政区划.csv").write_bytes((sample_folder / "raw" / "行政区划.csv").read_bytes())
    county = read_county(tmp_path)
    assert list(county.tables) == ["villages"] and county.unreadable == ("民政局.xlsx",)
    found = county.check().query("table == '民政局.xlsx'")
    assert found["severity"].tolist() == ["error"] and "cannot be read" in found["rule"].iloc[0]
