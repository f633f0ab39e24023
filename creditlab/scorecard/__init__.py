"""Scorecard (评分卡): selection, sign-constrained logistic regression on WOE, points, reasons, scores.

`Scorecard` orchestrates; `selection` says which features enter, `logistic` fits on arrays, `fitting` names what comes
back, `points` maps it to points, `reasons` puts losses into words, `scores` tabulates, `result` is what is signed,
`scoring` sums over blocks of rows, and `statement`, `standalone` and `pmml` write the card for other machines.
"""

from creditlab.scorecard.logistic import LogisticFit, fit_logistic
from creditlab.scorecard.reasons import rank_losses, reason_frame
from creditlab.scorecard.result import ScorecardResult
from creditlab.scorecard.scorecard import Scorecard
from creditlab.scorecard.scores import TIERS, Scores, tier_of

__all__ = [
    "TIERS",
    "LogisticFit",
    "Scorecard",
    "ScorecardResult",
    "Scores",
    "fit_logistic",
    "rank_losses",
    "reason_frame",
    "tier_of",
]
