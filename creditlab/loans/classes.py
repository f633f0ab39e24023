"""The five classes of a loan (五级分类), from best to worst, and the words under which a tape may bring them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

#: from best to worst; the place in this tuple is the code that arrays hold
CLASSES = ("normal", "special_mention", "substandard", "doubtful", "loss")
CLASS_LABELS: Mapping[str, tuple[str, str]] = {
    "normal": ("正常", "normal"),
    "special_mention": ("关注", "special mention"),
    "substandard": ("次级", "substandard"),
    "doubtful": ("可疑", "doubtful"),
    "loss": ("损失", "loss"),
}
#: the non-performing classes
NPL = CLASSES[2:]
NORMAL, SPECIAL_MENTION, SUBSTANDARD, DOUBTFUL, LOSS = range(5)
#: code of a class that the tape does not give
UNKNOWN = -1

_WORDS: Mapping[str, int] = {
    **{name: code for code, name in enumerate(CLASSES)},
    **{name.replace("_", " "): code for code, name in enumerate(CLASSES)},
    **{label[0]: code for code, label in enumerate(CLASS_LABELS.values())},
    **{f"{label[0]}类": code for code, label in enumerate(CLASS_LABELS.values())},
    **{str(code + 1): code for code in range(5)},
}


def class_codes(values: pd.Series) -> np.ndarray:
    """The code 0 to 4 of each class, -1 where it is missing or an unknown word.

    English names, Chinese names (正常 or 正常类) and the numbers 1 to 5 are read.

    >>> class_codes(pd.Series(["normal", "损失类", "4", None])).tolist()
    [0, 4, 3, -1]
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        known = np.isin(numbers, (1, 2, 3, 4, 5))
        return np.where(known, np.nan_to_num(numbers) - 1, UNKNOWN).astype(np.int8)
    place, names = pd.factorize(values)
    of_name = np.array([_WORDS.get(str(name).strip().lower(), UNKNOWN) for name in names] + [UNKNOWN], dtype=np.int8)
    return of_name[place]


def class_names(codes: np.ndarray) -> pd.Categorical:
    """Codes as an ordered categorical of class names; -1 is missing."""
    return pd.Categorical.from_codes(np.asarray(codes, dtype=np.int8), categories=list(CLASSES), ordered=True)
