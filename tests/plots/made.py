"""Small results made by hand, with the columns that figures draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd

from creditlab.binning import Binner, BinningView, ContinuousBinner
from creditlab.columns import Column, Dictionary
from creditlab.results import Result, Stamp
from creditlab.scorecard import CutoffSweep, Economics, Gains, cutoff_sweep, gains_table

HOSTILE = "<script>document.title='hacked'</script>\"'&</script>\u2028<img src=x onerror=alert(1)>"
LABELS = Dictionary.of([Column("deposit", zh="存款日均", en="average deposit", unit="yuan", source="bank")])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Made(Result):
    """A result of any columns."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Curved(Result):
    """A result with curves beside its tests, and the level of its intervals."""

    spec: ClassVar[SimpleNamespace] = SimpleNamespace(level=0.95)

    curves: pd.DataFrame


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explained(Result):
    """A result with contributions."""

    values: pd.DataFrame
    base_value: float = -2.0
    method: str = "by hand"
    labels: Dictionary = field(default_factory=lambda: LABELS)


def made(table: pd.DataFrame, **facts: object) -> Made:
    return Made(table=table, stamp=Stamp.of(table, {}), facts=facts)


def villages() -> pd.DataFrame:
    """Twelve villages as their borrowers lead one to expect, one far above, one with a hostile name, two alike."""
    observed = np.array([30, 10, 9, 8, 12, 11, 10, 9, 10, 2, 10, 0])
    expected = np.array([10.0] * 11 + [0.0])
    ratio = np.divide(observed, expected, out=np.full(12, np.nan), where=expected > 0)
    estimate = np.where(expected > 0, 0.5 + 0.5 * np.nan_to_num(ratio), 1.0)
    return pd.DataFrame(
        {
            "village": [f"V{i:02d}" for i in range(12)],
            "name": ["石桥村", HOSTILE, "李庄村", "李庄村", *(f"{i}号村" for i in range(4, 12))],
            "n": 100,
            "observed": observed,
            "expected": expected,
            "ratio": ratio,
            "ratio_lo": ratio * 0.7,
            "ratio_hi": ratio * 1.4,
            "estimate": estimate,
            "lo": estimate * 0.8,
            "hi": estimate * 1.25,
            "p_top": np.linspace(1, 0, 12),
            "x": 116 + np.arange(12) % 4 * 0.1,
            "y": 36 + np.arange(12) // 4 * 0.1,
        }
    )


def geojson() -> dict[str, object]:
    square = np.array([[0, 0], [0.09, 0], [0.09, 0.09], [0, 0.09], [0, 0]])
    places = villages()[["village", "x", "y"]].itertuples()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"village_id": p.village},
                "geometry": {"type": "Polygon", "coordinates": [(square + [p.x, p.y]).tolist()]},
            }
            for p in places
        ],
    }


def bins() -> pd.DataFrame:
    """Four bins, the last without rows."""
    n, bads = np.array([400, 300, 300, 0]), np.array([20, 30, 60, 0])
    with np.errstate(invalid="ignore"):
        rate = bads / n
    return pd.DataFrame(
        {
            "bin": range(4),
            "label": ["< 10", "[10, 20)", HOSTILE, "缺失 missing"],
            "n": n,
            "goods": n - bads,
            "bads": bads,
            "share": n / 1000,
            "bad_rate": rate,
            "bad_rate_lo": rate * 0.8,
            "bad_rate_hi": rate * 1.2,
            "woe": [0.8, 0.1, -0.7, 0.0],
            "woe_lo": [0.5, -0.2, -1.0, np.nan],
            "woe_hi": [1.1, 0.4, -0.4, np.nan],
            "iv": [0.2, 0.01, 0.15, 0.0],
        }
    )


