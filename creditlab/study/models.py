"""Loading what was saved: a JSON file of a binner, a scorecard or a challenger becomes the object again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from creditlab.errors import UnreadableError, message
from creditlab.files import read_json


def load(path: str | Path) -> Any:
    """The `Binner`, `ContinuousBinner`, `Scorecard` or `Challenger` that a JSON file holds.

    Raises
    ------
    UnreadableError : when the file is absent, damaged (its digest does not fit), of a newer schema, or no model.
    """
    stored = read_json(path)
    kind = stored.get("kind") if isinstance(stored, dict) else None
    if kind == "scorecard":
        from creditlab.scorecard import Scorecard

        return Scorecard.from_dict(stored)
    if kind == "challenger":
        from creditlab.challenger import Challenger

        return Challenger.from_dict(stored)
    if kind == "binner":
        from creditlab.binning import Binner

        return Binner.from_dict(stored)
    if kind == "continuous_binner":
        from creditlab.binning import ContinuousBinner

        return ContinuousBinner.from_dict(stored)
    raise UnreadableError(
        message(
            "a model file of creditlab (kind scorecard, challenger or binner)",
            repr(kind),
            str(path),
            "Give the model.json that a study wrote.",
        )
    )
