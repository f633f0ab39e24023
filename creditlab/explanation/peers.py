"""The routes through other packages: shap with an untruncated background, LightGBM's own, and woodelf-explainer.

They are independent checks of ours and can be asked for by name. Each is used in the form in which it is exact; sizes
that a route cannot carry are refused, and a route that does not add up is replaced by ours and says so.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import InputError, MissingExtraError, message

#: rows explained at a time, so that memory stays flat
CHUNK = 20_000
#: rows × background rows up to which shap's interventional route is run
MOST_PAIRS = 20_000_000


def pred_contrib(booster: Any, design: np.ndarray, threads: int) -> tuple[np.ndarray, float]:
    """LightGBM's own path-dependent contributions, chunk by chunk, and its base value."""
    starts = range(0, len(design), CHUNK)
    parts = [booster.predict(design[s : s + CHUNK], pred_contrib=True, num_threads=threads) for s in starts]
    both = np.vstack(parts)
    return both[:, :-1], float(both[0, -1])


def tree_shap(booster: Any, design: np.ndarray) -> tuple[np.ndarray, float]:
    """shap's path-dependent route; for LightGBM it hands the work back to LightGBM."""
    import shap

    explainer = shap.TreeExplainer(booster)
    return one_output(explainer.shap_values(design, check_additivity=False), explainer.expected_value)


def interventional_shap(booster: Any, design: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, float]:
    """shap's interventional route with the whole background: its default would keep 100 rows without a word."""
    import shap

    if len(design) * len(background) > MOST_PAIRS:
        raise InputError(
            message(
                f"at most {MOST_PAIRS:,} rows × background rows",
                f"{len(design) * len(background):,}",
                "explain(method='shap')",
                "Explain fewer rows or give a smaller background; method='auto' has no such limit.",
            )  # fmt: skip
        )
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.TreeExplainer(booster, data=masker, feature_perturbation="interventional")
    return one_output(explainer.shap_values(design, check_additivity=False), explainer.expected_value)


def linear_shap(coef: np.ndarray, intercept: float, woe: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """shap's linear route with the whole background."""
    import shap

    explainer = shap.LinearExplainer((coef, intercept), shap.maskers.Independent(rows, max_samples=len(rows)))
    return one_output(explainer.shap_values(woe), explainer.expected_value)


def woodelf(booster: Any, design: np.ndarray, background: np.ndarray) -> np.ndarray:
    """woodelf-explainer's interventional values, without its prints and progress bars.

    Raises
    ------
    MissingExtraError : when the extra `explain` is not installed.
    """
    try:
        from woodelf import WoodelfExplainer
    except ImportError:
        raise MissingExtraError("woodelf-explainer", "explain", "explain(method='woodelf')") from None
    names = [f"f{i}" for i in range(design.shape[1])]
    rows, back = (pd.DataFrame(values, columns=names) for values in (design, background))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        values = WoodelfExplainer(booster, back).shap_values(rows, verbose=False)
    return np.asarray(values, dtype=float)


def one_output(values: Any, base: Any) -> tuple[np.ndarray, float]:
    """(rows, features) of the class bad, whichever shape this version of shap returns."""
    if isinstance(values, list):
        values = values[-1]
    array = np.asarray(values, dtype=float)
    array = array[:, :, -1] if array.ndim == 3 else array
    return array, float(np.asarray(base, dtype=float).reshape(-1)[-1])