def binner() -> Binner:
    """Three characteristics on villages and periods, one with a hostile name and a special code."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=1200)
    crop = rng.choice(["水稻", HOSTILE], 1200)
    frame = pd.DataFrame({"deposit": np.where(x > 1.5, -9, x), HOSTILE: rng.normal(size=1200), "crop": crop})
    y = (rng.random(1200) < 1 / (1 + np.exp(1.5 + x))).astype(int)
    special = {"deposit": {-9: "未接入 not connected"}}
    given = {"groups": rng.integers(0, 30, 1200), "period": np.repeat(["2022", "2023"], 600)}
    return Binner(special=special, max_bins=4).fit(frame, y, amount=np.full(1200, 5.0), **given)


def seen() -> BinningView:
    """The bins of `binner` on other rows, by period, by group and by village with a hostile name."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=600)
    frame = pd.DataFrame({"deposit": x, HOSTILE: rng.normal(size=600), "crop": "水稻"})
    y = (rng.random(600) < 1 / (1 + np.exp(1.5 + x))).astype(int)
    given = {"groups": rng.integers(0, 30, 600), "period": np.repeat(["2024", "2025"], 300)}
    return binner().on(frame, y, by={"village": np.repeat(["甲", HOSTILE, "丙"], 200)}, **given)


def means() -> ContinuousBinner:
    """Yuan by two characteristics, one with a hostile name."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=600)
    frame = pd.DataFrame({"deposit": x, HOSTILE: rng.choice(["水稻", HOSTILE], 600)})
    return ContinuousBinner(max_bins=4).fit(frame, np.maximum(1000 * x + rng.normal(0, 800, 600), 0))


def points() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feature": ["deposit"] * 3 + ["crop"] * 2,
            "label_zh": ["存款"] * 3 + ["作物"] * 2,
            "label_en": ["deposit"] * 3 + ["crop"] * 2,
            "bin": [0, 1, 2, 0, 1],
            "bin_zh": ["低", "中", "高", "小麦", HOSTILE],
            "bin_en": ["low", "middle", "high", "wheat", HOSTILE],
            "n": [400, 300, 300, 500, 500],
            "bad_rate": [0.2, 0.1, 0.05, 0.1, 0.12],
            "points": [20, 45, 80, 50, 40],
        }
    )


def coefficients() -> Made:
    table = pd.DataFrame(
        {
            "feature": ["(intercept)", "deposit", HOSTILE],
            "coef": [-2.0, -0.9, -0.4],
            "lo": [-2.2, -1.1, np.nan],
            "hi": [-1.8, -0.7, np.nan],
            "reason": ["", "", "clamped"],
        }
    )
    return made(table, n=1000.0)


def validation() -> Curved:
    x = np.linspace(0, 1, 11)
    parts = []
    for model in ("card", "challenger"):
        for scope in ("all", "development", "out-of-time"):
            key = {"model": model, "scope": scope}
            roc = pd.DataFrame({"x": x, "y": np.sqrt(x), "lo": x, "hi": 1.0, "n": (1000 * x).astype(int)})
            grades = pd.DataFrame({"x": x[1:4], "y": x[1:4] + 0.01, "lo": x[1:4] - 0.05, "hi": x[1:4] + 0.08, "n": 300})
            parts += [roc.assign(curve="roc", **key), grades.assign(curve="calibration", **key)]
    tests = pd.DataFrame(
        [
            ("disc.auc", "AUC", "AUC", "card", "card · development", 1000, 0.71, 0.68, 0.74, "amber"),
            ("cal.grade", "分级检验", "by grade", "card", "card · development · grade 1", 300, *[np.nan] * 3, "green"),
            ("cal.grade", "分级检验", "by grade", "card", "card · development · grade 2", 300, *[np.nan] * 3, "red"),
        ],
        columns=["id", "test_zh", "test_en", "model", "scope", "n", "estimate", "lo", "hi", "verdict"],
    )  # fmt: skip
    return Curved(table=tests, curves=pd.concat(parts, ignore_index=True), stamp=Stamp.of(tests, {}))


def explanation() -> Explained:
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.normal(size=(1000, 3)) * [1.0, 0.5, 0.1], columns=["deposit", "crop", HOSTILE])
    mean = values.abs().mean()
    table = pd.DataFrame({"feature": mean.index, "mean_abs": mean.to_numpy()})
    return Explained(table=table, values=values, stamp=Stamp.of(table, {}))


def book() -> Made:
    """Two months: 2 of 10 notes and 30 of 100 yuan non-performing, then 1 of 10 and 5 of 100; one cell differs."""
    months = pd.to_datetime(["2024-01-31", "2024-01-31", "2024-02-29", "2024-02-29"])
    table = pd.DataFrame(
        {
            "month_end": months,
            "class5": ["normal", "loss", "normal", "loss"],
            "notes_book": [8, 2, 9, 1],
            "balance_book": [70.0, 30.0, 95.0, 5.0],
            "npl_balance_book": [0.0, 30.0, 0.0, 5.0],
            "balance_difference": [0.0, 0.0, 0.0, -4.0],
            "notes_difference": [0, 0, 0, 0],
        }
    )
    return made(table)


def _scored() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, outcomes and amounts; of the 20 safest nothing is known."""
    rng = np.random.default_rng(5)
    points = np.sort(np.round(rng.normal(600, 40, 600)))
    bad = (rng.random(600) < 1 / (1 + np.exp((points - 540) / 25))).astype(float)
    bad[-20:] = np.nan
    return points, bad, np.full(600, 20_000.0)


