"""Features: point-in-time facts of each household, made from a household file by a declared plan."""

from creditlab.features.frame import FeatureFrame, make_features
from creditlab.features.missing import MISSING_CODES
from creditlab.features.plan import PLAN
from creditlab.features.portraits import portrait
from creditlab.features.spec import Feature

__all__ = ["MISSING_CODES", "PLAN", "Feature", "FeatureFrame", "make_features", "portrait"]
