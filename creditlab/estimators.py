"""What every credit model shares: the raw frame it takes, PD and points from log-odds, and the sealed model file.

`Scorecard` and `Challenger` are both a `CreditModel`, so that a caller may swap one for the other. A model adds how it
fits and its log-odds of bad; it does not repeat how input is checked or how a file is guarded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
import sklearn.exceptions
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import column_or_1d, validate_data

from creditlab.checks import as_pandas, check_columns, check_frame, check_groups, check_target, check_weights
from creditlab.errors import InputError, NotFittedError, UnreadableError, message
from creditlab.files import canonical_json, write_json
from creditlab.results import plain

#: below this a copy of all columns at once is quicker than a view of each
FEW_ROWS = 10_000
#: features whose WOE (or codes) correlate more than this are told as one concept
CONCEPT = 0.7
MODEL_SCHEMA, SCHEMA_VERSION = "creditlab.model", 4


class UnfittedError(NotFittedError, sklearn.exceptions.NotFittedError):
    """The unfitted error that scikit-learn's tools recognise too."""


class CreditModel(ClassifierMixin, BaseEstimator):
    """A classifier of bad (1) against good (0) that speaks in PD and in points.

    A subclass has a `scale`, a `kind`, a fitted `result_`, and gives `_log_odds(frame)` and `_content()`.
    """

    kind = ""
    scale: Any
    result_: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        raise NotImplementedError

    def _content(self) -> dict[str, Any]:
        raise NotImplementedError

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds of bad, one per row."""
        return self._log_odds(read_frame(self, X))

    def log_odds(self, X: Any) -> pd.Series:
        """Log-odds of bad as a Series 'log_odds' with the index of `X`."""
        frame = read_frame(self, X)
        return pd.Series(self._log_odds(frame), index=frame.index, name="log_odds")

    def predict_proba(self, X: Any) -> np.ndarray:
        """PD in the second column, its complement in the first."""
        prob = expit(self.decision_function(X))
        return np.column_stack([1.0 - prob, prob])

    def predict(self, X: Any) -> np.ndarray:
        """1 where the PD is above one half. A bank decides by points and policy, not by this."""
        bad = self.decision_function(X) > 0
        return self.classes_[bad.astype(int)]

    def points(self, X: Any) -> pd.Series:
        """Integer points, higher = safer, as a Series 'points' with the index of `X`."""
        frame = read_frame(self, X)
        exact = self.result_.scale.points_of_log_odds(self._log_odds(frame))
        return pd.Series(np.rint(exact).astype(np.int64), index=frame.index, name="points")

    def to_dict(self) -> dict[str, Any]:
        """The fitted model as JSON types, sealed with the digest of its content."""
        check_fitted(self)
        return seal(self.kind, self._content())

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the model as canonical JSON; `creditlab.load(path)` gives it back."""
        write_json(path, self.to_dict())

    def _restore(self, features: list[str], named: bool, result: Any) -> Self:
        """Set what `fit` would have set."""
        if named:
            self.feature_names_in_ = np.array(features, dtype=object)
        self.n_features_in_ = len(features)
        self.classes_ = np.array([0, 1])
        self.result_ = result
        return self


def expit(log_odds: np.ndarray) -> np.ndarray:
    """Probability of log-odds, without overflow.

    >>> expit(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    tail = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, tail) / (1.0 + tail)


def check_fitted(model: Any) -> None:
    """The model has a `result_`."""
    if not hasattr(model, "result_"):
        name = type(model).__name__
        raise UnfittedError(message(f"a fitted {name}", "an unfitted one", name, "Call fit(X, y) first."))


def read_frame(model: Any, X: Any, *, fit: bool = False) -> pd.DataFrame:
    """The columns of a model as a DataFrame, by name; arrays get the names x0, x1, …

    When scoring, columns may come in another order and with others beside them: they are taken by name.
    """
    if not fit:
        check_fitted(model)
    X = as_pandas(X)
    if not isinstance(X, pd.DataFrame):
        array = validate_data(model, X, reset=fit, dtype=None, ensure_all_finite=False)
        return pd.DataFrame(array, columns=names_of(model))
    if X.shape[1] == 0:
        raise InputError(
            message(
                "at least one column",
                f"0 feature(s) (shape={X.shape}) while a minimum of 1 is required",
                "X",
                "Check which columns were dropped.",
            )  # fmt: skip
        )
    check_frame(X, "X")
    if fit:
        X = X.rename(columns=str)
        check_frame(X, "X")
        validate_data(model, X, reset=True, skip_check_array=True)
        return X
    return _by_name(X, names_of(model))


def _by_name(X: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The columns of these names: views of those of `X` where that is cheaper than a copy."""
    if list(X.columns) == names:
        return X
    X = X.rename(columns=str)
    check_columns(X, names, "X")
    return X[names] if len(X) < FEW_ROWS else pd.DataFrame({name: X[name] for name in names}, copy=False)


def names_of(model: Any) -> list[str]:
    """The feature names of a fitted model."""
    names = getattr(model, "feature_names_in_", None)
    return [f"x{i}" for i in range(model.n_features_in_)] if names is None else [str(n) for n in names]


