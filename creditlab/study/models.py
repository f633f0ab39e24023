"""Loading what was saved: a JSON file of a binner, a scorecard or a challenger becomes the object again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from creditlab.errors import UnreadableError, message, some
from creditlab.files import read_json

#: kind of a model file → where its class is
KINDS = {
    "scorecard": ("creditlab.scorecard", "Scorecard"),
    "challenger": ("creditlab.challenger", "Challenger"),
    "boosted_scorecard": ("creditlab.challenger", "BoostedScorecard"),
    "binner": ("creditlab.binning", "Binner"),
    "continuous_binner": ("creditlab.binning", "ContinuousBinner"),
}


def load(path: str | Path) -> Any:
    """The `Binner`, `ContinuousBinner`, `Scorecard`, `Challenger` or `BoostedScorecard` that a JSON file holds.

    The file's hash detects damage, not forgery: who can change the file can write the hash anew.

    Raises
    ------
    UnreadableError : when the file is absent, damaged (its digest does not fit), of a newer schema, or no model.
    """
    stored = read_json(path)
    kind = stored.get("kind") if isinstance(stored, dict) else None
    if kind not in KINDS:
        raise UnreadableError(
            message(
                f"a model file of creditlab (kind {some(list(KINDS), 9)})",
                repr(kind),
                str(path),
                "Give the model.json that a study wrote.",
            )
        )
    area, name = KINDS[kind]
    try:
        return getattr(import_module(area), name).from_dict(stored)
    except UnreadableError:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:  # the digest fits, the content not
        raise UnreadableError(
            message(
                f"the content of a {kind}", f"{type(error).__name__}: {error}", str(path), "Take the original file."
            )
        ) from None
