"""Village methods that are named and not built yet: each says what is missing.

They are here so that programs written against the published names fail with one clear sentence.
"""

from __future__ import annotations

from typing import Any, NoReturn


def _planned(name: str, missing: str) -> NoReturn:
    raise NotImplementedError(f"{name} is not built yet: {missing}")


def did(*args: Any, **options: Any) -> NoReturn:
    """Difference-in-differences of an intervention in villages."""
    _planned("did", "difference-in-differences with small-sample standard errors")


def att_gt(*args: Any, **options: Any) -> NoReturn:
    """Group-time effects under staggered dispatch (Callaway and Sant'Anna 2021)."""
    _planned("att_gt", "group-time average effects and their aggregation")


def permutation(*args: Any, **options: Any) -> NoReturn:
    """Randomisation inference for few treated villages."""
    _planned("permutation", "randomisation inference over villages")
