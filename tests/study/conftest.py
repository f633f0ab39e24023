"""The sample county and its study, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import creditlab as cl
from creditlab.data import County
from creditlab.study import StudyResult


@pytest.fixture(scope="session")
def county(sample_folder: Path) -> County:
    return cl.read_county(sample_folder)


@pytest.fixture(scope="session")
def sample_study(county: County) -> StudyResult:
    return cl.run_study(county, cl.StudyConfig(), name="sample")