def read_sample(
    model: Any, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray | None]:
    """Frame, 0/1 target, weights and group codes of the rows that a fit uses (those of positive weight)."""
    frame = read_frame(model, X, fit=True)
    if y is None:
        raise InputError(
            message(
                "a 0/1 target",
                "None",
                "y",
                f"{type(model).__name__} requires y to be passed, but the target y is None.",
            )  # fmt: skip
        )
    column = y if isinstance(y, pd.Series) else column_or_1d(y, warn=True)
    target = check_target(check_continuous(column), "y", len(frame))
    weight = check_weights(_one_dimension(sample_weight), len(frame))
    codes = None if groups is None else pd.factorize(check_groups(groups, len(frame)))[0]
    used = weight > 0
    if not used.all():
        frame, target, weight = frame[used], check_target(target[used], "y"), weight[used]
        codes = None if codes is None else pd.factorize(codes[used])[0]
    return frame, target, weight, codes


def check_continuous(y: Any) -> Any:
    """The target, refused where it holds fractions: those are amounts or probabilities, not an outcome."""
    values = np.asarray(y)
    if values.dtype.kind == "f":
        given = values[np.isfinite(values)]
        if (given != np.rint(given)).any():
            raise InputError(
                message("a target of 0 and 1 (1 = bad)", "continuous values", "y", "Derive an outcome of 0 and 1.")
            )
    return y


def _one_dimension(weight: Any) -> Any:
    if weight is not None and np.ndim(weight) > 1:
        raise InputError(
            message("one weight per row", f"an array of shape {np.shape(weight)}", "sample_weight", "Give one column.")
        )
    return weight


def concepts_of(woe: pd.DataFrame, weight: np.ndarray, strength: Mapping[str, float]) -> dict[str, str]:
    """Feature → the strongest feature of its concept.

    Columns (WOE, codes) that correlate by more than `CONCEPT` are one concept, by average linkage.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    names = list(woe.columns)
    if len(names) < 2:
        return {name: name for name in names}
    cov = np.cov(woe.to_numpy(dtype=float), rowvar=False, aweights=weight)
    spread = np.sqrt(np.diag(cov))
    spread[spread == 0] = 1.0
    distance = np.clip(1 - np.abs(cov / np.outer(spread, spread)), 0, None)
    np.fill_diagonal(distance, 0.0)
    number = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - CONCEPT, criterion="distance")
    best: dict[int, str] = {}
    for name, k in zip(names, number.tolist(), strict=True):
        if k not in best or strength[name] > strength[best[k]]:
            best[k] = name
    return {name: best[k] for name, k in zip(names, number.tolist(), strict=True)}


def seal(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A model file: schema, version, kind, content, and the SHA-256 of the content. It detects damage, not forgery."""
    return {
        "schema": MODEL_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "sha256": _sha256(content),
        "content": content,
    }


def unseal(file: Any, kind: str) -> dict[str, Any]:
    """The content of a model file of this kind.

    Raises
    ------
    UnreadableError : when it is no model file, of another kind, written by a newer creditlab, or damaged.
    """
    if not isinstance(file, dict) or file.get("schema") != MODEL_SCHEMA:
        raise UnreadableError(
            message("a creditlab model file", "something else", "schema", "Name a file written by to_json.")
        )
    version = file.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise UnreadableError(
            message(
                f"a schema version from 1 to {SCHEMA_VERSION}",
                repr(version),
                "schema_version",
                "A file of a higher version is newer than this creditlab: upgrade it.",
            )  # fmt: skip
        )
    if file.get("kind") != kind:
        raise UnreadableError(
            message(f"a model of the kind '{kind}'", repr(file.get("kind")), "kind", "Use creditlab.load(path).")
        )
    if not isinstance(file.get("content"), dict) or file.get("sha256") != _sha256_of_file(file["content"]):
        raise UnreadableError(
            message(
                "a content that matches its sha256",
                "another digest",
                "sha256",
                "The file is damaged or was edited: take the original, or change the model and write it again.",
            )  # fmt: skip
        )
    return file["content"]


def _sha256(content: Any) -> str:
    return hashlib.sha256(canonical_json(content).encode("utf-8")).hexdigest()


def _sha256_of_file(content: Any) -> str:
    try:
        return _sha256(content)
    except (TypeError, ValueError):  # NaN, or what no JSON file holds
        return ""


def table_content(frame: pd.DataFrame) -> dict[str, Any]:
    """A table of numbers, flags and text as JSON types, column by column; `table_of` gives it back."""
    columns = []
    for name in frame.columns:
        values = frame[name]
        kind = {"f": "float", "i": "int", "b": "flag"}.get(values.dtype.kind, "text")
        columns.append({"name": str(name), "kind": kind, "values": plain(values)})
    return {"columns": columns}


def table_of(content: dict[str, Any]) -> pd.DataFrame:
    """The table that `table_content` wrote.

    >>> frame = pd.DataFrame({"a": [0.1, np.nan], "b": ["x", "y"]})
    >>> table_of(table_content(frame)).equals(frame)
    True
    """
    dtypes = {"float": "float64", "int": "int64", "flag": "bool", "text": "str"}
    return pd.DataFrame({c["name"]: pd.Series(c["values"], dtype=dtypes[c["kind"]]) for c in content["columns"]})


def pack_special(special: Any) -> Any:
    """Special codes as JSON types: pairs instead of mappings, because the keys of a JSON object are always text."""
    if special is None:
        return None
    return {
        str(name): [[plain(code), str(text)] for code, text in _pairs(codes)] for name, codes in dict(special).items()
    }


def unpack_special(packed: Any) -> Any:
    """What `pack_special` was given.

    >>> unpack_special(pack_special({"pay": {-2: "no use"}, "*": [-9]}))
    {'pay': {-2: 'no use'}, '*': {-9: ''}}
    """
    return None if packed is None else {name: dict(codes) for name, codes in packed.items()}


def _pairs(codes: Any) -> list[tuple[Any, str]]:
    return list(codes.items()) if isinstance(codes, Mapping) else [(code, "") for code in codes]
