"""What keeps the plan readable: one call is one feature, with its table and level bound once for several rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from creditlab.columns import Action, Column, Kind, Level
from creditlab.features.known import View
from creditlab.features.spec import Feature
from creditlab.features.windows import Window

ORIGIN: Level = "household-origin"
CONDUCT: Level = "household-conduct"
VILLAGE: Level = "village"

Measure = Callable[[View], pd.Series]

#: what a household can move by what it does from now on, and which way. Judgement: not here is what lies in the past,
#: what is in other hands, and what it would only state
ACTIONS: dict[str, Action] = {
    "deposit_avg_12m": "up", "deposit_end": "up", "deposit_low_12m": "up", "deposit_months_covered": "up",
    "deposit_inflow_12m": "up", "deposit_outflow_share_12m": "down", "deposit_trend_6m": "up", "farm_insured": "up",
    "farm_insured_share_36m": "up", "business_abnormal": "down", "tax_arrears": "down", "social_months_12m": "up",
    "social_paid_share_36m": "up", "fund_months_12m": "up", "fund_paid_share_36m": "up", "merchant_receipts_12m": "up",
    "consumption_to_inflow_12m": "down", "bills_on_time_12m": "up", "outside_debt": "down",
    "outside_debt_to_inflow": "down", "outside_overdue": "down", "loan_open_notes": "down", "loan_balance": "down",
    "loan_balance_to_inflow": "down", "loan_line_use": "down", "dpd_now": "down", "overdue_principal_now": "down",
    "overdue_interest_now": "down", "balance_change_12m": "down", "cases_open": "down", "cases_amount_open": "down",
}  # fmt: skip
#: what speaks of another person
OTHERS = frozenset({"guaranteed_dpd", "guarantors_dpd"})


def rows_of(level: Level, table: str) -> Callable[..., Feature]:
    """Rows of the plan of one level and table.

    Each is called with name, zh, en, unit, direction, window, aggregate, measure, then the columns read; a column of
    another table is written 'table.column'. Keyword arguments: `kind`, and the meanings of `Feature`.
    """

    def row(
        name: str, zh: str, en: str, unit: str, direction: int, window: Window, aggregate: str, measure: Measure,
        *reads: str, kind: Kind = "number", **meaning: Any,
    ) -> Feature:  # fmt: skip
        column = Column(
            name, kind, zh=zh, en=en, unit=unit, level=level, direction=direction, source=table,
            action=ACTIONS.get(name, ""), told=name not in OTHERS,
        )  # fmt: skip
        named = tuple(r if "." in r else f"{table}.{r}" for r in reads)
        return Feature(column, measure, named, window=window, aggregate=aggregate, **meaning)

    return row
