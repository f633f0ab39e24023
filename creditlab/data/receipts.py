"""Village receipts against the bank: entries of the collective's books, the bank statement, and vouchers (S10).

`reconcile_receipts` puts every entry in one of four states, adds them up by village and month, and ranks what nobody
has explained. It accuses nobody: a difference may be a late statement, and a missing voucher a missing paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_columns
from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp

#: state of an entry → what a Chinese and an English reader call it
STATES: Mapping[str, tuple[str, str]] = {
    "matched": ("账银相符且有凭证", "books and bank agree, voucher on file"),
    "no_voucher": ("账银相符、缺凭证", "books and bank agree, no voucher"),
    "explained": ("有差异、已对账并有凭证", "differs, reconciled with a voucher"),
    "unexplained": ("有差异、未解释", "differs, not explained"),
}
#: yuan by which books and bank may differ and still agree: the cents that QR fees and rounding leave
TOLERANCE = 0.5
_NEEDED = ("receipt_id", "village_id", "paid_on", "direction", "channel", "amount", "bank_amount", "voucher")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ReceiptReconciliation(Result):
    """One row per village and month, the largest unexplained difference first.

    Columns: rank village_id month entries books bank difference matched no_voucher explained unexplained
    unexplained_amount unexplained_share. Amounts in yuan; receipts and payments count alike.
    """

    title: ClassVar[str] = "Village receipts against bank and vouchers 村集体收付对账"
    plots: ClassVar[str] = "portraits"

    entries: pd.DataFrame

    def villages(self) -> pd.DataFrame:
        """The same by village, over all months."""
        return _ranked(_added_up(self.entries, ["village_id"]))

    def unexplained(self, most: int | None = None) -> pd.DataFrame:
        """The single entries that nobody has explained, the largest difference first; without the payer."""
        rows = self.entries[self.entries["state"] == "unexplained"]
        rows = rows.sort_values(["gap", "receipt_id"], ascending=[False, True], ignore_index=True)
        return rows.head(most) if most is not None else rows


def reconcile_receipts(file: Any, *, channel: str | None = "qr", tolerance: float = TOLERANCE) -> ReceiptReconciliation:
    """Receipts and payments of the village collectives against bank statements and vouchers, by village and month.

    Parameters
    ----------
    file : a `HouseholdFile`: what was known on its date.
    channel : 'qr' for what came by code; another channel, or None for all.
    tolerance : yuan up to which books and bank agree.

    Returns
    -------
    ReceiptReconciliation : each entry is matched, without voucher, explained (it differs, but was reconciled and has a
        voucher) or unexplained. An entry that no statement shows differs by its whole amount.

    Raises
    ------
    InputError : the county has no table village_receipts, or the channel has no entry.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> file = household_file(make_county(12, seed=1, households_per_village=20).tables, pd.Timestamp("2023-12-31"))
    >>> found = reconcile_receipts(file)
    >>> bool((found.tidy()["entries"] == found.tidy()[list(STATES)].sum(axis=1)).all())
    True
    """
    if "village_receipts" not in file.tables:
        raise InputError(
            message("the table village_receipts", "none", "county folder", "Bring the collective's books (S10).")
        )
    if not tolerance >= 0:
        raise InputError(message("yuan of 0 or more", repr(tolerance), "tolerance", "Give the difference that agrees."))
    rows = file.tables["village_receipts"]
    check_columns(rows, _NEEDED, "village_receipts")
    if channel is not None:
        known = sorted(map(str, rows["channel"].dropna().unique()))
        if channel not in known:
            raise InputError(
                message(f"one of the channels {some(known)}", repr(channel), "reconcile_receipts", "Name one.")
            )
        rows = rows[rows["channel"] == channel]
    entries = _classified(rows, tolerance)
    table = _ranked(_added_up(entries, ["village_id", "month"]))
    left = float(entries.loc[entries["state"] == "unexplained", "gap"].sum())
    facts = {
        "as_of": str(file.as_of.date()), "channel": channel or "all", "entries": len(entries),
        "villages": entries["village_id"].nunique(), "books": float(entries["amount"].sum()),
        "unexplained": int((entries["state"] == "unexplained").sum()), "unexplained_amount": left,
    }  # fmt: skip
    spec = {"as_of": facts["as_of"], "channel": channel, "tolerance": tolerance}
    return ReceiptReconciliation(table=table, entries=entries, stamp=Stamp.of(entries, spec), facts=facts)


def _classified(rows: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Each entry with its difference, its gap (absolute) and its state."""
    bank, books = rows["bank_amount"].fillna(0.0).astype("float64"), rows["amount"].fillna(0.0).astype("float64")
    difference = books - bank
    agree = difference.abs() <= tolerance
    paper = rows["voucher"].gt(0)
    settled = rows["reconciled"].gt(0) if "reconciled" in rows else pd.Series(False, index=rows.index)
    state = pd.Series("unexplained", index=rows.index).mask(settled & paper, "explained")
    state = state.mask(agree, "no_voucher").mask(agree & paper, "matched")
    month = rows["paid_on"] + pd.offsets.MonthEnd(0)
    kept = rows[["receipt_id", "village_id", "paid_on", "direction", "channel"]]
    kept = kept.assign(month=month, amount=books, bank_amount=bank, difference=difference, gap=difference.abs())
    return kept.assign(state=state).sort_values(["village_id", "paid_on", "receipt_id"], ignore_index=True)


def _added_up(entries: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    left = entries["gap"].where(entries["state"] == "unexplained", 0.0)
    flags = {name: entries["state"].eq(name) for name in STATES}
    wide = entries[by].assign(
        entries=1, books=entries["amount"], bank=entries["bank_amount"], difference=entries["difference"], **flags,
        unexplained_amount=left,
    )  # fmt: skip
    table = wide.groupby(by, as_index=False).sum()
    return table.assign(unexplained_share=table["unexplained_amount"] / table["books"].where(table["books"] > 0))


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    names = [c for c in ("village_id", "month") if c in table.columns]
    ordered = table.sort_values(
        ["unexplained_amount", *names], ascending=[False] + [True] * len(names), ignore_index=True
    )
    return ordered.assign(rank=ordered.index + 1)[["rank", *table.columns]]
