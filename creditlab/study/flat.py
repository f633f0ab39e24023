"""A flat table becomes rows to model: named columns are checked, the rest are features, what is imperfect is reported.

Use it for one table with a 0/1 target, from any bank or system. What the caller names wrongly raises; what the data
hold (constant columns, infinities, identifiers among the features) is handled by a stated rule and listed as a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame, check_target, check_unique, check_weights, kind_of
from creditlab.columns import Dictionary
from creditlab.config import StudyConfig
from creditlab.data.findings import FINDING_COLUMNS, finding
from creditlab.data.identity import looks_like_identity
from creditlab.errors import ColumnError, IdentityError, InputError, message, some
from creditlab.study.declared import enforce

#: a text column whose share of distinct values reaches this is taken for an identifier
IDENTIFIER_SHARE = 0.5
UNKNOWN_GROUP = "unknown 未知"


@dataclass(frozen=True)
class FlatTable:
    """The parts of a flat table: features, target, and the named columns."""

    X: pd.DataFrame
    y: np.ndarray
    group: pd.Series | None
    date: pd.Series | None
    weight: np.ndarray | None
    id: pd.Series | None
    audit: pd.DataFrame
    special: Mapping[str, list[Any]]
    findings: pd.DataFrame
    dictionary: Dictionary = field(default_factory=Dictionary)

    @property
    def village(self) -> pd.Series | None:
        """The group under the name that the village panel reads."""
        return self.group


def flat_table(frame: pd.DataFrame, config: StudyConfig, name: str = "table") -> FlatTable:
    """Check a flat table and take it apart.

    Parameters
    ----------
    frame : one row per loan or household.
    config : names the target (required), group, date, id, weight, columns to drop, audit columns, special codes.
    name : the table's name in findings and messages.

    Raises
    ------
    InputError and its children : an empty table, no target, a target other than 0/1 or of one class, an unknown column,
        duplicate ids, text in a column that was declared a number, raw identity numbers as ids, no feature left.
    """
    check_frame(frame, name)
    _check_names(frame, config, name)
    frame = frame.reset_index(drop=True)
    y = check_target(frame[config.target], f"column '{config.target}' of {name}")
    door = enforce(frame, config, name)
    frame, findings = door.frame, list(door.findings)
    named = {config.target, config.group, config.date, config.id, config.weight, *config.drop, *door.audit, *door.out}
    X, notes = _features(frame[[c for c in frame.columns if c not in named]], name)
    findings += notes
    if X.shape[1] == 0:
        raise InputError(
            message("at least one usable feature", "none", name, "See which columns were dropped and why.")
        )
    group = _group(frame, config, name, findings)
    return FlatTable(
        X=X,
        y=y,
        group=group,
        date=_date(frame, config, name),
        weight=_weight(frame, config, name),
        id=_id(frame, config, name),
        audit=frame[list(door.audit)],
        special=_special(X, config, door.special),
        dictionary=config.dictionary().only(c for c in X.columns if c in config.columns),
        findings=pd.DataFrame(findings, columns=FINDING_COLUMNS),
    )


def _check_names(frame: pd.DataFrame, config: StudyConfig, name: str) -> None:
    if config.target is None:
        raise InputError(message("a target column", "none", name, "Name it, for example --target bad."))
    asked = [
        config.target,
        config.group,
        config.date,
        config.id,
        config.weight,
        *config.drop,
        *config.audit,
        *(c for c in config.special if c != "*"),
    ]
    check_columns(frame, [c for c in asked if c is not None], name)
    single = [c for c in (config.target, config.group, config.date, config.weight) if c is not None]
    if len(set(single)) < len(single):
        raise ColumnError(
            message("one part per column", f"{some(single)}", name, "Name each column for one part only.")
        )


def _features(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The columns that may be features, and what was found in them."""
    keep, notes = [], []
    for column in frame.columns:
        values = frame[column]
        kind = kind_of(values)
        filled = values.notna().to_numpy()
        if not filled.any():
            notes.append(
                finding(name, column, "整列缺失：剔除", "all values missing: column left out", "warning", ~filled)
            )
        elif kind in ("text", "mixed", "number") and looks_like_identity(values).any():
            rows = np.asarray(looks_like_identity(values))
            notes.append(finding(name, column, "身份证号：剔除", "identity numbers: column left out", "error", rows))
        elif values.nunique() == 1 and filled.all():
            notes.append(
                finding(name, column, "全列同一取值：剔除", "one value in all rows: column left out", "info", filled)
            )
        elif kind in ("text", "mixed") and _is_identifier(values):
            notes.append(
                finding(
                    name,
                    column,
                    "几乎逐行不同的文字：剔除",
                    "text that names nearly every row: column left out",
                    "warning",
                    filled,
                )
            )
        else:
            keep.append(column)
            notes += _imperfections(name, column, values, kind)
    return frame[keep].rename(columns=str), notes


def _is_identifier(values: pd.Series) -> bool:
    return len(values) >= 50 and values.nunique() > IDENTIFIER_SHARE * values.notna().sum()


