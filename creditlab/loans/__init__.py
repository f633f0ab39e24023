"""The loan tape: the definition of bad, the good/bad sample, the reconciliation to the bank's ledger."""

from creditlab.loans.bad import Bad
from creditlab.loans.reconciliation import Reconciliation, reconcile
from creditlab.loans.sample import PerformanceSample, performance_sample

__all__ = ["Bad", "PerformanceSample", "Reconciliation", "performance_sample", "reconcile"]
