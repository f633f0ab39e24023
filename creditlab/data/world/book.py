"""The bank's book: loans, loan months, control totals, guarantees, applications.

`loans_table` and the others turn the simulated notes into the tables of the contract. The ledger's control totals
reconcile with the loan months but for three differences, which are written down in the truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.schema import CLASSES
from creditlab.data.world.borrowers import GUARANTEES, ORGANISATIONS, PLANS, Demand, Slots
from creditlab.data.world.ends import Ends, LatePayments
from creditlab.data.world.lending import Notes
from creditlab.data.world.people import People, Register
from creditlab.data.world.risk import Officers
from creditlab.data.world.streams import FIRST, LAST, RULE_2023, month_end, only_where, stream, table
from creditlab.data.world.villages import Villages

PURPOSES = ("planting", "livestock", "trade", "building", "consumption", "machinery")
CHANNELS = ("branch", "agent", "mobile", "wechat")
CLASS = np.array(list(CLASSES), dtype=object)


def note_ids(notes: Notes) -> np.ndarray:
    """Numbers of the notes, in the order of granting."""
    return np.array([f"N{i + 1:07d}" for i in range(len(notes))], dtype=object)


def loans_table(
    notes: Notes,
    slots: Slots,
    ends: Ends,
    people: People,
    register: Register,
    villages: Villages,
    officers: Officers,
    seed: int,
) -> pd.DataFrame:
    """The table `loans`: a row per note that was open in the span or granted in it."""
    rng = stream(seed, "loans_table")
    slot, n = notes.slot, len(notes)
    household = slots.household[slot]
    kind = slots.organisation[slot]
    contract = slot * 10 + (notes.granted.astype("datetime64[Y]").astype(int) - 49) // 3
    ids = note_ids(notes)
    owner = people.business[household] >= 0
    online = slots.plan[slot] == 4
    product = np.select(
        [slots.guarantee[slot] == 3, online, owner], ["startup", "online_quick", "business_operating"], "farmer_micro"
    )
    organisation = np.array([f"G{i + 1:06d}" for i in range(len(slots))], dtype=object)
    purpose = np.where(
        owner, rng.choice([2, 3, 4, 5], n), rng.choice([0, 1, 3, 4, 5], n, p=(0.45, 0.2, 0.1, 0.15, 0.1))
    )
    ring = slots.ring[slot]
    renews, renewed = notes.renews >= 0, np.maximum(notes.renews, 0)
    limit = np.ceil(slots.amount[slot] / 10_000) * 10_000
    columns = {
        "note_id": ids,
        "contract_id": np.array([f"C{c:07d}" for c in contract], dtype=object),
        "line_id": np.array([f"L{s + 1:06d}" for s in slot], dtype=object),
        "line_limit": limit,
        "line_valid_to": np.datetime64("2022-01-01") + 1096 * (contract % 10) - 1,
        "borrower_id": np.where(kind == 0, register.head_id[household], organisation[slot]),
        "borrower_kind": np.array(ORGANISATIONS, dtype=object)[kind],
        "household_id": only_where(kind != 4, register.household_id[household]),
        "branch": villages.branch[slots.village[slot]],
        "officer_granted": officers.names[notes.officer],
        "officer_now": officers.names[officers.later[slots.village[slot]]],
        "product": product,
        "granted_on": notes.granted,
        "due_on": notes.due,
        "amount": slots.amount[slot],
        "rate": ends.rate,
        "plan": np.array(PLANS, dtype=object)[slots.plan[slot]],
        "guarantee": np.array(GUARANTEES, dtype=object)[slots.guarantee[slot]],
        "purpose": np.array(PURPOSES, dtype=object)[np.where(ring, 2, purpose)],
        "channel": np.where(online, rng.choice(CHANNELS[2:], n), rng.choice(CHANNELS, n, p=(0.62, 0.18, 0.12, 0.08))),
        "renewed_from": only_where(renews & open_in_span(notes)[renewed], ids[renewed]),
    }
    frame = table("loans", columns, notes.granted, notes.granted + 1, "bank")
    return frame[open_in_span(notes)].reset_index(drop=True)


def open_in_span(notes: Notes) -> np.ndarray:
    """Notes that are on the book at one month end of the span at least, or granted in it."""
    return ~(notes.closed <= month_end(FIRST)) | (notes.granted >= FIRST.astype("datetime64[D]"))


def loan_months_table(notes: Notes, slots: Slots, ends: Ends, late_payments: LatePayments, seed: int) -> pd.DataFrame:
    """The table `loan_months`: a row per note and month end while it is open, and a year after it left the book."""
    note, month, first_row = _grid(notes, ends)
    t = month_end(month)
    dpd, overdue = _days_past_due(notes, late_payments, note, month, first_row, t)
    principal, share_due = _balance(notes, slots, ends, note, month, t)
    off = (t >= ends.written_off[note]) | (t >= ends.transferred[note])
    written_off = t >= ends.written_off[note]
    overdue_principal = np.where(
        ~np.isnat(notes.onset[note]) & (t > notes.onset[note]),
        share_due,
        np.where(overdue, _instalment(notes, slots, principal, note, t), 0.0),
    )
    period = np.select([slots.plan[notes.slot[note]] == 2, slots.plan[notes.slot[note]] == 3], [91, 330], 30)
    interest = np.round(np.where(dpd > 0, principal * ends.rate[note] * (dpd + period) / 360, 0.0), 0)
    back = (month == ends.recovered_on[note].astype("datetime64[M]")) & off
    recovered = np.round(np.where(back, principal * ends.recovered_share[note], 0.0), 0)
    after = written_off & (t >= ends.recovered_on[note])
    extended = notes.extended[note] & (t > notes.due[note])
    restructured = t >= ends.restructured[note]
    columns = {
        "note_id": note_ids(notes)[note],
        "month_end": t,
        "balance": np.where(off, 0.0, principal),
        "overdue_principal": np.where(off, 0.0, np.round(overdue_principal, 0)),
        "overdue_interest": np.where(off, 0.0, interest),
        "dpd": dpd,
        "class5": CLASS[_classes(dpd, t, extended, restructured, off, ends.judged[note])],
        "extended": extended,
        "restructured": restructured,
        "written_off": written_off,
        "transferred": t >= ends.transferred[note],
        "written_off_balance": np.where(
            written_off, principal - np.where(after, np.round(principal * ends.recovered_share[note], 0), 0), 0.0
        ),
        "recovered": recovered,
    }
    rng = stream(seed, "loan_months_table")
    closing = rng.integers(2, 5, len(np.unique(month)))
    return table("loan_months", columns, t, t + closing[(month - FIRST).astype(int)], "bank")


def _grid(notes: Notes, ends: Ends) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Note and month of every row, and the first row of each note less its first month."""
    first = np.maximum(notes.granted.astype("datetime64[M]"), FIRST)
    last = np.where(np.isnat(notes.closed), LAST, notes.closed.astype("datetime64[M]") - 1)
    left = np.where(np.isnat(ends.written_off), ends.transferred, ends.written_off).astype("datetime64[M]")
    last = np.where(np.isnat(left), last, np.minimum(last, left + 11))
    last = np.minimum(last, LAST)
    count = np.maximum((last - first).astype(int) + 1, 0)
    note = np.repeat(np.arange(len(notes)), count)
    start = np.cumsum(count) - count
    month = first[note] + (np.arange(len(note)) - start[note])
    return note, month, start - (first - FIRST).astype(int)


