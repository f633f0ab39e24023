"""Reading one file: formats, encodings, codes as text, faults as findings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from creditlab.data.schema import TABLES
from creditlab.data.sources import read_source, read_table
from creditlab.errors import IdentityError, UnreadableError

FRAME = pd.DataFrame({"村": ["甲村", "乙,村", '丙"村'], "code": ["007", "012", "100"], "x": [1.5, None, -3.0]})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_the_encodings_of_a_bank(tmp_path: Path, encoding: str) -> None:
    FRAME.to_csv(tmp_path / "t.csv", index=False, encoding=encoding)
    back = read_table(tmp_path / "t.csv")
    assert back["村"].tolist() == FRAME["村"].tolist()
    assert back["code"].tolist() == ["007", "012", "100"]
    assert back["x"].tolist()[0] == 1.5 and back["x"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_with_other_separators(tmp_path: Path, separator: str) -> None:
    FRAME.to_csv(tmp_path / "t.csv", index=False, sep=separator, encoding="utf-8")
    assert read_table(tmp_path / "t.csv").columns.tolist() == ["村", "code", "x"]


def test_excel_and_parquet(tmp_path: Path) -> None:
    FRAME.to_excel(tmp_path / "t.xlsx", index=False)
    FRAME.to_parquet(tmp_path / "t.parquet")
    for name in ("t.xlsx", "t.parquet"):
        back = read_table(tmp_path / name)
        assert back["code"].tolist() == ["007", "012", "100"]
        assert pd.api.types.is_numeric_dtype(back["x"])


def test_eighteen_digits_stay_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("account,n\n440524188001010014,1\n440524188001010022,2\n", encoding="utf-8")
    assert read_table(tmp_path / "t.csv")["account"].tolist() == ["440524188001010014", "440524188001010022"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "a table file; got no file"),
        ("t.doc", b"x", "a file ending in"),
        ("empty.csv", b"", "an empty file"),
        ("header.csv", b"a,b\n", "an empty table"),
        ("t.parquet", b"not parquet at all", "a readable table; got ArrowInvalid"),
        ("t.xlsx", b"not a workbook", "a readable table; got"),
        ("t.csv", b"a,b\n\xff\xff\xff\xff,1\n", "UTF-8 or GB18030"),
    ],
)
def test_what_cannot_be_read_gives_one_clear_message(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableError, match=says):
        read_table(tmp_path / name)
    with pytest.raises(UnreadableError, match="a table file; got a folder"):
        read_table(tmp_path)


def _tax(**changes: list) -> pd.DataFrame:
    rows = {
        "household_id": ["H1", "H2", "H3"],
        "year_end": ["2022-12-31"] * 3,
        "grade": ["A", "B", "M"],
        "paid": ["100", "200", "300"],
        "source": ["tax"] * 3,
        "port": ["government"] * 3,
        "observed_on": ["2022-12-31"] * 3,
        "known_on": ["2023-02-01"] * 3,
    }
    return pd.DataFrame({**rows, **changes})


def _read(tmp_path: Path, frame: pd.DataFrame, key: bytes | None = None):
    frame.to_csv(tmp_path / "tax.csv", index=False, encoding="utf-8")
    return read_source(tmp_path / "tax.csv", TABLES["tax"], key)


def test_kinds_follow_the_contract_and_chinese_headers_are_known(tmp_path: Path) -> None:
    zh = {c.name: c.zh for c in TABLES["tax"].columns}
    source = _read(tmp_path, _tax().rename(columns=zh))
    assert source.frame["paid"].sum() == 600
    assert source.frame["year_end"].dtype == "datetime64[us]"
    assert source.findings == ()


def test_text_in_a_number_column_bad_dates_and_double_keys_are_findings(tmp_path: Path) -> None:
    frame = _tax(
        paid=["100", "many", "3"], year_end=["2022-12-31", "2022-12-31", "soon"], household_id=["H1", "H1", "H3"]
    )
    source = _read(tmp_path, frame)
    found = {(f["column"], f["rule"].split(":")[0]): f["rows"] for f in source.findings}
    assert found[("paid", "text in a number column")] == 1
    assert found[("year_end", "not a date")] == 1
    assert found[("household_id + year_end", "key there before")] == 1
    assert found[("household_id", "row without its key")] == 1
    assert source.frame["household_id"].tolist() == ["H1"]


@pytest.mark.parametrize(
    "column",
    ["religion", "宗教信仰", "medical_history", "blood_type", "gene", "DNA", "faith", "medical_records", "病史"],
)
def test_blocked_columns_are_dropped_and_reported(tmp_path: Path, column: str) -> None:
    source = _read(tmp_path, _tax(**{column: ["secret-a", "secret-b", "secret-c"]}))
    assert column not in source.frame
    assert [f["rule"] for f in source.findings] == ["blocked by law: column dropped"]
    assert "secret" not in str(source.findings)


@pytest.mark.parametrize("column", ["户主姓名", "address", "phone"])
def test_columns_outside_the_contract_are_dropped_and_reported(tmp_path: Path, column: str) -> None:
    source = _read(tmp_path, _tax(**{column: ["secret-a", "secret-b", "secret-c"]}))
    assert column not in source.frame and "secret" not in source.frame.to_csv()
    serves = column != "phone"
    rule = "serves to find household or village: not kept" if serves else "not in the contract: column dropped"
    assert [f["rule"] for f in source.findings] == [rule]


def test_dates_and_flags_as_offices_write_them(tmp_path: Path) -> None:
    source = _read(tmp_path, _tax(year_end=["2021年12月31日", "2022/12/31", "20231231"]))
    assert source.frame["year_end"].dt.year.tolist() == [2021, 2022, 2023] and source.findings == ()
    firms = pd.DataFrame({"business_id": ["B1", "B2"], "status_from": ["2021-01-01"] * 2, "abnormal": ["是", "否"]})
    firms.to_csv(tmp_path / "businesses.csv", index=False, encoding="utf-8")
    assert read_source(tmp_path / "businesses.csv", TABLES["businesses"], None).frame["abnormal"].tolist() == [1, 0]


def test_a_correction_known_later_is_a_version_and_not_a_copy(tmp_path: Path) -> None:
    frame = _tax(
        household_id=["H1", "H1", "H3"], paid=["100", "150", "3"], known_on=["2023-06-01", "2023-02-01", "2023-02-01"]
    )
    assert len(_read(tmp_path, frame).frame) == 3


def test_a_mistyped_identity_number_becomes_a_pseudonym_too(tmp_path: Path) -> None:
    source = _read(tmp_path, _tax(household_id=["110105194912310021", "H2", "H3"]), b"a key that is long enough")
    assert "110105" not in source.frame.to_csv()
    assert "wrong check digit" in source.findings[0]["rule"] and source.findings[0]["rows"] == 1


def test_identity_numbers_need_a_key_and_are_gone_after_reading(tmp_path: Path) -> None:
    frame = _tax(household_id=["11010519491231002X", "440524188001010014", "H3"])
    with pytest.raises(IdentityError, match="identity numbers in 2 rows") as caught:
        _read(tmp_path, frame)
    assert "110105" not in str(caught.value)
    source = _read(tmp_path, frame, b"a key that is long enough")
    assert source.frame["household_id"].str.fullmatch(r"H[0-9a-f]{12}|H3").all()
    assert "110105" not in source.frame.to_csv()


def test_a_number_that_excel_has_rounded_is_nobodys_number(tmp_path: Path) -> None:
    frame = _tax(household_id=["11010519491231002X", "H2", "H3"])
    frame["household_id"] = [1.10105194912310e17, 4.40524188001010e17, 5.1e17]
    frame.to_excel(tmp_path / "tax.xlsx", index=False)
    source = read_source(tmp_path / "tax.xlsx", TABLES["tax"], b"a key that is long enough")
    assert len(source.frame) == 0 and "1101051949" not in str(source)
    assert {"long number cut by a spreadsheet: taken as missing", "row without its key: left out"} <= {
        f["rule"] for f in source.findings
    }


def test_what_a_file_does_not_say_of_its_rows_is_taken_from_the_contract(tmp_path: Path) -> None:
    source = _read(tmp_path, _tax().drop(columns=["source", "port", "observed_on", "known_on"]))
    frame = source.frame
    assert set(frame["source"]) == {"tax bureau"} and set(frame["port"]) == {"government"}
    assert (frame["observed_on"] == frame["year_end"]).all()
    assert ((frame["known_on"] - frame["observed_on"]).dt.days == TABLES["tax"].lag_days).all()
    assert {f["column"]: f["severity"] for f in source.findings}["known_on"] == "warning"


def test_what_cannot_be_true_is_missing_and_the_rest_of_the_row_goes_on(tmp_path: Path) -> None:
    source = _read(tmp_path, _tax(paid=["-5", "200", "1e13"], grade=["A级", "grade B", "Z"]))
    assert source.frame["paid"].isna().tolist() == [True, False, True] and len(source.frame) == 3
    assert source.frame["grade"].tolist() == ["A", "B", "Z"]
    found = [f for f in source.findings if f["column"] == "paid"]
    assert found[0]["rows"] == 2 and found[0]["first_rows"] == "0, 2" and "missing" in found[0]["rule"]
