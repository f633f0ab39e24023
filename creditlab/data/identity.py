"""Identity numbers: recognised by their checksum, replaced by a keyed hash while reading, never kept.

The same key gives the same pseudonym from month to month. The key itself is in no stamp, log or output.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.errors import IdentityError, message

#: weights and check characters of GB 11643-1999 (ISO 7064, MOD 11-2)
WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
CHECK = "10X98765432"
_FULL_WIDTH = {ord("０") + i: str(i) for i in range(10)} | {ord("Ｘ"): "X", ord("ｘ"): "X"}
_SHAPE = r"\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]"


def normalise(values: pd.Series) -> pd.Series:
    """Identity numbers without blanks, in ASCII digits and a capital X; missing stays missing."""
    text = values.astype("str")
    return text.str.replace(r"\s", "", regex=True).str.translate(_FULL_WIDTH).str.upper()


def looks_like_identity(values: Any) -> np.ndarray:
    """Which values have the shape of an 18-digit identity number with a birth date (GB 11643).

    A wrong check digit does not make a person's number harmless, so the shape alone decides; `valid_identity` tells
    the mistyped ones.

    >>> looks_like_identity(pd.Series(["11010519491231002X", "110105194912310021", "甲村", None])).tolist()
    [True, True, False, False]
    """
    series = pd.Series(values) if not isinstance(values, pd.Series) else values
    found = np.zeros(len(series), dtype=bool)
    if pd.api.types.is_numeric_dtype(series.dtype):
        if not pd.api.types.is_integer_dtype(series.dtype) or series.dropna().abs().max() < 10**17:
            return found
        series = series.astype("Int64")
    elif pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        return found
    text = series.astype("str")
    long = (text.str.len() >= 18).fillna(False).to_numpy(dtype=bool)
    if not long.any():  # most columns: nothing to normalise
        return found
    rows = np.flatnonzero(long)
    numbers = normalise(text.iloc[rows])
    found[rows] = numbers.str.fullmatch(_SHAPE).fillna(False).to_numpy(dtype=bool)
    return found


def valid_identity(values: pd.Series) -> np.ndarray:
    """Which values are identity numbers whose check digit holds (GB 11643-1999).

    >>> valid_identity(pd.Series(["11010519491231002X", "110105194912310021"])).tolist()
    [True, False]
    """
    shaped = looks_like_identity(values)
    if shaped.any():
        letters = np.array([list(n) for n in normalise(values[shaped])])
        total = letters[:, :17].astype(int) @ WEIGHTS
        shaped[np.flatnonzero(shaped)] = np.array(list(CHECK))[total % 11] == letters[:, 17]
    return shaped


def pseudonyms(values: pd.Series, key: bytes, prefix: str) -> pd.Series:
    """The keyed hash of each identity number: `prefix` and 12 hexadecimal digits of HMAC-SHA256; missing stays."""
    numbers = normalise(values)
    known = {n: f"{prefix}{_hash(n, key)}" for n in numbers.dropna().unique()}
    return numbers.map(known)


def _hash(number: str, key: bytes) -> str:
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:12]


def read_key(path: str | Path) -> bytes:
    """The key in a file: its text without surrounding white space, at least 16 characters.

    Raises
    ------
    IdentityError : when the file cannot be read or the key is too short. The message never shows the key.
    """
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise IdentityError(
            message(
                "a key file", type(error).__name__, str(path), "Name the file that holds the key of the pseudonyms."
            )
        ) from None
    return check_key(key)


def check_key(key: str | bytes) -> bytes:
    """A key as bytes, long enough to be one."""
    raw = key.encode() if isinstance(key, str) else key
    if not isinstance(raw, bytes) or len(raw) < 16:
        raise IdentityError(message("a key of at least 16 characters", "a shorter one", "id_key", "Use a longer key."))
    return raw
