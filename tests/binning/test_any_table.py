"""Whatever the table and the settings: a bin table that keeps its promises, or a refusal in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, BinningResult, Rows
from creditlab.errors import CreditlabError
from creditlab.results import digest

MIXED = ["a", "c,d", "e'f", 'g"h', "[i)", "100%", "水稻", None, " "]
KINDS = (
    lambda z, rng: z,
    lambda z, rng: np.exp(3 * z).round(2),
    lambda z, rng: np.where(rng.random(len(z)) < 0.9, 0.0, z),
    lambda z, rng: rng.integers(0, 3, len(z)).astype(float),
    lambda z, rng: np.full(len(z), np.nan),
    lambda z, rng: np.where(rng.random(len(z)) < 0.5, -9.0, -8.0),
    lambda z, rng: np.where(rng.random(len(z)) < 0.3, np.inf, np.where(rng.random(len(z)) < 0.3, -np.inf, 1e300 * z)),
    lambda z, rng: 1 + np.arange(len(z)) * np.finfo(float).eps,
    lambda z, rng: z > 0,
    lambda z, rng: pd.array(np.where(z > 1, None, rng.integers(0, 9, len(z))), dtype="Int64"),
    lambda z, rng: pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, len(z)), unit="D"),
    lambda z, rng: pd.Series(rng.choice(np.array(MIXED, dtype=object), len(z)), dtype=object),
    lambda z, rng: rng.integers(0, max(2, len(z) // 3), len(z)).astype(str),
    lambda z, rng: pd.Categorical(np.where(z > 0, "hi", "lo"), categories=["lo", "hi"], ordered=True),
)


def table_of(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Columns of three kinds, a target, weights or none, and what rides beside."""
    n = int(rng.choice([3, 12, 40, 300]))
    kinds = rng.choice(len(KINDS), 3, replace=False)
    X = pd.DataFrame({f"c{k}": KINDS[k](rng.normal(size=n), rng) for k in kinds})
    y = (rng.random(n) < rng.choice([0.1, 0.5])).astype(int)
    y[:2] = 0, 1
    weight = rng.integers(0, 4, n).astype(float) + (np.arange(n) < 2) if rng.random() < 0.4 else None
    beside = {"groups": rng.integers(0, max(1, n // 4), n), "period": rng.integers(2020, 2023, n)}
    return X, y, weight, {name: labels for name, labels in beside.items() if rng.random() < 0.5}


def settings_of(rng: np.random.Generator, beside: dict[str, Any]) -> dict[str, Any]:
    """Any settings that are settings."""
    given: dict[str, Any] = {
        "trend": str(rng.choice(["auto", "ascending", "descending", "peak", "valley", "free"])),
        "max_bins": int(rng.choice([1, 3, 8])),
        "min_share": float(rng.choice([0, 0.05, 0.3])),
        "min_expected": float(rng.choice([0, 1, 5])),
        "objective": str(rng.choice(["iv", "likelihood"])),
        "missing": str(rng.choice(["own", "nearest_risk", "worst"])),
        "special": {"*": {-9: "refused", -8: "not asked"}},
        "min_rate_gap": float(rng.choice([0, 0, 0.1])),
        "max_pvalue": float(rng.choice([1, 1, 0.2])),
        "prior": float(rng.choice([0.5, 0.5, 0])),
        "min_bads": float(rng.choice([0, 0, 2])),
    }
    if beside and rng.random() < 0.5:
        given["stable_over"] = "period" if "period" in beside else "group"
    return given


@pytest.mark.parametrize("seed", range(60))
def test_promises_hold_or_the_call_is_refused(seed):
    rng = np.random.default_rng(seed)
    X, y, weight, beside = table_of(rng)
    settings = settings_of(rng, beside)
    try:
        fitted = Binner(**settings).fit(X, y, weight, **beside)
    except CreditlabError:
        return
    codes, woe, w = fitted.codes(X), fitted.transform(X), np.ones(len(y)) if weight is None else weight
    for table in fitted.result_.tables:
        counts_and_woe_are_those_of_transform(table, codes[table.name].to_numpy(), woe[table.name].to_numpy(), y, w)
        rules_hold(table, settings)
    written = json.dumps(fitted.result_.to_dict(), allow_nan=False)
    assert digest(BinningResult.from_dict(json.loads(written)).to_dict()) == digest(fitted.result_.to_dict())
    halves = np.array_split(rng.permutation(len(y)), 2)
    parts = [
        Rows(X.iloc[r], y[r], None if weight is None else weight[r], **{k: v[r] for k, v in beside.items()})
        for r in halves
    ]
    merged = Binner(**settings).fit_parts(parts)
    assert all(merged.result_[name].spec == fitted.result_[name].spec for name in X)
    space: dict[str, Any] = {}
    exec(fitted.to_python(), space)
    for row in range(0, len(y), 17):
        assert space["transform"](X.iloc[row].to_dict()) == woe.iloc[row].to_dict()


def counts_and_woe_are_those_of_transform(table, codes, woe, y, w):
    tidy = table.tidy()
    size = table.spec.size
    np.testing.assert_allclose(np.bincount(codes, weights=w, minlength=size), tidy["n"])
    np.testing.assert_allclose(np.bincount(codes, weights=w * y, minlength=size), tidy["bads"])
    assert np.array_equal(table.woe[codes], woe) and np.isfinite(table.woe).all()
    filled = tidy[tidy["n"] > 0]
    for name in ("bad_rate", "woe"):
        assert (filled[f"{name}_lo"] <= filled[name] + 1e-9).all() and (
            filled[name] <= filled[f"{name}_hi"] + 1e-9
        ).all()


def rules_hold(table, settings):
    regular = table.tidy().iloc[: table.spec.regular]
    if len(regular) == 1:
        assert table.notes, "one bin, and nothing says why"
        return
    n, rates = regular["n"].to_numpy(float), regular["bad_rate"].to_numpy()
    assert len(regular) <= settings["max_bins"]
    if table.spec.joins or table.facts.get("many_levels"):
        return
    assert (n >= settings["min_share"] * n.sum() * (1 - 1e-9)).all()
    assert (regular["bads"] >= settings["min_bads"] - 1e-9).all()
    assert (np.abs(np.diff(rates)) >= settings["min_rate_gap"] - 1e-9).all()
    if table.kind == "numeric" and settings["trend"] in ("ascending", "descending"):
        assert (np.diff(rates) * (1 if settings["trend"] == "ascending" else -1) > 0).all()
    if settings["prior"] == 0:
        assert (regular["bads"] > 0).all() and (regular["goods"] > 0).all()
