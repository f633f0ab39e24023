"""Validate, recheck, diff and monitor from files, as the command line calls them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.cli import main
from creditlab.errors import InputError, UnreadableError
from creditlab.study import monitoring_report, read_report, recheck_report, report_diff, validation_report
from creditlab.validation import ValidationSpec


def make(n=1500, seed=0, worse=1.0):
    rng = np.random.default_rng(seed)
    village = rng.integers(0, 30, n)
    p = rng.beta(1.5, 10, n)
    odds = worse * p / (1 - p) * np.exp(rng.normal(0, 0.3, 30))[village]
    frame = pd.DataFrame(
        {"bad": (rng.random(n) < odds / (1 + odds)).astype(int), "pd": p, "village": [f"村{v}" for v in village]}
    )
    frame["their_pd"] = np.clip(p * np.exp(rng.normal(0, 0.7, n)), 0.001, 0.99)
    frame["score"] = np.round(600 - 40 * np.log(p / (1 - p)))
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 360, n), unit="D")
    frame["sex"] = rng.choice(["f", "m"], n)
    frame["balance"] = rng.lognormal(10, 1, n).round(2)
    frame["product"] = rng.choice(["seed", "barn"], n)
    return frame


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("validating")
    make().to_parquet(folder / "first.parquet")
    make(700, seed=1, worse=2.5).assign(day=lambda f: f["day"] + pd.Timedelta(days=366)).to_parquet(
        folder / "next.parquet"
    )
    (folder / "bank.toml").write_text(
        "level = 0.9\ndraws = 40\n[thresholds.auc]\namber = 0.99\nred = 0.98\n", encoding="utf-8"
    )
    call = [
        "validate",
        str(folder / "first.parquet"),
        "--target",
        "bad",
        "--pd",
        "pd",
        "--challenger",
        "their_pd",
        "--group",
        "village",
    ]
    call += [
        "--date",
        "day",
        "--period",
        "quarter",
        "--segment",
        "product",
        "--protected",
        "sex",
        "--amount",
        "balance",
    ]
    call += ["--spec", str(folder / "bank.toml"), "--also", "xlsx", "--also", "docx"]
    assert main([*call, "--out", str(folder / "first.html")]) == 0
    return folder


def test_a_score_made_elsewhere_gets_the_whole_report(place):
    stored = read_report(place / "first.json")
    tests = pd.DataFrame(stored["tests"])
    assert {
        "data",
        "discrimination",
        "challengers",
        "calibration",
        "stability",
        "concentration",
        "robustness",
        "travel",
        "fairness",
        "implementation",
    } == set(tests["section"])
    assert tests.query("id == 'disc.auc'")["verdict"].isin(["red", "info"]).all(), "the bank's own threshold"
    assert tests["level"].dropna().eq(0.9).mean() > 0.8
    assert {"2024Q1 ", "2024Q4 "} <= {s.split("· ")[-1] + " " for s in tests.query("id == 'cal.portfolio'")["scope"]}
    assert tests.query("section == 'robustness'")["reason"].str.contains("needs the model|pass frame").all()
    assert stored["reference"]["pd"]["counts"] and stored["manifest"]["columns"]["group"] == "village"
    assert "cal.segments" in set(tests["id"]) and (tests["id"] == "fair.air").any()


def test_the_report_comes_as_workbook_and_word_document_too(place):
    from docx import Document
    from openpyxl import load_workbook

    assert len(load_workbook(place / "first.xlsx").sheetnames) > 5
    assert any("AUC" in p.text or "验证" in p.text for p in Document(str(place / "first.docx")).paragraphs)


def test_every_figure_agrees_by_the_second_path(place):
    result = recheck_report(place / "first.json", place / "first.parquet")
    assert result.facts["different"] == 0, result.differences().to_string()
    assert result.facts["equal"] > 1200 and result.unchecked()["reason"].ne("").all()
    assert {"table digest", "roc curve", "calibration curve"} <= set(result.tidy()["id"])
    lines = pd.DataFrame(read_report(place / "first.json")["tests"])
    figures = lines[["n", "estimate", "statistic", "df", "p_value", "lo", "hi"]].notna().sum().sum()
    assert (result.tidy()["part"] == "test").sum() == figures, "every figure is listed"


def test_figures_that_were_changed_are_found(place, tmp_path, capsys):
    stored = read_report(place / "first.json")
    for id, figure in (("disc.delong_pair", "estimate"), ("cal.jeffreys", "p_value"), ("disc.lift", "hi")):
        line = next(t for t in stored["tests"] if t["id"] == id)
        line[figure] += 1e-4
    (tmp_path / "r.json").write_text(json.dumps(stored), encoding="utf-8")
    call = ["recheck", str(tmp_path / "r.json"), str(place / "first.parquet"), "--out", str(tmp_path / "all.csv")]
    assert main(call) == 1 and "disc.delong_pair" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "all.csv").query("state == 'different'")
    assert set(zip(table["id"], table["figure"], strict=True)) >= {
        ("disc.delong_pair", "estimate"),
        ("cal.jeffreys", "p_value"),
        ("disc.lift", "hi"),
    }
    assert (table["part"] == "test").sum() == 3 and (table["part"] == "table").any(), (
        "and no longer what the page shows"
    )


def test_other_data_are_noticed(place):
    result = recheck_report(place / "first.json", place / "next.parquet")
    assert "table digest" in set(result.differences()["id"]) and result.facts["different"] > 500


def test_saved_models_are_rechecked_in_whatever_order_they_come(place, tmp_path):
    frame = make()
    X, y = frame[["pd", "score", "product", "balance"]], frame["bad"]
    paths = [tmp_path / "zeta.json", tmp_path / "alpha.json"]  # the champion is the last by the alphabet
    cl.Scorecard().fit(X, y).to_json(paths[0])
    cl.Scorecard().fit(X[["score", "balance"]], y).to_json(paths[1])
    validation_report(place / "first.parquet", tmp_path / "r.html", target="bad", model=paths, group="village")
    assert read_report(tmp_path / "r.json")["manifest"]["order"] == ["zeta", "alpha"]
    for given in (paths, paths[::-1]):
        result = recheck_report(tmp_path / "r.json", place / "first.parquet", model=given)
        assert result.facts["different"] == 0, result.differences().to_string()
        assert result.facts["equal"] > 300


def test_a_score_keeps_its_map_and_is_rechecked(place, tmp_path):
    out = tmp_path / "s.html"
    validation_report(place / "first.parquet", out, target="bad", score="score", group="village")
    stored = read_report(tmp_path / "s.json")
    assert stored["manifest"]["score_map"]["slope"] < 0
    result = recheck_report(tmp_path / "s.json", place / "first.parquet")
    assert result.facts["different"] == 0, result.differences().to_string()
    monitored, _ = monitoring_report(tmp_path / "s.json", place / "next.parquet", tmp_path / "m.html")
    assert read_report(tmp_path / "m.json")["manifest"]["score_map"] == stored["manifest"]["score_map"]
    assert monitored.tidy().query("id == 'cal.portfolio'")["estimate"].iloc[0] > 1.5, "the map is not fitted again"


def test_the_next_quarter_is_one_command(place, tmp_path, capsys):
    out = tmp_path / "next.html"
    assert (
        main(["monitor", str(place / "first.json"), str(place / "next.parquet"), "--spread", "0.3", "--out", str(out)])
        == 0
    )
    printed = capsys.readouterr().out
    assert "mon.cusum" in printed and "Changes 变化" in printed and "worse" in printed
    stored = read_report(out.with_suffix(".json"))
    tests = pd.DataFrame(stored["tests"]).set_index(["id", "model"])
    assert tests.loc[("mon.exact", "pd"), "verdict"] == "red" and tests.loc[("mon.sprt", "pd"), "verdict"] == "red"
    assert stored["reference"] == read_report(place / "first.json")["reference"] | {
        name: bins | {"earlier": True} for name, bins in stored["reference"].items()
    }
    assert stored["tables"]["stability.changes"]["rows"]
    again = recheck_report(out.with_suffix(".json"), place / "next.parquet")
    assert again.facts["different"] == 0, again.differences().to_string()
    assert main(["diff", str(place / "first.json"), str(out.with_suffix(".json"))]) == 0
    assert "cal.portfolio" in capsys.readouterr().out


def test_a_quarter_without_defaults_is_monitored(place, tmp_path):
    quiet = make(200, seed=3)
    quiet.assign(bad=0).to_parquet(tmp_path / "quiet.parquet")
    result, diff = monitoring_report(place / "first.json", tmp_path / "quiet.parquet", tmp_path / "q.html")
    exact = result.tidy().query("id == 'mon.exact'")
    assert exact["p_value"].eq(1).all() and (diff.tidy()["state"] == "gone").any()


def test_a_report_differs_from_itself_in_nothing(place):
    tests, others = report_diff(place / "first.json", place / "first.json")
    assert tests.facts["same"] == len(tests.tidy()) and len(others) == 0


def test_the_same_call_gives_the_same_bytes(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for name in ("a", "b"):
        validation_report(place / "first.parquet", tmp_path / name / "r.html", target="bad", pd="pd", group="village")
    for ending in ("html", "json"):
        assert (tmp_path / "a" / f"r.{ending}").read_bytes() == (tmp_path / "b" / f"r.{ending}").read_bytes()


def test_a_spec_goes_through_toml_and_back(tmp_path):
    spec = ValidationSpec.of({"level": 0.9, "development": "build", "thresholds": {"psi": {"amber": 0.2}}})
    (tmp_path / "s.toml").write_text(spec.to_toml(), encoding="utf-8")
    assert ValidationSpec.from_toml(tmp_path / "s.toml") == spec
    (tmp_path / "bad.toml").write_text("level = ", encoding="utf-8")
    with pytest.raises(UnreadableError, match="a TOML file"):
        ValidationSpec.of(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["recheck", "nothing.json", "FIRST"], "Expected a report.json"),
        (["recheck", "REPORT", "nowhere.csv"], "Expected a table, or the folder of a county"),
        (["recheck", "REPORT", "FIRST", "--model", "x.json"], "Expected 0 models, as in the report"),
        (["diff", "REPORT", "TOML"], "Expected a report.json"),
        (["monitor", "TOML", "FIRST", "--out", "OUT"], "Expected a report.json"),
        (
            ["validate", "FIRST", "--target", "bad", "--pd", "pd", "--score", "score", "--out", "OUT"],
            "Expected one of MODEL.json",
        ),
        (["validate", "FIRST", "--target", "bad", "--pd", "product", "--out", "OUT"], "Expected a number in every row"),
        (
            ["validate", "FIRST", "--target", "bad", "--pd", "pd", "--period", "quarter", "--out", "OUT"],
            "a date column",
        ),
        (
            ["validate", "FIRST", "--target", "bad", "--pd", "pd", "--challenger", "none", "--out", "OUT"],
            "the column 'none'",
        ),
        (
            ["validate", "FIRST", "--target", "bad", "--pd", "pd", "--spec", "TOML2", "--out", "OUT"],
            "Expected names among",
        ),
    ],
    ids=lambda v: " ".join(v[:1]) if isinstance(v, list) else v[:20],
)
def test_wrong_calls_end_with_one_message_and_nothing_written(call, says, place, tmp_path, capsys):
    (tmp_path / "t.toml").write_text("levle = 1\n", encoding="utf-8")
    words = {
        "FIRST": place / "first.parquet",
        "REPORT": place / "first.json",
        "TOML": place / "bank.toml",
        "TOML2": tmp_path / "t.toml",
        "OUT": tmp_path / "o.html",
    }
    assert main([str(words.get(word, word)) for word in call]) == 2
    printed = capsys.readouterr().err
    assert says in printed and printed.count("\n") == 1 and not (tmp_path / "o.html").exists()


def test_monitoring_needs_a_validation(tmp_path):
    (tmp_path / "r.json").write_text('{"schema": "creditlab.report", "manifest": {}}', encoding="utf-8")
    with pytest.raises(InputError, match="the report.json of `creditlab validate`"):
        monitoring_report(tmp_path / "r.json", "t.csv", tmp_path / "o.html")
