"""scikit-learn's own checks of the estimator contract."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from creditlab.scorecard import Scorecard

OTHER_TARGET = "its target holds values other than 0 and 1; here the target is good or bad"
EXPECTED = dict.fromkeys(
    (
        "check_estimators_dtypes",
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_classifier_data_not_an_array",
        "check_classifiers_classes",
        "check_classifier_not_supporting_multiclass",
    ),
    OTHER_TARGET,
)


@parametrize_with_checks([Scorecard()], expected_failed_checks=lambda _: EXPECTED, xfail_strict=True)
@pytest.mark.filterwarnings("default")
def test_scikit_learn_checks(estimator, check) -> None:
    check(estimator)
