"""The study of the sample county, run once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import creditlab as cl
from creditlab.study import StudyResult


@pytest.fixture(scope="session")
def sample_study(sample_folder: Path) -> StudyResult:
    return cl.run_study(cl.read_county(sample_folder), cl.StudyConfig(), name="sample")
