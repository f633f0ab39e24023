"""scikit-learn's estimator checks hold; those that fail need targets other than 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from creditlab.binning import Binner

OTHER_TARGETS = "the check fits targets other than 0 and 1 (or numbers of three classes), which a binner must refuse"
EXPECTED = dict.fromkeys(
    [
        "check_fit_score_takes_y",
        "check_estimators_overwrite_params",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_positive_only_tag_during_fit",
        "check_estimators_dtypes",
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_list",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_sample_weight_equivalence_on_dense_data",
        "check_dtype_object",
        "check_f_contiguous_array_estimator",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit2d_1feature",
        "check_dict_unchanged",
        "check_fit2d_predict1d",
    ],
    OTHER_TARGETS,
)


class AnyTarget(Binner):
    """The same binner on a recoded target: the largest value is bad. Only the target differs."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X, recoded(y), sample_weight)

    def fit_transform(self, X, y=None, sample_weight=None):
        return super().fit_transform(X, recoded(y), sample_weight)


def recoded(y):
    if y is None:
        return None
    y = np.asarray(y)
    finite = np.isfinite(y).all() if y.dtype.kind in "fiu" else True
    return (y == y.max()).astype(int) if y.size and finite else y


@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks warn on purpose
@parametrize_with_checks([Binner()], expected_failed_checks=lambda estimator: EXPECTED)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([AnyTarget()])
def test_expected_failures_are_due_to_the_target_alone(estimator, check):
    if getattr(check, "func", check).__name__ in EXPECTED:
        check(estimator)
