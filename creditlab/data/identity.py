"""Identity numbers and unified social credit codes: recognised, checked, replaced by a keyed hash while reading.

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
#: characters of GB 32100-2015 in the order of their values, and the weights 3^i mod 31 of the first 17
CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CODE_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)])
#: weights of the organisation code within it, places 9 to 16 (GB 11714-1997)
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_FULL_WIDTH = {code: chr(code - 0xFEE0) for code in range(ord("！"), ord("～") + 1)}
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_LONG = rf"[1-9]\d{{5}}(?:18|19|20)\d{{2}}{_DAY}\d{{3}}[\dX]"
_SHORT = rf"[1-9]\d{{5}}\d{{2}}{_DAY}\d{{3}}"
_CODE = rf"[{CODE_CHARACTERS}]{{2}}\d{{6}}[{CODE_CHARACTERS}]{{10}}"


def normalise(values: pd.Series) -> pd.Series:
    """Numbers without blanks and hyphens, in ASCII characters and capitals; missing stays missing.

    >>> normalise(pd.Series(["１１０１０５ １９４９－１２３１００２ｘ"])).tolist()
    ['11010519491231002X']
    """
    text = values.astype("str")
    typed = text.str.contains(r"[^0-9A-Za-z]").fillna(False).to_numpy(dtype=bool)  # others are only put in capitals
    if typed.any():
        plain = text[typed].str.translate(_FULL_WIDTH).str.replace(r"[\s-]", "", regex=True)
        text = text.copy()
        text[typed] = plain
    return text.str.upper()


def upgraded(numbers: pd.Series) -> pd.Series:
    """Normalised identity numbers with those of 15 digits (before 1999) in their 18 characters.

    The year gets its century, 19, and the number its check character; every number of 15 digits was issued to a person
    born in the twentieth century, but for people of a hundred years, who have 996 to 999 as their serial and 18.

    >>> upgraded(pd.Series(["110105491231002", "11010519491231002X"])).tolist()
    ['11010519491231002X', '11010519491231002X']
    """
    short = numbers.str.fullmatch(_SHORT).fillna(False).to_numpy(dtype=bool)
    if not short.any():
        return numbers
    old = numbers[short]
    century = np.where(old.str[12:].isin(["996", "997", "998", "999"]), "18", "19")
    body = old.str[:6] + pd.Series(century, index=old.index) + old.str[6:]
    full = numbers.copy()
    full[short] = [b + c for b, c in zip(body, _check_characters(body), strict=True)]
    return full


def looks_like_identity(values: Any) -> np.ndarray:
    """Which values have the shape of an identity number with a birth date (GB 11643): 18 characters, or 15 digits.

    A wrong check digit does not make a person's number harmless, so the shape alone decides; `valid_identity` tells
    the mistyped ones. Numbers of 15 digits are taken for such only where most of a column has the shape of one or the
    other: account numbers have 15 digits too.

    >>> looks_like_identity(pd.Series(["11010519491231002X", "110105194912310021", "甲村", None])).tolist()
    [True, True, False, False]
    """
    rows, which, text = _long_text(values, 15)
    found = np.zeros(len(values), dtype=bool)
    if not len(rows):
        return found
    long = text.str.fullmatch(_LONG).fillna(False).to_numpy(dtype=bool)[which]
    short = text.str.fullmatch(_SHORT).fillna(False).to_numpy(dtype=bool)[which]
    many = (long | short).sum() > 0.5 * pd.Series(values).notna().sum()
    found[rows] = long | short if many else long
    return found


def valid_identity(values: pd.Series) -> np.ndarray:
    """Which values are identity numbers whose check digit holds (GB 11643-1999); numbers of 15 digits have none.

    >>> valid_identity(pd.Series(["11010519491231002X", "110105194912310021"])).tolist()
    [True, False]
    """
    shaped = looks_like_identity(values)
    if shaped.any():
        numbers = upgraded(normalise(values[shaped]))
        shaped[np.flatnonzero(shaped)] = _check_characters(numbers.str[:17]) == numbers.str[17].to_numpy()
    return shaped


def looks_like_credit_code(values: Any) -> np.ndarray:
    """Which values have the shape of a unified social credit code (GB 32100-2015) and are no identity number.

    >>> looks_like_credit_code(pd.Series(["91350100M000100Y43", "11010519491231002X"])).tolist()
    [True, False]
    """
    rows, which, text = _long_text(values, 18)
    found = np.zeros(len(values), dtype=bool)
    if not len(rows):
        return found
    shape = text.str.fullmatch(_CODE).fillna(False).to_numpy(dtype=bool)
    # digits alone may be an account: then the check character decides
    digits = text.str.fullmatch(r"\d{17}[\dX]").fillna(False).to_numpy(dtype=bool)
    person = text.str.fullmatch(_LONG).fillna(False).to_numpy(dtype=bool)
    right = np.zeros(len(text), dtype=bool)
    right[shape] = _code_holds(text[shape])
    found[rows] = (shape & np.where(person | digits, right & ~_person_holds(text), True))[which]
    return found


def valid_credit_code(values: pd.Series) -> np.ndarray:
    """Which values are credit codes whose two check characters hold (GB 32100-2015 and, within it, GB 11714-1997).

    >>> valid_credit_code(pd.Series(["91350100M000100Y43", "91350100M000100Y44"])).tolist()
    [True, False]
    """
    shaped = looks_like_credit_code(values)
    if shaped.any():
        shaped[np.flatnonzero(shaped)] = _code_holds(normalise(values[shaped]))
    return shaped


def _long_text(values: Any, least: int) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    """Rows whose text has `least` characters or more, and which of the distinct texts, normalised, each has.

    Numbers stand by their digits.
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    none = np.array([], dtype=int), np.array([], dtype=int), pd.Series([], dtype="str")
    types = pd.api.types
    if types.is_datetime64_any_dtype(series.dtype) or types.is_bool_dtype(series.dtype):
        return none
    if types.is_numeric_dtype(series.dtype):
        filled = series.dropna()
        if not len(filled) or not np.isfinite(filled).all() or filled.abs().max() < 10 ** (least - 1):
            return none
        whole = filled.mod(1).eq(0) & filled.abs().lt(2.0**63)
        series = series.where(series.index.isin(filled.index[whole])).astype("Int64")
    text = series.astype("str")
    rows = np.flatnonzero((text.str.len() >= least).fillna(False).to_numpy(dtype=bool))
    which, texts = pd.factorize(text.iloc[rows])
    return rows, which, normalise(pd.Series(texts, dtype="str"))


