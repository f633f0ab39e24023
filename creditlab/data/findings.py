"""Findings: what was wrong with a file, in both languages, by row number and without a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

FINDING_COLUMNS = ["table", "column", "rule", "severity", "rows", "first_rows", "rule_zh"]
#: from what stops the work to what is only worth knowing
SEVERITIES = ("stop", "error", "warning", "info")


def finding(table: str, column: str, zh: str, en: str, severity: str, rows: Iterable[Any]) -> dict[str, Any]:
    """One row of a findings table, the rule in both languages; it names rows by number and shows no value.

    Parameters
    ----------
    rows : a boolean per row of the table, or () where the finding is about the table.
    """
    places = np.flatnonzero(np.asarray(rows, dtype=bool)) if not isinstance(rows, tuple) else np.array([], dtype=int)
    first = ", ".join(str(i) for i in places[:3])
    return {
        "table": table,
        "column": column,
        "rule": en,
        "severity": severity,
        "rows": len(places),
        "first_rows": first,
        "rule_zh": zh,
    }
