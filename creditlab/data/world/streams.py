"""The calendar, the random streams and the identities of the sample county.

Each table draws from a stream of its own, named by the table, so that adding a table does not change the others.
Identity numbers are valid by their check digit (GB 11643) under an area code that is assigned to no place, and their
pseudonyms are what reading the raw files with the sample key gives.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from creditlab.data.schema import TABLES

#: Area code of identity numbers and of village codes: assigned to no place.
AREA = "999999"
#: The key of the sample county; it is published beside the raw files, because nobody in the county is real.
SAMPLE_KEY = "creditlab-sample-key-not-secret"

FIRST = np.datetime64("2020-01", "M")
LAST = np.datetime64("2025-06", "M")
#: The simulation starts a year earlier, so that notes are open in the first month.
START = np.datetime64("2019-01", "M")
#: The day of the extract: nothing in the county is known later.
EXTRACTED = np.datetime64("2025-07-10", "D")
#: The day from which the classification rule of 2023 holds.
RULE_2023 = np.datetime64("2023-07-01", "D")
COHORTS = tuple(np.datetime64(day, "D") for day in ("2021-12-31", "2022-12-31", "2023-12-31"))
MONTHS = np.arange(FIRST, LAST + 1)
YEARS = np.arange(2019, 2026)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one table: the same seed and name always give the same numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()),)))


def month_end(month: np.ndarray | np.datetime64) -> np.ndarray:
    """The last day of each month."""
    return (month.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1


def day_of(month: np.ndarray, day: np.ndarray | int) -> np.ndarray:
    """A day of each month; days above 28 are not used."""
    return month.astype("datetime64[M]").astype("datetime64[D]") + (np.asarray(day) - 1)


def check_digits(first17: np.ndarray) -> np.ndarray:
    """The 18th character of identity numbers (GB 11643-1999, ISO 7064 MOD 11-2), from rows of 17 digits.

    >>> check_digits(np.array([[int(c) for c in "11010519491231002"]])).tolist()
    ['X']
    """
    weights = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
    return np.array(list("10X98765432"))[(first17 * weights).sum(axis=1) % 11]


def identity_numbers(birth: np.ndarray, male: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Identity numbers of 18 characters, all different, for birth dates and sexes (odd order number: male)."""
    days = pd.Series(birth.astype("datetime64[us]")).dt.strftime("%Y%m%d").to_numpy(dtype=object)
    order = rng.permutation(len(birth))
    rank = np.empty(len(birth), dtype=int)
    rank[order] = pd.Series(order).groupby([days[order], male[order]], sort=False).cumcount().to_numpy()
    # 499 order numbers per day and sex; after that the area code counts down
    number = 2 * (rank % 499 + 1) - male.astype(int)
    area = int(AREA) - rank // 499
    body = [f"{a:06d}{d}{n:03d}" for a, d, n in zip(area, days, number, strict=True)]
    digits = np.array([list(b) for b in body]).astype(int)
    return np.array([b + c for b, c in zip(body, check_digits(digits), strict=True)], dtype=object)


#: The characters of a unified social credit code in the order of their values (GB 32100-2015).
CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_codes(household: np.ndarray) -> np.ndarray:
    """Unified social credit codes (GB 32100-2015) of the businesses of these households, all different.

    92 is a sole trader registered with the market supervision; positions 9 to 17 are an organisation code (GB 11714).

    >>> credit_codes(np.array([0])).tolist()
    ['92999999000000019A']
    """
    return np.array([_credit_code(int(h)) for h in household], dtype=object)


def _credit_code(household: int) -> str:
    serial = f"{household + 1:08d}"
    total = sum(int(c) * w for c, w in zip(serial, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    body = f"92{AREA}{serial}" + "0123456789X0"[11 - total % 11]
    value = sum(CREDIT_CHARACTERS.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + CREDIT_CHARACTERS[-value % 31]


def pseudonyms(numbers: np.ndarray, key: str = SAMPLE_KEY) -> np.ndarray:
    """The first 12 hexadecimal digits of HMAC-SHA256(key, identity number), without the leading letter."""
    secret = key.encode()
    return np.array([hmac.digest(secret, n.encode(), hashlib.sha256).hex()[:12] for n in numbers], dtype=object)


def table(
    name: str,
    columns: Mapping[str, object],
    observed: np.ndarray,
    known: np.ndarray,
    port: object = "government",
) -> pd.DataFrame:
    """The frame of one table in the order and kinds of its contract; rows known after the extract are left out."""
    contract = TABLES[name]
    n = len(observed)
    given = {**columns, "source": contract.source, "port": port, "observed_on": observed, "known_on": known}
    frame = pd.DataFrame({c.name: typed(given[c.name], c.kind, n) for c in contract.columns})
    return frame[np.asarray(known).astype("datetime64[D]") <= EXTRACTED].reset_index(drop=True)


def typed(values: object, kind: str, n: int) -> pd.Series:
    """Values as the dtype of a kind: text `str`, dates in microseconds, whole numbers integer, flags 0 and 1."""
    listed = np.full(n, values) if np.isscalar(values) or values is None else np.asarray(values)
    if kind == "date":
        return pd.Series(listed.astype("datetime64[D]").astype("datetime64[us]"))
    if kind in ("text", "id", "code"):
        return pd.Series(pd.array(listed.astype(object), dtype="str"))
    numbers = listed.astype(float)
    if np.isnan(numbers).any() or (numbers != np.round(numbers)).any():
        return pd.Series(numbers)
    return pd.Series(numbers.astype(np.int8 if kind == "flag" else np.int64))


def late(rng: np.random.Generator, observed: np.ndarray, usual: tuple[int, int], share: float = 0.04) -> np.ndarray:
    """The day a record became known: a usual lag in days, and months more for a share of the records."""
    n = len(observed)
    lag = rng.integers(usual[0], usual[1] + 1, n)
    months_late = rng.random(n) < share
    lag = np.where(months_late, lag + rng.integers(120, 400, n), lag)
    return observed.astype("datetime64[D]") + lag


def only_where(mask: np.ndarray, values: object) -> np.ndarray:
    """Text where the mask holds, and nothing elsewhere."""
    shown = np.full(len(mask), None, dtype=object)
    shown[mask] = np.broadcast_to(np.asarray(values, dtype=object), (len(mask),))[mask]
    return shown
