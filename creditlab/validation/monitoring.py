"""The next quarter of a model that was validated: its tests on stored bins, charts of few defaults, village alerts.

Use it on each new batch of outcomes with the result, or the report.json, of the validation before. It says what has
changed; what to do is the bank's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_groups
from creditlab.errors import InputError, message
from creditlab.validation.lines import COLUMNS, Lines
from creditlab.validation.protocol import ValidationResult, run
from creditlab.validation.scopes import Cell, Scope, read_sample
from creditlab.validation.sequential import ALERTS, cusum, exact_defaults, sprt, village_alerts
from creditlab.validation.verdict import ValidationSpec

#: charts drawn from the PDs for the limit of the CUSUM, at least
LEAST_DRAWS = 400


def monitor(
    y: Any,
    prob: Any,
    reference: Any,
    groups: Any = None,
    order: Any = None,
    amount: Any = None,
    spec: Any = None,
    spread: float = 0.0,
) -> ValidationResult:
    """All tests of a new batch against a stored reference, with sequential tests and village alerts.

    Parameters
    ----------
    y, prob, groups, amount, spec : as for `validate`; one class only is allowed where a batch has no default.
    reference : the earlier ValidationResult, or its `reference`: the bins of PSI.
    order : dates or numbers by which the rows of the charts are ordered; None takes them as they come.
    spread : standard deviation of village effects (log-odds) that is usual; village alerts look beyond it.

    Returns
    -------
    ValidationResult with a section "monitoring": mon.exact, mon.cusum, mon.sprt and mon.village_alerts per model.
    `result.diff(earlier)` says what changed.

    >>> from creditlab.validation import validate
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 30, 900)
    >>> y = rng.random(900) < p
    >>> first = validate(y[:600], p[:600], split=["train"] * 600)
    >>> monitor(y[600:], p[600:], first).section("monitoring")["id"].tolist()
    ['mon.exact', 'mon.cusum', 'mon.sprt', 'mon.village_alerts']
    """
    at = ValidationSpec.of(spec)
    sample = read_sample(y, prob, None, groups, None, amount, at, both=False)
    result = run(sample, reference, at)
    named, target = sample.probs, sample.y.astype(int)
    place = _places(order, len(target))
    villages = None if groups is None else pd.Series(check_groups(groups, len(target))).map(str).to_numpy()
    lines = Lines("monitoring", at)
    for model, values in named.items():
        p = np.asarray(values, dtype=float)
        cell = Cell(
            str(model), Scope("all", "all", np.ones(len(p), dtype=bool)), _name(str(model), named), target, p, None
        )
        lines.add(cell, exact_defaults(target, p, threshold=at.thresholds["p_value"]))
        lines.add(
            cell, cusum(target[place], p[place], false_alarm=1 - at.level, draws=max(at.draws, 200), seed=at.seed)
        )
        lines.add(cell, sprt(target[place], p[place], alpha=1 - at.level))
        if villages is None:
            lines.refuse(cell, ALERTS, "needs villages: pass groups 需要提供 groups")
        else:
            lines.add(cell, village_alerts(target, p, villages, 1 - at.level, spread))
    table = pd.concat([result.tidy(), pd.DataFrame(lines.rows).reindex(columns=COLUMNS)], ignore_index=True)
    return replace(result, table=table, details={**result.details, **lines.details})


def _name(model: str, named: Mapping[str, Any]) -> str:
    return "all" if len(named) == 1 else f"{model} · all"


def _places(order: Any, n: int) -> np.ndarray:
    if order is None:
        return np.arange(n)
    keys = pd.Series(np.asarray(order).reshape(-1))
    if len(keys) != n or keys.isna().any():
        came = f"{len(keys)} values, {int(keys.isna().sum())} of them missing"
        raise InputError(message(f"{n} dates or numbers", came, "order", "Give the date of every row."))
    return np.argsort(keys.to_numpy(), kind="stable")
