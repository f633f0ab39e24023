"""Village statistics: which villages are in trouble, worse than their borrowers explain, how sure that is, and why.

From arrays of outcomes and PDs to rates with ranges, observed over expected (O/E), shrunken O/E, ranks and choices, the
gap in parts, drivers, officers beside villages, criteria and actions. Use it after a model has given PDs that never saw
the village. It knows arrays and frames, never models, and draws nothing.
"""

from __future__ import annotations

from creditlab.village.autocorrelation import MoranResult, moran
from creditlab.village.beta_binomial import BetaBinomial, BetaBinomialResult
from creditlab.village.calibration import Calibration, calibrate, calibrate_in_the_large
from creditlab.village.contagion import Contagion, contagion_test, guarantee_exposure
from creditlab.village.criteria import CRITERIA, ENVIRONMENT, Criteria, bad_share, three_criteria
from creditlab.village.crossed import CrossedEffects, crossed_effects
from creditlab.village.decomposition import Kitagawa, kitagawa
from creditlab.village.direct import VillageRates, rates
from creditlab.village.draws import Draws
from creditlab.village.drivers import Drivers, context_drivers
from creditlab.village.dynamics import (
    ChangePoints,
    EarlyWarning,
    Trends,
    change_points,
    early_warning,
    new_and_gone,
    seasonal_expected,
    trends,
)
from creditlab.village.effects import Did, Permutation, did, permutation
from creditlab.village.enforcement import ENFORCEMENT, Enforcement, enforcement_outcomes
from creditlab.village.fay_herriot import FayHerriot, FayHerriotResult
from creditlab.village.funnel import FunnelLimits, Overdispersion, funnel_limits, overdispersion
from creditlab.village.gap import VillageGap, village_gap
from creditlab.village.graph import Graph
from creditlab.village.index import Component, Index, VillageIndex, village_index
from creditlab.village.indirect import VillageExpected, expected
from creditlab.village.local import CLUSTERS, LocalResult, gi_star, lisa
from creditlab.village.moments import MomentRates, moment_rates
from creditlab.village.oaxaca import Oaxaca, oaxaca_blinder
from creditlab.village.pattern import ACTIONS, RULES, Patterns, patterns
from creditlab.village.random_intercept import MixedLogit, mixed_logit
from creditlab.village.ranking import VillageChoice, VillageRanks, choose, rank
from creditlab.village.scanning import ScanResult, scan
from creditlab.village.shapley import ShapleyGap, fairlie, shapley_gap
from creditlab.village.smoothing import PoissonGamma, SmoothingResult
from creditlab.village.staggered import GroupTime, att_gt
from creditlab.village.standardisation import standardised
from creditlab.village.suppression import suppress
from creditlab.village.village_logit import VillageLogit, VillageLogitResult

__all__ = [
    "Did",
    "GroupTime",
    "Permutation",
    "CLUSTERS",
    "LocalResult",
    "MoranResult",
    "ScanResult",
    "gi_star",
    "standardised",
    "ACTIONS",
    "BetaBinomial",
    "BetaBinomialResult",
    "CRITERIA",
    "Calibration",
    "ChangePoints",
    "Component",
    "Contagion",
    "Criteria",
    "CrossedEffects",
    "Draws",
    "Drivers",
    "EarlyWarning",
    "ENFORCEMENT",
    "ENVIRONMENT",
    "Enforcement",
    "FayHerriot",
    "FayHerriotResult",
    "FunnelLimits",
    "Graph",
    "Index",
    "Kitagawa",
    "MixedLogit",
    "MomentRates",
    "Oaxaca",
    "Overdispersion",
    "Patterns",
    "PoissonGamma",
    "RULES",
    "ShapleyGap",
    "SmoothingResult",
    "Trends",
    "VillageChoice",
    "VillageExpected",
    "VillageGap",
    "VillageIndex",
    "VillageLogit",
    "VillageLogitResult",
    "VillageRanks",
    "VillageRates",
    "att_gt",
    "bad_share",
    "calibrate",
    "calibrate_in_the_large",
    "change_points",
    "choose",
    "contagion_test",
    "context_drivers",
    "crossed_effects",
    "did",
    "early_warning",
    "enforcement_outcomes",
    "expected",
    "fairlie",
    "funnel_limits",
    "guarantee_exposure",
    "kitagawa",
    "lisa",
    "mixed_logit",
    "moment_rates",
    "moran",
    "new_and_gone",
    "oaxaca_blinder",
    "overdispersion",
    "patterns",
    "permutation",
    "rank",
    "rates",
    "scan",
    "seasonal_expected",
    "shapley_gap",
    "suppress",
    "three_criteria",
    "trends",
    "village_gap",
    "village_index",
]
