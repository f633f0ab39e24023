"""The leakage hunter: features that know the outcome, found by their dates, their IV and its history.

A leak is a feature that saw what happened after the observation date: it is derived from the target, counts cases filed
because of the default, or comes from a field that is written when a loan goes bad. Such a feature is too good, it was
not good a year earlier, it is only there for the bad, or its rows are dated later than the day on which it was frozen.
None of these is a proof; each is a reason to trace the feature to its rows (`file.trace`) before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning import Binner
from creditlab.checks import check_frame, check_target
from creditlab.columns import Dictionary
from creditlab.data import County
from creditlab.data.findings import FINDING_COLUMNS, finding
from creditlab.errors import InputError, message
from creditlab.loans import PerformanceSample
from creditlab.results import Result, Stamp
from creditlab.study.frame import ModellingFrame, modelling_frame

#: an IV above this is rare for honest features (Siddiqi 2006, Credit Risk Scorecards, p. 81: "suspicious, over 0.5")
IV_LIMIT = 0.5
#: a feature that had less than this share of its IV a year earlier became good overnight
LASTING = 0.25
#: share of all bads that lie in cells without goods, and bads that such a cell needs
PURE, FEWEST = 0.1, 10
#: IV of the bare fact that a value is there
PRESENCE_LIMIT = 0.3
#: sign → (Chinese, English)
SIGNS: Mapping[str, tuple[str, str]] = {
    "dated later": ("来源行日期晚于观察日", "rows dated after the observation date"),
    "iv": ("信息值过高", "information value too high"),
    "sudden": ("一年前几无区分力", "told nothing a year earlier"),
    "pure": ("只在坏客户中出现的取值", "values that only the bad have"),
    "presence": ("有无该值即可区分", "that there is a value tells the outcome"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LeakHunt(Result):
    """A row per feature, the most suspicious first: iv iv_lo iv_earlier presence pure later signs verdict.

    `iv_lo` is the lower limit of the IV, `iv_earlier` its IV when frozen a year before; `presence` the IV of the bare
    fact that a value is there; `pure` the share of the bads in cells without goods; `later` the rows dated after the
    observation date; `verdict` is `leak` (two signs, a date, or an IV surely above twice the limit), `look` (one sign)
    or `none`.
    """

    title: ClassVar[str] = "Leakage hunter 泄漏排查"

    def flagged(self) -> pd.DataFrame:
        """The features with a verdict other than `none`, with their signs in words (`signs_zh`, `signs_en`)."""
        table = self.table[self.table["verdict"] != "none"].reset_index(drop=True)
        for place, lang in enumerate(("zh", "en")):
            joined = [
                ("、" if lang == "zh" else "; ").join(SIGNS[s][place] for s in signs.split(", "))
                for signs in table["signs"]
            ]
            table[f"signs_{lang}"] = pd.Series(joined, dtype="str")
        return table

    def judged(self, card: Any, dropped: Iterable[str] = ()) -> LeakHunt:
        """With `done_zh`, `done_en` and `dropped`: whether a feature was left out, was not taken, or is in the card.

        Nothing is removed because of a sign alone: a sign is no proof, and a removed feature leaves no trace. Whoever
        has traced the feature to its rows names it in `drop`.
        """
        out, chosen = set(dropped), set(card.result_.features)
        states = [2 if name in out else 1 if name in chosen else 0 for name in self.table["feature"]]
        table = self.table.assign(
            done_zh=[_DONE[s][0] for s in states],
            done_en=[_DONE[s][1] for s in states],
            dropped=[s == 2 for s in states],
        )
        return replace(self, table=table)

    def findings(self, table: str = "features") -> pd.DataFrame:
        """The flagged features of a judged hunt as findings: the signs, and what was done."""
        rows = []
        for row in self.flagged().to_dict("records"):
            zh = f"泄漏嫌疑（{row['signs_zh']}）：{row['done_zh']}"
            en = f"suspected leak ({row['signs_en']}): {row['done_en']}"
            severity = "info" if row["dropped"] else "error" if row["verdict"] == "leak" else "warning"
            rows.append(finding(table, row["feature"], zh, en, severity, ()))
        return pd.DataFrame(rows, columns=FINDING_COLUMNS)


#: what became of a feature: not taken, in the card, left out
_DONE = (
    ("评分卡未选入", "not taken by the card"),
    ("在评分卡中：请追溯来源行，确认后写入 drop", "in the card: trace it to its rows, then name it in drop"),
    ("已按 drop 剔除", "left out, as named in drop"),
)


def hunt_leaks(
    X: pd.DataFrame,
    y: Any,
    *,
    earlier: pd.DataFrame | None = None,
    dated: pd.DataFrame | None = None,
    as_of: Any = None,
    special: Mapping[str, Any] | None = None,
    dictionary: Dictionary | None = None,
    iv_limit: float = IV_LIMIT,
) -> LeakHunt:
    """Look for features that know the outcome.

    Parameters
    ----------
    X : rows × features, as they go into a model; y : 0/1 with 1 = bad.
    earlier : the same features of the same rows frozen earlier (a year is usual), by the index of X; a feature that is
        not in it is not compared.
    dated : for some features the latest date among the source rows of each value, by the index of X; with `as_of`, one
        date or one per row.
    special : codes that are no quantities, by feature.
    dictionary : labels and sources.
    iv_limit : IV from which a feature is suspicious.

    Raises
    ------
    InputError : for dates without `as_of`, or frames whose rows are not those of X.
    """
    frame = check_frame(X, "X")
    target = check_target(pd.Series(np.asarray(y), index=frame.index), "y")
    for name, other in (("earlier", earlier), ("dated", dated)):
        if other is not None and not other.index.equals(frame.index):
            raise InputError(message("the rows of X", "other rows", name, "Give it the index of X."))
    if (dated is None) != (as_of is None):
        raise InputError(message("dates and the observation date together", "one of them", "dated", "Give as_of too."))
    codes = dict(special or {})
    binned = _fit(frame, target, codes)
    before = None if earlier is None else _fit(earlier[[c for c in frame if c in earlier]], target, codes)
    limit = None if dated is None else pd.to_datetime(pd.Series(as_of, index=frame.index))
    rows = [_judged(n, frame[n], target, binned, before, codes.get(n, {}), iv_limit) for n in frame.columns]
    table = pd.DataFrame(rows)
    table["later"] = [0 if dated is None or n not in dated else int((dated[n] > limit).sum()) for n in table["feature"]]
    labels = dictionary or Dictionary()
    conduct = np.array([n in labels and labels[n].level == "household-conduct" for n in table["feature"]])
    table = _with_verdict(table, iv_limit, conduct)
    table.insert(1, "zh", [labels[n].zh if n in labels else n for n in table["feature"]])
    table.insert(2, "en", [labels[n].en if n in labels else n for n in table["feature"]])
    table.insert(3, "source", [labels[n].source if n in labels else "" for n in table["feature"]])
    counts = table["verdict"].value_counts()
    facts = {
        "features": len(table),
        "rows": len(frame),
        "bads": int(target.sum()),
        "iv_limit": iv_limit,
        "leak": int(counts.get("leak", 0)),
        "look": int(counts.get("look", 0)),
    }
    return LeakHunt(table=table, stamp=Stamp.of([frame, target], {"iv_limit": iv_limit}), facts=facts)


def hunt_in_county(
    county: County,
    sample: PerformanceSample,
    card: str = "behaviour",
    months: int = 12,
    data: ModellingFrame | None = None,
) -> LeakHunt:
    """Look for leaks among the features of a county's sample: as they are, and as they were some months earlier.

    Parameters
    ----------
    county, sample, card : as for `modelling_frame`.
    months : how long before the observation dates the features are frozen a second time.
    data : the modelling frame of that sample and card, when it is at hand.
    """
    data = modelling_frame(county, sample, card=card) if data is None else data
    rows = sample.tidy()
    moved = rows.assign(
        **{c: rows[c] - pd.DateOffset(months=months) for c in ("as_of", "granted_on") if c in rows.columns}
    )
    before = modelling_frame(county, _Moved(moved, sample), card=card)  # type: ignore[arg-type]
    earlier = before.X.set_axis(data.X.index, axis=0)
    return hunt_leaks(data.X, data.y, earlier=earlier, special=data.special, dictionary=data.dictionary)


class _Moved:
    """A sample whose dates were moved."""

    def __init__(self, rows: pd.DataFrame, sample: PerformanceSample) -> None:
        self._rows, self.stamp = rows, sample.stamp

    def tidy(self) -> pd.DataFrame:
        return self._rows


def _fit(frame: pd.DataFrame, target: Any, special: Mapping[str, Any]) -> Mapping[str, Any]:
    codes = {n: c for n, c in special.items() if n in frame.columns}
    varied = [c for c in frame.columns if frame[c].nunique(dropna=False) > 1]
    if not varied:
        return {}
    fitted = Binner(special={n: c for n, c in codes.items() if n in varied} or None).fit(frame[varied], target)
    return {name: fitted.result_[name] for name in varied}


def _judged(
    name: str, values: pd.Series, target: Any, now: Mapping[str, Any], before: Mapping[str, Any] | None, codes: Any,
    iv_limit: float,
) -> dict[str, Any]:  # fmt: skip
    y = np.asarray(target, dtype=float)
    table = now.get(name)
    old = None if before is None or name not in before else before[name]
    # 'not applicable' is a fact of the household (never late, no business), not a record that is missing
    absent = [code for code, meaning in dict(codes).items() if "not applicable" not in str(meaning)]
    missing = values.isna().to_numpy() | values.isin(absent).to_numpy()
    return {
        "feature": name,
        "iv": float(table.iv) if table is not None else 0.0,
        "iv_lo": float(table.iv_lo) if table is not None else 0.0,
        "iv_earlier": float("nan") if before is None else float(old.iv) if old is not None else 0.0,
        "presence": _iv_of(missing, y),
        "pure": _pure(table),
    }


def _iv_of(mark: np.ndarray, y: np.ndarray) -> float:
    """The IV of a 0/1 mark, half a row added to each cell."""
    cells = np.array([[np.sum((mark == m) & (y == o)) + 0.5 for o in (0, 1)] for m in (False, True)])
    share = cells / cells.sum(axis=0)
    return float(np.sum((share[:, 0] - share[:, 1]) * np.log(share[:, 0] / share[:, 1])))


def _pure(table: Any) -> float:
    """The share of the bads that lie in bins with (nearly) no good."""
    if table is None:
        return 0.0
    bins = table.tidy()
    bins = bins[bins["bads"].notna() & (bins["n"] > 0)]
    alone = (bins["bads"] >= FEWEST) & (bins["goods"] <= 0.02 * bins["n"])
    return float(bins.loc[alone, "bads"].sum() / max(bins["bads"].sum(), 1))


def _with_verdict(table: pd.DataFrame, iv_limit: float, conduct: np.ndarray) -> pd.DataFrame:
    # arrears of today are honestly better than those of a year ago: of conduct only four times the limit is sudden
    least = np.where(conduct, 4 * iv_limit, iv_limit)
    marks = {
        "dated later": table["later"] > 0,
        "iv": table["iv"] >= iv_limit,
        "sudden": (table["iv_lo"] >= least) & (table["iv_earlier"] < LASTING * table["iv"]),
        "pure": table["pure"] >= PURE,
        "presence": table["presence"] >= PRESENCE_LIMIT,
    }
    signs = pd.DataFrame(marks)
    listed = [", ".join(n for n in signs.columns if row[n]) for _, row in signs.iterrows()]
    count = signs.sum(axis=1)
    sure = signs["dated later"] | (count >= 2) | (table["iv_lo"] >= 2 * iv_limit)
    verdict = np.select([sure, count == 1], ["leak", "look"], "none")
    ordered = table.assign(signs=listed, verdict=verdict, _n=count)
    return ordered.sort_values(["_n", "iv"], ascending=False, kind="stable", ignore_index=True).drop(columns="_n")
