"""The fitted challenger as a frozen result: its trees as text, the coding of its columns, importance per feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning import BinningResult
from creditlab.challenger.boosting import booster_of
from creditlab.challenger.coding import BINNED, Coding, design_matrix, owners
from creditlab.challenger.patterns import Background
from creditlab.challenger.trees import Tree, read_trees
from creditlab.columns import Column, Dictionary
from creditlab.estimators import table_content, table_of
from creditlab.results import Result, Stamp, plain
from creditlab.scaling import Scale


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ChallengerResult(Result):
    """What a fit of `Challenger` found. `tidy()` has a row per feature, the most important first.

    Columns of `tidy()`: `feature form gain share splits direction directed_by`. `gain` is LightGBM's total gain of the
    feature's splits (its companion's included), `direction` the imposed one: +1 riskier, -1 safer, 0 free.

    Parameters
    ----------
    codings : how each column is read.
    model : the trees as LightGBM's text.
    threads : threads used for scoring; results do not depend on it.
    bins : the bin tables, where the columns are bin numbers.
    background : the training rows counted at every leaf, against which one row can be explained; None in old files.
    recalibrated : (a, b) of the log-odds a + b · trees. calibration : what each recalibration did.
    concepts : feature → the one of most gain among those whose codes correlate.
    """

    title: ClassVar[str] = "Challenger 挑战者模型"
    plots: ClassVar[str] = "challenger"

    codings: tuple[Coding, ...]
    model: str
    scale: Scale
    threads: int = 1
    labels: Dictionary = field(default_factory=Dictionary)
    bins: BinningResult | None = None
    background: Background | None = None
    recalibrated: tuple[float, float] = (0.0, 1.0)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    concepts: Mapping[str, str] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        """The columns, in the order of the frame."""
        return [coding.name for coding in self.codings]

    def label(self, name: str, lang: str = "zh") -> str:
        """What a feature is called; its name where it was not declared."""
        return self.labels.label(name, lang)

    def coded(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What the codings read: the raw columns, or their bin numbers."""
        if self.bins is None:
            return frame
        return pd.DataFrame({n: self.bins[n].codes(self.bins[n].values_in(frame)) for n in self.features}, copy=False)

    def design(self, frame: pd.DataFrame) -> np.ndarray:
        """The coded columns that the trees see."""
        return design_matrix(self.codings, self.coded(frame))

    def log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """Log-odds of bad of each row."""
        shift, slope = self.recalibrated
        return shift + slope * raw_scores(self.booster, self.design(frame), self.threads)

    @cached_property
    def booster(self) -> Any:
        """LightGBM's own object of the trees, read once."""
        return booster_of(self.model)

    @cached_property
    def trees(self) -> list[Tree]:
        """The trees as arrays."""
        return read_trees(self.model)

    @property
    def players(self) -> np.ndarray:
        """The number of the feature that each design column belongs to."""
        return owners(self.codings)

    def bin_labels(self, name: str, lang: str = "en") -> list[str]:
        """What the bins of a feature are called, by bin number; empty for raw columns."""
        if self.bins is None:
            return []
        return [self.bins[name].label(code, lang) for code in range(self.bins[name].spec.size)]

    def by_feature(self, contributions: np.ndarray) -> np.ndarray:
        """(n, design columns) summed to (n, features): a companion belongs to its column."""
        total = np.zeros((len(contributions), len(self.codings)))
        for column, owner in enumerate(owners(self.codings)):
            total[:, owner] += contributions[:, column]
        return total

    def content(self) -> dict[str, Any]:
        """Everything as JSON types; `from_content` gives the same result back."""
        return {
            "table": table_content(self.table),
            "codings": [coding.to_dict() for coding in self.codings],
            "model": self.model,
            "scale": self.scale.to_dict(),
            "threads": self.threads,
            "labels": self.labels.to_dict(),
            "background": None if self.background is None else self.background.to_dict(),
            "recalibrated": list(self.recalibrated),
            "calibration": plain(dict(self.calibration)),
            "concepts": dict(self.concepts),
            "facts": plain(dict(self.facts)),
            "stamp": self.stamp.to_dict(),
        }

    @classmethod
    def from_content(cls, d: Mapping[str, Any], bins: BinningResult | None = None) -> ChallengerResult:
        """The result that `content` wrote; `bins` are kept beside it, with the binner."""
        return cls(**cls._fields(d, bins))

    @classmethod
    def _fields(cls, d: Mapping[str, Any], bins: BinningResult | None) -> dict[str, Any]:
        counted = d.get("background")
        return {
            "table": table_of(d["table"]),
            "stamp": Stamp(**d["stamp"]),
            "facts": d["facts"],
            "codings": tuple(Coding.from_dict(c) for c in d["codings"]),
            "model": d["model"],
            "scale": Scale(**d["scale"]),
            "threads": d["threads"],
            "labels": Dictionary.of(Column(name=name, **column) for name, column in d["labels"].items()),
            "bins": bins,
            "background": None if counted is None else Background.from_dict(counted, read_trees(d["model"])),
            "recalibrated": tuple(d.get("recalibrated", (0.0, 1.0))),
            "calibration": d.get("calibration", {}),
            "concepts": d.get("concepts", {}),
        }


def raw_scores(booster: Any, design: np.ndarray, threads: int = 1) -> np.ndarray:
    """Log-odds of bad of coded rows."""
    return np.asarray(booster.predict(design, raw_score=True, num_threads=threads), dtype=float)


def importance(codings: tuple[Coding, ...], booster: Any, directions: np.ndarray, declared: set[str]) -> pd.DataFrame:
    """The table of `ChallengerResult`."""
    owner = owners(codings)
    size = len(codings)
    gain = np.bincount(owner, weights=booster.feature_importance("gain"), minlength=size)
    splits = np.bincount(owner, weights=booster.feature_importance("split"), minlength=size)
    first = np.unique(owner, return_index=True)[1]
    frame = pd.DataFrame(
        {
            "feature": pd.Series([c.name for c in codings], dtype="str"),
            "form": pd.Series([c.form for c in codings], dtype="str"),
            "gain": gain,
            "share": gain / gain.sum() if gain.sum() > 0 else np.zeros(size),
            "splits": splits.astype(np.int64),
            "direction": directions[first],
            "directed_by": pd.Series(
                [_directed_by(c, directions[p], declared) for c, p in zip(codings, first, strict=True)], dtype="str"
            ),
        }
    )
    return frame.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def _directed_by(coding: Coding, direction: int, declared: set[str]) -> str:
    ordered = coding.form in ("text", BINNED[1])
    if coding.name in declared and not ordered:
        return "declared"
    return "" if not direction else "order of bad rates" if ordered else "training rows"
