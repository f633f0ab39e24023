"""The truth of the sample county beside what a study found: how far it can be trusted. For notebooks and tests only.

`with_truth` and `definitions_with_truth` need a county that knows its truth (`creditlab world`); a real county has
none. No study reads it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.errors import UnreadableError, message
from creditlab.loans import Bad, performance_sample


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
    place = _truth(folder, "villages.parquet")
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


def definitions_with_truth(
    county: Any, as_of: Any, definitions: Mapping[str, Bad], folder: str | os.PathLike[str]
) -> pd.DataFrame:
    """Whether a definition of bad calls those bad who were likely to fail.

    Parameters
    ----------
    county : the sample county, read or as a `LoanBook`.
    as_of : one observation date or several.
    definitions : name → definition; of households.
    folder : the county's folder; the truth lies under `truth/`.

    Returns
    -------
    DataFrame : a row per definition: definition households bads bad_rate, then the mean true PD of all, of the bads and
        of the goods, and auc, how often a bad has a higher true PD than a good (0.5 is a coin).

    Raises
    ------
    UnreadableError : the folder has no truth.
    """
    from sklearn.metrics import roc_auc_score

    keys = ["household_id", "as_of"]
    truth = pd.read_parquet(_truth(folder, "performance.parquet") / "performance.parquet")[[*keys, "pd"]]
    rows = []
    for name, bad in definitions.items():
        sample = performance_sample(county, as_of, bad).tidy().merge(truth, on=keys, validate="1:1")
        is_bad = sample["bad"] == 1
        rows.append(
            {"definition": name, "households": len(sample), "bads": int(is_bad.sum()), "bad_rate": is_bad.mean(),
             "true_pd": sample["pd"].mean(), "of_bads": sample.loc[is_bad, "pd"].mean(),
             "of_goods": sample.loc[~is_bad, "pd"].mean(),
             "auc": roc_auc_score(is_bad, sample["pd"]) if 0 < is_bad.sum() < len(sample) else float("nan")}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _truth(folder: str | os.PathLike[str], name: str) -> Path:
    """The folder of the truth, with the file in it."""
    place = Path(folder) / "truth"
    if not (place / name).is_file():
        raise UnreadableError(
            message("a county that knows its truth", f"no truth/{name}", str(folder), "Use the sample county.")
        )
    return place
