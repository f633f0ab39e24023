"""Two cards on one calibrated scale: an entry card for households without loan conduct, a behaviour card for borrowers.

Both are fitted on the same sample, the entry card without loan conduct; both are calibrated on PDs that were
cross-fitted by village; the join is tested on borrowers whose first loan is recent: they came in by the entry card and
pass to the behaviour card. `Scores` says which card scored whom.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.binning import Binner
from creditlab.data import County
from creditlab.errors import InputError, message
from creditlab.estimators import expit
from creditlab.loans import PerformanceSample
from creditlab.results import Result, Stamp
from creditlab.scorecard import JoinTest, Scorecard, Scores, join_scores, join_test
from creditlab.scorecard.calibration import platt, shift_to_rate
from creditlab.study.crossfit import cross_fit
from creditlab.study.frame import ModellingFrame, modelling_frame

CARDS = ("entry", "behaviour")
#: a borrower whose first loan is not older than this passes from one card to the other, months
RECENT = 12


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CardPair(Result):
    """A row per card: rows, bads, features, AUC cross-fitted by village, calibration; `entry`, `behaviour`, `join`.

    Parameters
    ----------
    entry, behaviour : fitted and calibrated cards, of one point scale.
    join : `JoinTest` on the households that pass. data : the modelling frame of each card.
    """

    title: ClassVar[str] = "Two cards 准入评分与行为评分"

    entry: Scorecard
    behaviour: Scorecard
    join: JoinTest
    data: Mapping[str, ModellingFrame]

    def scores(self, everyone: Any, borrowers: Any = None) -> Scores:
        """Scores of all households: borrowers by the behaviour card, everyone else by the entry card.

        Parameters
        ----------
        everyone : features for the entry card of every household (`county_populations(...)`, a modelling frame).
        borrowers : features for the behaviour card of those with loan conduct; None scores all by the entry card.
        """
        first = self.entry.scores(everyone)
        return first if borrowers is None else join_scores(first, self.behaviour.scores(borrowers))


def card_pair(
    county: County,
    sample: PerformanceSample,
    card: Scorecard | None = None,
    *,
    data: ModellingFrame | None = None,
    recent: int = RECENT,
    folds: int = 5,
    seed: int = 0,
) -> CardPair:
    """Entry and behaviour card of a county, calibrated, joined, and the join tested.

    Both are calibrated on all borrowers, by PDs that were cross-fitted by village. Then the entry card is moved until
    both expect as many bads among those whose first loan is recent: they pass from one card to the other, and passing
    is no news. The behaviour card is the anchor, because it speaks of all borrowers; borrowers of long standing are
    what is left after others went bad, and the entry card meets none of them. The join is tested with lines that were
    found without the village of the row.

    Parameters
    ----------
    county, sample : as for `modelling_frame`.
    card : settings of both cards; its names, dictionary and special codes are set here. None takes `Scorecard()`.
    data : the modelling frame of the behaviour card, where it was made already; None makes it.
    recent : months since the first loan within which a borrower passes from one card to the other.
    folds, seed : number of folds of villages in which PDs are cross-fitted, and the seed of their deal.

    Raises
    ------
    InputError : when fewer than 8 bads passed, or `data` is not the behaviour card's frame of this sample.
    """
    settings = Scorecard() if card is None else card
    whole = modelling_frame(county, sample, card="behaviour") if data is None else _of_sample(data, sample)
    frames = {"entry": whole.for_card("entry"), "behaviour": whole}
    passing = recent_borrowers(whole, recent)
    held = {name: _held_out(_named(settings, name, frame), frame, folds, seed) for name, frame in frames.items()}
    cards = {name: _fitted(_named(settings, name, frame), frame, held[name]) for name, frame in frames.items()}
    rate = float(expit(held_line(cards["behaviour"], held["behaviour"])[passing]).mean())
    first = held_line(cards["entry"], held["entry"])[passing]
    entry = frames["entry"].rows(passing)
    cards["entry"] = cards["entry"].calibrate(entry.X, None, "intercept", target_rate=rate, log_odds=first)
    both = whole.rows(passing)
    entry_line, behaviour_line = _unseen_lines(held, whole, passing, seed)
    join = join_test(both.y, entry_line, behaviour_line, both.village)
    facts = {"rows": len(passing), "passing": int(passing.sum()), "recent_months": recent,
             "join_p_value": join.facts["p_value"], "join": join.facts["verdict"]}  # fmt: skip
    table = pd.DataFrame([_row(name, cards[name], frame, held[name]) for name, frame in frames.items()])
    stamp = Stamp.of([frame.X for frame in frames.values()], {"recent": recent, "sample": sample.stamp.spec}, seed)
    return CardPair(table=table, stamp=stamp, facts=facts, join=join, data=frames, **cards)


def _of_sample(data: ModellingFrame, sample: PerformanceSample) -> ModellingFrame:
    """The frame, if it is the behaviour card's of this sample."""
    rows = sample.tidy()
    same = data.card == "behaviour" and len(rows) == len(data.y) and (rows["bad"].to_numpy() == data.y.to_numpy()).all()
    if not same or rows["household_id"].tolist() != data.household.tolist():
        came = f"that of the {data.card} card with {len(data.y)} rows"
        fix = "Make it by modelling_frame(county, sample)."
        raise InputError(message(f"the behaviour card's frame of {len(rows)} rows", came, "card_pair(data=...)", fix))
    return data


