"""Does the model work, for whom, and does it last: tests a validator can re-perform, and the protocol that runs them.

Each test is a function of arrays or counts that returns a `TestResult`; `validate` runs them on one model, or on a
champion and challengers, over development, out-of-time and other samples. It takes outcomes and PDs, never models.
"""

from __future__ import annotations

from creditlab.validation.calibration import (
    brier,
    calibration_in_the_large,
    cox,
    hosmer_lemeshow,
    spiegelhalter,
)
from creditlab.validation.discrimination import auc, auc_against_initial, auc_width_bound, delong, gini, ks
from creditlab.validation.grades import (
    binomial,
    critical_defaults,
    default_correlation,
    grade_chi_square,
    jeffreys,
)
from creditlab.validation.protocol import ValidationResult, validate
from creditlab.validation.result import TestResult
from creditlab.validation.stability import concentration_change, hhi, psi, psi_critical
from creditlab.validation.verdict import Threshold, ValidationSpec

__all__ = [
    "TestResult",
    "Threshold",
    "ValidationResult",
    "ValidationSpec",
    "auc",
    "auc_against_initial",
    "auc_width_bound",
    "binomial",
    "brier",
    "calibration_in_the_large",
    "concentration_change",
    "cox",
    "critical_defaults",
    "default_correlation",
    "delong",
    "gini",
    "grade_chi_square",
    "hhi",
    "hosmer_lemeshow",
    "jeffreys",
    "ks",
    "psi",
    "psi_critical",
    "spiegelhalter",
    "validate",
]
