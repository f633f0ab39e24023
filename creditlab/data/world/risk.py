"""What makes a note go bad in the sample county: officers, years, distress, drought, interventions.

The log-odds that a note goes 90 days past due are the household's origin, what only the officer sees, the village, the
officer, the year, the household's distress in that year and, for maize in 2022, the drought. `Risk` adds them up; it
draws no defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from creditlab.data.world.people import People
from creditlab.data.world.streams import START, YEARS, stream
from creditlab.data.world.villages import CROPS, Villages

UNSEEN = -0.55  # what the officer knows speaks for the household
YEAR_EFFECT = np.array([0.0, 0.2, -0.1, 0.0, 0.1, 0.3, 0.3])
DROUGHT_YEAR, DROUGHT_CROP = 2022, "maize"
DROUGHT, DROUGHT_INSURED = 2.1, 0.9
BAD_OFFICER = 2.0
#: True effects of the measures on the log-odds, from the third month on; enforcement fades within a year.
MEASURES = {"seconded_cadre": -0.6, "financial_education": 0.0, "enforcement_drive": -0.35}
TARGET = 0.085
#: The month (since January 2019) in which the bad officer leaves.
LEAVES = 42


@dataclass(frozen=True)
class Officers:
    """The loan officers and who looks after which village: `main` before 2022, `later` after."""

    branch: np.ndarray
    effect: np.ndarray
    main: np.ndarray
    later: np.ndarray
    bad: int

    @property
    def names(self) -> np.ndarray:
        return np.array([f"O{i + 1:03d}" for i in range(len(self.branch))], dtype=object)


def make_officers(villages: Villages, seed: int) -> Officers:
    """About one officer per four villages; one of them, in three villages, lends badly and leaves in mid-2022."""
    rng = stream(seed, "officers")
    branches, place = np.unique(villages.branch.astype(str), return_inverse=True)
    staff = [max(2, int(np.sum(place == b)) // 4) for b in range(len(branches))]
    branch = np.repeat(np.arange(len(branches)), staff)
    first = np.cumsum(staff) - staff
    rank = np.array([np.sum(place[:i] == place[i]) for i in range(len(place))])
    main = first[place] + rank % np.array(staff)[place]
    later = np.where(rng.random(len(place)) < 0.3, first[place] + (rank + 1) % np.array(staff)[place], main)
    effect = rng.normal(0, 0.25, len(branch) + 1)
    bad = len(branch)  # an officer of his own, the last one
    home = villages.part == "officer"
    branch = np.append(branch, place[home][0])
    effect[bad] = BAD_OFFICER
    return Officers(
        branches[branch].astype(object), effect, np.where(home, bad, main), np.where(home, main, later), bad
    )


@dataclass(frozen=True)
class Risk:
    """The log-odds of default by household, note and month; `intercept` brings the mean to the target."""

    household: np.ndarray
    village: np.ndarray
    village_effect: np.ndarray
    village_year: np.ndarray
    distress: np.ndarray
    drought: np.ndarray
    officer_effect: np.ndarray
    intercept: float

    def log_odds(self, household: np.ndarray, officer: np.ndarray, month: np.ndarray | int) -> np.ndarray:
        """The log-odds without measures, contagion and hidden arrears; `month` counts from January 2019."""
        year = np.minimum(np.asarray(month) // 12, len(YEARS) - 1)
        village = self.village[household]
        return (
            self.household[household]
            + self.village_effect[village]
            + self.village_year[village, year]
            + self.distress[household, year]
            + self.officer_effect[officer]
            + YEAR_EFFECT[year]
            + np.where(year == DROUGHT_YEAR - YEARS[0], self.drought[household], 0)
        )


def make_risk(people: People, villages: Villages, officers: Officers, borrower: np.ndarray, seed: int) -> Risk:
    """The risk of every household; the intercept is set on the borrowers without officer, year and drought."""
    rng = stream(seed, "risk")
    n = len(people)
    distress = np.empty((n, len(YEARS)))
    distress[:, 0] = rng.normal(0, 0.45, n)
    for year in range(1, len(YEARS)):
        distress[:, year] = 0.6 * distress[:, year - 1] + rng.normal(0, 0.36, n)
    village_year = rng.normal(0, 0.12, (len(villages), len(YEARS)))
    dry = people.crop == CROPS.index(DROUGHT_CROP)
    drought = np.where(dry, np.where(people.insured, DROUGHT_INSURED, DROUGHT), 0.0)
    own = people.origin + UNSEEN * people.unseen
    intercept = _intercept((own + villages.effect[people.village] + distress[:, 2])[borrower], TARGET)
    return Risk(
        own + intercept,
        people.village,
        villages.effect,
        village_year,
        distress,
        drought,
        officers.effect,
        intercept,
    )


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _intercept(log_odds: np.ndarray, target: float) -> float:
    """The constant that brings the mean probability to the target, by bisection."""
    low, high = -15.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(log_odds + middle).mean() < target else (low, middle)
    return round(middle, 6)


def month_index(date: str) -> int:
    """Months since January 2019."""
    return int((np.datetime64(date, "M") - START).astype(int))