def gains() -> Gains:
    points, bad, _ = _scored()
    return gains_table(points, bad)


def reject_band() -> pd.DataFrame:
    """Two populations, one with a hostile name, two methods; with truths, as `RejectBand.judged` gives them."""
    rows = []
    for name, n, true in (("refused", 400, 0.25), (HOSTILE, 900, 0.12)):
        for method, word in (("granted_only", ""), ("fuzzy", "low"), ("fuzzy", "middle"), ("fuzzy", "high")):
            pd_ = 0.08 + 0.04 * ["", "low", "middle", "high"].index(word)
            gain = {"": 0.0, "low": -0.9, "middle": 0.01, "high": 0.05}[word]
            row = {"population": name, "population_zh": "被拒绝" if name == "refused" else name, "population_en": name}
            row |= {"method": method, "method_zh": "模糊增广", "method_en": method, "assumption": word, "n": n}
            row |= {"inferred_rate": pd_ + 0.02 if word else np.nan, "mean_pd": pd_, "true_pd": true, "gain": gain}
            rows.append(row | {"gain_lo": gain - 0.01, "gain_hi": gain + 0.01})
    return pd.DataFrame(rows)


def sweep() -> CutoffSweep:
    points, bad, amount = _scored()
    tried = [*range(500, 660, 10), points[-20] + 1]
    return cutoff_sweep(points, bad, amount=amount, cutoffs=tried, economics=Economics(margin=0.08, lgd=0.6, cost=100))


def family() -> pd.DataFrame:
    """A family of tests with a hostile scope, one row that could not be estimated."""
    return pd.DataFrame(
        {
            "scope": ["village A", HOSTILE, "village C"],
            "n": [40, 55, 3],
            "estimate": [1.2, 2.4, np.nan],
            "lo": [0.8, 1.6, np.nan],
            "hi": [1.7, 3.5, np.nan],
            "verdict": ["green", "red", "info"],
            "level": [0.95, 0.95, 0.95],
        }
    )


def changes() -> pd.DataFrame:
    """Changes between two validations, one of them significant, one line new."""
    return pd.DataFrame(
        {
            "test_zh": ["AUC", "实际与期望违约之比", "AUC"],
            "test_en": ["AUC", "Observed over expected defaults", "AUC"],
            "scope": ["all", HOSTILE, "2024"],
            "z": [0.4, 4.1, np.nan],
            "p_adjusted": [0.7, 0.0001, np.nan],
            "state": ["same", "worse", "new"],
        }
    )
