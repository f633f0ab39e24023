"""creditlab: village-level credit risk for rural banks (村级信用风险).

The public nouns in pipeline order: read a county, build household files, make features, bin, score, explain, study the
villages, report. Each is loaded when first used: `import creditlab` loads only numpy and pandas.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: public name → the module that holds it, in pipeline order
_PUBLIC = {
    "read_county": "creditlab.data",
    "County": "creditlab.data",
    "HouseholdFile": "creditlab.data",
    "make_features": "creditlab.features",
    "FeatureFrame": "creditlab.features",
    "coverage_of": "creditlab.features",
    "pivot": "creditlab.features",
    "organisation_file": "creditlab.features",
    "VillageRate": "creditlab.features",
    "reconcile_receipts": "creditlab.data",
    "portrait": "creditlab.study",
    "collection_ledger": "creditlab.study",
    "cross_explain": "creditlab.study",
    "source_worth": "creditlab.study",
    "village_rate_leak": "creditlab.study",
    "Bad": "creditlab.loans",
    "performance_sample": "creditlab.loans",
    "modelling_frame": "creditlab.study",
    "Binner": "creditlab.binning",
    "BinTable": "creditlab.binning",
    "ContinuousBinner": "creditlab.binning",
    "Cross": "creditlab.binning",
    "Scale": "creditlab.scaling",
    "Span": "creditlab.scaling",
    "Scorecard": "creditlab.scorecard",
    "Sample": "creditlab.scorecard",
    "Select": "creditlab.scorecard",
    "Expert": "creditlab.scorecard",
    "MasterScale": "creditlab.scorecard",
    "Challenger": "creditlab.challenger",
    "BoostedScorecard": "creditlab.challenger",
    "tune": "creditlab.challenger",
    "load": "creditlab.study",
    "cross_fit": "creditlab.study",
    "card_pair": "creditlab.study",
    "county_populations": "creditlab.study",
    "reject_inference": "creditlab.scorecard",
    "find_crosses": "creditlab.study",
    "explain": "creditlab.explanation",
    "explain_players": "creditlab.explanation",
    "compare": "creditlab.explanation",
    "explanation_quality": "creditlab.explanation",
    "effects": "creditlab.explanation",
    "joint_effect": "creditlab.explanation",
    "interaction_strength": "creditlab.explanation",
    "what_the_card_misses": "creditlab.explanation",
    "department_value": "creditlab.study",
    "validate": "creditlab.validation",
    "village_panel": "creditlab.study",
    "run_study": "creditlab.study",
    "decision_letter": "creditlab.study",
    "StudyConfig": "creditlab.config",
    "Column": "creditlab.columns",
    "Dictionary": "creditlab.columns",
    "CreditlabError": "creditlab.errors",
    "InputError": "creditlab.errors",
}
_MODULES = (
    "binning",
    "challenger",
    "checks",
    "columns",
    "data",
    "errors",
    "explanation",
    "features",
    "loans",
    "plots",
    "report",
    "results",
    "scaling",
    "scorecard",
    "study",
    "validation",
    "village",
)

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"creditlab.{name}")
    raise AttributeError(f"module 'creditlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
