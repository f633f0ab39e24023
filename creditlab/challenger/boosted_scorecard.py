"""The boosted scorecard (提升评分卡): a booster so shallow that it is a few points tables, between card and booster.

With depth 1 every tree looks at one feature, and their sum is one column of points per feature, as on a card. With
depth 2 it also has tables of two features. It is fitted on bins, so that its rows are those of a card, and it is read,
signed and argued about as one (compare the explainable boosting machine of H. Nori et al., InterpretML, 2019, and
xBooster, which gives points to the leaves of a booster).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning import Binner, BinningResult
from creditlab.challenger.challenger import Challenger
from creditlab.challenger.result import ChallengerResult
from creditlab.challenger.tables import Tables, points_tables
from creditlab.columns import Dictionary
from creditlab.errors import FitError, InputError, message
from creditlab.estimators import read_frame
from creditlab.results import plain
from creditlab.scaling import Scale

BASE_LABEL = ("基础分", "base")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BoostedScorecardResult(ChallengerResult):
    """What a fit of `BoostedScorecard` found: a `ChallengerResult` whose trees are also points tables.

    Parameters
    ----------
    tables : what every bin, and every pair of bins, adds to the log-odds of bad.
    """

    title: ClassVar[str] = "Boosted scorecard 提升评分卡"

    tables: Tables = field(default_factory=lambda: Tables(0.0, {}, {}))

    @property
    def effects(self) -> Tables:
        """The tables after recalibration."""
        shift, slope = self.recalibrated
        return self.tables.scaled(shift, slope)

    def points_table(self) -> pd.DataFrame:
        """The card: the base, then a row per bin of each feature that scores.

        Columns: `feature label_zh label_en bin bin_zh bin_en n goods bads bad_rate effect points_exact points`;
        `effect` is in log-odds of bad, points are whole and higher = safer.
        """
        base = self.scale.points_of_log_odds([self.effects.intercept])[0]
        n, bads = self.facts["n"], self.facts["bads"]
        rows = [
            {
                "feature": "(base)", "label_zh": BASE_LABEL[0], "label_en": BASE_LABEL[1], "bin": 0,
                "bin_zh": BASE_LABEL[0], "bin_en": BASE_LABEL[1], "n": n, "goods": n - bads, "bads": bads,
                "bad_rate": bads / n, "effect": self.effects.intercept, "points_exact": base, "points": round(base),
            }
        ]  # fmt: skip
        parts = [pd.DataFrame(rows), *(self._rows(name, effect) for name, effect in self.effects.main.items())]
        return pd.concat(parts, ignore_index=True)

    def _rows(self, name: str, effect: np.ndarray) -> pd.DataFrame:
        assert self.bins is not None
        table = self.bins[name].tidy()
        exact = -self.scale.factor * effect
        return pd.DataFrame(
            {
                "feature": name,
                "label_zh": self.label(name, "zh"),
                "label_en": self.label(name, "en"),
                "bin": table["bin"],
                "bin_zh": self.bin_labels(name, "zh"),
                "bin_en": self.bin_labels(name, "en"),
                **{c: table[c] for c in ("n", "goods", "bads", "bad_rate")},
                "effect": effect,
                "points_exact": exact,
                "points": np.rint(exact).astype(np.int64),
            }
        )

    def pair_tables(self) -> pd.DataFrame:
        """Depth 2: a row per cell of each pair of features, the strongest pair first.

        Columns: `first second bin_first bin_second first_zh first_en second_zh second_en effect points_exact points`.
        What either feature adds alone is in `points_table`; cells hold only what the two add together.
        """
        parts = []
        pairs = self.effects.pairs
        for first, second in sorted(pairs, key=lambda pair: -float(np.abs(pairs[pair]).max())):
            effect = pairs[first, second]
            a, b = np.indices(effect.shape).reshape(2, -1)
            exact = -self.scale.factor * effect.reshape(-1)
            parts.append(
                pd.DataFrame(
                    {
                        "first": first,
                        "second": second,
                        "bin_first": a,
                        "bin_second": b,
                        "first_zh": np.array(self.bin_labels(first, "zh"))[a],
                        "first_en": np.array(self.bin_labels(first, "en"))[a],
                        "second_zh": np.array(self.bin_labels(second, "zh"))[b],
                        "second_en": np.array(self.bin_labels(second, "en"))[b],
                        "effect": effect.reshape(-1),
                        "points_exact": exact,
                        "points": np.rint(exact).astype(np.int64),
                    }
                )
            )
        columns = ["first", "second", "bin_first", "bin_second", "first_zh", "first_en", "second_zh", "second_en",
                   "effect", "points_exact", "points"]  # fmt: skip
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def content(self) -> dict[str, Any]:
        """Everything as JSON types; `from_content` gives the same result back."""
        return super().content() | {"tables": plain(self.tables.to_dict())}

    @classmethod
    def from_content(cls, d: Mapping[str, Any], bins: BinningResult | None = None) -> BoostedScorecardResult:
        """The result that `content` wrote."""
        return cls(**cls._fields(d, bins), tables=Tables.from_dict(d["tables"]))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types, with its points tables."""
        return super().to_dict() | {
            "points_table": plain(self.points_table()), "pair_tables": plain(self.pair_tables())
        }  # fmt: skip


