"""The command line as a user meets it: results, exit codes, one clear message, nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.cli import main
from creditlab.study import recheck_report

N = 600


def make_table(n: int = N, seed: int = 0) -> pd.DataFrame:
    """A table of loans in 20 villages with Chinese names, missing values, a code, a date and a weight."""
    rng = np.random.default_rng(seed)
    village = rng.integers(0, 20, n)
    income, deposit = rng.normal(size=n), rng.lognormal(8, 1, n)
    crop = rng.choice(["小麦", "玉米", "苹果", "<b>瓜</b>"], n)
    log_odds = (
        -1.3
        - 0.8 * income
        - 0.3 * (np.log(deposit) - 8)
        + 1.2 * (crop == "<b>瓜</b>")
        + rng.normal(0, 0.5, 20)[village]
    )
    frame = pd.DataFrame(
        {
            "id": [f"C{i:05d}" for i in range(n)],
            "village": [f"=村{v}" for v in village],
            "month": pd.Timestamp("2023-01-31") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "收入": np.where(rng.random(n) < 0.05, np.nan, income),
            "deposit": np.where(rng.random(n) < 0.1, -9, deposit),
            "crop": crop,
            "sex": rng.choice(["m", "f"], n),
            "bad": (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int),
        }
    )
    return frame


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "loans.csv"
    make_table().to_csv(path, index=False, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one run of `creditlab scorecard` wrote."""
    out = tmp_path_factory.mktemp("run") / "out"
    options = ["--group", "village", "--date", "month", "--id", "id", "--audit", "sex", "--special", "*=-9"]
    assert main(["scorecard", str(table), "--target", "bad", *options, "--out", str(out)]) == 0
    return out


def test_scorecard_writes_report_json_model_scores_and_groups(done: Path) -> None:
    names = {p.name for p in done.iterdir()}
    assert {"report.html", "report.json", "model.json", "challenger.json", "study.toml"} <= names
    assert {"scores.parquet", "scores.csv", "groups.parquet", "groups.csv", "validation.csv", "findings.csv"} <= names
    scores = pd.read_parquet(done / "scores.parquet")
    assert len(scores) == N and scores["id"].is_unique and scores["pd"].between(0, 1).all()
    assert set(scores["split"]) == {"development", "test", "out-of-time"}
    groups = pd.read_parquet(done / "groups.parquet")
    assert groups["n"].sum() == N and (groups["lo"] <= groups["hi"]).all()
    assert "sex" not in json.loads((done / "model.json").read_text(encoding="utf-8"))["content"]["features"]


def test_text_that_a_spreadsheet_would_run_is_harmless(done: Path) -> None:
    text = (done / "groups.csv").read_text(encoding="utf-8-sig")
    assert "'=村" in text and "\n=村" not in text


def test_the_report_holds_no_text_of_the_data_as_markup(done: Path) -> None:
    page = (done / "report.html").read_text(encoding="utf-8")
    assert "<b>瓜</b>" not in page and "&lt;b&gt;瓜" in page


def test_a_saved_model_scores_a_new_table_with_the_same_points(done: Path, table: Path, tmp_path: Path) -> None:
    assert main(["score", str(done / "model.json"), str(table), "--out", str(tmp_path / "s.parquet")]) == 0
    again, first = pd.read_parquet(tmp_path / "s.parquet"), pd.read_parquet(done / "scores.parquet")
    assert (again["points"].to_numpy() == first["points"].to_numpy()).all()
    assert again["reason_1"].notna().mean() > 0.5


def test_a_saved_card_as_sql_gives_the_same_points(
    done: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    assert main(["sql", str(done / "model.json"), "--table", "loans", "--keep", "id"]) == 0
    con = duckdb.connect()
    con.register("loans", make_table())
    found = con.execute(capsys.readouterr().out).fetchdf().set_index("id")["points"]
    first = pd.read_parquet(done / "scores.parquet").set_index("id")["points"]
    assert (found == first.loc[found.index]).all() and len(found) == N
    out = tmp_path / "card.sql"
    call = ["sql", str(done / "model.json"), "--dialect", "oracle", "--parts", "--out", str(out)]
    assert main(call) == 0 and "TO_BINARY_DOUBLE" in out.read_text(encoding="utf-8")
    capsys.readouterr()
    for wrong, says in (([str(done / "challenger.json")], "a scorecard or a binner"),
                        ([str(done / "model.json"), "--dialect", "dbase"], "'dbase'")):  # fmt: skip
        assert main(["sql", *wrong]) == 2
        assert says in capsys.readouterr().err


def test_scoring_meets_unseen_categories_and_new_missing_values(done: Path, tmp_path: Path) -> None:
    odd = make_table(30, seed=9).assign(crop="从未见过", deposit=np.nan, 收入=np.inf)
    odd.to_csv(tmp_path / "odd.csv", index=False, encoding="gb18030")
    assert main(["score", str(done / "model.json"), str(tmp_path / "odd.csv"), "--out", str(tmp_path / "s.csv")]) == 0
    scores = pd.read_csv(tmp_path / "s.csv", encoding="utf-8-sig")
    assert len(scores) == 30 and np.isfinite(scores["points"]).all()


def test_a_model_and_a_foreign_pd_are_validated(done: Path, table: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "v.html")
    assert (
        main(["validate", str(done / "model.json"), str(table), "--target", "bad", "--group", "village", "--out", out])
        == 0
    )
    frame = make_table().assign(their_pd=pd.read_parquet(done / "scores.parquet")["pd"])
    frame.to_parquet(tmp_path / "t.parquet")
    call = [
        "validate",
        str(tmp_path / "t.parquet"),
        "--pd",
        "their_pd",
        "--target",
        "bad",
        "--date",
        "month",
        "--out",
        out,
    ]
    assert main(call) == 0
    assert json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))["schema"] == "creditlab.report"


