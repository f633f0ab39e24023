"""What a study leaves beside its report so that every figure can be computed again: rows, PDs, contributions, facts.

`creditlab recheck` reads these tables and computes by other ways; the digest of each stands in the report's manifest.
Persons are pseudonyms, as everywhere; the tables hold rows of persons and never leave the bank (`write` leaves them out
of the external edition). They estimate nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.errors import UnreadableError, message
from creditlab.results import digest
from creditlab.study import facts as records

#: the folder beside report.json
FOLDER = "evidence"
#: columns of a case that a second path of the enforcement takes; who was sued is not among them
CASE_COLUMNS = (
    "village",
    "court",
    "enforcement_on",
    "closed_on",
    "outcome",
    "amount",
    "enforced_amount",
    "dishonest_list",
)


def evidence(
    rows: pd.DataFrame,
    features: pd.DataFrame,
    explanations: Mapping[str, Any],
    contributions: pd.DataFrame | None = None,
    graph: Any = None,
    county: Any = None,
) -> dict[str, pd.DataFrame]:
    """The tables by name: rows features shap_card shap_challenger contributions neighbours and facts of the villages.

    Parameters
    ----------
    rows : one per row of the sample: outcome, village, split, PDs of every model, calibrated expected PD.
    features : rows × features, in the same order. explanations : per model; `shap_*` has a row per explained row.
    contributions : of the cross-fitted composition card, rows × features, in log-odds.
    graph : neighbours of the villages. county : for the counts behind criteria, enforcement and dynamics.
    """
    tables = {"rows": rows.reset_index(drop=True), "features": features.reset_index(drop=True)}
    for name, found in explanations.items():
        tables[f"shap_{name}"] = found.values.reset_index(drop=True).assign(base_value__=found.base_value)
    if contributions is not None:
        tables["contributions"] = contributions.reset_index(drop=True)
    if graph is not None:
        tables["neighbours"] = graph.tidy()
    if county is not None:
        tables |= _facts(county)
    return {name: frame for name, frame in tables.items() if len(frame.columns)}


def _facts(county: Any) -> dict[str, pd.DataFrame]:
    """The counts behind the criteria and the dynamics, as of the end of the book."""
    now = county.household_file(county.last_month())
    found = {"environment": records.environment_facts(now)}
    cases, moves, links = records.court_cases(now), records.quarter_moves(now), records.guarantee_links(now)
    if cases is not None:
        found["cases"] = cases[[c for c in CASE_COLUMNS if c in cases]].reset_index(drop=True)
    if moves is not None:
        by = ["village", "quarter", "start", "end"]
        found["moves"] = moves.astype({"start": str, "end": str}).groupby(by, as_index=False).size()
    if links is not None:
        found["guarantees"] = links.reset_index(drop=True)
    return found


def digests(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """The digest of each table, for the manifest."""
    return {name: digest(frame) for name, frame in tables.items()}


def read_evidence(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables beside a report; empty where there are none.

    Raises
    ------
    UnreadableError : a file that is no Parquet.
    """
    found = {}
    for path in sorted((folder / FOLDER).glob("*.parquet")):
        try:
            found[path.stem] = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise UnreadableError(
                message("a Parquet file", type(error).__name__, str(path), "Write the study again.")
            ) from error
    return found