def _imperfections(name: str, column: str, values: pd.Series, kind: str) -> list[dict[str, Any]]:
    notes = []
    if kind == "number":
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(numbers).any():
            notes.append(
                finding(
                    name,
                    column,
                    "无穷大：视为在最末切点之外",
                    "infinite: taken as beyond the last cut",
                    "warning",
                    np.isinf(numbers),
                )
            )
    if kind == "mixed":
        numbers = pd.to_numeric(values, errors="coerce")
        few = numbers.isna() & values.notna() if numbers.notna().sum() * 2 >= values.notna().sum() else numbers.notna()
        notes.append(
            finding(
                name,
                column,
                "数字与文字混杂：见分箱",
                "numbers and text mixed: see the bins",
                "warning",
                few.to_numpy(),
            )
        )
    void = values.isna().to_numpy()
    if void.any():
        notes.append(finding(name, column, "缺失：单独成箱", "missing: a bin of its own", "info", void))
    return notes


def _group(frame: pd.DataFrame, config: StudyConfig, name: str, findings: list[dict[str, Any]]) -> pd.Series | None:
    if config.group is None:
        return None
    group = frame[config.group]
    void = group.isna().to_numpy()
    if void.any():
        findings.append(
            finding(
                name,
                config.group,
                f"无分组：归入“{UNKNOWN_GROUP}”",
                f"no group: taken as '{UNKNOWN_GROUP}'",
                "warning",
                void,
            )
        )
    if kind_of(group) == "number":  # 101.0 is the code 101
        whole = group.dropna().map(lambda v: float(v).is_integer()).all()
        group = group.astype("Int64" if whole else "float64")
    text = group.astype("str").where(~void, UNKNOWN_GROUP)
    if looks_like_identity(text).any():
        raise IdentityError(
            message(
                "villages or branches",
                "identity numbers",
                f"column '{config.group}' of {name}",
                "Name a column of groups, not of persons.",
            )
        )
    return text.rename("village")


def _date(frame: pd.DataFrame, config: StudyConfig, name: str) -> pd.Series | None:
    if config.date is None:
        return None
    values = frame[config.date]
    if kind_of(values) == "number":  # 20231231, 202312 or 2023, never nanoseconds
        values = values.astype("Int64").astype("str")
        digits = int(values.str.len().max())
        form = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d"}.get(digits)
        days = pd.to_datetime(values, errors="coerce", format=form) if form else pd.Series(pd.NaT, index=values.index)
    else:
        days = pd.to_datetime(values, errors="coerce", format=None if kind_of(values) == "date" else "mixed")
    wrong = days.isna().to_numpy()
    if wrong.any():
        rows = some(np.flatnonzero(wrong).tolist())
        raise InputError(
            message(
                "a date in every row",
                f"{int(wrong.sum())} rows without one that can be read",
                f"column '{config.date}' of {name}, rows {rows}",
                "Write dates as 2023-12-31, or leave these rows out.",
            )
        )
    return days.dt.tz_localize(None).dt.as_unit("us")


def _weight(frame: pd.DataFrame, config: StudyConfig, name: str) -> np.ndarray | None:
    if config.weight is None:
        return None
    return check_weights(_numbers(frame, config.weight, name), len(frame), f"column '{config.weight}' of {name}")


def _numbers(frame: pd.DataFrame, column: str, name: str) -> np.ndarray:
    """A column that was declared a number, as floats; text in it raises."""
    values = frame[column]
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = (numbers.isna() & values.notna()).to_numpy()
    if wrong.any():
        raise InputError(
            message(
                f"numbers in column '{column}'",
                f"text in {int(wrong.sum())} rows",
                f"{name}, rows {some(np.flatnonzero(wrong).tolist())}",
                "Correct these rows, or do not declare the column a number.",
            )
        )
    return numbers.to_numpy(dtype=float, na_value=np.nan)


def _id(frame: pd.DataFrame, config: StudyConfig, name: str) -> pd.Series | None:
    if config.id is None:
        return None
    check_unique(frame, [config.id], name)
    if looks_like_identity(frame[config.id]).any():
        raise IdentityError(
            message(
                "pseudonyms or customer numbers",
                "identity numbers",
                f"column '{config.id}' of {name}",
                "Replace them by pseudonyms before; scores are written with this column.",
            )
        )
    return frame[config.id]


def _special(X: pd.DataFrame, config: StudyConfig, more: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Codes per column, with `more` of the door; '*' stands for every numeric column that holds one of the codes."""
    special: dict[str, list[Any]] = {}
    for column in X.columns:
        codes = list(config.special.get(column, ()))
        numeric = kind_of(X[column]) == "number"
        if codes and not numeric and all(isinstance(code, int | float) for code in codes):
            _numbers(X, column, "table")
        if numeric and not codes:
            present = pd.to_numeric(X[column], errors="coerce").isin([float(c) for c in config.special.get("*", ())])
            codes = list(config.special["*"]) if present.any() else []
        codes += [more[column]] if column in more else []
        if codes:
            special[column] = codes
    return special
