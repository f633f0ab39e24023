"""The challenger (挑战者模型): LightGBM under the scorecard's contract, on the same point scale.

`Challenger` orchestrates; `coding` turns raw columns or bins into numbers that trees can split, `directions` finds
monotone directions, `boosting` trains with a deterministic preset, `trees` reads and walks what was trained,
`patterns` counts the training rows at its leaves, `recalibration` lays a line over it, `result` is what is kept.
`BoostedScorecard` is the model between card and booster: trees so shallow that they are points tables. `tune` tries
settings on a budget.
"""

from creditlab.challenger.boosted_scorecard import BoostedScorecard
from creditlab.challenger.challenger import Challenger
from creditlab.challenger.coding import Coding
from creditlab.challenger.patterns import Background, count_patterns
from creditlab.challenger.result import ChallengerResult
from creditlab.challenger.tuning import Tuning, tune

__all__ = [
    "Background",
    "BoostedScorecard",
    "Challenger",
    "ChallengerResult",
    "Coding",
    "Tuning",
    "count_patterns",
    "tune",
]
