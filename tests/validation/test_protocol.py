"""`validate`: scopes, champion and challengers, refusals, thresholds, curves, stored bins, same bytes."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.results import digest
from creditlab.validation import Threshold, ValidationSpec, auc, delong, psi, validate
from creditlab.validation.multiplicity import holm

API = ["section", "id", "scope", "n", "statistic", "df", "p_value", "lo", "hi", "threshold", "verdict", "reference"]


@pytest.fixture(scope="module")
def book():
    rng = np.random.default_rng(0)
    n = 3000
    p = rng.beta(1.5, 14, n)
    frame = pd.DataFrame({"y": (rng.random(n) < p).astype(int), "p": p, "village": rng.integers(0, 60, n)})
    frame["noisy"] = np.clip(p * np.exp(rng.normal(0, 0.8, n)), 0, 0.99)
    frame["split"] = rng.choice(["train", "test", "oot"], n, p=[0.6, 0.2, 0.2])
    return frame


@pytest.fixture(scope="module")
def result(book):
    return validate(book["y"], book["p"], split=book["split"], groups=book["village"])


def test_columns_and_scopes(result):
    table = result.tidy()
    assert list(table.columns[:12]) == API
    assert table.query("id == 'disc.auc'")["scope"].tolist() == ["all", "train", "test", "oot"]
    assert set(table["verdict"]) <= {"green", "amber", "red", "info"}
    assert table["test_zh"].ne("").all() and table["reference"].ne("").all() and table["n"].gt(0).all()


def test_rows_are_the_public_tests(book, result):
    test = book[book["split"] == "test"]
    row = result.tidy().query("id == 'disc.auc' and scope == 'test'").iloc[0]
    direct = auc(test["y"], test["p"], groups=test["village"])
    assert (row["estimate"], row["lo"], row["hi"]) == pytest.approx((direct.estimate, direct.lo, direct.hi))


def test_every_missing_number_of_an_estimate_has_a_reason(book):
    small = validate(book["y"][:120], book["p"][:120], spec={"min_bads": 50}).tidy()
    refused = small[small["id"].isin(["disc.auc", "disc.ks", "cal.cox"])]
    assert refused["estimate"].isna().all() and refused["reason"].str.contains("坏样本不足").all()
    assert (refused["verdict"] == "info").all()


def test_sections_without_the_model_say_why(result):
    rows = result.section("robustness").set_index("id")["reason"]
    assert rows[["rob.noise", "rob.feature_loss", "rob.extreme", "rob.optimism"]].str.contains("needs the model").all()
    assert result.section("fairness")["reason"].str.contains("pass protected").all()
    assert result.section("data")["reason"].str.contains("pass frame").all()


def test_challengers_are_compared_in_pairs(book):
    both = validate(book["y"], {"card": book["p"], "boost": book["noisy"]}, split=book["split"], groups=book["village"])
    table = both.tidy()
    row = table.query("id == 'disc.delong_pair' and scope == 'card - boost · all'").iloc[0]
    direct = delong(book["y"], book["p"], book["noisy"], groups=book["village"])
    assert (row["estimate"], row["p_value"]) == pytest.approx((direct.estimate, direct.p_value))
    assert set(table["model"]) == {"card", "boost"} and "card · oot" in set(table["scope"])


def test_stability_uses_the_grades_of_development(book, result):
    train, oot = (book.loc[book["split"] == name, "p"] for name in ("train", "oot"))
    edges = np.array(result.reference["model"]["edges"])
    counts = [np.bincount(np.searchsorted(edges, part, side="left"), minlength=10) for part in (train, oot)]
    row = result.tidy().query("id == 'stab.psi' and scope == 'oot'").iloc[0]
    assert row["estimate"] == pytest.approx(psi(*counts).estimate) and counts[0].min() > 0


def test_an_earlier_validation_lends_its_bins(book, result):
    later = book[book["split"] == "oot"]
    monitored = validate(later["y"], later["p"], reference=result).tidy().query("id == 'stab.psi'")
    first = result.tidy().query("id == 'stab.psi' and scope == 'oot'")
    assert monitored["estimate"].iloc[0] == pytest.approx(first["estimate"].iloc[0])
    alone = validate(later["y"], later["p"]).tidy().query("id == 'stab.psi'")
    assert "无开发样本" in alone["reason"].iloc[0]


def test_grades_that_vanished_are_named(book, result):
    low = book[book["p"] < np.median(book["p"])]
    row = validate(low["y"], low["p"], reference=result.reference).tidy().query("id == 'stab.psi'").iloc[0]
    assert row["verdict"] == "red" and "grade 10" in row["reason"]


def test_holm_is_used_over_grades(result):
    grades = result.tidy().query("id == 'cal.jeffreys_grade' and split == 'train'")
    np.testing.assert_allclose(grades["p_adjusted"], holm(grades["p_value"].to_numpy()))
    assert (grades["p_adjusted"] >= grades["p_value"]).all() and len(grades) == 10


def test_true_pds_are_seldom_red():
    """12 books whose PDs are true, 60 villages without shocks: at most a few per cent of the coloured rows are red."""
    red = coloured = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        p = rng.beta(1.2, 9, 1500)
        table = validate(rng.random(1500) < p, p, groups=rng.integers(0, 60, 1500), spec={"draws": 20}).section(
            "calibration"
        )
        red += (table["verdict"] == "red").sum()
        coloured += (table["verdict"] != "info").sum()
    assert red / coloured < 0.03


def test_pds_twice_too_low_are_red():
    rng = np.random.default_rng(1)
    p = rng.beta(1.2, 12, 4000)
    table = validate(rng.random(4000) < p, p / 2, groups=rng.integers(0, 60, 4000)).tidy().set_index("id")
    assert table.loc["cal.portfolio", "verdict"] == "red" and table.loc["cal.jeffreys", "verdict"] == "red"


def test_thresholds_are_the_banks_own(book):
    strict = validate(book["y"], book["p"], spec={"thresholds": {"auc": {"amber": 0.99, "red": 0.98}}}).tidy()
    assert strict.query("id == 'disc.auc'")["verdict"].tolist() == ["red"]
    with pytest.raises(InputError, match="names among .*; got 'levle'"):
        validate(book["y"], book["p"], spec={"levle": 0.9})
    with pytest.raises(InputError, match="thresholds in order"):
        Threshold(0.6, 0.7, "higher")
    with pytest.raises(InputError, match="two grades or more"):
        ValidationSpec(grades=1)
    with pytest.raises(InputError, match="a threshold"):
        ValidationSpec.of({"thresholds": {"psi": 0.1}})


def test_a_spec_survives_its_own_dictionary():
    spec = ValidationSpec.of({"level": 0.9, "thresholds": {"psi": {"amber": 0.2}}})
    assert ValidationSpec.of(spec.to_dict()) == spec and spec.thresholds["psi"].red == 0.25


def test_curves_are_small_and_end_where_they_must(book, result):
    curves = result.curves
    assert list(curves.columns) == ["model", "scope", "curve", "x", "y", "lo", "hi", "n"]
    assert curves.groupby(["model", "scope", "curve"]).size().max() <= 200
    roc = curves.query("scope == 'all' and curve == 'roc'")
    assert roc.iloc[0][["x", "y"]].tolist() == [0, 0] and roc.iloc[-1][["x", "y"]].tolist() == [1, 1]
    area = np.trapezoid(roc["y"], roc["x"])
    assert area == pytest.approx(auc(book["y"], book["p"]).estimate, abs=0.003)
    grades = curves.query("scope == 'all' and curve == 'calibration'")
    assert grades["n"].sum() == len(book) and grades["x"].is_monotonic_increasing


def test_same_input_same_bytes_and_row_order_is_immaterial(book, result):
    again = validate(book["y"], book["p"], split=book["split"], groups=book["village"])
    assert digest(again.to_dict()) == digest(result.to_dict())
    mixed = book.sample(frac=1, random_state=3)
    other = validate(mixed["y"], mixed["p"], split=mixed["split"], groups=mixed["village"]).tidy()
    columns = ["n", "estimate", "statistic", "p_value", "lo", "hi"]
    np.testing.assert_allclose(
        other[columns].to_numpy(float), result.tidy()[columns].to_numpy(float), rtol=1e-7, atol=1e-9
    )


def test_periods_and_amounts(book):
    month = pd.Series(pd.Timestamp("2024-01-31"), index=book.index).where(book.index < 1500, pd.Timestamp("2024-02-29"))
    table = validate(book["y"], book["p"], period=month, groups=book["village"], amount=np.ones(len(book))).tidy()
    assert {"2024-01-31", "2024-02-29"} <= set(table.query("id == 'cal.portfolio'")["scope"])
    by_rows, by_amount = table.query("id == 'conc.hhi'")["estimate"]
    assert by_rows == pytest.approx(by_amount)


@pytest.mark.parametrize("p", [np.full(60, 0.3), np.repeat([0.0, 1.0], 30), np.repeat([0.2, 0.4], 30)])
def test_awkward_pds_run_without_warnings(p):
    y = np.tile([0, 1], 30)
    table = validate(y, p, split=np.tile(["train", "train", "oot"], 20), groups=["甲"] * 60).tidy()
    assert len(table) and table["verdict"].isin(["green", "amber", "red", "info"]).all()


def test_wrong_calls_are_named(book):
    with pytest.raises(InputError, match="both goods and bads"):
        validate([1, 1], [0.1, 0.2])
    with pytest.raises(InputError, match=r"3000 values, one per row.*prob b"):
        validate(book["y"], {"a": book["p"], "b": book["p"][:10]})
    with pytest.raises(InputError, match="spec, development"):
        validate(book["y"], book["p"], split=book["split"], spec={"development": "build"})
    with pytest.raises(InputError, match="a ValidationResult or its reference"):
        validate(book["y"], book["p"], reference=[1, 2])
    with pytest.raises(InputError, match="amounts of zero or more"):
        validate(book["y"], book["p"], amount=-np.ones(3000))
