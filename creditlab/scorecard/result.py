"""The fitted scorecard as a frozen result: coefficients with their inference, bins, points, selection.

Everything that scoring, explaining and reporting need is here. The points of a bin are derived from its WOE and the
coefficient of its feature each time they are asked for, so that there is one truth and no second copy of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from creditlab.binning import BinningResult
from creditlab.checks import check_level
from creditlab.columns import Column, Dictionary
from creditlab.estimators import table_content, table_of
from creditlab.results import NotEstimable, Result, Stamp, plain
from creditlab.scaling import Scale
from creditlab.scorecard.calibration import Knots
from creditlab.scorecard.edits import PointEdit, point_log
from creditlab.scorecard.points import add_points, bin_points, rounded
from creditlab.scorecard.scoring import Scoring
from creditlab.scorecard.sheet import sheet
from creditlab.scorecard.signals import signals

INTERCEPT = "(intercept)"
BASE_LABEL = ("基础分", "base")
#: a bin with fewer bads, or fewer goods, is marked: the usual least count of a cell whose rate is compared (W. Cochran,
#: Biometrics 10, 1954, on expected counts)
THIN_BIN = 5.0
AFTER_SELECTION = (
    "注：分箱、变量筛选与系数用的是同一批样本，p 值与区间以筛选结果为条件，会显得过于乐观；请以留出样本为准。",
    "Note: bins, selection and coefficients come from the same rows. P-values and intervals are conditional on the "
    "selection and look better than they are; judge by rows that were held out.",
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ScorecardResult(Result):
    """What a fit of `Scorecard` found. `tidy()` has a row per term: intercept and features of the model.

    Columns of `tidy()`: `feature coef unshrunk se z p_value lo hi interval lr lr_p iv bins mean_woe reason`. `coef` is
    the change of the log-odds of bad per unit of WOE, `unshrunk` the same without a ridge that 'auto' chose, which `se`
    and all tests and limits are about; `lo` and `hi` are 95 % bounds, made as `interval` says (`limits(feature)` gives
    them, `conf_int(level)` Wald bounds of another level); `lr` is the likelihood ratio of leaving the feature out,
    `lr_p` its p-value. Where a coefficient is clamped all are NaN and `reason` says why.
    `mean_woe` is the weighted mean of the training rows.

    Parameters
    ----------
    bins : the bin table of every input column, also of those that left.
    scale, base : the point scale, and whether base points are 'spread' over the features or 'separate'.
    selection : `feature iv bins kept coef reason_zh reason_en`, a row per input column.
    path : `step rule feature action statistic limit other reason_zh reason_en`: who left or entered, in order.
    covariance : of the coefficients, by statsmodels; NaN where clamped.
    shifts : log-odds that a bin has beside coefficient × WOE, by feature: its departure from the line, and what a
        person or an expert gave it.
    moves : whole points that rounding moved a bin away from its nearest, by feature.
    edits : the points that were set by hand.
    knots, calibration : of an isotonic calibration; what was calibrated how, and what it did.
    blend : `feature bin n bads expert_points data_points expert_share blended_points moved` where an expert took part.
    performance : a row per part of the sample: train, test, out of time; see `performance.performance`.
    concepts : feature → the strongest of the features that tell the same, by correlation of WOE.
    slopes : points that a feature has more, on average over the training rows, for one point more of the score.
    bin_se : standard error of what a bin adds to the log-odds beside the other features, by feature; empty where every
        bin stays on its line.
    labels : the declared columns, for labels and sources.
    """

    title: ClassVar[str] = "Scorecard 评分卡"
    plots: ClassVar[str] = "scorecard"

    bins: BinningResult
    scale: Scale
    base: str
    selection: pd.DataFrame
    covariance: pd.DataFrame
    labels: Dictionary = field(default_factory=Dictionary)
    path: pd.DataFrame = field(default_factory=pd.DataFrame)
    shifts: Mapping[str, np.ndarray] = field(default_factory=dict)
    moves: Mapping[str, np.ndarray] = field(default_factory=dict)
    edits: tuple[PointEdit, ...] = ()
    knots: Knots | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    blend: pd.DataFrame = field(default_factory=pd.DataFrame)
    performance: pd.DataFrame = field(default_factory=pd.DataFrame)
    concepts: Mapping[str, str] = field(default_factory=dict)
    slopes: Mapping[str, float] = field(default_factory=dict)
    bin_se: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def params(self) -> pd.Series:
        """Coefficients by term."""
        return self.table.set_index("feature")["coef"]

    @property
    def bse(self) -> pd.Series:
        """Standard errors by term."""
        return self.table.set_index("feature")["se"]

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values by term, from the normal distribution."""
        return self.table.set_index("feature")["p_value"]

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Wald bounds `lo hi` of each term at a level."""
        half = ndtri((1 + check_level(level)) / 2) * self.bse
        middle = self.table.set_index("feature")["unshrunk"] if "unshrunk" in self.table else self.params
        return pd.DataFrame({"lo": middle - half, "hi": middle + half})

    def limits(self, term: str) -> tuple[float, float] | NotEstimable:
        """The 95 % bounds of one term; where it has none, why."""
        row = self.table.set_index("feature").loc[term]
        bounds = float(row["lo"]), float(row["hi"])
        if np.isnan(bounds).all():
            return NotEstimable(row["reason"] or "the likelihood gives no interval here")
        return bounds

    def summary(self) -> str:
        """The result as text, with how far its p-values may be trusted."""
        return f"{super().summary()}\n{AFTER_SELECTION[0]}\n{AFTER_SELECTION[1]}"

    @property
    def intercept(self) -> float:
        """The intercept: log-odds of bad where every WOE is 0."""
        return float(self.params[INTERCEPT])

    @property
    def coef(self) -> dict[str, float]:
        """Coefficients of the features that score, in the order of the card."""
        params = self.params
        return {name: float(params[name]) for name in self.features}

    @property
    def features(self) -> list[str]:
        """The features that score."""
        return self.selection.loc[self.selection["kept"], "feature"].tolist()

    @property
    def mean_woe(self) -> dict[str, float]:
        """The weighted mean of WOE over the training rows, of the features that score."""
        means = self.table.set_index("feature")["mean_woe"]
        return {name: float(means[name]) for name in self.features}

    def label(self, name: str, lang: str = "zh") -> str:
        """What a feature is called; its name where it was not declared."""
        return self.labels.label(name, lang)

    def codes(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        """The bin number of each row, for the features that score."""
        return {name: self.bins[name].codes(self.bins[name].values_in(frame)) for name in self.features}

    @property
    def effects_by_bin(self) -> dict[str, np.ndarray]:
        """What each bin adds to the log-odds of bad: coefficient times WOE, and what was set beside it."""
        line = {name: beta * self.bins[name].woe for name, beta in self.coef.items()}
        # bins of equal worth stay equal: the sum of line and shift has no digits beyond those that were fitted
        return {n: np.round(v + self.shifts[n], 12) if n in self.shifts else v for n, v in line.items()}

    @property
    def mean_effects(self) -> dict[str, float]:
        """What each feature adds to the log-odds of bad for the mean of the training rows."""
        means, coef = self.mean_woe, self.coef
        share = {name: self.bins[name].table["share"].to_numpy() for name in self.shifts if name in coef}
        return {
            name: beta * means[name] + (float(share[name] @ self.shifts[name]) if name in share else 0.0)
            for name, beta in coef.items()
        }

    def log_odds(self, codes: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Log-odds of bad of rows given by their bin numbers."""
        return add_points(self.intercept, self.effects_by_bin, codes, n)

    def calibrated(self, log_odds: np.ndarray) -> np.ndarray:
        """The log-odds of the PD: those of the points, bent where the card has an isotonic calibration."""
        return log_odds if self.knots is None else self.knots.apply(log_odds)

    @cached_property
    def effects(self) -> Scoring:
        """The sum that gives log-odds of bad, ready to be taken of rows."""
        return Scoring.of(self.intercept, self.effects_by_bin, self.bins)

    @cached_property
    def sums(self) -> Scoring:
        """The sum that gives the integer points, ready to be taken of rows."""
        return Scoring.of(*self.integer_points(), self.bins)

    def prepared(self) -> ScorecardResult:
        """The result with its sums made, so that the first row that is scored does not wait for them."""
        vars(self).update(effects=self.effects, sums=self.sums)
        return self

    def exact_points(self) -> tuple[float, dict[str, np.ndarray]]:
        """Unrounded points: (base given once, {feature: points per bin})."""
        return bin_points(self.scale, self.intercept, self.effects_by_bin, self.base)

    def integer_points(self) -> tuple[int, dict[str, np.ndarray]]:
        """The points that the card gives: each bin rounded to the nearest integer, or as `rounding` moved it."""
        once, points = rounded(*self.exact_points())
        moved = {name: values + self.moves.get(name, 0) for name, values in points.items()}
        return once + int(self.moves.get(INTERCEPT, [0])[0]), moved

    def mean_points(self) -> dict[str, float]:
        """The unrounded points of the mean training row, by feature: the baseline of reasons."""
        means = {name: np.array([value]) for name, value in self.mean_effects.items()}
        points = bin_points(self.scale, self.intercept, means, self.base)[1]
        return {name: float(p[0]) for name, p in points.items()}

    def bin_labels(self, name: str, lang: str = "en") -> list[str]:
        """What the bins of a feature are called, by bin number."""
        return [self.bins[name].label(code, lang) for code in range(len(self.bins[name].woe))]

    def edit_log(self) -> pd.DataFrame:
        """A row per edit of points by hand: who, why, before, after, and its measured cost."""
        return point_log(self.edits)

    def signals(self) -> pd.DataFrame:
        """The checks of the card: `check colour value amber red zh en`, colour one of green, amber, red."""
        return signals(self)

    def _repr_html_(self) -> str:
        return sheet(self)

    def points_table(self) -> pd.DataFrame:
        """The card: a row per bin of each feature that scores, the base first where it is separate.

        Columns: `feature label_zh label_en bin bin_zh bin_en n goods bads bad_rate woe coef points_exact points
        points_lo points_hi moved thin`. `points_lo` and `points_hi` are 90 % limits of the points beside the other
        features (`bin_se`), or where bins stay on their lines those of the bin's WOE with the coefficient taken as
        known; NaN without rows, or where a person or an expert moved the points. `moved`: points by which the bin
        departs from its line, with a mean of 0 over the rows. `thin`: fewer than five bads (or goods) hold the bin up,
        though it has rows.
        """
        (once, exact), (once_int, whole) = self.exact_points(), self.integer_points()
        parts = [] if not once_int and not once else [_base_row(self, once, once_int)]
        parts += [_feature_rows(self, name, exact[name], whole[name]) for name in exact]
        return pd.concat(parts, ignore_index=True)

    def departures(self) -> pd.DataFrame:
        """Bins whose points are not those of coefficient × WOE, the farthest first: what the other features tell too.

        Columns: `feature label_zh label_en bin bin_zh bin_en n bads bad_rate points_line points_exact moved`.
        """
        table = self.points_table()
        table = table[(table["feature"] != "(base)") & (table["n"] > 0)]
        table = table.assign(points_line=table["points_exact"] - table["moved"])
        order = np.argsort(-table["moved"].abs().round(9).to_numpy(), kind="stable")
        names = ["feature", "label_zh", "label_en", "bin", "bin_zh", "bin_en", "n", "bads", "bad_rate", "points_line",
                 "points_exact", "moved"]  # fmt: skip
        return table.iloc[order].reset_index(drop=True)[names]

    def layers(self) -> dict[str, Any]:
        """What was laid over the fit, as JSON types: hand-set points, whole points moved by rounding, calibration."""
        return {
            "shifts": {name: plain(values) for name, values in self.shifts.items()},
            "moves": {name: plain(values) for name, values in self.moves.items()},
            "edits": [edit.to_dict() for edit in self.edits],
            "knots": None if self.knots is None else [list(self.knots.log_odds), list(self.knots.calibrated)],
            "calibration": plain(dict(self.calibration)),
        }

    def content(self) -> dict[str, Any]:
        """Everything as JSON types; `from_content` gives the same result back."""
        return {
            "table": table_content(self.table),
            "bins": self.bins.to_dict(),
            "scale": self.scale.to_dict(),
            "base": self.base,
            "selection": table_content(self.selection),
            "path": table_content(self.path),
            **self.layers(),
            "blend": table_content(self.blend),
            "performance": table_content(self.performance),
            "concepts": dict(self.concepts),
            "slopes": plain(dict(self.slopes)),
            "bin_se": {name: plain(values) for name, values in self.bin_se.items()},
            "covariance": {"terms": list(self.covariance.columns), "values": plain(self.covariance.to_numpy())},
            "labels": self.labels.to_dict(),
            "facts": plain(dict(self.facts)),
            "stamp": self.stamp.to_dict(),
        }

    @classmethod
    def from_content(cls, d: Mapping[str, Any]) -> ScorecardResult:
        """The result that `content` wrote."""
        terms = d["covariance"]["terms"]
        covariance = pd.DataFrame(np.array(d["covariance"]["values"], dtype=float), index=terms, columns=terms)
        return cls(
            table=table_of(d["table"]),
            stamp=Stamp(**d["stamp"]),
            facts=d["facts"],
            bins=BinningResult.from_dict(d["bins"]),
            scale=Scale(**d["scale"]),
            base=d["base"],
            selection=table_of(d["selection"]),
            path=table_of(d["path"]) if "path" in d else pd.DataFrame(),
            shifts={name: np.array(values, dtype=float) for name, values in d.get("shifts", {}).items()},
            moves={name: np.array(values, dtype=np.int64) for name, values in d.get("moves", {}).items()},
            edits=tuple(PointEdit(**edit) for edit in d.get("edits", ())),
            knots=None if d.get("knots") is None else Knots(*(tuple(line) for line in d["knots"])),
            calibration=d.get("calibration", {}),
            performance=table_of(d["performance"]) if "performance" in d else pd.DataFrame(),
            blend=table_of(d["blend"]) if "blend" in d else pd.DataFrame(),
            concepts=d.get("concepts", {}),
            slopes=d.get("slopes", {}),
            bin_se={name: np.array(values, dtype=float) for name, values in d.get("bin_se", {}).items()},
            covariance=covariance,
            labels=Dictionary.of(Column(name=name, **column) for name, column in d["labels"].items()),
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types, with the points table and the selection."""
        more = {"points_table": plain(self.points_table()), "selection": plain(self.selection)}
        return super().to_dict() | more


def _base_row(result: ScorecardResult, once: float, once_int: int) -> pd.DataFrame:
    row = {
        "feature": "(base)", "label_zh": BASE_LABEL[0], "label_en": BASE_LABEL[1], "bin": 0,
        "bin_zh": BASE_LABEL[0], "bin_en": BASE_LABEL[1], "n": result.facts["n"],
        "goods": result.facts["n"] - result.facts["bads"], "bads": result.facts["bads"],
        "bad_rate": result.facts["bad_rate"], "woe": 0.0, "coef": result.intercept,
        "points_exact": once, "points": once_int, "points_lo": np.nan, "points_hi": np.nan, "moved": 0.0,
        "thin": False,
    }  # fmt: skip
    return pd.DataFrame([row])


def _feature_rows(result: ScorecardResult, name: str, exact: np.ndarray, whole: np.ndarray) -> pd.DataFrame:
    bins = result.bins[name]
    table = bins.table
    return pd.DataFrame(
        {
            "feature": name,
            "label_zh": result.label(name, "zh"),
            "label_en": result.label(name, "en"),
            "bin": table["bin"],
            "bin_zh": [bins.label(c, "zh") for c in table["bin"]],
            "bin_en": [bins.label(c, "en") for c in table["bin"]],
            **{c: table[c] for c in ("n", "goods", "bads", "bad_rate", "woe")},
            "coef": result.coef[name],
            "points_exact": exact,
            "points": whole,
            **_limits(result, name, exact),
            "moved": _moved(result, name),
            "thin": thin_bins(table),
        }
    )


def _limits(result: ScorecardResult, name: str, exact: np.ndarray) -> dict[str, np.ndarray]:
    """The limits of what a bin adds, or of its WOE, in points."""
    table, beta = result.bins[name].table, result.coef[name]
    known = (table["n"].to_numpy() > 0) & ~_by_hand(result, name)
    if name in result.bin_se:
        half = ndtri(0.95) * result.scale.factor * result.bin_se[name]
        steps = [-half, half]
    else:
        steps = [-result.scale.factor * beta * (table[s] - table["woe"]).to_numpy() for s in ("woe_lo", "woe_hi")]
    ends = np.where(known, exact + np.sort(steps, axis=0), np.nan)
    return {"points_lo": ends[0], "points_hi": ends[1]}


def _by_hand(result: ScorecardResult, name: str) -> np.ndarray:
    """Bins whose points a person set or an expert blended."""
    edited = {edit.bin for edit in result.edits if edit.feature == name}
    blended = len(result.blend) > 0 and name in set(result.blend["feature"])
    return np.array([blended or label in edited for label in result.bin_labels(name)])


def _moved(result: ScorecardResult, name: str) -> np.ndarray:
    """Points by which each bin departs from its line."""
    shift = result.shifts.get(name)
    share = result.bins[name].table["share"].to_numpy()
    return np.zeros(len(share)) if shift is None else -result.scale.factor * (shift - share @ shift)


def thin_bins(table: pd.DataFrame) -> np.ndarray:
    """Which bins have rows, but fewer than `THIN_BIN` bads or fewer goods.

    >>> thin_bins(pd.DataFrame({"n": [90, 0, 50], "goods": [90, 0, 30], "bads": [0, 0, 20]})).tolist()
    [True, False, False]
    """
    fewest = table[["goods", "bads"]].min(axis=1)
    return ((table["n"] > 0) & (fewest < THIN_BIN)).to_numpy()
