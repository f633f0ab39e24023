"""The households of a county by what is known of their conduct: borrowers, never applied, granted not drawn, refused.

Whole-village credit granting (整村授信) asks about every household of the register; for few of them an outcome exists.
Use it for reject inference and to score with 100 % coverage. It fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_date, check_one_of
from creditlab.columns import Dictionary, check_use
from creditlab.data import County
from creditlab.errors import InputError, message, some
from creditlab.features import PLAN, make_features
from creditlab.results import Result, Stamp
from creditlab.study.frame import CARD_LEVELS

#: population → zh, en; the first three have no outcome and no conduct to judge by
POPULATIONS = {
    "never_applied": ("从未申请", "never applied"),
    "granted_not_drawn": ("已授信未用信", "granted, not drawn"),
    "refused": ("被拒绝", "refused"),
    "withdrawn": ("申请后撤回", "withdrew the application"),
    "borrower": ("有未结清贷款", "has a loan"),
    "former": ("贷款已结清、无授信", "had a loan, no line now"),
}
WITHOUT_OUTCOME = ("never_applied", "granted_not_drawn", "refused")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Populations(Result):
    """Every household of the register on a date: `tidy()` has its population and village, `X` its features."""

    title: ClassVar[str] = "Populations 客群"

    features: pd.DataFrame
    dictionary: Dictionary
    special: Any

    @property
    def X(self) -> pd.DataFrame:
        """Households × features."""
        return self.features

    def __getattr__(self, name: str) -> pd.Series:
        columns = {"village": "village_id", "household": "household_id", "as_of": "as_of", "population": "population"}
        if name in columns:
            return self.table[columns[name]]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def only(self, *populations: str) -> Populations:
        """The same table with the households of some populations alone."""
        rows = np.zeros(len(self.table), dtype=bool)
        for _, here in self._rows(populations):
            rows |= here
        facts = {name: value for name, value in self.facts.items() if name not in POPULATIONS or name in populations}
        return replace(self, table=self.table[rows], features=self.features[rows],
                       facts=facts | {"households": int(rows.sum())})  # fmt: skip

    def frames(self, *populations: str) -> dict[str, pd.DataFrame]:
        """Population → features of its households, for `reject_inference`; those without an outcome by default."""
        return {name: self.features[rows] for name, rows in self._rows(populations)}

    def villages(self, *populations: str) -> dict[str, pd.Series]:
        """Population → village of its households."""
        return {name: self.table.loc[rows, "village_id"] for name, rows in self._rows(populations)}

    def _rows(self, populations: tuple[str, ...]) -> list[tuple[str, np.ndarray]]:
        unknown = [name for name in populations if name not in POPULATIONS]
        if unknown:
            raise InputError(message(f"any of {', '.join(POPULATIONS)}", some(unknown), "populations", "Correct it."))
        here = self.table["population"].to_numpy()
        chosen = [(name, here == name) for name in populations or WITHOUT_OUTCOME]
        return [(name, rows) for name, rows in chosen if rows.any()]


def county_populations(county: County, as_of: Any, card: str = "entry") -> Populations:
    """Every household of the register on a date, with the features that a card may see.

    A borrower has a loan with a balance at the last month end. Of the others, one with a credit line in force was
    granted and has not drawn; one who had a loan before is 'former'; one without any loan is 'refused' or 'withdrawn'
    by the last decision that the bank knew, and else has never applied.

    Parameters
    ----------
    county : the county that was read. as_of : the date; nothing known later is used.
    card : 'entry', 'behaviour' or 'composition'.

    Raises
    ------
    InputError : for an unknown card, or a county without loans.
    """
    check_one_of(card, tuple(CARD_LEVELS), "card")
    day = check_date(as_of, "as_of")
    file = county.household_file(day)
    plan = tuple(f for f in PLAN if f.column.level in CARD_LEVELS[card])
    made = make_features(file, plan=plan)
    check_use(list(made.dictionary), made.dictionary, purpose=f"{card} card", levels=CARD_LEVELS[card])
    population = _population(county, day, made.frame.index)
    table = pd.DataFrame(
        {
            "household_id": made.frame.index.astype("str"),
            "village_id": file.frame["village_id"].reindex(made.frame.index).to_numpy(),
            "as_of": day,
            "population": pd.Series(population, dtype="str").to_numpy(),
        },
        index=made.frame.index,
    )
    counts = table["population"].value_counts()
    facts = {"as_of": day.date().isoformat(), "card": card, "households": len(table)}
    facts |= {name: int(counts.get(name, 0)) for name in POPULATIONS}
    stamp = Stamp.of([made.frame, table["population"]], {"as_of": day, "card": card})
    return Populations(
        table=table, stamp=stamp, facts=facts, features=made.frame, dictionary=made.dictionary, special=made.special
    )


def _population(county: County, day: pd.Timestamp, households: pd.Index) -> np.ndarray:
    loans = _known(county, "loans", day, "granted_on")
    months = _known(county, "loan_months", day, "month_end")
    if loans is None or months is None:
        raise InputError(message("the tables loans and loan_months", "none", "county_populations", "Bring them."))
    last = months[months["month_end"] == months["month_end"].max()]
    notes = set(last.loc[last["balance"] > 0, "note_id"])
    has_loan = households.isin(set(loans.loc[loans["note_id"].isin(notes), "household_id"]))
    has_line = households.isin(set(loans.loc[loans["line_valid_to"] >= day, "household_id"]))
    had_loan = households.isin(set(loans["household_id"]))
    asked = _known(county, "applications", day, "decided_on")
    decision = pd.Series(dtype="str")
    if asked is not None:
        decision = asked.sort_values("decided_on", kind="stable").drop_duplicates("household_id", keep="last")
        decision = decision.set_index("household_id")["decision"]
    decided = decision.reindex(households).to_numpy(dtype=object)
    chosen = [has_loan, has_line | (~had_loan & (decided == "granted")), had_loan, decided == "refused"]
    names = ["borrower", "granted_not_drawn", "former", "refused"]
    return np.select([*chosen, decided == "withdrawn"], [*names, "withdrawn"], "never_applied")


def _known(county: County, name: str, day: pd.Timestamp, event: str) -> pd.DataFrame | None:
    """The rows of a table that had happened, and that the bank knew, by the end of a day; None without the table."""
    if name not in county.tables:
        return None
    frame = county.tables[name].frame
    return frame[(frame[event] <= day) & (frame["known_on"] <= day)]
