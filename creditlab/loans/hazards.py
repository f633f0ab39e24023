"""The discrete-time hazard of going bad: month by month after the grant, with an effect of the village.

It uses vintages that are not yet mature, as far as they go, and gives a PD at any horizon. A note can go bad only in
months in which its plan lets arrears show; the month in which the principal can first show them is a level of its own.
Notes that were paid stay among those at risk to the end of their window (a subdistribution hazard), so that the
chance of being paid needs no model: the PD of a note from its grant is 1 - Π(1 - hazard).

J. Fine, R. Gray, Journal of the American Statistical Association 94 (1999) 496-509, for the subdistribution;
R. Prentice, L. Gloeckler, Biometrics 34 (1978) 57-67, for the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_date, check_level
from creditlab.errors import InputError, message
from creditlab.loans.bad import Bad
from creditlab.loans.book import LoanBook, loan_book, month_number
from creditlab.loans.calendars import payment_schedule
from creditlab.loans.hits import NEVER, days_past_due, first_month
from creditlab.loans.mixed import NODES, MixedFit, fit_mixed
from creditlab.loans.shares import LEVEL, ratio
from creditlab.results import Result, Stamp, digest

#: fewest events for a level of its own
FEWEST = 10
#: (zh, en) of the phases of a note's life
PHASES = {
    "before": ("本金尚不能显示逾期", "the principal cannot show the arrears yet"),
    "payment": ("同上，季度结息后可显示之月", "the same, in a month in which quarterly interest can"),
    "first": ("本金首次可显示之月", "the first month in which the principal can"),
    "second": ("次月", "the month after"),
    "later": ("更晚", "later"),
}
_PHASES = tuple(PHASES)
_OTHER, _ANY = "other plans", "any plan"
#: (zh, en) of the kinds of repayment plans
KIND_LABELS = {
    "instalments": ("分期", "instalments"),
    "interest": ("按期付息到期还本", "interest, principal at the end"),
    "once": ("到期一次还本付息", "repaid once"),
    "revolving": ("循环", "revolving"),
    "unknown": ("方式未知", "plan unknown"),
    _OTHER: ("其他方式", _OTHER),
    _ANY: ("各方式", _ANY),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class HazardModel(Result):
    """A row per coefficient: term level reference zh en estimate se lo hi months events reason; log of the hazard.

    `villages` has a row per village: village_id notes events effect se lo hi ratio (times the hazard of an average
    village). `levels` says which plans and phases share a baseline level; `still_open`, by kind of plan and months
    since the due date, which share of the notes that are not bad is not yet paid: an open note carries the risk of
    the paid ones. Facts: sigma, the standard deviation of the village effects, and log-likelihoods with and without
    them.
    """

    title: ClassVar[str] = "Discrete-time hazard 离散时间风险率"
    plots: ClassVar[str] = "loans"

    villages: pd.DataFrame
    levels: pd.DataFrame
    still_open: pd.DataFrame
    fit: MixedFit
    spec: dict[str, Any]

    def predict(
        self, source: Any, as_of: Any, horizon: int | str = "maturity", level: float | None = None
    ) -> pd.DataFrame:
        """The PD of every open note that is not bad, from a date to a horizon: note_id household_id village_id pd lo
        hi.

        Parameters
        ----------
        source : the book, a `County` or a mapping of frames; only what stands at the date is used.
        as_of : the date.
        horizon : months ahead, or 'maturity': to the end of the window after the due date.
        level : level of the interval, which carries the uncertainty of the village's effect; the model's by default.

        A village that the model has not seen has the average effect and the interval of a new village.
        """
        return _predict(self, loan_book(source), as_of, horizon, self.spec["level"] if level is None else level)

    def predict_households(self, source: Any, as_of: Any, horizon: int | str = "maturity") -> pd.DataFrame:
        """The PD that at least one note of a household goes bad: household_id village_id notes pd.

        Notes of one household are taken as independent given its village.
        """
        notes = self.predict(source, as_of, horizon)
        safe = np.log1p(-np.minimum(notes["pd"], 1 - 1e-12))
        grouped = notes.assign(safe=safe).groupby("household_id", as_index=False)
        table = grouped.agg(village_id=("village_id", "last"), notes=("safe", "size"), safe=("safe", "sum"))
        return table.assign(pd=-np.expm1(table["safe"])).drop(columns="safe")


def hazard_model(
    source: Any,
    *,
    until: Any = None,
    bad: Bad | None = None,
    covariates: Sequence[str] | pd.DataFrame = ("product", "guarantee"),
    level: float = LEVEL,
) -> HazardModel:
    """Fit the hazard on the loan-months of a book.

    Parameters
    ----------
    source : a `County`, a mapping of frames, or a `LoanBook`.
    until : the last day that may be seen; the whole book by default.
    bad : days past due, of what, and the window after the due date to which a note is followed (by maturity).
    covariates : columns of the notes that were known at the grant, or a frame with the index `note_id`; text becomes
        levels against the most frequent one, numbers are scaled to mean 0 and standard deviation 1. A column that the
        plan or the others already tell is left out and said to be.
    level : level of the intervals.

    Notes granted before the tape begins are left out.

    Raises
    ------
    InputError : a window in months, an unknown covariate, or no bad note. FitError : no maximum was found.
    """
    book = loan_book(source)
    book = book if until is None else book.until(until)
    bad = bad or Bad(unit="note")
    check_level(level)
    if bad.days_after_due is None:
        raise InputError(
            message("a window by maturity", repr(bad.window), "hazard_model", "Use Bad(window='maturity+120d').")
        )
    life = note_life(book, bad)
    rows = np.flatnonzero((book.granted >= book.first) & life["known"].to_numpy())
    risk = _months_at_risk(life, rows, life["first"].to_numpy()[rows], np.minimum(life["event"], book.last)[rows])
    if not risk["event"].any():
        raise InputError(message("at least one bad note", "none", "hazard_model", "Bring a longer book."))
    levels = _levels(risk)
    coding = _Coding.of(_covariates(book, covariates), np.unique(risk["note"]))
    names, place = _villages(book)
    cells = _Pooled.of(risk, levels, coding, place)
    fit = fit_mixed(cells.x, cells.events, cells.trials, cells.group)
    spec = {"bad": bad.to_dict(), "level": level, "coding": coding.to_dict(), "kept": cells.kept.tolist()}
    return HazardModel(
        table=_coefficients(fit, cells, coding, level),
        villages=_effects(fit, names, risk, place, level),
        levels=levels,
        still_open=_still_open(book, life, rows),
        fit=fit,
        spec=spec,
        stamp=Stamp(inputs=book.digest, spec=digest(spec)),
        facts={
            "notes": len(rows),
            "loan-months": len(risk["note"]),
            "events": int(risk["event"].sum()),
            "villages": len(names),
            "sigma": fit.sigma,
            "log_likelihood": fit.log_likelihood,
            "log_likelihood_without_villages": fit.log_likelihood_without,
            "p_value of villages": _p_value(fit),
        },
    )


def _p_value(fit: MixedFit) -> float:
    """Likelihood ratio of σ > 0, at the edge of its range: half of chi-square with one degree of freedom."""
    from scipy.stats import chi2

    return float(0.5 * chi2.sf(max(0.0, 2 * (fit.log_likelihood - fit.log_likelihood_without)), 1))


# --- the life of a note --------------------------------------------------------------------------------------------


def note_life(book: LoanBook, bad: Bad) -> pd.DataFrame:
    """Per note: the first month in which it can go bad, the first in which its principal can, the last, and its
    event."""
    schedule = payment_schedule(book)
    due = book.notes["due_on"]
    earliest = schedule["first_principal"] if bad.of == "principal" else schedule["first_interest"]
    days = pd.Timedelta(days=bad.dpd)
    hit = (days_past_due(book, bad.of) >= bad.dpd) | book.months["written_off"].to_numpy()
    event = first_month(book, hit)
    last = month_number(due + pd.Timedelta(days=bad.days_after_due or 0))
    event = np.where(event <= last, event, NEVER)
    return pd.DataFrame(
        {
            # what happened could happen, whatever the schedule says
            "first": np.minimum(month_number(earliest + days), event),
            "principal": month_number(due + days),
            "due": month_number(due),
            "last": last,
            "event": event,
            "kind": schedule["kind"],
            "interval": schedule["interval"],
            "known": due.notna() & book.notes["granted_on"].notna(),
        }
    )


def _months_at_risk(life: pd.DataFrame, rows: np.ndarray, first: Any, end: Any) -> dict[str, np.ndarray]:
    """A row per note and month at risk: note, month, event and the phase of its life.

    A note is at risk from `first` to `end`, or to the end of its window; interest due at a quarter's end shows its days
    a quarter later.
    """
    begin = np.asarray(first, dtype=np.int64)
    stop = np.minimum(np.asarray(end, dtype=np.int64), life["last"].to_numpy()[rows])
    count = np.maximum(stop - begin + 1, 0)
    note = np.repeat(rows, count)
    month = np.arange(len(note)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    since = month - life["principal"].to_numpy()[note]
    quarterly = (life["interval"].to_numpy()[note] == 3) & (month % 3 == 2)
    before = np.where(quarterly, _PHASES.index("payment"), _PHASES.index("before"))
    phase = np.where(since < 0, before, np.minimum(since, 2) + _PHASES.index("first"))
    kinds = pd.factorize(life["kind"], sort=True)
    return {
        "note": note,
        "month": month,
        "event": (month == life["event"].to_numpy()[note]).astype(np.int8),
        "phase": phase,
        "kind": kinds[0][note],
        "kinds": np.asarray(kinds[1], dtype=object),
    }


def _levels(risk: dict[str, np.ndarray]) -> pd.DataFrame:
    """A row per kind of plan and phase, and per phase for plans not seen: kind phase months events level log_rate.

    Those with fewer than ten events share a level by phase. A level without any event shows no risk and is not fitted;
    a plan that was not seen takes the rate of its phase over all plans.
    """
    width = len(_PHASES)
    key = risk["kind"] * width + risk["phase"]
    size = len(risk["kinds"]) * width
    months, events = np.bincount(key, minlength=size), np.bincount(key, risk["event"], minlength=size).astype(int)
    frame = pd.DataFrame(
        {
            "kind": np.repeat(risk["kinds"], width),
            "phase": np.tile(np.array(_PHASES, dtype=object), len(risk["kinds"])),
            "months": months,
            "events": events,
        }
    )
    own = frame["kind"] + " · " + frame["phase"]
    frame["level"] = np.where(frame["events"] >= FEWEST, own, _OTHER + " · " + frame["phase"])
    every = frame.groupby("phase", as_index=False)[["months", "events"]].sum().assign(kind="")
    every["level"] = _ANY + " · " + every["phase"]
    table = pd.concat([frame, every], ignore_index=True).astype({"kind": "str", "phase": "str", "level": "str"})
    with np.errstate(divide="ignore"):
        return table.assign(log_rate=np.log(-np.log1p(-ratio(table["events"], table["months"] + 1e-9))))


def _level_of(levels: pd.DataFrame, risk: dict[str, np.ndarray]) -> np.ndarray:
    """The level of each row; a plan that the model has not seen takes the level of its phase."""
    known = {(row.kind, row.phase): row.level for row in levels.itertuples()}
    names = [[known.get((str(kind), phase), f"{_ANY} · {phase}") for phase in _PHASES] for kind in risk["kinds"]]
    return np.array(names, dtype=object)[risk["kind"], risk["phase"]]


def _still_open(book: LoanBook, life: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Of the notes that are not bad, the share not yet paid, by kind and months since the due date (-1: before it)."""
    seen = _months_at_risk(life, rows, book.granted[rows] + 1, np.minimum(life["event"] - 1, book.last)[rows])
    lowest = book.first
    width = book.last - lowest + 2
    grid = np.zeros(len(book.notes) * width, dtype=bool)
    on = book.on_book
    grid[book.months["note"].to_numpy()[on].astype(np.int64) * width + book.months["month"].to_numpy()[on] - lowest] = (
        True
    )
    is_open = grid[seen["note"] * width + seen["month"] - lowest]
    since = np.clip(seen["month"] - life["due"].to_numpy()[seen["note"]], -1, 12)
    frame = pd.DataFrame({"kind": seen["kinds"][seen["kind"]], "since_due": since, "open": is_open})
    table = frame.groupby(["kind", "since_due"], as_index=False)["open"].agg(months="size", open="sum")
    return table.assign(share=ratio(table["open"], table["months"]))