def _check_characters(first17: pd.Series) -> np.ndarray:
    """The 18th character of identity numbers, from their first 17."""
    digits = np.array([list(n) for n in first17]).reshape(-1, 17).astype(int)
    return np.array(list(CHECK))[digits @ WEIGHTS % 11]


def _person_holds(text: pd.Series) -> np.ndarray:
    person = np.array(text.str.fullmatch(_LONG).fillna(False), dtype=bool)
    if person.any():
        numbers = text[person]
        person[np.flatnonzero(person)] = _check_characters(numbers.str[:17]) == numbers.str[17].to_numpy()
    return person


def _code_holds(codes: pd.Series) -> np.ndarray:
    """Whether both check characters of normalised codes hold; letters outside the set have no value."""
    value = {c: i for i, c in enumerate(CODE_CHARACTERS)}
    worth = np.array([[value[c] for c in code] for code in codes], dtype=int).reshape(-1, 18)
    outer = -(worth[:, :17] @ CODE_WEIGHTS) % 31 == worth[:, 17]
    letters = {str(i): i for i in range(10)} | {chr(ord("A") + i): 10 + i for i in range(26)}
    inner = np.array([[letters[c] for c in code[8:16]] for code in codes], dtype=int).reshape(-1, 8)
    sign = np.array(list("0X987654321"))[inner @ ORGANISATION_WEIGHTS % 11]
    return outer & (sign == np.array([code[16] for code in codes], dtype="U1"))


def pseudonyms(values: pd.Series, key: bytes, prefix: str) -> pd.Series:
    """The keyed hash of each number: `prefix` and 12 hexadecimal digits of HMAC-SHA256; missing stays.

    A number of 15 digits has the pseudonym of the 18 characters that replaced it.
    """
    numbers = upgraded(normalise(values))
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
