"""Model files of every schema version ever written, with rows and what the models said of them. They stay for ever.

`python -m tests.models` writes the folder of the present version, once; a folder that is there is never written again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
KINDS = ("binner", "scorecard", "challenger", "boosted_scorecard")
#: kind → the first version that had it, where it is not the first
SINCE = {"boosted_scorecard": 3}
COLUMNS = {"income": "float64", "code": "float64", "flag": "boolean", "crop": "str", "village": "str",
           "day": "datetime64[us]"}  # fmt: skip


def folders() -> list[Path]:
    """The folder of each version, the oldest first."""
    return sorted((p for p in HERE.glob("v*") if p.is_dir()), key=lambda p: int(p.name[1:]))


def rows(folder: Path) -> pd.DataFrame:
    """The rows that a version's models were asked about."""
    stored = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    return pd.DataFrame({name: pd.Series(stored[name], dtype=kind) for name, kind in COLUMNS.items()})


def said(model: Any, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """What a model says of rows: WOE of a binner; points and log-odds of a card or booster."""
    if not hasattr(model, "points"):
        return {name: values.tolist() for name, values in model.transform(frame).items()}
    return {"points": model.points(frame).tolist(), "log_odds": model.decision_function(frame).tolist()}


def fitted() -> tuple[dict[str, Any], pd.DataFrame]:
    """One small model of each kind, and the rows they were fitted on."""
    from creditlab import Binner, BoostedScorecard, Challenger, Cross, Scale, Scorecard
    from tests.scorecard.parity import sample

    X, y = sample(1500, seed=4)
    X = X[list(COLUMNS)]
    special = {"code": {-9: "refused"}, "crop": {"x": "not asked"}}
    binner = Binner(
        special=special, nested={"village": 4}, missing={"income": "worst"}, crosses=[Cross("crop", "flag")]
    )
    models = {
        "binner": binner.fit(X, y),
        "scorecard": Scorecard(binner, Scale(600, 19, 50), min_iv=0, min_z=0, base="separate").fit(X, y),
        "challenger": Challenger(seed=0).fit(X[["income", "code"]], y),
        "boosted_scorecard": BoostedScorecard(2, binner=binner, n_estimators=60, folds=3).fit(X, y),
    }
    return models, X


def write() -> None:
    """Write the folder of the present version: files, rows and answers."""
    from creditlab.estimators import SCHEMA_VERSION
    from creditlab.files import canonical_json
    from creditlab.results import plain

    models, X = fitted()
    folder = HERE / f"v{SCHEMA_VERSION}"
    folder.mkdir()
    asked = X.head(60).astype({"crop": object, "village": object, "flag": "boolean"})
    for k, name in enumerate(COLUMNS):
        asked.loc[k, name] = None
    asked.loc[10:12, "income"] = [np.float64(1e300), -1e300, 0.0]
    asked.loc[13:15, "crop"] = ["never seen", " x ", "';--"]
    (folder / "rows.json").write_text(
        canonical_json({name: plain(asked[name]) for name in COLUMNS}), encoding="utf-8", newline="\n"
    )
    for name, model in models.items():
        model.to_json(folder / f"{name}.json")
        answer = json.dumps(said(model, rows(folder)))
        (folder / f"{name}_said.json").write_text(answer, encoding="utf-8", newline="\n")