class BoostedScorecard(Challenger):
    """A booster of depth 1 or 2 on bins, printed as points tables: PD, points, importance, reasons, JSON.

    Parameters
    ----------
    depth : 1: a column of points per feature; 2: also tables of two features.
    binner : the bins; None takes a `Binner` with its defaults and the `special` codes given here.
    monotone, seed, special, directions, scale, n_estimators, learning_rate, min_child_weight, feature_share, penalty,
        folds, recalibrate, n_jobs, dictionary : as of `Challenger`.

    Attributes
    ----------
    result_ : `BoostedScorecardResult`, with `points_table()` and `pair_tables()`. The sum of the printed tables is the
        log-odds of the trees to 1e-9 on every training row, or the fit ends in a `FitError`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000), "crop": rng.choice(["wheat", "maize"], 2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> card = BoostedScorecard(n_estimators=50).fit(X, y)
    >>> card.result_.points_table()["feature"].unique().tolist()
    ['(base)', 'income', 'crop']
    """

    kind = "boosted_scorecard"
    result_: BoostedScorecardResult

    def __init__(
        self,
        depth: int = 1,
        monotone: str = "auto",
        seed: int = 0,
        *,
        binner: Binner | None = None,
        special: Mapping[str, Any] | None = None,
        directions: Mapping[str, int] | None = None,
        scale: Scale | None = None,
        n_estimators: int = 1000,
        learning_rate: float = 0.1,
        min_child_weight: float | None = None,
        feature_share: float = 0.7,
        penalty: float = 1.0,
        folds: int = 5,
        recalibrate: bool = False,
        n_jobs: int = 1,
        dictionary: Dictionary | None = None,
    ) -> None:
        self.depth = depth
        self.monotone = monotone
        self.seed = seed
        self.binner = binner
        self.special = special
        self.directions = directions
        self.scale = scale
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.min_child_weight = min_child_weight
        self.feature_share = feature_share
        self.penalty = penalty
        self.folds = folds
        self.recalibrate = recalibrate
        self.n_jobs = n_jobs
        self.dictionary = dictionary

    @property
    def max_depth(self) -> int:  # type: ignore[override]
        """Splits from the root to a leaf."""
        return self.depth

    @property
    def num_leaves(self) -> int:  # type: ignore[override]
        """Leaves of a full tree of this depth."""
        return 1 << self.depth

    def _check_settings(self) -> None:
        if isinstance(self.depth, bool) or self.depth not in (1, 2):
            raise InputError(
                message("depth 1 or 2", repr(self.depth), "BoostedScorecard(depth=...)", "Deeper: a Challenger.")
            )
        super()._check_settings()

    def _new_binner(self) -> Binner:
        return super()._new_binner() or Binner(special=self.special, seed=self.seed)

    def _wrap(self, frame: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, *given: Any) -> None:
        super()._wrap(frame, bad, weight, *given)
        found = self.result_
        coded = {name: values.to_numpy() for name, values in found.coded(frame).items()}
        tables = points_tables(found.trees, found.codings, found.bins, coded, weight)
        kept = {f.name: getattr(found, f.name) for f in fields(found)}
        self.result_ = BoostedScorecardResult(**kept, tables=tables)
        gap = np.abs(self.result_.effects.log_odds(coded) - found.log_odds(frame)).max()
        if not gap <= 1e-9:
            raise FitError(
                message("tables that sum to the trees", f"a gap of {gap:.3g}", "BoostedScorecard.fit", "Report this.")
            )
        whole = self.points(frame).to_numpy() - found.scale.points_of_log_odds(found.log_odds(frame))
        facts = {**found.facts, "tables_gap": float(gap), "rounding_gap_points": float(np.abs(whole).max())}
        self.result_ = replace(self.result_, facts=facts)

    def points(self, X: Any) -> pd.Series:
        """Whole points, the sum of those that the tables print, higher = safer."""
        frame = read_frame(self, X)
        result = self.result_
        coded = {name: values.to_numpy() for name, values in result.coded(frame).items()}
        base = round(float(result.scale.points_of_log_odds([result.effects.intercept])[0]))
        whole = result.effects.rounded(-result.scale.factor)
        total = base + whole.log_odds(coded)
        return pd.Series(np.rint(total).astype(np.int64), index=frame.index, name="points")

    @classmethod
    def _result_of(cls, content: Mapping[str, Any], bins: BinningResult | None) -> BoostedScorecardResult:
        return BoostedScorecardResult.from_content(content, bins)
