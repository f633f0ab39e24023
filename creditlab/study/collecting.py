"""Coverage of a county and what to collect next: who has been reached, what the gaps cost the score, where to go first.

The study calls `county_collection` with the card that it has; `collect` makes the card first, for a bank that wants
only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from creditlab.config import StudyConfig
from creditlab.data import County
from creditlab.features import Coverage, coverage_of, make_features
from creditlab.loans import performance_sample
from creditlab.study.collection import CollectionLedger, collection_ledger
from creditlab.study.crossfit import CrossFit, cross_explain
from creditlab.study.frame import ModellingFrame, modelling_frame
from creditlab.study.observation import observation_dates
from creditlab.study.steps import Progress, new_card, silent
from creditlab.study.worth import source_worth

#: what a card needs
_NEEDED = ("households", "villages", "loans", "loan_months")


@dataclass(frozen=True)
class Collection:
    """Coverage at a date, and the ledger of what to collect next; None, with the reason, where no card can be made."""

    coverage: Coverage
    ledger: CollectionLedger | None
    reason: str = ""

    def tables(self) -> dict[str, pd.DataFrame]:
        """What is written: by village and source, by port, and of the ledger by household, village and source."""
        named = {"coverage": self.coverage.tidy(), "coverage_ports": self.coverage.ports}
        if self.ledger is None:
            return named
        named |= {"collect": self.ledger.tidy(), "collect_villages": self.ledger.villages()}
        worth = {} if self.ledger.worth is None else {"collect_worth": self.ledger.worth.tidy()}
        return named | worth


def county_collection(
    county: County, card: Any, fit: CrossFit, data: ModellingFrame, *, as_of: Any = None,
    costs: Mapping[str, float] | None = None, level: float = 0.9,
) -> Collection:  # fmt: skip
    """Coverage and ledger of all households of the census, with a card that was fitted and cross-fitted on `data`.

    Parameters
    ----------
    as_of : the day; None takes the end of the book, because what is lacking today is to be collected.
    costs : see `collection_ledger`. level : of the intervals.
    """
    file = county.household_file(as_of or county.last_month())
    made = make_features(file)
    covered = coverage_of(file, made)
    worth = source_worth(fit, data, level)
    return Collection(covered, collection_ledger(file, card, made, covered, worth=worth, costs=costs))


def collect(
    county: County, config: StudyConfig | None = None, *, as_of: Any = None,
    costs: Mapping[str, float] | None = None, progress: Progress = silent,
) -> Collection:  # fmt: skip
    """Coverage of a county at a day, and what to collect next by a behaviour card fitted on its own loan book.

    Parameters
    ----------
    county : as read. config : the study's settings. as_of : the day; None takes the end of the book.
    costs : what an action or a source costs, see `collection_ledger`.
    progress : called with (zh, en) before each step.

    Returns
    -------
    Collection : without a loan book its ledger is None and its `reason` says so.
    """
    settings = config or StudyConfig()
    county = county.in_villages_of(county.last_known())
    lacking = [t for t in _NEEDED if t not in county.tables]
    progress("采集覆盖", "coverage")
    if lacking:
        file = county.household_file(as_of or county.last_known())
        return Collection(coverage_of(file), None, f"no card without {', '.join(lacking)} 缺少台账，无法评分")
    dates = observation_dates(county.tables["loan_months"].frame["month_end"], settings)
    sample = performance_sample(county, as_of=dates, bad=settings.bad())
    progress("观察日特征", "features at the observation dates")
    data = modelling_frame(county, sample, card="behaviour")
    card = new_card(settings, data.special, data.dictionary)
    progress("按村交叉拟合", "cross-fit by village")
    fit = cross_explain(card, data.X, data.y, data.village, folds=settings.folds, seed=settings.seed)
    card = card.fit(data.X, data.y, groups=data.village)
    progress("采集台账", "ledger of what to collect")
    return county_collection(county, card, fit, data, as_of=as_of, costs=costs, level=settings.level)
