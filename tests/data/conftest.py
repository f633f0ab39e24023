"""What several tests of the data read once: the committed sample county and its truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from creditlab.data import County, read_county


@pytest.fixture(scope="session")
def sample_county(sample_folder: Path) -> County:
    return read_county(sample_folder)


@pytest.fixture(scope="session")
def sample_truth(sample_folder: Path) -> dict[str, pd.DataFrame]:
    return {p.stem: pd.read_parquet(p) for p in sorted((sample_folder / "truth").glob("*.parquet"))}
