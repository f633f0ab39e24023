"""The ranges of number columns: what a value cannot be, by unit, or by table and column where that says more.

A range is wide: it holds every value that can be true, and what lies outside is a fault of the file (a negative
balance, a share above one, a year of birth in the next century), not an unusual household.
"""

from __future__ import annotations

from collections.abc import Mapping

from creditlab.columns import Column

Range = tuple[float, float]
INFINITE = float("inf")

BY_UNIT: Mapping[str, Range] = {
    "yuan": (0, 1e11),
    "mu": (0, 1e5),
    "share": (0, 1),
    "days": (0, 20_000),
    "months": (0, 12),
    "people": (0, 100_000),
    "households": (0, 50_000),
    "km": (0, 1_000),
    "count": (0, 1e6),
}
BY_COLUMN: Mapping[str, Range] = {
    "households.head_birth_year": (1900, 2100),
    "households.members": (0, 50),
    "households.under_14": (0, 50),
    "households.labour": (0, 50),
    "households.migrants": (0, 50),
    "members.birth_year": (1900, 2100),
    "collection_log.stated_members": (0, 50),
    "villages.longitude": (-180, 180),
    "villages.latitude": (-90, 90),
    "villages.collective_income": (-1e10, 1e11),
    "third_party.score": (-1e6, 1e6),
    "civility_events.points": (-1000, 1000),
    "control_totals.notes": (0, 1e9),
}


def range_of(table: str, column: Column) -> Range | None:
    """The range of a number column; None for other kinds and where nothing is known."""
    if column.kind == "flag":
        return 0, 1
    if column.kind != "number":
        return None
    return BY_COLUMN.get(f"{table}.{column.name}", BY_UNIT.get(column.unit))
