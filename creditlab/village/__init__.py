"""Village statistics: which villages are in trouble, worse than their borrowers explain, and how sure that is.

From arrays of outcomes and PDs to rates with ranges, observed over expected (O/E), shrunken O/E, ranks and choices. Use
it after a model has given PDs that never saw the village. It knows arrays and frames, never models, and draws nothing.
"""

from __future__ import annotations

from creditlab.village.decomposition import Kitagawa, kitagawa
from creditlab.village.direct import VillageRates, rates
from creditlab.village.funnel import FunnelLimits, Overdispersion, funnel_limits, overdispersion
from creditlab.village.indirect import VillageExpected, expected
from creditlab.village.planned import (
    FayHerriot,
    VillageLogit,
    att_gt,
    did,
    lisa,
    moran,
    permutation,
    scan,
    village_gap,
)
from creditlab.village.ranking import VillageChoice, VillageRanks, choose, rank
from creditlab.village.smoothing import PoissonGamma, SmoothingResult

__all__ = [
    "FayHerriot",
    "FunnelLimits",
    "Kitagawa",
    "Overdispersion",
    "PoissonGamma",
    "SmoothingResult",
    "VillageChoice",
    "VillageExpected",
    "VillageLogit",
    "VillageRanks",
    "VillageRates",
    "att_gt",
    "choose",
    "did",
    "expected",
    "funnel_limits",
    "kitagawa",
    "lisa",
    "moran",
    "overdispersion",
    "permutation",
    "rank",
    "rates",
    "scan",
    "village_gap",
]
