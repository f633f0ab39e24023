"""scikit-learn's own checks of the estimator contract."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from creditlab.scorecard import Scorecard

OTHER_TARGETS = "the target is other than 0/1, which means good and bad here"
EXPECTED = {
    "check_classifiers_classes": OTHER_TARGETS,
}

pytestmark = pytest.mark.filterwarnings("ignore")


@parametrize_with_checks([Scorecard()], expected_failed_checks=lambda _: EXPECTED, xfail_strict=True)
def test_scikit_learn_checks(estimator, check) -> None:
    check(estimator)
