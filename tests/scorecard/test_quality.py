"""The default card ranks and prices better than published ones on real tables (with peers: `benchmarks/quality.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quality import BEST, BEST_LOG_LOSS, measure_table


@pytest.mark.real
@pytest.mark.parametrize("name", BEST)
def test_the_default_card_is_better_than_the_best_published_one(name: str, real_folder: Path) -> None:
    """Mean of the five splits. The bars have four digits; what was measured clears them by 0.0004 of AUC or more, and
    other platforms move it by less than 1e-6."""
    row = measure_table(real_folder, name, ("scorecard",))[0]
    assert row["auc"] > BEST[name] and row["log_loss"] < BEST_LOG_LOSS[name]


@pytest.mark.real
def test_the_challenger_is_within_three_thousandths_of_it(real_folder: Path) -> None:
    row = measure_table(real_folder, "german", ("challenger",))[0]
    assert row["auc"] >= BEST["german"] - 0.003
