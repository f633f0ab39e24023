"""Selection: each rule drops what it names, and says why in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.binning import Binner
from creditlab.scorecard.selection import information, select_features, with_model


def planted() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    n = 3000
    strong = rng.normal(size=n)
    X = pd.DataFrame(
        {
            "noise": rng.normal(size=n),
            "strong": strong,
            "twin": strong * 3 + 1,
            "weak": rng.normal(size=n),
            "constant": 1.0,
            "empty": np.full(n, np.nan),
        }
    )
    y = (rng.random(n) < 1 / (1 + np.exp(2 + strong + 0.4 * X["weak"]))).astype(int)
    return X, y.to_numpy()


def chosen(**options) -> pd.DataFrame:
    X, y = planted()
    binner = Binner().fit(X, y)
    woe = pd.DataFrame({name: binner.result_[name].transform(X[name]) for name in X})
    iv = information(woe, y, np.ones(len(y)))
    np.testing.assert_allclose(iv, [t.iv for t in binner.result_.tables], atol=1e-12)
    return select_features(binner.result_, woe, iv=iv, events=float(y.sum()), **options).set_index("feature")


def test_each_rule_names_its_victim() -> None:
    table = chosen(min_iv=0.03)
    assert table["reason"].to_dict() == {
        "noise": "low_iv",
        "strong": "kept",
        "twin": "duplicate",
        "weak": "kept",
        "constant": "one_bin",
        "empty": "one_bin",
    }
    assert table.loc["twin", "other"] == "strong"


def test_few_bads_keep_the_strongest() -> None:
    table = chosen(events_per_feature=1e6)
    assert table.index[table["kept"]].tolist() == ["strong"]
    assert table.loc["weak", "reason"] == "few_bads"


def test_reasons_are_bilingual_and_the_model_has_the_last_word() -> None:
    table = with_model(chosen().reset_index(), {"strong": -1.0, "weak": 0.0}, {"sign": {"weak"}}).set_index("feature")
    assert not table.loc["weak", "kept"] and "clamped" in table.loc["weak", "reason_en"]
    assert "置为 0" in table.loc["weak", "reason_zh"]
    assert "'strong'" in table.loc["twin", "reason_en"] and "「strong」" in table.loc["twin", "reason_zh"]
    assert table.loc["strong", "coef"] == -1.0 and np.isnan(table.loc["twin", "coef"])
