"""Bins for a continuous target, such as the loss in yuan of a note: a transformer from raw columns to mean differences.

The fine cells, the exact programme and the shapes are those of `Binner`; what is sought is the greatest sum of squares
between the means of the bins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from creditlab.binning.code import DIALECTS, identifier
from creditlab.binning.mean_bins import MeanFound, find_mean_bins
from creditlab.binning.mean_table import ContinuousResult, MeanTable, mean_table
from creditlab.binning.means import MeanRules, MeanSample, Moments
from creditlab.binning.settings import check_number, frame_of, special_codes, trends_of
from creditlab.binning.tally import Labels
from creditlab.checks import as_pandas, check_one_of, check_weights
from creditlab.errors import InputError, message
from creditlab.estimators import pack_special, seal, unpack_special, unseal
from creditlab.files import write_json
from creditlab.results import Stamp, plain


class ContinuousBinner(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Optimal bins of every column for an amount, and the effect of each bin: its mean less the mean of all rows.

    Numbers, flags and dates are cut into left-closed ranges [lower, upper) with the greatest sum of squares between
    their means (the global optimum over fine cells, as in `Binner`); text is grouped by shrunken mean. Missing values
    and each special code have a bin of their own. What the table shows is what `transform` gives.

    Parameters
    ----------
    trend : 'auto', 'ascending', 'descending', 'peak', 'valley' or 'free' (of the mean along the values), or
        {column: word}. 'auto' takes the shape that held-out squared error supports, a richer one only beyond one
        standard error.
    max_bins : most regular bins per column.
    min_share : least share of the rows that are neither missing nor special in each regular bin.
    min_rows : least rows in each regular bin; missing and special bins that are smaller are filled up to it with
        pseudo-rows at the mean of all rows.
    min_gap : least difference of mean between neighbouring bins, in the unit of the target.
    special : {column: {code: meaning}} or {column: [codes]}; the column '*' stands for all number columns.
    prior : pseudo-rows at the mean of all rows added to each bin before its effect is taken.
    seed : seed of the folds that 'auto' judges on.

    Attributes
    ----------
    result_ : `ContinuousResult`, a mapping of column name to `MeanTable`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"distance": rng.uniform(0, 50, 2000)})
    >>> loss = np.where(rng.random(2000) < 0.2, 100 * X["distance"] * rng.lognormal(size=2000), 0)
    >>> binner = ContinuousBinner(max_bins=5).fit(X, loss)
    >>> table = binner.result_["distance"]
    >>> table.trend, table.spec.regular > 1
    ('ascending', True)
    """

    def __init__(
        self,
        trend: str | Mapping[str, str] = "auto",
        max_bins: int = 8,
        min_share: float = 0.05,
        *,
        min_rows: float = 30,
        min_gap: float = 0.0,
        special: Mapping[str, Any] | None = None,
        prior: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.trend = trend
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_rows = min_rows
        self.min_gap = min_gap
        self.special = special
        self.prior = prior
        self.seed = seed

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> ContinuousBinner:
        """Find the bins of every column.

        Parameters
        ----------
        X : DataFrame or 2-D array, n rows.
        y : n finite amounts, not all the same.
        sample_weight : n weights; a weight of w equals w copies of the row.
        groups : n labels (villages); then the intervals allow for dependence within groups; they change no bin.

        Raises
        ------
        InputError : for settings, a target, weights or labels that cannot be used.
        """
        rules = self._rules()
        frame = frame_of(self, X, None)
        amounts = _amounts(y, len(frame))
        weight = None if sample_weight is None else check_weights(sample_weight, len(frame))
        labels = None if groups is None else Labels.of(groups, len(frame), "groups")
        if weight is not None and not (weight > 0).all():
            kept = weight > 0
            frame, amounts, weight = frame[kept], amounts[kept], weight[kept]
            labels = None if labels is None else labels.only(kept)
        if amounts.min() == amounts.max():
            raise InputError(
                message(
                    "amounts that differ",
                    f"only {amounts[0]:g} (n_samples = {len(amounts)})",
                    "target",
                    "There is nothing to explain.",
                )  # fmt: skip
            )
        sample = MeanSample.of(amounts, weight)
        trends, special = trends_of(self.trend, frame), special_codes(self.special, frame)
        spec = plain(self.get_params(deep=False) | {"special": pack_special(self.special)})
        tables = []
        for name in frame.columns:
            found = find_mean_bins(frame[name], sample, trends[name], special[name], rules)
            tables.append(_tabulated(found, frame[name], sample, rules, labels))
        self.result_ = ContinuousResult.of(tables, Stamp.of([t.stamp.to_dict() for t in tables], spec, self.seed))
        return self

    def transform(self, X: Any) -> Any:
        """The effect of every value: a frame with X's index for a frame, an array for an array."""
        check_is_fitted(self, "result_")
        X = as_pandas(X)
        frame = frame_of(self, X, list(self.result_))
        found = np.empty((len(self.result_), len(frame)))
        for table, row in zip(self.result_.tables, found, strict=True):
            table.transform(frame[table.name], out=row)
        if not isinstance(X, pd.DataFrame):
            return np.ascontiguousarray(found.T)
        return pd.DataFrame(found.T, index=frame.index, columns=list(self.result_), copy=False)

    def to_sql(self, table: str = "t", dialect: str = "duckdb", what: str = "effect") -> str:
        """A SELECT of the effect (or bin number) of every column of a table."""
        check_is_fitted(self, "result_")
        check_one_of(dialect, tuple(DIALECTS), "dialect")
        parts = [f"{t.to_sql(None, dialect, what)} AS {identifier(t.name, dialect)}" for t in self.result_.tables]
        return "SELECT\n" + ",\n".join(parts) + f"\nFROM {identifier(table, dialect)}"

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the binner as canonical JSON; `creditlab.load(path)` gives it back."""
        check_is_fitted(self, "result_")
        settings = {k: v for k, v in self.get_params(deep=False).items() if k != "special"}
        content = {
            "settings": plain(settings),
            "special": pack_special(self.special),
            "named": hasattr(self, "feature_names_in_"),
            "result": self.result_.to_dict(),
        }
        write_json(path, seal("continuous_binner", content))

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> ContinuousBinner:
        """The binner that `to_json` wrote, from its JSON; it transforms exactly the same.

        Raises
        ------
        UnreadableError : when the content is damaged, of another kind, or newer than this creditlab.
        """
        content = unseal(d, "continuous_binner")
        binner = cls(**content["settings"], special=unpack_special(content["special"]))
        binner.result_ = ContinuousResult.from_dict(content["result"])
        binner.n_features_in_ = len(binner.result_)
        if content["named"]:
            binner.feature_names_in_ = np.array(list(binner.result_), dtype=object)
        return binner

    def _rules(self) -> MeanRules:
        """The settings, checked; a wrong one is an error, never replaced."""
        check_number("max_bins", self.max_bins, 1, 1000, whole=True)
        check_number("min_share", self.min_share, 0, 0.5)
        for name in ("min_rows", "min_gap", "prior"):
            check_number(name, getattr(self, name), 0, np.inf)
        check_number("seed", self.seed, 0, 2**32 - 1, whole=True)
        numbers = {name: float(getattr(self, name)) for name in ("min_share", "min_rows", "min_gap", "prior")}
        return MeanRules(max_bins=int(self.max_bins), seed=int(self.seed), **numbers)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags


def _amounts(y: Any, n: int) -> np.ndarray:
    """The target as finite floats."""
    if y is None:
        raise InputError("ContinuousBinner requires y to be passed, but the target y is None: give one amount per row.")
    try:
        amounts = np.asarray(column_or_1d(y, warn=True), dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None
    wrong = int((~np.isfinite(amounts)).sum())
    if len(amounts) != n or wrong:
        came = f"{len(amounts)} values, {wrong} of them missing or infinite (NaN or inf)"
        raise InputError(message(f"{n} finite amounts", came, "target", "Give one per row, in one unit."))
    return amounts


def _tabulated(
    found: MeanFound, values: pd.Series, sample: MeanSample, rules: MeanRules, labels: Labels | None
) -> MeanTable:
    spec = found.spec
    codes = spec.codes(values).astype(np.int64)
    moments = Moments.of(codes, spec.size, sample, None if labels is None or len(labels.names) < 2 else labels.codes)
    pseudo = np.full(spec.size, rules.prior)
    pseudo[spec.regular :] = np.maximum(rules.prior, rules.min_rows - moments.n[spec.regular :])
    stamp = Stamp.of([spec.to_dict(), moments.n, moments.away, moments.square], asdict(rules), rules.seed)
    return mean_table(
        spec, moments, pseudo.tolist(), stamp,
        trend=found.trend,
        away=None if found.away is None else found.away.tolist(),
        notes=found.notes,
        facts=found.facts,
    )  # fmt: skip
