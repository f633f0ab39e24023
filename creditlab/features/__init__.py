"""Features: point-in-time facts of each household, made from a household file by a declared plan."""

from creditlab.features.coverage import Coverage, coverage_of
from creditlab.features.frame import FeatureFrame, make_features
from creditlab.features.missing import MISSING_CODES
from creditlab.features.organisations import OrganisationFile, organisation_file
from creditlab.features.pivots import Pivot, pivot
from creditlab.features.plan import PLAN, catalogue, catalogue_page
from creditlab.features.spec import Feature
from creditlab.features.village_rates import VillageRate

__all__ = [
    "MISSING_CODES",
    "PLAN",
    "Coverage",
    "Feature",
    "FeatureFrame",
    "OrganisationFile",
    "Pivot",
    "VillageRate",
    "catalogue",
    "catalogue_page",
    "coverage_of",
    "make_features",
    "organisation_file",
    "pivot",
]
