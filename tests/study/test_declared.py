"""The dictionary file of a flat table: each class of column is enforced as at the door, and what was done is listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.config import StudyConfig
from creditlab.errors import ColumnError, InputError, PolicyError, UnreadableError
from creditlab.features import MISSING_CODES
from creditlab.study.declared import read_dictionary
from creditlab.study.flat import flat_table

N = 400
CSV = """列名,中文名,用途,访问,层级,方向,授权列
income,年收入,模型,公开,农户本源,-1,
arrears,逾期次数,,,农户行为,1,
tax,纳税额,模型,授权,农户本源,-1,agreed
outside,外部负债,模型,授权,农户本源,1,
religion,宗教,,禁止,,,
honour,荣誉,叠加,,,,
medical,医疗欠费,筛查,,,,
sex,性别,审计,,,,
note,备注,说明,,,,
gone,不存在,,,,,
"""


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    income, arrears = rng.normal(10, 2, N), rng.poisson(1, N)
    risk = -1 - 0.3 * (income - 10) + 0.6 * arrears
    return pd.DataFrame(
        {
            "income": income, "arrears": arrears, "tax": rng.normal(5, 1, N), "outside": rng.normal(0, 1, N),
            "agreed": np.where(np.arange(N) % 4 == 0, "否", "是"), "religion": rng.choice(["a", "b"], N),
            "honour": rng.integers(0, 2, N), "medical": rng.integers(0, 900, N), "sex": rng.choice(["f", "m"], N),
            "note": rng.choice(["x", "y"], N), "extra": rng.normal(0, 1, N), "blood_type": rng.choice(["A", "B"], N),
            "village": rng.integers(0, 20, N), "bad": (rng.random(N) < 1 / (1 + np.exp(-risk))).astype(int),
        }
    )  # fmt: skip


@pytest.fixture
def declared(tmp_path: Path) -> dict[str, dict[str, object]]:
    (tmp_path / "dictionary.csv").write_text(CSV, encoding="utf-8")
    return read_dictionary(tmp_path / "dictionary.csv")


def test_each_forbidden_kind_is_left_out_and_listed(
    frame: pd.DataFrame, declared: dict[str, dict[str, object]]
) -> None:
    table = flat_table(frame, StudyConfig(target="bad", group="village", columns=declared))
    assert set(table.X.columns) == {"income", "arrears", "tax", "extra", "blood_type"}
    assert table.audit.columns.tolist() == ["sex"]
    found = dict(zip(table.findings["column"], table.findings["rule"], strict=True))
    for column, words in {
        "religion": "blocked", "honour": "overlay", "medical": "screening", "sex": "audit", "note": "meta",
        "outside": "needs consent", "tax": "not authorised", "extra": "not declared", "blood_type": "sounds like a",
        "gone": "not in the table",
    }.items():  # fmt: skip
        assert words in found[column], column
    assert set(table.dictionary) == {"income", "arrears", "tax"} and table.dictionary["income"].direction == -1


def test_values_without_consent_are_a_code_of_their_own(
    frame: pd.DataFrame, declared: dict[str, dict[str, object]]
) -> None:
    table = flat_table(frame, StudyConfig(target="bad", columns=declared))
    refused = np.arange(N) % 4 == 0
    assert (table.X.loc[refused, "tax"] == MISSING_CODES["not_authorised"]).all()
    assert table.X.loc[~refused, "tax"].equals(frame.loc[~refused, "tax"])
    assert table.special["tax"] == [MISSING_CODES["not_authorised"]]
    assert frame.loc[refused, "tax"].gt(0).all()  # the table that was given is as it was


def test_csv_and_toml_say_the_same_and_the_config_keeps_them(
    tmp_path: Path, declared: dict[str, dict[str, object]]
) -> None:
    config = StudyConfig(target="bad", columns=declared)
    config.write(tmp_path / "study.toml")
    assert StudyConfig.from_toml(tmp_path / "study.toml") == config
    text = '["income"]\nuse = "模型"\nlevel = "household-origin"\nzh = "年收入"\naccess = "free"\ndirection = -1\n'
    (tmp_path / "d.toml").write_text(text, encoding="utf-8")
    assert read_dictionary(tmp_path / "d.toml")["income"] == declared["income"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("column,use\nincome,model\nincome,audit\n", "one row per column"),
        ("name,use\nincome,model\n", "a header 'column'"),
        ("column,purpose\nincome,model\n", "headers among column"),
    ],
)
def test_a_dictionary_that_cannot_be_used_says_why(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "d.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_dictionary(tmp_path / "d.csv")


def test_wrong_words_are_refused_with_their_column(tmp_path: Path) -> None:
    for given, words in (({"use": "modle"}, "use of column 'income'"), ({"direction": "up"}, "direction of column"),
                         ({"colour": "red"}, "column 'income' of the dictionary")):  # fmt: skip
        with pytest.raises(InputError, match=words):
            StudyConfig(target="bad", columns={"income": given})
    (tmp_path / "d.toml").write_text("= 3", encoding="utf-8")
    with pytest.raises(UnreadableError, match="a TOML file"):
        read_dictionary(tmp_path / "d.toml")


def test_a_blocked_column_has_no_part_at_all(frame: pd.DataFrame, declared: dict[str, dict[str, object]]) -> None:
    with pytest.raises(PolicyError, match="blocked"):
        flat_table(frame, StudyConfig(target="bad", audit=("religion",), columns=declared))
    with pytest.raises(ColumnError, match="agreed"):
        flat_table(frame.drop(columns="agreed"), StudyConfig(target="bad", columns=declared))


def test_the_command_line_fits_no_forbidden_column(
    tmp_path: Path, frame: pd.DataFrame, declared: dict[str, dict[str, object]]
) -> None:
    frame.to_csv(tmp_path / "t.csv", index=False)
    arguments = ["--target", "bad", "--dictionary", str(tmp_path / "dictionary.csv"), "--out", str(tmp_path / "out")]
    assert main(["scorecard", str(tmp_path / "t.csv"), *arguments]) == 0
    model = (tmp_path / "out" / "model.json").read_text(encoding="utf-8")
    assert "income" in model
    assert not any(f'"{c}"' in model for c in ("religion", "honour", "medical", "sex", "outside", "agreed"))
    validation = pd.read_csv(tmp_path / "out" / "validation.csv")
    assert validation["id"].str.startswith("fair").any()  # the audit column is tested, and only tested
