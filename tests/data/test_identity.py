"""Identity numbers: recognised by checksum, replaced by a keyed hash, never shown."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.data.identity import (
    looks_like_credit_code,
    looks_like_identity,
    normalise,
    pseudonyms,
    read_key,
    upgraded,
    valid_credit_code,
    valid_identity,
)
from creditlab.errors import IdentityError

#: the example printed in GB 11643-1999
PUBLISHED = "11010519491231002X"
KEY = b"a key that is long enough"


def test_the_published_example_and_its_spoilt_copies() -> None:
    numbers = pd.Series(
        [PUBLISHED, "11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ", " 110105194912310 02X"]
    )
    assert looks_like_identity(numbers).tolist() == valid_identity(numbers).tolist() == [True] * 4
    assert normalise(numbers).nunique() == 1
    mistyped = pd.Series(["110105194912310021", PUBLISHED])
    assert looks_like_identity(mistyped).tolist() == [True, True], "a wrong check digit does not make it harmless"
    assert valid_identity(mistyped).tolist() == [False, True]
    others = pd.Series(["110105194913310022", "1101051949123100", None, "甲村", ""])  # no month 13, too short
    assert not looks_like_identity(others).any() and not valid_identity(others).any()


def test_every_swap_of_neighbours_is_found() -> None:
    swapped = []
    for i in range(16):
        letters = list(PUBLISHED)
        letters[i], letters[i + 1] = letters[i + 1], letters[i]
        if "".join(letters) != PUBLISHED:
            swapped.append("".join(letters))
    assert len(swapped) > 10 and not valid_identity(pd.Series(swapped)).any()


def test_numbers_dates_and_flags_are_no_identity() -> None:
    assert not looks_like_identity(pd.Series([1.5, np.nan])).any()
    assert not looks_like_identity(pd.Series(pd.to_datetime(["2023-01-01"]))).any()
    assert not looks_like_identity(pd.Series([True])).any()
    assert looks_like_identity(pd.Series([440524188001010014])).tolist() == [True]  # as an integer column


def test_the_same_key_gives_the_same_pseudonym_and_another_key_another() -> None:
    numbers = pd.Series([PUBLISHED, "11010519491231002x", None])
    first = pseudonyms(numbers, KEY, "P")
    assert first[0] == first[1] and pd.isna(first[2])
    assert first[0] == "P" + hmac.new(KEY, PUBLISHED.encode(), hashlib.sha256).hexdigest()[:12]
    assert pseudonyms(numbers, b"another key, long enough", "P")[0] != first[0]


def test_a_key_is_read_checked_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  creditlab-sample-key \n", encoding="utf-8")
    assert read_key(tmp_path / "key") == b"creditlab-sample-key"
    (tmp_path / "short").write_text("hunter2", encoding="utf-8")
    with pytest.raises(IdentityError, match="at least 16 characters") as caught:
        read_key(tmp_path / "short")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(IdentityError, match="a key file; got FileNotFoundError"):
        read_key(tmp_path / "none")


def test_fifteen_digits_have_the_pseudonym_of_the_eighteen_that_replaced_them() -> None:
    old, new = "110105491231002", PUBLISHED
    assert upgraded(pd.Series([old])).tolist() == [new]
    both = pseudonyms(pd.Series([old, new, "１１０１０５４９１２３１００２"]), KEY, "P")
    assert both.nunique() == 1
    assert upgraded(pd.Series(["110105491231999"]))[0][6:10] == "1849", "serials 996 to 999: people of a hundred years"


def test_account_numbers_of_fifteen_digits_are_no_identity() -> None:
    rng = np.random.default_rng(1)
    accounts = pd.Series([f"6228{n:011d}" for n in rng.integers(0, 10**11, 400)])
    assert not looks_like_identity(accounts).any()
    people = pd.Series(["110105491231002", PUBLISHED, None, "420106530421013"])
    assert looks_like_identity(people).tolist() == [True, True, False, True]


#: the example printed in GB 32100-2015
CODE = "91350100M000100Y43"


def test_the_published_credit_code_and_its_spoilt_copies() -> None:
    codes = pd.Series([CODE, CODE.lower(), "９１３５０１００Ｍ０００１００Ｙ４３", "91350100-M000100Y4-3"])
    assert valid_credit_code(codes).tolist() == [True] * 4 and normalise(codes).nunique() == 1
    assert not looks_like_identity(codes).any()
    spoilt = [CODE[:i] + c + CODE[i + 1 :] for i in range(2, 18) for c in "07" if CODE[i] != c]
    assert not valid_credit_code(pd.Series(spoilt)).any(), "every single wrong character is found"
    assert not looks_like_credit_code(pd.Series([PUBLISHED, "甲村", None, "91350100I000100Y43"])).any()


def test_a_credit_code_of_digits_alone_is_told_from_a_person() -> None:
    from creditlab.data.world.streams import credit_codes

    codes = pd.Series(credit_codes(np.arange(500)))
    assert looks_like_credit_code(codes).all() and valid_credit_code(codes).all()
    assert not looks_like_credit_code(pd.Series([PUBLISHED, "440524188001010014"])).any()
