"""Why a value is missing, in the value itself: a code for numbers, a word for text; a true zero stays 0.

`fill` turns the bare values of a measure into a feature without blanks. The codes lie far below any amount, and each
feature lists those that can occur, so that every reason gets a bin of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.features.known import Known
from creditlab.features.spec import Feature

#: reason → the code of number and flag features
MISSING_CODES: Mapping[str, float] = {
    "not_authorised": -9999001.0,
    "not_connected": -9999002.0,
    "not_collected": -9999003.0,
    "not_applicable": -9999004.0,
}


def special_of(feature: Feature) -> dict[Any, str]:
    """The codes (words for text) of a feature that can occur, with their meaning in Chinese and English."""
    text = feature.column.kind == "text"
    return {reason if text else MISSING_CODES[reason]: " ".join(MISSING_REASONS[reason]) for reason in feature.reasons}


def fill(values: pd.Series | None, feature: Feature, known: Known) -> pd.Series:
    """The feature of every household: its value, 0 where there is truly none, or why it is missing.

    Parameters
    ----------
    values : by household row number, as the measure gave them; None when a table or column it reads is not there.
    feature, known : the spec and the file.
    """
    reason = _reasons(values, feature, known)
    text = feature.column.kind == "text"
    found = pd.Series(index=known.rows_of_file, dtype="str" if text else "float64")
    if values is not None:
        found = values.reindex(known.rows_of_file).astype(found.dtype)
    if text:
        filled = found.where(reason == "", pd.Series(reason, index=found.index, dtype="str"))
        return filled.set_axis(known.households)
    numbers = found.to_numpy(dtype=float, copy=True)
    numbers[reason == "zero"] = 0.0
    for word, code in MISSING_CODES.items():
        numbers[reason == word] = code
    return pd.Series(numbers, index=known.households)


def _reasons(values: pd.Series | None, feature: Feature, known: Known) -> np.ndarray:
    """One word per household: empty where the value stands, 'zero', or the reason; the later rule wins."""
    size = len(known.households)
    if values is None:
        return np.full(size, "not_connected", dtype=object)
    listed = np.isin(np.arange(size), values.index.to_numpy())
    void = values.reindex(known.rows_of_file).isna().to_numpy()
    reason = np.where(listed, np.where(void, feature.undefined, ""), feature.absent).astype(object)
    for source in feature.consents:
        reason[~known.consented(source)] = "not_authorised"
    # a source that the village is not connected to has no rows, with consent or without
    reason[known.not_connected(feature.table) & ~known.present(feature.table)] = "not_connected"
    if feature.applies is not None:
        applies = feature.applies(known.view(feature)).reindex(known.rows_of_file, fill_value=False)
        reason[~applies.to_numpy(dtype=bool)] = "not_applicable"
    return reason
