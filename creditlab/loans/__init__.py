"""The loan book: the bank's own numbers, classification, ratios, migration, vintages, definition of bad, sample."""

from creditlab.loans.bad import Bad
from creditlab.loans.book import LoanBook, loan_book
from creditlab.loans.calendars import calendar, comparable_arrears, payment_schedule, shows_from
from creditlab.loans.class_moves import migration, migration_rate, npl_flow
from creditlab.loans.classification import Classification, classify, five_category
from creditlab.loans.intensities import fit_generator, generator
from creditlab.loans.matrices import roll_rates, transitions
from creditlab.loans.movement import migration_statistics
from creditlab.loans.ratios import npl_ratios
from creditlab.loans.reconciliation import Reconciliation, reconcile
from creditlab.loans.rollovers import renewals
from creditlab.loans.rules import RULES, Policy, Rule
from creditlab.loans.sample import PerformanceSample, performance_sample, village_folds
from creditlab.loans.shrinkage import shrink
from creditlab.loans.vintages import vintage_curves

__all__ = [
    "RULES",
    "Bad",
    "Classification",
    "LoanBook",
    "PerformanceSample",
    "Policy",
    "Reconciliation",
    "Rule",
    "calendar",
    "classify",
    "comparable_arrears",
    "fit_generator",
    "five_category",
    "generator",
    "loan_book",
    "migration",
    "migration_rate",
    "migration_statistics",
    "npl_flow",
    "npl_ratios",
    "payment_schedule",
    "performance_sample",
    "reconcile",
    "renewals",
    "roll_rates",
    "shows_from",
    "shrink",
    "transitions",
    "village_folds",
    "vintage_curves",
]
