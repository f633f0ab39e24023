"""The loan book: the bank's own numbers, classification, ratios, migration, vintages, definition of bad, sample."""

from creditlab.loans.bad import Bad
from creditlab.loans.book import LoanBook, loan_book
from creditlab.loans.calendars import calendar, comparable_arrears, payment_schedule, shows_from
from creditlab.loans.channels import channel_funnel
from creditlab.loans.class_moves import migration, migration_rate, npl_flow
from creditlab.loans.classification import Classification, classify, five_category
from creditlab.loans.court import enforcement
from creditlab.loans.definitions import DefinitionLab, definition_lab
from creditlab.loans.hazards import HazardModel, hazard_model
from creditlab.loans.intensities import fit_generator, generator
from creditlab.loans.matrices import roll_rates, transitions
from creditlab.loans.movement import migration_statistics
from creditlab.loans.prolongations import Extensions, extensions
from creditlab.loans.ratios import npl_ratios
from creditlab.loans.reconciliation import Reconciliation, reconcile
from creditlab.loans.recovery import ExpectedLoss, Recoveries, expected_loss, recoveries
from creditlab.loans.rollovers import renewals
from creditlab.loans.rules import RULES, Policy, Rule
from creditlab.loans.sample import PerformanceSample, performance_sample, village_folds
from creditlab.loans.shrinkage import shrink
from creditlab.loans.structure import book_structure
from creditlab.loans.supervision import Indicators, indicators
from creditlab.loans.vintages import vintage_curves

__all__ = [
    "Bad",
    "Classification",
    "DefinitionLab",
    "ExpectedLoss",
    "Extensions",
    "HazardModel",
    "Indicators",
    "LoanBook",
    "PerformanceSample",
    "Policy",
    "RULES",
    "Reconciliation",
    "Recoveries",
    "Rule",
    "book_structure",
    "calendar",
    "channel_funnel",
    "classify",
    "comparable_arrears",
    "definition_lab",
    "enforcement",
    "expected_loss",
    "extensions",
    "fit_generator",
    "five_category",
    "generator",
    "hazard_model",
    "indicators",
    "loan_book",
    "migration",
    "migration_rate",
    "migration_statistics",
    "npl_flow",
    "npl_ratios",
    "payment_schedule",
    "performance_sample",
    "reconcile",
    "recoveries",
    "renewals",
    "roll_rates",
    "shows_from",
    "shrink",
    "transitions",
    "village_folds",
    "vintage_curves",
]
