"""The rows of a validation cut into scopes: all rows, each sample of the split, each period.

It checks what `validate` was given and hands out the rows of one model in one scope. It tests nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_prob, check_target
from creditlab.errors import InputError, message, some
from creditlab.validation.verdict import ValidationSpec

#: samples in the order in which people think of them; others follow in the order of their names
KNOWN_ORDER = ("train", "development", "dev", "early", "validation", "test", "late", "oot", "out-of-time")
DEVELOPMENT = ("train", "development", "dev")
ALL = "all"


@dataclass(frozen=True)
class Scope:
    """One cut of the rows: its label, what kind it is ("all", "split", "period"), and which rows."""

    label: str
    kind: str
    rows: np.ndarray
    development: bool = False


@dataclass(frozen=True)
class Cell:
    """One model in one scope: outcomes, PDs, clusters."""

    model: str
    scope: Scope
    name: str
    y: np.ndarray
    p: np.ndarray
    groups: np.ndarray | None

    @property
    def bads(self) -> int:
        """Bads in the scope."""
        return int(self.y.sum())


@dataclass(frozen=True)
class Sample:
    """Checked input of a validation."""

    y: np.ndarray
    probs: Mapping[str, np.ndarray]
    groups: np.ndarray | None
    group_names: pd.Index | None
    scopes: tuple[Scope, ...]
    amount: np.ndarray | None

    @property
    def development(self) -> Scope | None:
        """The development sample, where the split has one."""
        return next((s for s in self.scopes if s.development), None)

    def cell(self, model: str, scope: Scope) -> Cell:
        """The rows of one model in one scope; the scope is named after the model too where there are several."""
        name = scope.label if len(self.probs) == 1 else f"{model} · {scope.label}"
        groups = None if self.groups is None else self.groups[scope.rows]
        return Cell(model, scope, name, self.y[scope.rows], self.probs[model][scope.rows], groups)

    def cells(self, *kinds: str) -> Iterator[Cell]:
        """Every model in every scope of these kinds."""
        for model in self.probs:
            for scope in self.scopes:
                if scope.kind in kinds:
                    yield self.cell(model, scope)


def read_sample(
    y: Any, prob: Any, split: Any, groups: Any, period: Any, amount: Any, spec: ValidationSpec, both: bool = True
) -> Sample:
    """Check all arrays against each other and cut the scopes; `both`: goods and bads must be there."""
    target = check_target(y, "y", both=both)
    n = len(target)
    named = prob if isinstance(prob, Mapping) else {"model": prob}
    if not named:
        raise InputError(message("one or more PDs", "an empty mapping", "prob", "Give {name: PD per row}."))
    probs = {str(name): check_prob(values, n, f"prob {name}") for name, values in named.items()}
    codes, names = (
        (None, None) if groups is None else pd.factorize(pd.Series(check_groups(groups, n)).map(str), sort=True)
    )
    scopes = [Scope(ALL, "all", np.ones(n, dtype=bool))]
    if split is not None:
        scopes += _split_scopes(check_groups(split, n, "split"), spec)
    if period is not None:
        scopes += [Scope(label, "period", rows) for label, rows in _cut(check_groups(period, n, "period"))]
    return Sample(target, probs, codes, names, tuple(scopes), _amounts(amount, n))


def _split_scopes(values: np.ndarray, spec: ValidationSpec) -> list[Scope]:
    cut = dict(_cut(values))
    known = [name for name in KNOWN_ORDER if name in cut]
    labels = known + [name for name in cut if name not in known]
    development = next((name for name in DEVELOPMENT if name in cut), None)
    if spec.development is not None:
        development = str(spec.development)
        if development not in cut:
            fix = "Name a value of split."
            raise InputError(message(f"one of {some(labels, 8)}", repr(development), "spec, development", fix))
    return [Scope(label, "split", cut[label], label == development) for label in labels]


def _cut(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    labels = pd.Series(values).map(_label).to_numpy()
    return [(str(label), labels == label) for label in sorted(set(labels))]


def _label(value: Any) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, pd.Timestamp) else str(value)


def _amounts(amount: Any, n: int) -> np.ndarray | None:
    if amount is None:
        return None
    try:
        values = np.asarray(amount, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not", "amount", "Give one amount per row.")) from None
    wrong = int((~np.isfinite(values) | (values < 0)).sum())
    if len(values) != n or wrong or not values.any():
        came = f"{len(values)} values, {wrong} of them missing, infinite or negative"
        raise InputError(message(f"{n} amounts of zero or more", came, "amount", "Give the balance of every row."))
    return values