# --- design --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Coding:
    """How covariates become columns: a row per column (term level reference), and centre and scale of numbers."""

    terms: tuple[tuple[str, str, str], ...]
    scales: dict[str, tuple[float, float]]
    frame: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame, used: np.ndarray) -> _Coding:
        terms, scales = [], {}
        for name in frame:
            values = frame[name].iloc[used]
            if pd.api.types.is_numeric_dtype(values.dtype):
                spread = float(values.std())
                scales[str(name)] = (float(values.mean()), spread if spread > 0 else 1.0)
                terms.append((str(name), "+1 sd", "mean"))
            else:
                counts = values.astype("str").fillna("(none)").value_counts().sort_index().sort_values(
                    ascending=False, kind="stable"
                )  # fmt: skip
                terms += [(str(name), str(v), str(counts.index[0])) for v in sorted(counts.index[1:])]
        return cls(tuple(terms), scales, frame)

    def columns(self, frame: pd.DataFrame) -> np.ndarray:
        """The columns of a frame with the same covariates; an unknown word is the reference, a missing number the
        mean."""
        made = []
        for name, value, _ in self.terms:
            if name in self.scales:
                centre, scale = self.scales[name]
                made.append(((frame[name].astype(float) - centre) / scale).fillna(0.0).to_numpy())
            else:
                made.append((frame[name].astype("str").fillna("(none)") == value).to_numpy(dtype=float))
        return np.column_stack(made) if made else np.zeros((len(frame), 0))

    def to_dict(self) -> dict[str, Any]:
        return {"terms": [list(t) for t in self.terms], "scales": {k: list(v) for k, v in self.scales.items()}}


