"""The file of organisations that borrow: cooperatives, family farms, collectives and firms, with the household behind.

An organisation's notes are its own and never count as its household's; the household behind it is a fact beside them.
`organisation_file` has the shape of a household file, so that the same plan makes its features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from creditlab.errors import InputError, message
from creditlab.features.frame import FeatureFrame, make_features
from creditlab.features.plan import PLAN
from creditlab.features.spec import Feature
from creditlab.results import Result, Stamp

#: kinds of borrowers that are no persons, with their labels
KINDS: Mapping[str, tuple[str, str]] = {
    "cooperative": ("合作社", "cooperative"), "family_farm": ("家庭农场", "family farm"),
    "village_collective": ("村集体", "village collective"), "firm": ("企业", "firm"),
}  # fmt: skip
_TABLES = ("loans", "loan_months", "guarantees", "control_totals")
#: the features that speak of the notes alone: those of the household stand under `of_household`
ORGANISATION_PLAN: tuple[Feature, ...] = tuple(
    f for f in PLAN
    if f.column.level == "household-conduct" and set(f.tables) <= {"loans", "loan_months", "guarantees"}
    and f.name not in ("loan_organisation_balance", "guarantees_given", "guaranteed_amount", "guaranteed_dpd")
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OrganisationFile(Result):
    """One row per organisation, index organisation: kind household_id village_id notes first_granted.

    `household_id` and `village_id` are those of the household behind it, blank where there is none.
    """

    title: ClassVar[str] = "Organisations 组织借款人"

    as_of: pd.Timestamp
    tables: Mapping[str, pd.DataFrame]
    file: Any
    borrowers: tuple[str, ...] = tuple(KINDS)
    consented: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per organisation."""
        return self.table

    def features(self) -> FeatureFrame:
        """The features of `ORGANISATION_PLAN` of each organisation, as known on the date of the file."""
        return make_features(self, ORGANISATION_PLAN)

    def of_household(self, features: FeatureFrame) -> pd.DataFrame:
        """The features of the household behind each organisation; no row where there is none in the census."""
        behind = self.table["household_id"]
        behind = behind[behind.isin(features.frame.index)]
        return features.frame.loc[behind].set_axis(behind.index, axis=0)


def organisation_file(file: Any) -> OrganisationFile:
    """The organisations that borrowed, from a household file of the whole county, as known on its date.

    Raises
    ------
    InputError : there are no loans, or no column says who the borrower is.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> found = organisation_file(household_file(make_county(14, seed=1).tables, pd.Timestamp("2023-12-31")))
    >>> found.frame.columns.tolist()
    ['kind', 'household_id', 'village_id', 'notes', 'first_granted']
    """
    if "loans" not in file.tables or "borrower_kind" not in file.tables["loans"]:
        raise InputError(
            message("loans with borrower_kind and borrower_id", "none", "organisation_file", "Bring the loan tape.")
        )
    loans = file.tables["loans"]
    loans = loans[
        loans["borrower_kind"].isin(KINDS) & loans["borrower_id"].notna() & (loans["granted_on"] <= file.as_of)
    ]
    groups = loans.sort_values(["granted_on", "note_id"], kind="stable").groupby("borrower_id")
    table = groups.agg(
        kind=("borrower_kind", "last"), household_id=("household_id", "last"), notes=("note_id", "nunique"),
        first_granted=("granted_on", "min"),
    ).sort_index()  # fmt: skip
    table.index = table.index.rename("organisation")
    table["village_id"] = table["household_id"].map(file.frame["village_id"])
    table = table[["kind", "household_id", "village_id", "notes", "first_granted"]]
    tables = {name: file.tables[name] for name in _TABLES if name in file.tables}
    tables["loans"] = loans.assign(household_id=loans["borrower_id"])
    facts = {
        "as_of": str(file.as_of.date()),
        "organisations": len(table),
        "with_household": int(table["village_id"].notna().sum()),
    }
    facts |= {kind: int((table["kind"] == kind).sum()) for kind in KINDS}
    stamp = Stamp.of(table, {"as_of": facts["as_of"]})
    return OrganisationFile(table=table, as_of=file.as_of, tables=tables, file=file, stamp=stamp, facts=facts)
