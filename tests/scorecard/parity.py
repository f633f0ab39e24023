"""A card with every kind of characteristic and rows with every kind of value, to test what it becomes elsewhere.

10,000 rows, then one row for each edge, its neighbours one bit away, special codes, infinities, missing values, levels
never seen, and text that would break a statement.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from creditlab.binning import Binner, Cross
from creditlab.scaling import Scale
from creditlab.scorecard import Scorecard

N = 10_000
NUMBERS = ("income", "code", "tiny", "huge", "count")
AWKWARD = ("水稻, 小麦", '"玉米" [%]', "a|b", "it's", "back\\slash", "50 %", "x", "3", "A", "a", "-9", "';--", "<&>")
#: text that training did not have, or not in this form
EDGES = ("never seen", "X", "x ", "371999", "379", "999", "\u00a0x\u2003", "a\tb", "\x1cx\x1f", "\u3000", "a\u200b",
         "it''s", "", "   ", "\\", "NULL", "\u00e9", "e\u0301", "😀")  # fmt: skip


def sample(n: int = N, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Numbers of very different size, a special code, flags, dates, text, a nested text, and whether each is bad."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    bad = pd.Series((rng.random(n) < 1 / (1 + np.exp(1.5 - z))).astype(int))
    frame = pd.DataFrame(
        {
            "income": np.where(rng.random(n) < 0.1, np.nan, z + rng.normal(size=n)),
            "code": np.where(rng.random(n) < 0.15, -9.0, (z + rng.normal(size=n)).round(1)),
            "tiny": (z + rng.normal(size=n)) * 1e-9,
            "huge": np.exp(40 + 10 * (z + rng.normal(size=n))),
            "count": rng.poisson(np.exp(z / 2)),
            "flag": z + rng.normal(size=n) > 0.5,
            "crop": rng.choice([*AWKWARD, "  x ", "\tA\n", "\u3000a", "", "   "], n),
            "village": np.char.add("37", (1000 + rng.integers(0, 500, n)).astype(str)),
            "day": pd.Timestamp("2022-01-01") + pd.to_timedelta(((z + rng.normal(size=n)) * 200).round(), unit="D"),
            "性别 \"'`]": rng.choice(["男", "女"], n),
        }
    )
    bad |= (frame["crop"].str.strip() == "水稻, 小麦") & (rng.random(n) < 0.4)
    bad |= frame["village"].str[:3].eq("371") & (frame["village"].str[3].isin(list("12"))) & (rng.random(n) < 0.3)
    bad |= frame["性别 \"'`]"].eq("男") & (rng.random(n) < 0.05)
    bad |= frame["flag"] & frame["crop"].eq("a|b") & (rng.random(n) < 0.6)
    return frame, bad.astype(int)


@cache
def card() -> Scorecard:
    """A card in which every column scores."""
    return fitted(sample()[0], Cross("crop", "flag"), Cross("count", "day"))


@cache
def card_without_dates() -> Scorecard:
    """The same without the column of dates."""
    return fitted(sample()[0].drop(columns="day"), Cross("crop", "flag"))


def fitted(X: pd.DataFrame, *crosses: Cross) -> Scorecard:
    """A card that keeps every column."""
    binner = Binner(
        special={"code": {-9: "refused"}, "crop": {"x": "not asked"}}, nested={"village": 4},
        missing={"income": "worst"}, unseen={"crop": "worst"}, crosses=crosses,
    )  # fmt: skip
    return Scorecard(
        binner, Scale(40, 5, 30), base="separate", sign_constrained=False, min_iv=0, max_correlation=1,
        events_per_feature=0, min_z=0,
    ).fit(X, sample()[1])  # fmt: skip


def numbers_at(name: str) -> list[float]:
    """The cuts of a column and their neighbours, and what is special to floats."""
    cuts = np.array(card().result_.bins[name].spec.cuts)
    near = [cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)]
    return [*np.concatenate(near).tolist(), -9.0, 0.0, -0.0, np.inf, -np.inf, 1e308, 2.0**-1022, np.nan]


def days_at() -> list[pd.Timestamp]:
    """The cuts of the day with the milliseconds beside them."""
    spec = card().result_.bins["day"].spec
    ends = [pd.Timestamp(spec.end_text(cut)) for cut in spec.cuts]
    step = pd.Timedelta(milliseconds=1)
    return [*ends, *(e - step for e in ends), *(e + step for e in ends), pd.NaT]


@cache
def rows() -> pd.DataFrame:
    """All rows: the sample, then one row per awkward value with the other columns as in some row of the sample."""
    X, _ = sample()
    X = X.astype({"count": float, "flag": "boolean", "crop": object, "village": object, "性别 \"'`]": object})
    probes = {name: numbers_at(name) for name in NUMBERS} | {"flag": [True, False, pd.NA], "day": days_at()}
    probes |= {name: [*AWKWARD, *EDGES, None] for name in ("crop", "village", "性别 \"'`]")}
    parts = [X]
    for name, values in probes.items():
        others = X.iloc[: len(values)].copy()
        others[name] = pd.array(values, dtype=X[name].dtype) if X[name].dtype != object else values
        parts.append(others)
    empty = X.iloc[:1].copy()
    for name in X:
        empty[name] = pd.Series([None], dtype=X[name].dtype)
    frame = pd.concat([*parts, empty], ignore_index=True)
    return frame.assign(**{"i d": np.arange(len(frame))})


@cache
def expected() -> list[int]:
    """What the card gives."""
    return card().points(rows()).tolist()


def asked(value: object, nan: object = None) -> object:
    """A value as a driver takes it: missing ones as None, NaN as `nan`."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and np.isnan(value):
        return nan
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if isinstance(value, np.generic) else value
