"""The challenger (挑战者模型): LightGBM under the scorecard's contract, on the same point scale.

`Challenger` orchestrates; `coding` turns raw columns into numbers that trees can split, `directions` finds, imposes and
verifies monotone directions, `boosting` trains with a deterministic preset, `result` is what is kept.
"""

from creditlab.challenger.challenger import Challenger
from creditlab.challenger.coding import Coding
from creditlab.challenger.result import ChallengerResult

__all__ = ["Challenger", "ChallengerResult", "Coding"]
