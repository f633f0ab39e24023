"""The report of a county by a second path: from the evidence that the study left, and from the county's own tables.

`recheck_report` calls it. The order: evidence against its digests in the manifest, the book from the tables, the card
from rows, villages, geography, reasons, explanations; each in a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data import read_county
from creditlab.results import digest
from creditlab.study.evidence import read_evidence
from creditlab.study.models import load
from creditlab.study.recheck_book import recheck_book
from creditlab.study.recheck_card import recheck_card
from creditlab.study.recheck_collection import recheck_collection
from creditlab.study.recheck_design import recheck_design
from creditlab.study.recheck_explanations import recheck_explanations
from creditlab.study.recheck_space import recheck_space
from creditlab.study.recheck_tables import Shown
from creditlab.study.recheck_villages import recheck_gap, recheck_villages
from creditlab.study.recheck_why import recheck_why
from creditlab.study.splits import DEVELOPMENT
from creditlab.validation.rechecking import Data, compared

#: model in the tests → column of its PDs in the evidence
PROB = {"card": "pd_card", "challenger": "pd_challenger", "card (out of village)": "pd_out_of_village"}


def recheck_county(
    stored: Mapping[str, Any], folder: Path, data: Path
) -> tuple[Data | None, list[dict[str, Any]], Shown]:
    """The rows behind the tests (None without evidence), and the figures of the county's own sections, compared."""
    shown, tables = Shown(stored), read_evidence(folder)
    county = read_county(data)
    county = county.in_villages_of(county.last_known())
    recheck_book(shown, stored, county, tables.get("rows"))
    if "rows" not in tables or "features" not in tables:
        return None, [], shown
    found = evidence_digests(stored, tables)
    rows, X = tables["rows"], tables["features"]
    config = stored["manifest"]["config"]
    card = load(folder / "model.json")
    fitted = (rows["split"] == DEVELOPMENT).to_numpy()
    recheck = recheck_card(
        stored,
        card,
        X[fitted],
        rows.loc[fitted, "bad"].to_numpy(),
        rows.loc[fitted, "village_id"].astype(str).to_numpy(),
    )
    recheck_design(shown, card, X, rows)
    if len(shown.rows("villages.table")):
        second = recheck_villages(shown, rows, tables.get("neighbours"), config)
        recheck_gap(shown, tables, second, folder)
        if "neighbours" in tables:
            recheck_space(shown, second, tables["neighbours"], county)
        recheck_why(shown, tables, second, county, config)
    recheck_explanations(shown, tables, folder)
    recheck_collection(shown, county)
    prob = {name: rows[column].to_numpy(dtype=float) for name, column in PROB.items() if column in rows}
    groups = rows["village_id"].astype(str).to_numpy()
    known = Data(rows["bad"].to_numpy(), prob, rows["split"].to_numpy(dtype=object), groups)
    return known, [*found, *models(rows, X, folder), *recheck], shown


def evidence_digests(stored: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Is the evidence what the study wrote? A row per table of the manifest."""
    found = []
    for name, told in sorted((stored["manifest"].get("evidence") or {}).items()):
        same = name in tables and digest(tables[name]) == told
        line = {"part": "manifest", "id": f"evidence {name}", "scope": "", "figure": "digest", "reported": 1.0}
        found.append(line | compared(1.0, float(same)))
    return found


def models(rows: pd.DataFrame, X: pd.DataFrame, folder: Path) -> list[dict[str, Any]]:
    """The PDs of the evidence by other ways: the card by its SQL in DuckDB, the booster by LightGBM itself."""
    import duckdb

    card, found = load(folder / "model.json"), []
    t = X[list(card.feature_names_in_)].assign(row__=np.arange(len(X)))
    with duckdb.connect() as connection:
        connection.register("t", t)
        scored = connection.execute(card.to_sql("duckdb", "t", keep=["row__"])).df().sort_values("row__")
    points, own = scored["points"].to_numpy(dtype=float), card.points(X).to_numpy(dtype=float)
    common = {"part": "model", "id": "card", "scope": f"{len(X)} rows"}
    worst = int(np.argmax(np.abs(points - own)))
    found.append({**common, "figure": "points by SQL", "reported": own[worst], **compared(own[worst], points[worst])})
    return found
