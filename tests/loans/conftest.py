"""The sample county's book, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditlab.data import County, read_county
from creditlab.loans.book import LoanBook, loan_book


@pytest.fixture(scope="session")
def sample_county(sample_folder: Path) -> County:
    return read_county(sample_folder)


@pytest.fixture(scope="session")
def sample_book(sample_county: County) -> LoanBook:
    return loan_book(sample_county)
