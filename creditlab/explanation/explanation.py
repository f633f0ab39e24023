"""The explanation object: rows × features in log-odds of bad, with what they are measured from.

It is what `explain` gives for card, boosted scorecard and booster alike. It adds up by source and by village, speaks in
reasons, and becomes a `shap.Explanation`. It does not compute contributions and does not draw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.binning.spec import meaning_in
from creditlab.binning.values import level_text
from creditlab.checks import check_groups, check_one_of
from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, FitError, InputError, message, some
from creditlab.explanation.grouped import group_intervals, leaders
from creditlab.results import Result, Stamp
from creditlab.scaling import Scale
from creditlab.scorecard.reasons import BASELINE, check_count, rank_losses, sentence
from creditlab.scorecard.telling import losses_by_concept

#: largest gap between the sum of contributions and the model's log-odds on any row
ADDITIVE = {"card": 1e-8, "trees": 1e-6}
NO_SOURCE = "undeclared"


@dataclass(frozen=True)
class Meaning:
    """What contributions are measured from, how they were computed, and what they mean (zh, en)."""

    base_value: float
    method: str
    value_function: tuple[str, str]
    baseline: tuple[str, str]
    background: str
    diagnostic: bool = False


@dataclass(frozen=True)
class Shown:
    """How the values of a feature are told: the label of each code in both languages, and the code of each row."""

    codes: np.ndarray
    zh: tuple[str, ...]
    en: tuple[str, ...]

    def text(self, row: int, lang: str) -> str:
        """The value of one row."""
        return (self.zh if lang == "zh" else self.en)[int(self.codes[row])]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explanation(Result):
    """Contributions to the log-odds of bad: `base_value` + the sum of a row = the model's log-odds of that row.

    `tidy()` has a row per feature: `feature mean_abs mean share rank`; `share` is of the sum of `mean_abs`.

    Parameters
    ----------
    values : rows × features; positive = riskier than the baseline.
    base_value : log-odds of bad at the baseline.
    method : how it was computed.
    value_function : what a contribution means and against which baseline, (zh, en).
    baseline : the name of the baseline in reasons, (zh, en).
    model, background : digests of the model and of the rows that stand for everybody.
    data : the raw values of the features. shown : how values are told, where the model has bins; codes : the meaning of
        special codes, where it has none.
    scale : points per log-odds, for reasons.
    concepts : feature → the strongest of the features that tell the same.
    labels : the declared columns.
    diagnostic : contributions that credit features which were not scored; they may not be told as reasons.
    """

    title: ClassVar[str] = "Explanation 解释"
    plots: ClassVar[str] = "explanation"

    values: pd.DataFrame
    base_value: float
    method: str
    value_function: tuple[str, str]
    baseline: tuple[str, str] = BASELINE
    model: str = ""
    background: str = ""
    data: pd.DataFrame
    shown: Mapping[str, Shown] = field(default_factory=dict)
    codes: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    scale: Scale = field(default_factory=Scale)
    concepts: Mapping[str, str] = field(default_factory=dict)
    labels: Dictionary = field(default_factory=Dictionary)
    diagnostic: bool = False

    @property
    def importance(self) -> pd.DataFrame:
        """Mean absolute contribution per feature, the largest first."""
        return self.table

    @property
    def log_odds(self) -> pd.Series:
        """Log-odds of bad of each row, from the contributions."""
        return (self.values.sum(axis=1) + self.base_value).rename("log_odds")

    def to_frame(self, unit: str = "log_odds") -> pd.DataFrame:
        """Contributions with `base_value` and `log_odds` beside them, or all of it on another scale.

        Parameters
        ----------
        unit : 'log_odds'; 'points': points above (+) or below the baseline, `base_value` and `points` in points; 'pd':
            shares of the PD, by the straight path from the baseline in log-odds (R. Aumann, L. Shapley, 1974), which
            keeps the order of the contributions and adds up to `pd`.
        """
        check_one_of(unit, ("log_odds", "points", "pd"), "unit")
        values, total = self.values, self.log_odds
        if unit == "points":
            shown = self.scale.points_of_log_odds([self.base_value])[0]
            points = self.scale.points_of_log_odds(total)
            return (values * -self.scale.factor).assign(base_value=shown, points=points)
        if unit == "pd":
            start, end = 1 / (1 + np.exp(-self.base_value)), 1 / (1 + np.exp(-total))
            moved = values.sum(axis=1)
            near = moved.abs() < 1e-9
            secant = ((end - start) / moved.where(~near, 1.0)).where(~near, start * (1 - start))
            return values.mul(secant, axis=0).assign(base_value=start, pd=end)
        return values.assign(base_value=self.base_value, log_odds=total)

    def by_source(self, dictionary: Mapping[str, Column] | None = None) -> Explanation:
        """The same explanation by source: the contributions of a source's features added up, exact for every model.

        Parameters
        ----------
        dictionary : declared columns; None takes those that the model was fitted with. Columns without a declared
            source count as 'undeclared'.
        """
        declared = self.labels if dictionary is None else dictionary
        names = list(self.values.columns)
        owner, order = source_numbers(names, declared)
        total = np.zeros((len(self.values), len(order)))
        array = self.values.to_numpy()
        for column, place in enumerate(owner):
            total[:, place] += array[:, column]
        values = pd.DataFrame(total, index=self.values.index, columns=order)
        meaning = Meaning(
            self.base_value, self.method, self.value_function, self.baseline, self.background, self.diagnostic
        )
        whole = Shown(np.zeros(len(values), dtype=np.int8), ("合计",), ("in total",))
        return wrapped(
            values, meaning, self.stamp, data=pd.DataFrame("", index=values.index, columns=order),
            shown=dict.fromkeys(order, whole), model=self.model, scale=self.scale,
        )  # fmt: skip

    def by_group(self, groups: Any, level: float | None = None, draws: int = 500, seed: int = 0) -> pd.DataFrame:
        """Why the mean of a group (village) differs from the mean of all rows.

        Parameters
        ----------
        groups : the group of each row.
        level : None gives a row per group, indexed by group, with columns `n`, one per feature (mean contribution in
            the group minus mean contribution in all rows) and `log_odds`, their sum: the group's mean log-odds minus
            the overall mean, to 1e-10. A level such as 0.9 gives a row per group and part: `group n part gap lo hi
            shrunken`, with the interval of a bootstrap of the group's households and the gap drawn towards 0 by as
            much as chance explains.
        draws, seed : of the bootstrap.

        Means of few households are noisy: read `n`, and do not rank villages by this table.
        """
        labels = pd.Series(check_groups(groups, len(self.values)), index=self.values.index, name="group")
        values = self.values
        if level is not None:
            return group_intervals(values, labels.to_numpy(), level, draws, seed)
        grouped = values.groupby(labels.to_numpy(), sort=True)
        gaps = grouped.mean() - values.mean()
        gaps.index.name = "group"
        gaps.insert(0, "n", grouped.size())
        return gaps.assign(log_odds=gaps.drop(columns="n").sum(axis=1))

    def by_segment(self, segments: Any) -> pd.DataFrame:
        """As `by_group`, for segments such as score bands or crops, indexed by segment.

        Three columns more: `mean_pd`, and the feature that raises risk most in the most households of the segment,
        `leader`, with its share of them, `leader_share`.
        """
        table = self.by_group(segments)
        labels = check_groups(segments, len(self.values))
        prob = 1 / (1 + np.exp(-self.log_odds))
        first = leaders(self.values, labels)
        shares = first.drop(columns=["n", "none"])
        table.index.name = "segment"
        return table.assign(
            mean_pd=prob.groupby(labels, sort=True).mean().to_numpy(),
            leader=shares.idxmax(axis=1).to_numpy(),
            leader_share=shares.max(axis=1).to_numpy(),
        )

    def leaders(self, groups: Any = None) -> pd.DataFrame:
        """The share of households in which each feature (of `by_source()`: each source) raises the risk most.

        A row per group, or one row of all. Columns: `n`, one per feature, and `none` (nothing raises the risk).
        """
        labels = np.full(len(self.values), "all", dtype=object)
        if groups is not None:
            labels = check_groups(groups, len(self.values))
        return leaders(self.values, labels)

    def reasons(self, k: int = 3, lang: str = "zh", *, hide: Collection[str] = (), merge: bool = True) -> pd.DataFrame:
        """Up to k concepts that cost each row most points below the baseline, as sentences; the same for every model.

        Parameters
        ----------
        k : reasons at most. lang : 'zh' or 'en'.
        hide : features that may not be told, such as forbidden ones.
        merge : features that correlate are told together, under the one that costs most.

        Returns
        -------
        DataFrame with the index of the rows: `reason_1 feature_1 loss_1 reason_2 …`, losses in points. For a card they
        are those of `card.reasons(X)`.
        """
        check_one_of(lang, ("zh", "en"), "lang")
        check_count(k)
        if self.diagnostic:
            raise InputError(
                message(
                    "contributions of features that were scored",
                    "a diagnostic that credits others too",
                    "reasons",
                    "Take explain(model, X) with the interventional value function.",
                )
            )
        names = [name for name in self.values.columns if name not in set(hide)]
        unknown = [name for name in hide if name not in self.values.columns]
        if unknown:
            raise ColumnError(message("features of the model", some(unknown), "hide", "Check the spelling."))
        loss = self.scale.factor * self.values[names].to_numpy()
        return self._told(names, loss, k, lang, merge)

    def _told(self, names: list[str], loss: np.ndarray, k: int, lang: str, merge: bool) -> pd.DataFrame:
        concept = {name: self.concepts.get(name, name) if merge else name for name in names}
        # a concept is named by a feature that may be told
        losses = losses_by_concept(names, loss, concept)
        order, size = rank_losses(losses.by_concept, k)
        leading, labels = losses.leaders(), {name: self.labels.label(name, lang) for name in names}
        data = {name: self.data[name].tolist() for name in names if name not in self.shown}
        columns: dict[str, list[Any]] = {}
        for rank in range(order.shape[1]):
            told: list[Any] = []
            led: list[Any] = []
            for row, c in enumerate(order[:, rank].tolist()):
                name = names[leading[row, c]] if c >= 0 else None
                led.append(name)
                if name is None:
                    told.append(None)
                    continue
                value = self._value(name, row, data, lang)
                others = [labels[other] for other in losses.members[c] if other != name]
                told.append(sentence(labels[name], value, size[row, rank], self.baseline, others, lang))
            columns |= {f"reason_{rank + 1}": told, f"feature_{rank + 1}": led}
            columns[f"loss_{rank + 1}"] = size[:, rank].tolist()
        frame = pd.DataFrame(columns, index=self.values.index)
        return frame.astype({c: "str" for c in frame.columns if not c.startswith("loss")})

    def _value(self, name: str, row: int, data: Mapping[str, list[Any]], lang: str) -> str:
        if name in self.shown:
            return self.shown[name].text(row, lang)
        value = data[name][row]
        meaning = self.codes.get(name, {}).get(value) if value == value else None
        if meaning is None:
            return value_text(value, lang)
        return meaning_in(meaning, lang) or level_text(value)

    def to_shap(self) -> Any:
        """A `shap.Explanation`, for shap's own figures."""
        import shap

        values = self.values
        base = np.full(len(values), self.base_value)
        return shap.Explanation(
            values.to_numpy(copy=True), base, self.data.to_numpy(), feature_names=list(values.columns)
        )

    def to_dict(self) -> dict[str, Any]:
        """The aggregate as JSON types; single households are not in it."""
        zh, en = self.value_function
        more = {
            "base_value": self.base_value, "method": self.method, "value_function": {"zh": zh, "en": en},
            "model": self.model, "background": self.background,
        }  # fmt: skip
        return super().to_dict() | more


