"""Figures of the loan book, one noun per figure; each draws one result of `creditlab.loans`, with n and intervals."""

from creditlab.plots.loans.definitions import come_back, definition, maturity, waterfall
from creditlab.plots.loans.dots import (
    expected_loss,
    extensions,
    funnel,
    indicators,
    migration,
    outcomes,
    structure,
    villages,
)
from creditlab.plots.loans.intensities import generator, movement, reached
from creditlab.plots.loans.ledger import classes, flow, npl, ratios, reconciliation
from creditlab.plots.loans.ledger import npl_by_month as npl_by_month
from creditlab.plots.loans.losses import channels, enforcement, hazard, recoveries
from creditlab.plots.loans.moves import renewals, roll_rates, transitions, vintages
from creditlab.plots.loans.seasons import calendar, comparable

__all__ = [
    "calendar",
    "channels",
    "classes",
    "come_back",
    "comparable",
    "definition",
    "enforcement",
    "expected_loss",
    "extensions",
    "flow",
    "funnel",
    "generator",
    "hazard",
    "indicators",
    "maturity",
    "migration",
    "movement",
    "npl",
    "outcomes",
    "ratios",
    "reached",
    "reconciliation",
    "recoveries",
    "renewals",
    "roll_rates",
    "structure",
    "transitions",
    "villages",
    "vintages",
    "waterfall",
]
