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

#: wide enough for the longest reason; an assignment would cut a longer word short
_WORD = "U14"
_NOT_THERE = np.array(["not_connected"], dtype=_WORD)


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
    size = len(known.households)
    found = np.full(size, None, dtype=object) if feature.column.kind == "text" else np.full(size, np.nan)
    listed = np.zeros(size, dtype=bool)
    if values is not None:
        rows = values.index.to_numpy()
        found[rows], listed[rows] = values.to_numpy(dtype=found.dtype), True
    reason = _reasons(listed, pd.isna(found), feature, known) if values is not None else _NOT_THERE.repeat(size)
    if feature.column.kind == "text":
        found[reason != ""] = reason[reason != ""]
        return pd.Series(found, index=known.households, dtype="str")
    for word, code in (("zero", 0.0), *MISSING_CODES.items()):
        found[reason == word] = code
    return pd.Series(found, index=known.households)


def _reasons(listed: np.ndarray, void: np.ndarray, feature: Feature, known: Known) -> np.ndarray:
    """One word per household: empty where the value stands, 'zero', or the reason; the later rule wins."""
    reason = np.where(listed, np.where(void, feature.undefined, ""), feature.absent).astype(_WORD)
    for source in feature.consents:
        reason[~known.consented(source)] = "not_authorised"
    # a source that the village is not connected to has no rows, with consent or without
    reason[known.not_connected(feature.table) & ~known.present(feature.table)] = "not_connected"
    if feature.applies is not None:
        reason[~feature.applies(known.view(feature)).to_numpy(dtype=bool)] = "not_applicable"
    return reason
