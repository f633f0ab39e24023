"""Small books made by hand, and larger ones simulated with a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.loans.book import LoanBook, loan_book, month_ends

FIRST = 2023 * 12  # January 2023


def note(
    note_id: str, home: str | None = "H1", granted: str = "2023-01-10", due: str = "2024-01-10", **more: Any
) -> dict:
    """One note of the table loans."""
    kind = {"borrower_kind": "person", "plan": "quarterly_interest", "amount": 100.0, "product": "farmer_micro"}
    return {"note_id": note_id, "household_id": home, "granted_on": granted, "due_on": due, **kind, **more}


def months(note_id: str, first: str, dpd: list[int], balance: float = 100.0, **more: Any) -> list[dict]:
    """The months of a note from `first` on, one per number of days past due; more columns as lists or values."""
    start = pd.Timestamp(first).year * 12 + pd.Timestamp(first).month - 1
    ends = month_ends(range(start, start + len(dpd)))
    rows = [
        {"note_id": note_id, "month_end": end, "balance": balance, "dpd": d, "overdue_principal": balance * (d > 0)}
        for end, d in zip(ends, dpd, strict=True)
    ]
    for name, values in more.items():
        for place, row in enumerate(rows):
            row[name] = values[place] if isinstance(values, list) else values
    return rows


def book(notes: list[dict], rows: list[dict], homes: pd.DataFrame | None = None) -> LoanBook:
    """A book of these notes and months."""
    tables = {"loans": pd.DataFrame(notes), "loan_months": pd.DataFrame(rows)}
    if homes is not None:
        tables["households"] = homes
    return loan_book(tables)


def random_tables(seed: int, notes: int = 200, villages: int = 7) -> dict[str, pd.DataFrame]:
    """A random book with every awkwardness: gaps, missing classes, write-offs, sales, organisations, renewals."""
    rng = np.random.default_rng(seed)
    ids = [f"N{i:04d}" for i in range(notes)]
    granted = pd.Timestamp("2022-06-01") + pd.to_timedelta(rng.integers(0, 900, notes), unit="D")
    term = rng.integers(3, 30, notes)
    due = granted + pd.to_timedelta(term * 30, unit="D")
    home = rng.integers(0, max(notes // 2, 1), notes)
    loans = pd.DataFrame(
        {
            "note_id": ids,
            "household_id": [f"H{h:03d}" for h in home],
            "borrower_kind": rng.choice(
                ["person", "firm", "cooperative", "family_farm"], notes, p=(0.85, 0.05, 0.05, 0.05)
            ),
            "borrower_id": [f"B{h:03d}" for h in home],
            "granted_on": granted,
            "due_on": due,
            "amount": rng.integers(1, 50, notes) * 1000.0,
            "rate": 0.06,
            "plan": rng.choice(
                ["harvest", "instalments", "monthly_interest", "quarterly_interest", "revolving"], notes
            ),
            "product": rng.choice(["micro", "business", "credit_card"], notes, p=(0.6, 0.3, 0.1)),
            "channel": rng.choice(["branch", "agent", "mobile"], notes),
            "guarantee": rng.choice(["credit", "joint"], notes),
            "renewed_from": [ids[rng.integers(0, i)] if i and rng.random() < 0.1 else None for i in range(notes)],
        }
    )
    rows = []
    for i in range(notes):
        start = max(granted[i].year * 12 + granted[i].month - 1, FIRST)
        for k in range(int(rng.integers(1, term[i] + 8))):
            if rng.random() < 0.03 or start + k > FIRST + 35:
                continue
            dpd = int(rng.choice([0, 15, 45, 75, 120, 300, 400], p=(0.7, 0.08, 0.05, 0.04, 0.06, 0.04, 0.03)))
            off = rng.random() < 0.01
            rows.append(
                {
                    "note_id": ids[i],
                    "month_end": month_ends([start + k])[0],
                    "balance": 0.0 if off else float(rng.integers(1, 50) * 500),
                    "overdue_principal": 500.0 * (dpd > 0),
                    "overdue_interest": 20.0 * (dpd > 30),
                    "dpd": dpd if rng.random() > 0.02 else np.nan,
                    "class5": rng.choice(["normal", "special_mention", "substandard", "doubtful", "loss", None]),
                    "extended": int(rng.random() < 0.05),
                    "restructured": int(rng.random() < 0.03),
                    "written_off": int(off),
                    "transferred": int(rng.random() < 0.01),
                    "written_off_balance": 500.0 * off,
                    "recovered": 0.0,
                }
            )
    homes = pd.DataFrame({"household_id": sorted(set(loans["household_id"]))})
    homes["village_id"] = [f"V{rng.integers(0, villages)}" for _ in range(len(homes))]
    return {"loans": loans, "loan_months": pd.DataFrame(rows), "households": homes}


def random_book(seed: int, notes: int = 200, villages: int = 7) -> LoanBook:
    """The random tables as a book."""
    return loan_book(random_tables(seed, notes, villages))


def shuffled(tables: dict[str, pd.DataFrame], seed: int = 1) -> dict[str, pd.DataFrame]:
    """The same tables with their rows in another order."""
    return {name: t.sample(frac=1, random_state=seed).reset_index(drop=True) for name, t in tables.items()}