def _named(settings: Scorecard, name: str, frame: ModellingFrame) -> Scorecard:
    """An unfitted card of these settings for the columns of a frame."""
    binner = (Binner() if settings.binner is None else clone(settings.binner)).set_params(special=frame.special)
    return clone(settings).set_params(binner=binner, dictionary=frame.dictionary, name=name)


def _held_out(card: Scorecard, frame: ModellingFrame, folds: int, seed: int) -> np.ndarray:
    """Log-odds of each row by a card that never saw its village; intervals are not needed there."""
    quick = card.set_params(inference="wald")
    return log_odds_of(cross_fit(quick, frame.X, frame.y, frame.village, folds=folds, seed=seed))


def _fitted(card: Scorecard, frame: ModellingFrame, held: np.ndarray) -> Scorecard:
    return card.fit(frame.X, frame.y, groups=frame.village).calibrate(frame.X, frame.y, "platt", log_odds=held)


def held_line(card: Scorecard, held: np.ndarray) -> np.ndarray:
    """Held-out log-odds after the calibrations of a card."""
    for step in card.result_.calibration["steps"]:
        held = step["intercept"] + step["slope"] * held
    return held


def _unseen_lines(
    held: Mapping[str, np.ndarray], frame: ModellingFrame, passing: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds by both cards of those who pass after the same calibrations, found for each village without it."""
    from sklearn.model_selection import GroupKFold

    y = frame.y.to_numpy().astype(float)
    found = {name: np.empty(len(y)) for name in CARDS}
    folds = GroupKFold(n_splits=5, shuffle=True, random_state=seed)
    for train, test in folds.split(y, y, pd.factorize(frame.village, sort=True)[0]):
        ones, rows = np.ones(len(train)), train[passing[train]]
        lines = {name: platt(held[name][train], y[train], ones) for name in CARDS}
        rate = float(expit(lines["behaviour"][0] + lines["behaviour"][1] * held["behaviour"][rows]).mean())
        entry = lines["entry"][0] + lines["entry"][1] * held["entry"][rows]
        shift = {"entry": shift_to_rate(entry, rate, np.ones(len(rows))), "behaviour": 0.0}
        for name, (a, b) in lines.items():
            found[name][test] = a + shift[name] + b * held[name][test]
    return found["entry"][passing], found["behaviour"][passing]


def recent_borrowers(data: ModellingFrame, months: int) -> np.ndarray:
    """Which rows had their first loan within so many months before the observation date."""
    if "loan_months_since_first" not in data.X:
        raise InputError(
            message("the feature loan_months_since_first", "a frame without it", "recent_borrowers",
                    "Take the modelling frame of the behaviour card.")
        )  # fmt: skip
    since = pd.to_numeric(data.X["loan_months_since_first"], errors="coerce")
    return ((since >= 0) & (since <= months)).to_numpy()


def log_odds_of(prob: Any) -> np.ndarray:
    """Log-odds of PDs; those of 0 and 1 are kept finite."""
    p = np.clip(np.asarray(prob, dtype=float), 1e-9, 1 - 1e-9)
    return np.log(p) - np.log1p(-p)


def _row(name: str, card: Scorecard, frame: ModellingFrame, held: np.ndarray) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    ends = held_line(card, np.array([0.0, 1.0]))
    return {
        "card": name,
        "rows": len(frame.y),
        "bads": int(frame.y.sum()),
        "features": len(card.result_.features),
        "auc_cross_fitted": float(roc_auc_score(frame.y, held)),
        "calibration_intercept": float(ends[0]),
        "calibration_slope": float(ends[1] - ends[0]),
        "mean_pd": float(card.predict_proba(frame.X)[:, 1].mean()),
        "bad_rate": float(frame.y.mean()),
    }