def _covariates(book: LoanBook, covariates: Sequence[str] | pd.DataFrame) -> pd.DataFrame:
    if isinstance(covariates, pd.DataFrame):
        aligned = covariates.reindex(book.notes["note_id"]).reset_index(drop=True)
        if not covariates.index.isin(book.notes["note_id"]).any():
            raise InputError(
                message("a frame with the index note_id", "no note that matches", "covariates", "Set the index.")
            )
        return aligned
    check_columns(book.notes, covariates, "covariates")
    return book.notes[list(covariates)].reset_index(drop=True)


def _villages(book: LoanBook) -> tuple[list[str], np.ndarray]:
    """The names of the villages, and the number of each note's; notes without a village are one group."""
    values = book.notes["village_id"].astype("str").fillna("(none)").to_numpy(dtype=object).astype(str)
    names, place = np.unique(values, return_inverse=True)
    return [str(n) for n in names], place.astype(np.int64)


@dataclass(frozen=True)
class _Pooled:
    """Rows that are alike, added up: design, events, trials, village; the levels fitted, the covariates kept."""

    x: np.ndarray
    events: np.ndarray
    trials: np.ndarray
    group: np.ndarray
    levels: list[str]
    kept: np.ndarray

    @classmethod
    def of(cls, risk: dict[str, np.ndarray], levels: pd.DataFrame, coding: _Coding, place: np.ndarray) -> _Pooled:
        of_row = _level_of(levels, risk)
        names, level = np.unique(of_row.astype(str), return_inverse=True)
        with_event = np.bincount(level, risk["event"], minlength=len(names)) > 0
        fitted = [str(n) for n in names[with_event]]
        number = np.cumsum(with_event) - 1
        rows = with_event[level]
        patterns, pattern = np.unique(coding.columns(coding.frame), axis=0, return_inverse=True)
        note = risk["note"][rows]
        key = np.column_stack([number[level[rows]], place[note], pattern.reshape(-1)[note]])
        cells, cell = np.unique(key, axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        trials = np.bincount(cell)
        events = np.bincount(cell, risk["event"][rows], minlength=len(cells))
        base = np.eye(len(fitted))[cells[:, 0]]
        extra = patterns[cells[:, 2]]
        kept = _independent(base, extra, trials)
        return cls(np.column_stack([base, extra[:, kept]]), events, trials, cells[:, 1], fitted, kept)


def _independent(base: np.ndarray, extra: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Which of the extra columns are no linear combination of those before them, in the data at hand."""
    root = np.sqrt(weight)[:, None]
    basis = np.linalg.qr(base * root)[0]
    kept = np.zeros(extra.shape[1], dtype=bool)
    for place in range(extra.shape[1]):
        column = extra[:, place] * root[:, 0]
        rest = column - basis @ (basis.T @ column)
        size = float(np.linalg.norm(rest))
        if size > 1e-6 * max(float(np.linalg.norm(column)), 1.0):
            kept[place] = True
            basis = np.column_stack([basis, rest / size])
    return kept


# --- what comes out ------------------------------------------------------------------------------------------------


def _coefficients(fit: MixedFit, cells: _Pooled, coding: _Coding, level: float) -> pd.DataFrame:
    from scipy.special import ndtri

    z = ndtri((1 + level) / 2)
    errors = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    rows: list[dict[str, Any]] = [{"term": "baseline", "level": n, "reference": ""} for n in cells.levels]
    rows += [
        {"term": t, "level": v, "reference": r}
        for (t, v, r), keep in zip(coding.terms, cells.kept, strict=True)
        if keep
    ]
    table = pd.DataFrame(rows).assign(estimate=fit.coefficients, se=errors)
    table = table.assign(lo=table["estimate"] - z * table["se"], hi=table["estimate"] + z * table["se"])
    x = cells.x > 0
    table["months"] = (x * cells.trials[:, None]).sum(axis=0).astype(int)
    table["events"] = (x * cells.events[:, None]).sum(axis=0).astype(int)
    aliased = [
        {"term": t, "level": v, "reference": r}
        for (t, v, r), keep in zip(coding.terms, cells.kept, strict=True)
        if not keep
    ]
    left_out = pd.DataFrame(aliased, columns=["term", "level", "reference"]).assign(
        reason="还款方式与其他变量已包含 the plan and the other covariates already tell it"
    )
    whole = pd.concat([table.assign(reason=""), left_out], ignore_index=True)
    labels = [_said(row.term, row.level) for row in whole.itertuples()]
    whole.insert(3, "zh", pd.Series([zh for zh, _ in labels], dtype="str"))
    whole.insert(4, "en", pd.Series([en for _, en in labels], dtype="str"))
    return whole


def _said(term: str, level: str) -> tuple[str, str]:
    """A coefficient in words: a baseline by its plan and phase, a covariate by its level."""
    kind, _, phase = level.partition(" · ")
    if term != "baseline" or phase not in PHASES:
        return f"{term}：{level}", f"{term}: {level}"
    zh, en = KIND_LABELS.get(kind, (kind, kind))
    return f"基准：{zh}，{PHASES[phase][0]}", f"baseline: {en}, {PHASES[phase][1]}"


def _effects(
    fit: MixedFit, names: list[str], risk: dict[str, np.ndarray], place: np.ndarray, level: float
) -> pd.DataFrame:
    from scipy.special import ndtri

    z = ndtri((1 + level) / 2)
    size = len(names)
    effects, errors = np.zeros(size), np.full(size, fit.sigma)
    effects[: len(fit.effects)], errors[: len(fit.effects)] = fit.effects, fit.effect_errors
    note = np.unique(risk["note"])
    table = pd.DataFrame(
        {
            "village_id": names,
            "notes": np.bincount(place[note], minlength=size),
            "months": np.bincount(place[risk["note"]], minlength=size),
            "events": np.bincount(place[risk["note"]], risk["event"], minlength=size).astype(int),
            "effect": effects,
            "se": errors,
        }
    )
    table = table.assign(lo=table["effect"] - z * table["se"], hi=table["effect"] + z * table["se"])
    return table.assign(ratio=np.exp(table["effect"]))


def _predict(model: HazardModel, book: LoanBook, as_of: Any, horizon: int | str, level: float) -> pd.DataFrame:
    """PDs of the open notes at a date."""
    day = check_date(as_of, "as_of")
    check_level(level)
    if horizon != "maturity" and (not isinstance(horizon, int) or isinstance(horizon, bool) or horizon < 1):
        raise InputError(message("months from 1 on, or 'maturity'", repr(horizon), "horizon", "12 is usual."))
    book = book.until(day)
    bad = Bad(**model.spec["bad"])
    now = day.year * 12 + day.month - 1 if day.is_month_end else day.year * 12 + day.month - 2
    life = note_life(book, bad)
    at = book.on_book & (book.months["month"].to_numpy() == now)
    note = book.months["note"].to_numpy()[at]
    note = note[(life["event"].to_numpy()[note] > now) & life["known"].to_numpy()[note]]
    # from today's view no event is known
    ahead = life.assign(event=NEVER)
    end = np.full(len(note), NEVER if horizon == "maturity" else now + int(horizon))
    risk = _months_at_risk(ahead, note, np.maximum(ahead["first"].to_numpy()[note], now + 1), end)
    rate = np.exp(_linear(model, book, risk))
    total = np.bincount(risk["note"], rate, minlength=len(book.notes))[note]
    effects = model.villages.set_index("village_id")[["effect", "se"]]
    village = book.notes["village_id"].iloc[note].astype("str").fillna("(none)")
    effect = village.map(effects["effect"]).fillna(0.0).to_numpy(dtype=float)
    error = village.map(effects["se"]).fillna(model.fit.sigma).to_numpy(dtype=float)
    prob, lo, hi = _averaged(total, effect, error, level)
    share = _open_share(model, life, note, now)
    return pd.DataFrame(
        {
            "note_id": book.notes["note_id"].iloc[note].to_numpy(),
            "household_id": book.notes["household_id"].iloc[note].to_numpy(),
            "village_id": book.notes["village_id"].iloc[note].to_numpy(),
            "pd": np.minimum(prob / share, 1.0),
            "lo": np.minimum(lo / share, 1.0),
            "hi": np.minimum(hi / share, 1.0),
        }
    )


def _linear(model: HazardModel, book: LoanBook, risk: dict[str, np.ndarray]) -> np.ndarray:
    """The log of the hazard rate of each row without its village; minus infinity for a level that shows no risk."""
    table = model.table
    base = table[table["term"] == "baseline"].set_index("level")["estimate"]
    unseen = model.levels[model.levels["kind"] == ""].set_index("level")["log_rate"]
    level = pd.Series(_level_of(model.levels, risk)).map(pd.concat([base, unseen])).to_numpy(dtype=float)
    coding = _Coding(
        tuple(tuple(t) for t in model.spec["coding"]["terms"]),
        {k: tuple(v) for k, v in model.spec["coding"]["scales"].items()},
        pd.DataFrame(),
    )
    names = list(dict.fromkeys(t[0] for t in coding.terms))
    slopes = model.fit.coefficients[len(base) :]
    columns = coding.columns(_covariates(book, names))[:, np.asarray(model.spec["kept"], dtype=bool)]
    return np.where(np.isnan(level), -np.inf, level) + (columns @ slopes)[risk["note"]]


def _averaged(total: np.ndarray, effect: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, ...]:
    """Mean and limits of 1 - exp(-total · e^u) for a normal village effect u."""
    from scipy.special import ndtri

    points, weights = np.polynomial.hermite.hermgauss(NODES)
    u = effect[:, None] + np.sqrt(2) * error[:, None] * points[None, :]
    prob = (-np.expm1(-total[:, None] * np.exp(u)) * weights[None, :]).sum(axis=1) / np.sqrt(np.pi)
    z = ndtri((1 + level) / 2)
    limits = [-np.expm1(-total * np.exp(effect + side * z * error)) for side in (-1, 1)]
    return prob, limits[0], limits[1]


def _open_share(model: HazardModel, life: pd.DataFrame, note: np.ndarray, now: int) -> np.ndarray:
    """The share of notes of the kind and age that are not bad and not yet paid; 1 where the model has seen too few."""
    table = model.still_open
    shares = {(r.kind, r.since_due): r.share for r in table[table["open"] >= FEWEST].itertuples()}
    since = np.clip(now - life["due"].to_numpy()[note], -1, 12)
    kinds = life["kind"].to_numpy()[note]
    return np.array([shares.get((kind, int(k)), 1.0) for kind, k in zip(kinds, since, strict=True)], dtype=float)
