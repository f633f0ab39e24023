"""The portrait of a household or a segment on one page. Its name is here; the page belongs to a later step."""

from __future__ import annotations

from typing import Any


def portrait(file: Any, household: str) -> Any:
    """The one-page portrait of a household: who, conduct, production, network, score with reasons, what is missing.

    Raises
    ------
    NotImplementedError : always, for now.
    """
    raise NotImplementedError(
        "portrait is not built yet: the page itself and the household's network of guarantees are missing; "
        "make_features(file).frame and file.trace(household) show what it will rest on"
    )
