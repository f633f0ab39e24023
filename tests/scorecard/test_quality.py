"""The default card ranks as well as published ones on a real table (all four: `benchmarks/quality.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quality import BEST, measure_table


@pytest.mark.real
def test_german_within_three_thousandths_of_the_best_published(real_folder: Path) -> None:
    rows = {row["model"]: row["auc"] for row in measure_table(real_folder, "german")}
    assert rows["scorecard"] >= BEST["german"] - 0.003
    assert rows["challenger"] >= BEST["german"] - 0.003