def source_numbers(names: list[str], declared: Mapping[str, Column]) -> tuple[np.ndarray, list[str]]:
    """The number of each column's source, and the sources in the order in which they come."""
    sources = [(declared[n].source if n in declared else "") or NO_SOURCE for n in names]
    order = list(dict.fromkeys(sources))
    return np.array([order.index(s) for s in sources], dtype=np.int64), order


def check_additive(values: np.ndarray, base: float, log_odds: np.ndarray, kind: str) -> None:
    """Contributions plus base equal the log-odds on every row; never switched off.

    Raises
    ------
    FitError : naming the first rows where they do not.
    """
    gap = np.abs(values.sum(axis=1) + base - log_odds)
    wrong = ~(gap <= ADDITIVE[kind] * np.maximum(1.0, np.abs(log_odds)))
    if wrong.any():
        raise FitError(
            message(
                f"contributions that add up to the log-odds within {ADDITIVE[kind]:g}",
                f"{int(wrong.sum())} rows that do not (largest gap {np.nanmax(gap):.3g})",
                f"explain, rows {some(np.flatnonzero(wrong).tolist())}",
                "Report this; another method may be exact here.",
            )
        )


def importance_table(values: pd.DataFrame) -> pd.DataFrame:
    """`feature mean_abs mean share rank`, the largest mean absolute contribution first."""
    mean_abs = values.abs().mean().to_numpy()
    total = mean_abs.sum()
    frame = pd.DataFrame(
        {
            "feature": pd.Series([str(c) for c in values.columns], dtype="str"),
            "mean_abs": mean_abs,
            "mean": values.mean().to_numpy(),
            "share": mean_abs / total if total > 0 else mean_abs,
        }
    ).sort_values("mean_abs", ascending=False, kind="stable", ignore_index=True)
    return frame.assign(rank=np.arange(1, len(frame) + 1))


def wrapped(values: pd.DataFrame, meaning: Meaning, stamp: Stamp, **given: Any) -> Explanation:
    """The object of contributions that were found additive."""
    facts = {
        "rows": len(values), "features": values.shape[1], "base_value": meaning.base_value, "method": meaning.method,
        "value_function": meaning.value_function[1], "model": given.get("model", ""), "background": meaning.background,
    }  # fmt: skip
    return Explanation(
        table=importance_table(values), stamp=stamp, facts=facts, values=values, base_value=meaning.base_value,
        method=meaning.method, value_function=meaning.value_function, baseline=meaning.baseline,
        background=meaning.background, diagnostic=meaning.diagnostic, **given,
    )  # fmt: skip


def value_text(value: Any, lang: str) -> str:
    """A raw value in a sentence."""
    if pd.isna(value):
        return "缺失" if lang == "zh" else "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