def _days_past_due(
    notes: Notes, late: LatePayments, note: np.ndarray, month: np.ndarray, first_row: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Days past due of each row, and whether principal of a late payment is open."""
    serious = np.where(t > notes.onset[note], (t - notes.onset[note]).astype(int), 0)
    dpd, principal = serious.copy(), np.zeros(len(note), dtype=bool)
    for step in range(3):  # a payment at most 80 days late is open at three month ends at most
        when = month_end(late.due.astype("datetime64[M]") + step)
        open_then = (
            (late.due < when) & (when < late.due + late.days) & (when >= month_end(FIRST)) & (when <= month_end(LAST))
        )
        which = np.flatnonzero(open_then)
        row = first_row[late.note[which]] + (when[which].astype("datetime64[M]") - FIRST).astype(int)
        inside = (row >= 0) & (row < len(note))
        which, row = which[inside], row[inside]
        same = (note[row] == late.note[which]) & (t[row] == when[which])
        which, row = which[same], row[same]
        np.maximum.at(dpd, row, (when[which] - late.due[which]).astype(int))
        np.logical_or.at(principal, row, late.principal[which])
    return dpd, principal


def _balance(
    notes: Notes, slots: Slots, ends: Ends, note: np.ndarray, month: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Principal outstanding, and the part of it that is overdue once a note has failed."""
    amount = slots.amount[notes.slot[note]] * ends.drawn[note]
    granted, due = notes.granted[note].astype("datetime64[M]"), notes.due[note].astype("datetime64[M]")
    total = np.maximum((due - granted).astype(int), 1)
    failed = ~np.isnat(notes.onset[note])
    last_paid = np.where(failed, notes.onset[note].astype("datetime64[M]") - 1, month)
    paid = np.clip((np.minimum(month, last_paid) - granted).astype(int), 0, total - 1)
    fallen = np.clip((month - granted).astype(int), 0, total)
    instal = slots.plan[notes.slot[note]] == 0
    principal = np.where(instal, np.round(amount * (1 - paid / total), 0), amount)
    missed = np.where(instal, amount * np.maximum(fallen - paid, 0) / total, np.where(t > notes.due[note], amount, 0.0))
    return principal, np.minimum(missed, principal)


def _instalment(notes: Notes, slots: Slots, principal: np.ndarray, note: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Principal that a late payment leaves open: one instalment, or all of it after maturity."""
    months = np.maximum(
        (notes.due[note].astype("datetime64[M]") - notes.granted[note].astype("datetime64[M]")).astype(int), 1
    )
    one = slots.amount[notes.slot[note]] / months
    return np.where(t > notes.due[note], principal, np.minimum(one, principal))


def _classes(
    dpd: np.ndarray, t: np.ndarray, extended: np.ndarray, restructured: np.ndarray, off: np.ndarray, judged: np.ndarray
) -> np.ndarray:
    """The five classes: overdue at least special mention, over 90 days substandard, over 270 doubtful, over 360 loss.

    Before the rule of 1 July 2023 the bank called a note doubtful after 360 days and a loss after 540.
    """
    new = t >= RULE_2023
    doubtful, loss = np.where(new, 270, 360), np.where(new, 360, 540)
    level = (dpd > 0).astype(int) + (dpd > 90) + (dpd > doubtful) + (dpd > loss)
    level = np.maximum(level, (extended | judged).astype(int))
    level = np.maximum(level, 2 * restructured)
    return np.where(off, 4, level)


def control_totals_table(loan_months: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table `control_totals`, and the truth about the differences planted in it."""
    on_book = (loan_months["written_off"] == 0) & (loan_months["transferred"] == 0)
    months = np.unique(loan_months["month_end"].to_numpy())
    grid = pd.MultiIndex.from_product([months, CLASS], names=["month_end", "class5"])
    grouped = loan_months[on_book].groupby(["month_end", "class5"], observed=True)["balance"]
    totals = grouped.agg(notes="size", balance="sum").reindex(grid, fill_value=0).reset_index()
    planted = pd.DataFrame(
        [
            ("2021-09-30", "normal", 2, 80_000, "two notes of another branch were booked twice"),
            ("2023-03-31", "special_mention", 1, 50_000, "one note was classed lower in the ledger"),
            ("2023-03-31", "substandard", -1, -50_000, "one note was classed lower in the ledger"),
            ("2024-06-30", "normal", 0, 12_345, "a repayment was booked after the month end"),
        ],
        columns=["month_end", "class5", "notes", "balance", "why"],
    )
    planted["month_end"] = planted["month_end"].astype("datetime64[us]")
    found = totals.reset_index().merge(planted, on=["month_end", "class5"], suffixes=("", "_more"))
    rows = found["index"].to_numpy()
    totals.loc[rows, "notes"] += found["notes_more"].to_numpy()
    totals.loc[rows, "balance"] += found["balance_more"].to_numpy()
    bad = totals["class5"].isin(CLASS[2:]).to_numpy()
    t = totals["month_end"].to_numpy().astype("datetime64[D]")
    columns = {
        "month_end": t,
        "class5": totals["class5"].to_numpy(dtype=object),
        "notes": totals["notes"].to_numpy(),
        "balance": totals["balance"].to_numpy(),
        "npl_balance": np.where(bad, totals["balance"].to_numpy(), 0),
    }
    return table("control_totals", columns, t, t + 8, "bank"), planted


def guarantees_table(notes: Notes, slots: Slots, register: Register, seed: int) -> pd.DataFrame:
    """The table `guarantees`: every other member of a joint group, and a surety for some other notes."""
    rng = stream(seed, "guarantees_table")
    used = np.flatnonzero(open_in_span(notes))
    group = slots.group[notes.slot[used]]
    joint = used[group >= 0]
    members = pd.DataFrame({"group": slots.group, "household": slots.household}).query("group >= 0")
    pairs = pd.DataFrame({"note": joint, "group": slots.group[notes.slot[joint]]}).merge(members, on="group")
    own = slots.household[notes.slot[pairs["note"]]]
    pairs = pairs[own != pairs["household"].to_numpy()]
    asked = rng.random(len(slots)) < 0.12
    alone = used[(group < 0) & asked[notes.slot[used]]]
    ring = np.flatnonzero(slots.ring)
    surety = _sureties(slots, rng)
    ring_notes = used[slots.ring[notes.slot[used]]]
    # one household of the same villages stands surety for the whole ring
    one = slots.household[ring[0]] + 1 if len(ring) else 0
    note = np.concatenate([pairs["note"].to_numpy(), alone, ring_notes])
    household = np.concatenate(
        [pairs["household"].to_numpy(), surety[notes.slot[alone]], np.full(len(ring_notes), one)]
    )
    kind = np.repeat(["joint", "surety"], [len(pairs), len(alone) + len(ring_notes)])
    frame = pd.DataFrame({"note": note, "household": household, "kind": kind})
    frame = frame.drop_duplicates(["note", "household"]).sort_values(["note", "household"], kind="stable")
    note, household = frame["note"].to_numpy(), frame["household"].to_numpy()
    columns = {
        "note_id": note_ids(notes)[note],
        "household_id": register.household_id[household],
        "kind": frame["kind"].to_numpy(dtype=object),
        "guaranteed_from": notes.granted[note],
        "guaranteed_to": notes.due[note] + 730,
    }
    return table("guarantees", columns, notes.granted[note], notes.granted[note] + 1, "bank")


def _sureties(slots: Slots, rng: np.random.Generator) -> np.ndarray:
    """A household near each borrower's, never its own."""
    step = rng.integers(1, 8, len(slots))
    top = slots.household.max()
    return np.where(slots.household + step <= top, slots.household + step, slots.household - step)


def applications_table(
    notes: Notes, slots: Slots, demand: Demand, register: Register, loans: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """The table `applications`: the first note of each contract, and the applications that led to none."""
    rng = stream(seed, "applications_table")
    first = loans.drop_duplicates("contract_id")
    first = first[first["household_id"].notna() & (first["granted_on"] >= pd.Timestamp("2019-06-01"))]
    refused = np.flatnonzero(demand.asks & ~demand.granted)
    times = rng.integers(1, 3, len(refused))
    who = np.repeat(refused, times)
    n, m = len(first), len(who)
    applied = np.datetime64("2020-01-05") + rng.integers(0, 1850, m)
    granted_on = first["granted_on"].to_numpy().astype("datetime64[D]")
    all_applied = np.concatenate([granted_on - rng.integers(3, 25, n), applied])
    decided = np.concatenate([granted_on - 1, applied + rng.integers(2, 20, m)])
    withdrawn = rng.random(m) < 0.12
    reasons = rng.choice(["score", "debt_elsewhere", "officer_view", "no_guarantor"], m, p=(0.4, 0.2, 0.25, 0.15))
    blank = np.full(n, None, dtype=object)
    parts = {
        "household_id": (first["household_id"], register.household_id[who]),
        "channel": (first["channel"], rng.choice(CHANNELS, m, p=(0.5, 0.12, 0.2, 0.18))),
        "product": (first["product"], rng.choice(["farmer_micro", "business_operating", "online_quick"], m)),
        "amount": (first["line_limit"], rng.integers(2, 31, m) * 10_000),
        "decision": (np.full(n, "granted", dtype=object), np.where(withdrawn, "withdrawn", "refused")),
        "reason": (blank, only_where(~withdrawn, reasons)),
        "note_id": (first["note_id"], np.full(m, None, dtype=object)),
    }
    columns = {
        k: np.concatenate([np.asarray(a, dtype=object), np.asarray(b, dtype=object)]) for k, (a, b) in parts.items()
    }
    order = np.argsort(all_applied, kind="stable")
    columns = {k: v[order] for k, v in columns.items()}
    columns |= {
        "application_id": np.array([f"A{i + 1:06d}" for i in range(n + m)], dtype=object),
        "applied_on": all_applied[order],
        "decided_on": decided[order],
    }
    return table("applications", columns, all_applied[order], all_applied[order] + 1, "bank")
