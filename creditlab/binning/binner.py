"""The binner: a scikit-learn transformer from raw columns to WOE, with one bin table per column.

Use it before a logistic regression, or alone to look at characteristics. It keeps parameters untouched, checks them in
`fit`, and holds one fitted attribute, `result_`. It does not select columns and knows nothing of points.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from creditlab.binning.code import DIALECTS, identifier
from creditlab.binning.column import FittedColumn, find_bins, find_cross, held_out_effect
from creditlab.binning.cross import Cross
from creditlab.binning.edits import Edit, Editor, edit_log
from creditlab.binning.joins import Policy, policy_of
from creditlab.binning.levels import LevelRules, care_for, units_of
from creditlab.binning.outoffold import deal, out_of_fold_woe, row_hashes
from creditlab.binning.rows import Rows, labels_over, outcomes_of, read_target, with_parts, with_totals
from creditlab.binning.sample import Rules, Sample
from creditlab.binning.search import OBJECTIVES
from creditlab.binning.settings import check_number, frame_of, special_codes, trends_of
from creditlab.binning.table import BinningResult, BinTable
from creditlab.binning.threads import each
from creditlab.binning.values import level_text, read_levels
from creditlab.binning.views import BinningView, view_all
from creditlab.checks import as_pandas, check_columns, check_one_of
from creditlab.errors import InputError, message
from creditlab.estimators import pack_special, seal, unpack_special, unseal
from creditlab.files import write_json
from creditlab.results import Stamp, made_at, plain

NO_ROWS = np.empty(0, dtype=np.int64)


class Binner(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Optimal bins for every column and their WOE = ln(share of goods / share of bads): higher is safer.

    Numbers, flags and dates are cut into left-closed ranges [lower, upper) of greatest information value by an exact
    dynamic programme; text is grouped by bad rate. Missing values and each special code have a bin of their own with
    their empirical WOE. What the table shows is what `transform` gives.

    Parameters
    ----------
    trend : 'auto', 'ascending', 'descending', 'peak', 'valley' or 'free' (of the bad rate along the values), or
        {column: word}. 'auto' takes the shape that held-out counts support, a richer one only beyond one standard
        error. Text columns are in order of bad rate by construction.
    max_bins : most regular bins per column.
    min_share : least share of the rows that are neither missing nor special in each regular bin.
    min_goods, min_bads : least goods and bads in each regular bin; 0 allows pure bins.
    min_expected : each regular bin must be large enough to hold this many goods and bads at the sample's own bad rate;
        missing and special bins that are smaller are filled up to it with pseudo-rows at the sample's odds, and text
        levels that are smaller are pooled.
    special : {column: {code: meaning}} or {column: [codes]}; the column '*' stands for all number columns.
    missing, special_as, unseen : where missing values, special codes and unseen levels go: 'own' (a bin of their own
        with its empirical WOE), 'nearest_risk', 'worst', or the number or label of a regular bin (see `joins`).
        `missing` and `unseen` take one option for all or {column: option, '*': option}, `special_as`
        {column: {code: option}}.
    prior : pseudo-events of the rarer class (bads, as a rule) added to each bin, with the other class at the sample's
        own odds, before its WOE is taken. Half an event, as in Jeffreys' prior, gives pure bins a finite WOE that grows
        with their size, also in a sample with few bads.
    objective : what the cuts maximise: 'iv' or 'likelihood' (of the bad rates of the bins).
    min_rate_gap : least difference of bad rate between neighbouring bins.
    max_pvalue : largest p-value of the chi-square test (1 df) between neighbouring bins; 1 asks for no test.
    stable_over : 'period' or 'group' (village), as given to `fit`: a cut is made only where the rates of its two bins
        differ in the same direction in every period, or in every fifth of the groups, that has five expected goods and
        bads in both bins; the table's notes tell what was not made.
    ordinal : {column: its levels in order}: grouped with their neighbours in that order, in the shape that `trend`
        asks for; an ordered pandas Categorical is ordinal by itself.
    nested : {column: number of leading characters} that name the larger unit of a level (of a 12-digit village code the
        first 9 are its township), or {column: the column that names it}: rates are shrunken towards that of the unit.
        By leading characters an unseen level falls into the bin nearest to its unit's rate.
    crosses : `Cross(first, second)` each: two columns together as one more characteristic.
    edits : what `edit` gave: the bins of columns as a person left them, with author and reason; replayed by `fit`.
    seed : seed of the folds that 'auto' judges on.

    Attributes
    ----------
    result_ : `BinningResult`, a mapping of column name to `BinTable`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000), "crop": rng.choice(["wheat", "maize"], 2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> binner = Binner(max_bins=5).fit(X, y)
    >>> binner.result_["income"].trend
    'descending'
    >>> binner.transform(X).shape
    (2000, 2)
    """

    def __init__(
        self,
        trend: str | Mapping[str, str] = "auto",
        max_bins: int = 8,
        min_share: float = 0.05,
        *,
        min_goods: float = 0,
        min_bads: float = 0,
        min_expected: float = 5,
        special: Mapping[str, Any] | None = None,
        missing: Any = "own",
        special_as: Mapping[str, Mapping[Any, Any]] | None = None,
        unseen: Any = "own",
        prior: float = 0.5,
        objective: str = "iv",
        min_rate_gap: float = 0.0,
        max_pvalue: float = 1.0,
        stable_over: str | None = None,
        ordinal: Mapping[str, Sequence[str]] | None = None,
        nested: Mapping[str, int | str] | None = None,
        crosses: Sequence[Any] = (),
        edits: Sequence[Any] = (),
        seed: int = 0,
    ) -> None:
        self.trend = trend
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_goods = min_goods
        self.min_bads = min_bads
        self.min_expected = min_expected
        self.special = special
        self.missing = missing
        self.special_as = special_as
        self.unseen = unseen
        self.prior = prior
        self.objective = objective
        self.min_rate_gap = min_rate_gap
        self.max_pvalue = max_pvalue
        self.stable_over = stable_over
        self.ordinal = ordinal
        self.nested = nested
        self.crosses = crosses
        self.edits = edits
        self.seed = seed

    def _sealed(self) -> dict[str, Any]:
        check_is_fitted(self)
        apart = ("special", "special_as", "crosses", "edits")
        settings = {k: v for k, v in self.get_params(deep=False).items() if k not in apart}
        content = {
            "settings": plain(settings),
            "special": pack_special(self.special),
            "special_as": pack_special(self.special_as),
            "edits": [edit.to_dict() for edit in self.edits],
            "crosses": [cross.to_dict() for cross in self.crosses],
            "named": hasattr(self, "feature_names_in_"),
            "result": self.result_.to_dict(),
        }
        return seal("binner", content)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the binner as canonical JSON; `creditlab.load(path)` gives it back."""
        write_json(path, self._sealed())

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Binner:
        """The binner that `to_json` wrote, from its JSON; it transforms exactly the same.

        Raises
        ------
        UnreadableError : when the content is damaged, of another kind, or newer than this creditlab.
        """
        content = unseal(d, "binner")
        binner = cls(
            **content["settings"],
            special=unpack_special(content["special"]),
            special_as=unpack_special(content.get("special_as")),
            edits=tuple(Edit.from_dict(edit) for edit in content.get("edits", ())),
            crosses=tuple(Cross(**cross) for cross in content.get("crosses", ())),
        )
        binner.result_ = BinningResult.from_dict(content["result"])
        binner.n_features_in_ = len(binner.result_) - len(binner.crosses)
        if content["named"]:
            binner.feature_names_in_ = np.array(list(binner.result_)[: binner.n_features_in_], dtype=object)
        return binner

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        period: Any = None,
        amount: Any = None,
    ) -> Binner:
        """Find the bins of every column.

        Parameters
        ----------
        X : DataFrame or 2-D array, n rows.
        y : n values of 0 and 1, 1 = bad.
        sample_weight : n weights; a weight of w equals w copies of the row.
        groups : n labels (villages); then the intervals of bad rate, WOE and IV allow for dependence within groups.
        period : n labels (months, years); then `result_[name].view()` shows them side by side.
        amount : n amounts in yuan; then the tables show the bad rate by amount beside the one by count.
            `stable_over` reads groups or period too; otherwise none of the three changes a bin.

        Raises
        ------
        InputError : for settings, a target, weights or labels that cannot be used.
        """
        return self.fit_parts([Rows(X, y, sample_weight, groups, period, amount)])

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        period: Any = None,
        amount: Any = None,
    ) -> Any:
        """Find the bins, and give the rows the WOE that a model should be trained on.

        It is that of `transform`, but for text columns of many levels: their rows get the WOE of groups that were found
        without them (in five folds), as scikit-learn's TargetEncoder does, because on the rows from which they were
        found they promise more than on new rows. The order of rows does not matter. A weight of w gives what w copies
        give, where rows differ enough to keep copies in one fold (see `outoffold.deal`).
        """
        rows = Rows(X, y, sample_weight, groups, period, amount)
        frame, sample, kept = self._fit_rows([rows])[0]
        woe = self.transform(X)
        names = [t.name for t in self.result_.tables if coded_out_of_fold(t)]
        if not names:
            return woe
        hashes = row_hashes([frame[name] for name in frame.columns])
        for name in names:
            place = list(self.result_).index(name)
            column = woe.iloc[:, place].to_numpy(copy=True) if isinstance(woe, pd.DataFrame) else woe[:, place]
            column[kept] = self._held_out_woe(self.result_[name].values_in(frame), sample, hashes, column[kept])
            if isinstance(woe, pd.DataFrame):
                woe.isetitem(place, column)
        return woe

    def _held_out_woe(self, values: pd.Series, sample: Sample, hashes: np.ndarray, woe: np.ndarray) -> np.ndarray:
        """The WOE of one text column with that of its regular levels taken out of fold."""
        table, rules = self.result_[str(values.name)], self._rules()
        levels = read_levels(values)
        grouped = {name for group in table.spec.groups for name in group}
        regular = np.append([name in grouped for name in levels.names], False)[levels.codes]
        names, level = np.unique(levels.codes[regular], return_inverse=True)
        texts = [levels.names[i] for i in names]
        part = sample.rows(np.flatnonzero(regular))
        declared = self._levels_declared(values)
        care = care_for(texts, sample.pseudo_rows(rules.min_expected), rules, declared)
        fold = deal(level, part.bad, hashes[regular])
        limits = sample.limits(rules, float(part.counts(level, len(texts)).sum()))
        out = woe.copy()
        out[regular] = out_of_fold_woe(level, fold, part, limits, care, table.spec.regular)
        return out

    def fit_parts(self, parts: Sequence[Rows]) -> Binner:
        """Find the bins of rows that come in pieces: the same bins, cut for cut, as of all rows together.

        Parameters
        ----------
        parts : `Rows(X, y, sample_weight, groups, period, amount)` of each piece, all with the same columns.

        Examples
        --------
        >>> from creditlab.binning import Rows
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
        >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
        >>> halves = [Rows(X[:900], y[:900]), Rows(X[900:], y[900:])]
        >>> Binner().fit_parts(halves).result_["income"].spec == Binner().fit(X, y).result_["income"].spec
        True
        """
        self._fit_rows(parts)
        return self

    def _fit_rows(self, parts: Sequence[Rows]) -> list[tuple[pd.DataFrame, Sample, np.ndarray]]:
        """Fit; the frame and target side of each piece as they were used, and which of its rows."""
        rules = self._rules()
        if not len(parts):
            raise InputError(message("at least one piece of rows", "none", "Binner.fit_parts", "Give Rows(X, y)."))
        frames: list[pd.DataFrame] = []
        samples, labels, used = [], [], []
        for k, rows in enumerate(parts):
            frame, sample, kept = read_target(rows, frame_of(self, rows.X, None if k == 0 else list(frames[0].columns)))
            frames.append(frame)
            samples.append(sample)
            labels.append(labels_over(rows, self.stable_over, kept))
            used.append(kept)
        samples = with_parts(with_totals(samples), self.stable_over, labels)
        _check_feasible(rules, samples[0])
        trends, special = trends_of(self.trend, frames[0]), special_codes(self.special, *frames)
        self._check_levels_declared(frames[0])
        self._units = {
            name: units_of([f[name] for f in frames], [f[unit] for f in frames])
            for name, unit in (self.nested or {}).items()
            if isinstance(unit, str)
        }
        check_columns(frames[0], [side for c in self.crosses for side in (c.first, c.second)], "crosses")
        made = {cross.name for cross in self.crosses}
        check_columns(frames[0], [e.column for e in self.edits if e.column not in made], "edits")
        tables, self._found = [], {}
        outcomes = outcomes_of(parts, samples, used)
        beside = None if outcomes is None else (frames, outcomes)
        without_rows = replace(samples[0], bad=NO_ROWS, weight=None, part=None)
        for name in frames[0].columns:
            columns = [frame[name] for frame in frames]
            found = find_bins(columns, samples, trends[name], special[name], rules, self._levels_declared)
            policy = policy_of(name, self.missing, self.special_as, self.unseen)
            column = FittedColumn(found, without_rows, rules, policy, trends[name], beside)
            self._found[name] = column
            tables.append(column.table(self.edits))
        for cross in self.crosses:
            found = find_cross(cross, frames, samples, trends, special, rules, self._levels_declared)
            self._found[cross.name] = column = FittedColumn(found, without_rows, rules, Policy(), "auto", beside)
            tables.append(column.table(self.edits))
        self.result_ = BinningResult.of(tables, Stamp.of([t.stamp.to_dict() for t in tables], self._spec(), self.seed))
        return list(zip(frames, samples, used, strict=True))

    def _check_levels_declared(self, frame: pd.DataFrame) -> None:
        for setting, given in (("ordinal", self.ordinal), ("nested", self.nested)):
            check_columns(frame, given or {}, setting)
        for name, unit in (self.nested or {}).items():
            if isinstance(unit, str):
                check_columns(frame, [unit], f"nested of column '{name}'")
            else:
                check_number(f"nested of column '{name}'", unit, 1, 1000, whole=True)

    def _levels_declared(self, values: pd.Series) -> LevelRules:
        """What is declared of the levels of a text column."""
        name = str(values.name)
        order = (self.ordinal or {}).get(name)
        if order is None and isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.ordered:
            order = values.dtype.categories
        trend = self.trend if isinstance(self.trend, str) else self.trend.get(name, "auto")
        texts = None if order is None else tuple(level_text(level) for level in order)
        width = (self.nested or {}).get(name, 0)
        return LevelRules(texts, 0 if isinstance(width, str) else width, trend, self._units.get(name, {}))

    def transform(self, X: Any) -> Any:
        """The WOE of every value: a frame with X's index for a frame, an array for an array.

        It is for new rows. A model is trained on what `fit_transform` gives (a card and a pipeline do so): on the rows
        of the fit the groups of a postcode or branch column look better than they are, and the model would trust them.
        """
        check_is_fitted(self, "result_")
        X = as_pandas(X)
        frame = frame_of(self, X, list(self.result_)[: self.n_features_in_])
        woe = np.empty((len(self.result_), len(frame)))  # a column is a row here: each is written in one piece
        rows = list(zip(self.result_.tables, woe, strict=True))
        each(lambda pair: pair[0].transform(pair[0].values_in(frame), out=pair[1]), rows, len(frame))
        if not isinstance(X, pd.DataFrame):
            return np.ascontiguousarray(woe.T)
        return pd.DataFrame(woe.T, index=frame.index, columns=list(self.result_), copy=False)

    def to_sql(self, table: str = "t", dialect: str = "duckdb", what: str = "woe", keep: Sequence[str] = ()) -> str:
        """A SELECT of the WOE (or bin number) of every column of a table, after the columns to `keep` as they are."""
        check_is_fitted(self, "result_")
        check_one_of(dialect, tuple(DIALECTS), "dialect")
        parts = [identifier(name, dialect) for name in keep]
        parts += [f"{t.to_sql(None, dialect, what)} AS {identifier(t.name, dialect)}" for t in self.result_.tables]
        return "SELECT\n" + ",\n".join(parts) + f"\nFROM {identifier(table, dialect)}"

    def to_python(self, what: str = "woe") -> str:
        """The source of a function `transform(row)`: a mapping of raw values → the WOE (or bin number) of each."""
        check_is_fitted(self, "result_")
        functions = [t.to_python(what, f"_column_{k}") for k, t in enumerate(self.result_.tables)]
        calls = [
            f"        {t.name!r}: _column_{k}({', '.join(f'row.get({column!r})' for column in t.spec.columns)}),\n"
            for k, t in enumerate(self.result_.tables)
        ]
        body = "def transform(row):\n    return {\n" + "".join(calls) + "    }\n"
        return "\n\n".join([*functions, body])

    def codes(self, X: Any) -> pd.DataFrame:
        """The bin number of every value, as int16, with X's index."""
        check_is_fitted(self, "result_")
        frame = frame_of(self, X, list(self.result_)[: self.n_features_in_])
        return pd.DataFrame({t.name: t.codes(t.values_in(frame)) for t in self.result_.tables}, index=frame.index)

    def on(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        period: Any = None,
        amount: Any = None,
        by: Any = None,
        name: str = "held-out",
    ) -> BinningView:
        """The same bins on other rows, beside the training rows: is the IV still there, does the shape hold?

        Parameters
        ----------
        X, y, sample_weight : the rows, as in `fit`; nothing is fitted again.
        groups : n labels (villages): cluster-robust intervals, and a scope for each fifth of the groups (from ten on).
        period : n labels: a scope for each.
        amount : n amounts in yuan.
        by : n labels, or {kind: n labels}: a scope for each label, such as every village or branch.
        name : what these rows are called: "held-out", "out-of-time".

        Returns
        -------
        BinningView : a row per feature and scope; `view[name]` has the bins of one feature, a row per scope and bin.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
        >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
        >>> seen = Binner().fit(X[:1500], y[:1500]).on(X[1500:], y[1500:], name="test")
        >>> seen.tidy()[["name", "scope", "shape", "holds"]].values.tolist()
        [['income', 'train', 'descending', True], ['income', 'test', 'descending', True]]
        """
        check_is_fitted(self, "result_")
        given = {"groups": groups, "period": period, "amount": amount, "by": by, "name": name}
        frame = frame_of(self, X, list(self.result_)[: self.n_features_in_])
        return view_all(self.result_, frame, y, sample_weight, **given)

    def edit(self, name: str, *, author: str = "", held_out: tuple[Any, Any] | None = None) -> Editor:
        """An editor of one column's bins: merge, split, move, cuts, group; each gives a new binner.

        Parameters
        ----------
        name : the column. author : who edits. held_out : (X, y) rows on which the effect is shown too.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
        >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
        >>> binner = Binner(max_bins=5).fit(X, y)
        >>> edited = binner.edit("income").merge(0, 1, reason="policy 2025-12", author="Li")
        >>> edited.result_["income"].spec.regular == binner.result_["income"].spec.regular - 1
        True
        """
        check_is_fitted(self, "result_")
        return Editor(self, self.result_[name].spec, author, held_out)

    def edited(self, edit: Edit, held_out: tuple[Any, Any] | None = None) -> Binner:
        """A new binner with one more edit; fitted, where this one still knows the rows of the column.

        Raises
        ------
        InputError : when this binner was loaded from a file: it has no rows; fit it again first.
        """
        found = getattr(self, "_found", {}).get(edit.column)
        if found is None:
            raise InputError(
                message(
                    "a binner fitted in this session",
                    "one without its rows (loaded from a file)",
                    f"edit of column '{edit.column}'",
                    "Fit it again, or put the edit into Binner(edits=...).",
                )
            )
        old = self.result_[edit.column]
        table = found.table((*self.edits, edit))
        measured = replace(
            edit, made_at=edit.made_at or made_at(), bins_before=old.spec.regular, bins_after=table.spec.regular,
            iv_before=old.iv, iv_after=table.iv, **held_out_effect(old, table, held_out),
        )  # fmt: skip
        return self._with_edits((*self.edits, measured))

    def undo(self, n: int = 1) -> Binner:
        """A new binner without the last `n` edits."""
        check_number("n", n, 1, max(len(self.edits), 1), whole=True)
        return self._with_edits(tuple(self.edits)[: len(self.edits) - n])

    def without_edits(self) -> Binner:
        """The model without the edits: a new binner with the best bins for every column."""
        return self._with_edits(())

    def edit_log(self) -> pd.DataFrame:
        """A row per edit: who, when, why, and its effect."""
        return edit_log(self.edits)

    def _with_edits(self, edits: tuple[Edit, ...]) -> Binner:
        """A clone with these edits; fitted where this one is and knows the rows of the columns concerned."""
        fresh = clone(self).set_params(edits=edits)
        if not hasattr(self, "result_"):
            return fresh
        changed = {e.column for e in (*self.edits, *edits)}
        known = getattr(self, "_found", {})
        if not changed <= set(known):
            raise InputError(
                message(
                    "a binner fitted in this session",
                    "one without its rows (loaded from a file)",
                    "Binner edits",
                    "Fit a clone of it with the edits you want.",
                )
            )
        tables = [known[t.name].table(edits) if t.name in changed else t for t in self.result_.tables]
        fresh.result_ = BinningResult.of(
            tables, Stamp.of([t.stamp.to_dict() for t in tables], fresh._spec(), self.seed)
        )
        fresh._found, fresh.n_features_in_ = known, self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            fresh.feature_names_in_ = self.feature_names_in_
        return fresh

    def __getstate__(self) -> Any:
        return {
            k: v for k, v in super().__getstate__().items() if k not in ("_found", "_units")
        }  # rows are not part of a model

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The columns of `transform`: those of the input, then the crosses."""
        names = super().get_feature_names_out(input_features)
        return np.append(names, np.array([cross.name for cross in self.crosses], dtype=object))

    def _rules(self) -> Rules:
        """The settings, checked; a wrong one is an error, never replaced."""
        check_number("max_bins", self.max_bins, 1, 1000, whole=True)
        check_number("min_share", self.min_share, 0, 1)
        for name in ("min_goods", "min_bads", "min_expected", "prior"):
            check_number(name, getattr(self, name), 0, np.inf)
        check_number("seed", self.seed, 0, 2**32 - 1, whole=True)
        check_one_of(self.objective, OBJECTIVES, "objective")
        check_number("min_rate_gap", self.min_rate_gap, 0, 1)
        check_number("max_pvalue", self.max_pvalue, 0, 1)
        if self.stable_over is not None:
            check_one_of(self.stable_over, ("period", "group"), "stable_over")
        for cross in self.crosses:
            if not isinstance(cross, Cross) or cross.first == cross.second:
                raise InputError(
                    message("Cross(first, second) of two columns", repr(cross), "Binner(crosses=...)", "Correct it.")
                )
            check_number(f"bins of {cross.name}", cross.bins, 2, 10, whole=True)
        for edit in self.edits:
            if not isinstance(edit, Edit):
                raise InputError(message("Edit(...)", repr(edit), "Binner(edits=...)", "Use binner.edit(name)."))
        return Rules(
            max_bins=int(self.max_bins),
            min_share=float(self.min_share),
            min_goods=float(self.min_goods),
            min_bads=float(self.min_bads),
            min_expected=float(self.min_expected),
            prior=float(self.prior),
            seed=int(self.seed),
            objective=self.objective,
            min_rate_gap=float(self.min_rate_gap),
            max_pvalue=float(self.max_pvalue),
        )

    def _spec(self) -> dict[str, Any]:
        given = {k: v for k, v in self.get_params(deep=False).items() if k not in ("crosses", "edits")}
        crosses = [cross.to_dict() for cross in self.crosses]
        return given | {"edits": [edit.to_dict() for edit in self.edits], "crosses": crosses}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def coded_out_of_fold(table: BinTable) -> bool:
    """Whether `fit_transform` gives a column out-of-fold WOE: many levels in groups that the data made.

    Groups that a person made are not found on the rows.
    """
    return bool(table.facts.get("many_levels")) and table.spec.regular > 1 and not table.facts.get("edits")


def _check_feasible(rules: Rules, sample: Sample) -> None:
    """Settings that no column at all can satisfy with two bins are a wrong call; one column's lack is its note."""
    if rules.max_bins == 1:
        return
    for name, least, total in (
        ("min_share", rules.min_share, 1.0),
        ("min_goods", rules.min_goods, sample.total_goods),
        ("min_bads", rules.min_bads, sample.total_bads),
    ):
        if 2 * least > total:
            raise InputError(
                message(
                    f"a {name} that two bins can satisfy (at most {total / 2:g})",
                    f"{least:g}",
                    "Binner",
                    f"Relax {name}, or ask for max_bins=1.",
                )
            )
