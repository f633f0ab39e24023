"""Work on distinct texts gives what work on every row gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.data.household import KnownTables
from creditlab.data.texts import among, each_distinct, places
from creditlab.results import digest

TEXTS = pd.Series(["乙", " 甲", None, "乙", "", "x", None, " 甲"], index=range(3, 11), name="words", dtype="str")


def test_each_distinct_text_is_changed_as_every_row_would_be() -> None:
    pd.testing.assert_series_equal(each_distinct(TEXTS, lambda t: t.str.strip()), TEXTS.str.strip())


def test_a_column_in_which_nothing_changes_is_not_made_again() -> None:
    assert each_distinct(TEXTS, lambda t: t + "") is TEXTS


@pytest.mark.parametrize("kind", ["str", object])
def test_among_is_isin(kind: object) -> None:
    values = TEXTS.astype(kind)
    wanted = ["乙", "x", "不在"]
    assert among(values, wanted).tolist() == values.isin(wanted).tolist()


def test_places_are_those_of_the_index() -> None:
    index = pd.Index(["x", "乙"])
    assert places(TEXTS, index).tolist() == index.get_indexer(TEXTS).tolist()


def test_a_digest_made_by_distinct_texts_is_the_digest_of_the_rows() -> None:
    rows = pd.util.hash_pandas_object(TEXTS, index=True).to_numpy()
    as_bytes = np.ascontiguousarray(rows).tobytes()
    assert digest(TEXTS) == digest(as_bytes)


def test_asking_whether_a_table_is_there_does_not_filter_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = KnownTables({"loans": pd.DataFrame({"note_id": ["a"]})}, pd.Timestamp("2023-12-31"), None)
    monkeypatch.setattr(KnownTables, "_filter", lambda self, name: pytest.fail(f"{name} was filtered"))
    assert "loans" in tables
    assert "tax" not in tables
