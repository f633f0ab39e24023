"""Scorecard (评分卡): selection, sign-constrained logistic regression on WOE, points, reasons, scores.

`Scorecard` orchestrates; `selection` says which features enter, `logistic` fits on arrays, `fitting` names what comes
back, `points` maps it to points, `reasons` puts losses into words, `scores` tabulates, `result` is what is signed,
`scoring` sums over blocks of rows, and `statement`, `standalone` and `pmml` write the card for other machines. The
strategy tables (`gains`, `cutoffs`, `swaps`, `overrides`) take points and outcomes of any card, on `applicants`, and
show themselves by `exhibit`; the card shows itself by `sheet`, with the checks of `signals`.
"""

from creditlab.scorecard.applicants import Economics
from creditlab.scorecard.cutoffs import CutoffSweep, cutoff_sweep
from creditlab.scorecard.edits import PointEdit
from creditlab.scorecard.expert import Expert, PointGroups, PointSteps
from creditlab.scorecard.gains import Gains, gains_table
from creditlab.scorecard.grades import Grades, MasterScale
from creditlab.scorecard.joining import JoinTest, join_test
from creditlab.scorecard.logistic import LogisticFit, fit_logistic
from creditlab.scorecard.overrides import Overrides, override_analysis
from creditlab.scorecard.reasons import rank_losses, sentence
from creditlab.scorecard.rejects import RejectBand, reject_inference
from creditlab.scorecard.result import ScorecardResult
from creditlab.scorecard.rules import Select
from creditlab.scorecard.sample import Sample
from creditlab.scorecard.scorecard import Scorecard
from creditlab.scorecard.scores import TIERS, Scores, join_scores, tier_of
from creditlab.scorecard.swaps import SwapSet, swap_set

__all__ = [
    "TIERS",
    "CutoffSweep",
    "Economics",
    "Expert",
    "Gains",
    "Grades",
    "JoinTest",
    "LogisticFit",
    "MasterScale",
    "Overrides",
    "PointEdit",
    "PointGroups",
    "PointSteps",
    "RejectBand",
    "Sample",
    "Scorecard",
    "ScorecardResult",
    "Scores",
    "Select",
    "SwapSet",
    "cutoff_sweep",
    "fit_logistic",
    "gains_table",
    "join_scores",
    "join_test",
    "override_analysis",
    "rank_losses",
    "reject_inference",
    "sentence",
    "swap_set",
    "tier_of",
]
