"""The truth of the sample county beside what a study found: how far it can be trusted. For notebooks and tests only.

`with_truth` needs a county that knows its truth (`creditlab world`); a real county has none. No study reads it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.errors import UnreadableError, message


def with_truth(study: Any, folder: str | os.PathLike[str]) -> pd.DataFrame:
    """What the villages of a study truly are, one row per village of the study, in its order.

    Parameters
    ----------
    study : a `StudyResult` of a sample county.
    folder : the county's folder; the truth lies under `truth/`.

    Returns
    -------
    DataFrame : village name effect (log-odds that the village adds) composition_pd part, true_ratio (true expected bads
        of the sample over those that the composition card expects, scaled to the bads that were seen), and what the
        study said: n rate expected ratio ratio_full estimate lo hi estimate_full p_top action. `part` names the
        villages that were written to mislead.

    Raises
    ------
    UnreadableError : the folder has no truth.
    """
    place = Path(folder) / "truth"
    if not (place / "villages.parquet").is_file():
        raise UnreadableError(
            message("a county that knows its truth", "no truth/villages.parquet", str(folder), "Use the sample county.")
        )
    villages = pd.read_parquet(place / "villages.parquet").rename(columns={"village_id": "village"})
    performance = pd.read_parquet(place / "performance.parquet")
    rows = study.sample.tidy()[["household_id", "village_id", "as_of", "bad"]]
    rows = rows.merge(performance[["household_id", "as_of", "pd"]], on=["household_id", "as_of"], how="left")
    scale = rows.loc[rows["pd"].notna(), "bad"].sum() / rows["pd"].sum()
    hoped = (rows["pd"] * scale).groupby(rows["village_id"]).sum()
    kept = ["village", "name", "n", "rate", "expected", "ratio", "ratio_full", "estimate", "lo", "hi", "estimate_full"]
    kept = [*kept, "p_top"]
    table = study.villages[[c for c in kept if c in study.villages]]
    table = table.merge(villages[["village", "effect", "composition_pd", "part"]], on="village", how="left")
    table["true_ratio"] = table["village"].map(hoped) / table["expected"]
    actions = study.actions.set_index("village")["action"]
    return table.assign(action=table["village"].map(actions).fillna("routine"))
