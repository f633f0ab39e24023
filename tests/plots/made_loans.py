"""A small loan book with hostile names, and every figure of the loan book drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from creditlab import loans as ln
from creditlab.plots import loans
from tests.loans.made import random_tables
from tests.plots import made


@cache
def tables() -> dict[str, pd.DataFrame]:
    """A random book whose products, plans, villages, channels and cohorts bear hostile names here and there."""
    t = random_tables(50, notes=400, villages=5)
    t["loans"].loc[::3, "product"] = made.HOSTILE
    t["loans"].loc[::7, "plan"] = made.HOSTILE
    t["loans"].loc[::5, "guarantee"] = made.HOSTILE
    t["households"].loc[::4, "village_id"] = made.HOSTILE
    rng = np.random.default_rng(0)
    n = 300
    t["applications"] = pd.DataFrame(
        {
            "household_id": rng.choice(t["loans"]["household_id"], n),
            "channel": rng.choice(["branch", made.HOSTILE], n),
            "product": "p",
            "amount": rng.integers(1, 9, n),
            "applied_on": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 200, n), unit="D"),
            "decision": rng.choice(["granted", "refused"], n),
            "note_id": rng.choice(t["loans"]["note_id"], n),
        }
    )
    filed = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300, 60), unit="D")
    t["judgments"] = pd.DataFrame(
        {
            "household_id": rng.choice(t["loans"]["household_id"], 60),
            "court": rng.choice(["县法院", made.HOSTILE], 60),
            "filed_on": filed,
            "enforcement_on": filed + pd.to_timedelta(rng.integers(10, 200, 60), unit="D"),
            "closed_on": filed + pd.to_timedelta(rng.integers(200, 500, 60), unit="D"),
            "outcome": "paid",
            "amount": 100.0,
        }
    )
    return t


@cache
def book() -> ln.LoanBook:
    return ln.loan_book(tables())


@cache
def lab() -> ln.DefinitionLab:
    return ln.definition_lab(book(), "2024-01-31", dpds=(30, 90), windows=("12m", "maturity+120d"))


@cache
def class_counts() -> pd.DataFrame:
    """Of the five classes from month to month, without exits; the last bears a hostile name."""
    counts = ln.transitions(book(), states="class5").counts().iloc[:5, :5]
    return counts.rename(index={"loss": made.HOSTILE}, columns={"loss": made.HOSTILE})


@cache
def steps() -> ln.intensities.Generator:
    """Rates between three states of which the last, with a hostile name, is final."""
    prob = pd.DataFrame([[0.9, 0.08, 0.02], [0.3, 0.6, 0.1], [0.0, 0.0, 1.0]])
    names = ["normal", "loss", made.HOSTILE]
    counts = [[[180, 16, 4], [60, 120, 20], [0, 0, 0]], [[45, 4, 1], [15, 30, 5], [0, 0, 0]]]
    return ln.generator(prob.set_axis(names, axis=0).set_axis(names, axis=1), counts=counts)


@cache
def expected() -> ln.ExpectedLoss:
    model = ln.hazard_model(book(), covariates=["product"])
    return ln.expected_loss(model, ln.recoveries(book()), book(), "2024-06-30", month=6)


#: name → a call that draws it
DRAWN: dict[str, Callable[[], go.Figure]] = {
    "loans.npl": lambda: loans.npl(made.book()),
    "loans.reconciliation": lambda: loans.reconciliation(made.book()),
    "loans.ratios": lambda: ln.npl_ratios(book(), vintage_months=6).plot.ratios(),
    "loans.classes": lambda: ln.classify(book()).plot.classes(),
    "loans.flow": lambda: ln.npl_flow(book()).plot.flow(),
    "loans.transitions": lambda: ln.transitions(book(), "product").plot.transitions(made.HOSTILE),
    "loans.roll_rates": lambda: ln.roll_rates(ln.transitions(book(), "product")).plot.roll_rates(),
    "loans.generator": lambda: steps().plot.generator(),
    "loans.reached": lambda: steps().reached(["loss", made.HOSTILE]).plot.reached(),
    "loans.movement": lambda: ln.migration_statistics(class_counts()).plot.movement(),
    "loans.vintages": lambda: ln.vintage_curves(book(), "product", cohort="cohort_year").plot.vintages(),
    "loans.renewals": lambda: ln.renewals(book()).plot.renewals(),
    "loans.calendar": lambda: ln.calendar(book()).plot.calendar(),
    "loans.comparable": lambda: ln.comparable_arrears(book()).plot.comparable(),
    "loans.definition": lambda: lab().plot.definition(),
    "loans.come_back": lambda: lab().plot.come_back(),
    "loans.maturity": lambda: lab().plot.maturity(),
    "loans.waterfall": lambda: ln.performance_sample(book(), "2024-01-31").plot.waterfall(),
    "loans.hazard": lambda: ln.hazard_model(book(), covariates=["product"]).plot.hazard(),
    "loans.recoveries": lambda: ln.recoveries(book(), "guarantee").plot.recoveries(),
    "loans.enforcement": lambda: ln.enforcement(tables(), "court").plot.enforcement(),
    "loans.indicators": lambda: ln.indicators(
        ln.npl_ratios(book(), vintage_months=6), ln.migration(book(), "2023-06-30", "2024-06-30"), ln.npl_flow(book())
    ).plot.indicators(),
    "loans.migration": lambda: ln.migration(book(), "2023-06-30", "2024-06-30").plot.migration(),
    "loans.extensions": lambda: ln.extensions(book()).plot.extensions(),
    "loans.villages": lambda: ln.shrink(ln.transitions(book(), "village_id")).plot.villages(),
    "loans.expected_loss": lambda: expected().plot.expected_loss(),
    "loans.outcomes": lambda: ln.enforcement(tables(), "court").plot.outcomes(),
    "loans.structure": lambda: ln.book_structure(book()).plot.structure(),
    "loans.funnel": lambda: ln.channel_funnel(tables()).plot.funnel(),
    "loans.channels": lambda: ln.channel_funnel(tables()).plot.channels(),
}