def test_the_report_of_a_scorecard_is_rechecked(done: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recheck", str(done / "report.json"), str(table)]) == 0
    printed = capsys.readouterr().out
    assert " 0 different 不一致" in printed and "not rechecked 未复算" in printed
    result = recheck_report(done / "report.json", table).tidy().set_index(["id", "figure"])
    equal = result[result["state"] == "equal"].index
    assert {
        ("scorecard.bins.crop", "woe"),
        ("scorecard.coefficients", "coef"),
        ("scorecard.points", "points_exact"),
    } <= set(equal)


def test_a_validated_model_is_rechecked_with_its_model(done: Path, table: Path, tmp_path: Path) -> None:
    out, model = str(tmp_path / "v.html"), str(done / "model.json")
    assert main(["validate", model, str(table), "--target", "bad", "--group", "village", "--out", out]) == 0
    assert main(["recheck", str(tmp_path / "v.json"), str(table), "--model", model]) == 0
    assert main(["recheck", str(tmp_path / "v.json"), str(table)]) == 2


def test_the_same_run_gives_the_same_bytes_at_one_and_two_threads(table: Path, tmp_path: Path) -> None:
    for threads in ("1", "2"):
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "OMP_NUM_THREADS": threads, "LC_ALL": "C",
               "TZ": "America/New_York" if threads == "1" else "Asia/Shanghai", "PYTHONHASHSEED": threads}  # fmt: skip
        call = [sys.executable, "-m", "creditlab", "scorecard", str(table), "--target", "bad", "--group", "village",
                "--drop", "id", "--drop", "month", "--out", str(tmp_path / threads)]  # fmt: skip
        run = subprocess.run(call, env=env, capture_output=True, text=True, encoding="utf-8", check=False)
        assert run.returncode == 0, run.stderr
        assert run.stderr == "", "no progress bar and no warning in a pipe"
    for file in sorted((tmp_path / "1").iterdir()):
        assert file.read_bytes() == (tmp_path / "2" / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["scorecard", "none.csv", "--target", "bad"], "Expected a table file; got no file"),
        (["scorecard", "TABLE", "--target", "default"], "Expected the column 'default'"),
        (["scorecard", "TABLE", "--target", "deposit"], "Expected a target of 0 and 1"),
        (["scorecard", "TABLE", "--target", "bad", "--group", "town"], "Expected the column 'town'"),
        (["scorecard", "TABLE", "--target", "bad", "--id", "crop"], "Expected one row per crop"),
        (["scorecard", "TABLE", "--target", "bad", "--weight", "crop"], "Expected numbers in column 'crop'"),
        (["scorecard", "TABLE", "--target", "bad", "--special", "deposit"], "Expected COLUMN=CODE,CODE"),
        (["scorecard", "TABLE"], "the following arguments are required: --target"),
        (["study", "nowhere"], "Expected a county folder; got no folder"),
        (["study", "TABLE"], "Expected a county folder; got a file"),
        (["study", "nowhere", "--engine", "duckdb"], "not built yet"),
        (["score", "TABLE", "TABLE"], "Expected a readable JSON file"),
        (["fly"], "invalid choice: 'fly'"),
        (["world", "--villages", "2"], "villages"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_a_wrong_call_ends_with_one_message_and_code_2(
    call: list[str], says: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = [str(table) if word == "TABLE" else word for word in call]
    out = tmp_path / "out"
    extra = [] if call[0] == "fly" else ["--out", str(out)]
    assert main([*call, *extra]) == 2
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    assert not out.exists() and not list(tmp_path.iterdir())


def test_a_column_called_like_a_formula_or_markup_is_escaped(tmp_path: Path) -> None:
    frame = make_table().rename(columns={"收入": "<script>alert(1)</script>", "deposit": '=HYPERLINK("x")'})
    frame.drop(columns=["id", "month"]).to_parquet(tmp_path / "t.parquet")
    assert main(["scorecard", str(tmp_path / "t.parquet"), "--target", "bad", "--out", str(tmp_path / "o")]) == 0
    assert "<script>alert(1)" not in (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
