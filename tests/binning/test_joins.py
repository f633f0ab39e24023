"""Missing, special and unseen values: bins of their own, or counted in the declared bin, with one WOE everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner
from creditlab.errors import InputError
from tests.binning.test_binner import SPECIAL, X, Y

RISKY = pd.DataFrame({"x": np.random.default_rng(0).normal(size=4000)})
TARGET = (np.random.default_rng(1).random(4000) < 1 / (1 + np.exp(1.5 - RISKY["x"]))).astype(int).to_numpy()
ROWS = RISKY.assign(
    x=RISKY["x"].where(RISKY["x"] < 1.2), crop=np.where(RISKY["x"] > 0, "maize", "rice")
)  # worst missing


def missing_bin(binner: Binner, name: str = "x") -> tuple[int, int]:
    """The number of the missing bin and of the bin that missing values fall into."""
    table = binner.result_[name]
    return table.spec.missing, int(table.codes(pd.Series([np.nan]))[0])


def test_each_option_sends_missing_values_where_it_says():
    own = Binner().fit(ROWS, TARGET)
    assert missing_bin(own)[0] == missing_bin(own)[1]
    table = own.result_["x"].tidy()
    regular = table.iloc[: own.result_["x"].spec.regular]
    assert table["bad_rate"].iloc[missing_bin(own)[0]] > regular["bad_rate"].max()  # the rows that are missing are bad
    worst, nearest = (Binner(missing=m).fit(ROWS, TARGET) for m in ("worst", "nearest_risk"))
    last = len(regular) - 1  # risk rises with x
    assert missing_bin(worst)[1] == missing_bin(nearest)[1] == last
    safest = Binner(missing={"x": 0}).fit(ROWS, TARGET)
    assert missing_bin(safest)[1] == 0
    label = regular["label"].iloc[1]
    assert missing_bin(Binner(missing={"x": label}).fit(ROWS, TARGET))[1] == 1


@pytest.mark.parametrize("option", ["own", "nearest_risk", "worst", 0])
@pytest.mark.parametrize("name", X.columns)
def test_the_table_is_one_array_for_every_column(name, option):
    frame = X[[name]] if name == "code" else X[[name, "code"]]
    binner = Binner(special=SPECIAL, missing=option, special_as={"code": {-9: option}}, unseen=option).fit(frame, Y)
    table = binner.result_[name]
    codes = binner.codes(frame)[name].to_numpy()
    tidy = table.tidy()
    assert np.array_equal(np.bincount(codes, minlength=table.spec.size), tidy["n"])
    assert np.array_equal(np.bincount(codes, weights=Y, minlength=table.spec.size), tidy["bads"])
    assert np.array_equal(binner.transform(frame)[name], table.woe[codes])
    if option != "own" and X[name].isna().any():
        assert tidy["n"].iloc[table.spec.missing] == 0 or option == "nearest_risk"
    again = Binner.from_dict(binner._sealed())
    assert again.result_[name].spec == table.spec and again.codes(frame)[name].tolist() == codes.tolist()


def test_joined_rows_are_told_and_recorded():
    binner = Binner(missing="worst").fit(ROWS, TARGET)
    n = int(ROWS["x"].isna().sum())
    assert any("missing joined" in note and note.endswith(f": {n}") for note in binner.result_["x"].notes)
    assert binner.result_["x"].to_dict()["spec"]["joins"]


def test_codes_go_where_they_are_sent():
    rows = ROWS.fillna({"x": -9})
    binner = Binner(special={"x": {-9: "refused", -8: "no answer"}}, special_as={"x": {-9: "worst"}}).fit(rows, TARGET)
    spec = binner.result_["x"].spec
    assert binner.codes(pd.DataFrame({"x": [-9.0, -8.0], "crop": "rice"}))["x"].tolist() == [
        int(np.argmin(binner.result_["x"].woe[: spec.regular])), spec.regular + 1,
    ]  # fmt: skip


def test_unseen_levels_go_where_they_are_sent():
    new = pd.DataFrame({"x": [0.0], "crop": ["sorghum"]})
    neutral, worst = Binner().fit(ROWS, TARGET), Binner(unseen="worst").fit(ROWS, TARGET)
    assert neutral.transform(new)["crop"].tolist() == [0.0]
    assert worst.transform(new)["crop"].tolist() == [worst.result_["crop"].woe.min()]


@pytest.mark.parametrize("option", [99, "no such bin", -1])
def test_a_bin_that_is_not_there_is_refused(option):
    with pytest.raises(InputError, match="number or label of a regular bin"):
        Binner(missing=option).fit(ROWS, TARGET)


def test_without_missing_rows_nearest_risk_has_nothing_to_go_by():
    binner = Binner(missing="nearest_risk").fit(RISKY, TARGET)
    assert missing_bin(binner)[0] == missing_bin(binner)[1]
