"""The settings of a card's binner in its file: as JSON types, and back as an unfitted binner."""

from __future__ import annotations

from typing import Any

from creditlab.binning import Binner, Cross
from creditlab.binning.edits import Edit
from creditlab.estimators import pack_special, unpack_special
from creditlab.results import plain


def binner_settings(binner: Binner) -> dict[str, Any]:
    """The settings of a binner as JSON types."""
    settings = binner.get_params(deep=False)
    return {k: pack_special(v) if k == "special" else plain(v) for k, v in settings.items()}


def binner_of(settings: dict[str, Any]) -> Binner:
    """The unfitted binner of these settings; it can be fitted again."""
    parts = {
        "special": unpack_special(settings["special"]),
        "crosses": tuple(Cross(**cross) for cross in settings.get("crosses", ())),
        "edits": tuple(Edit.from_dict(edit) for edit in settings.get("edits", ())),
    }
    return Binner(**(settings | parts))
