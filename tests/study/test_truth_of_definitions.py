"""Definitions of bad beside the truth of the sample county."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditlab.data import read_county
from creditlab.errors import UnreadableError
from creditlab.loans import Bad
from creditlab.loans.book import loan_book
from creditlab.study import definitions_with_truth


def test_ninety_days_find_those_who_were_likely_to_fail_better_than_thirty(sample_folder: Path, tmp_path: Path) -> None:
    county = read_county(sample_folder)
    choices = {"30": Bad(dpd=30), "90": Bad()}
    table = definitions_with_truth(county, ["2022-12-31", "2023-12-31"], choices, sample_folder).set_index("definition")
    assert (table["of_bads"] > 2 * table["of_goods"]).all() and table["bads"].is_monotonic_decreasing
    assert table.loc["90", "auc"] > table.loc["30", "auc"] > 0.7
    whole = table["bad_rate"] * table["of_bads"] + (1 - table["bad_rate"]) * table["of_goods"]
    assert whole.to_numpy() == pytest.approx(table["true_pd"].to_numpy())
    with pytest.raises(UnreadableError, match="no truth/performance.parquet"):
        definitions_with_truth(loan_book(county), "2022-12-31", choices, tmp_path)
