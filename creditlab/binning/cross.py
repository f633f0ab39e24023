"""Two characteristics taken together as one: the spec of a cross.

The joint bins are not built yet; `Binner` refuses crosses and says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cross:
    """Two columns that act on risk together, such as crop and insurance.

    >>> Cross("crop", "insured").name
    'crop × insured'
    """

    first: str
    second: str

    @property
    def name(self) -> str:
        """The name of the joint characteristic."""
        return f"{self.first} × {self.second}"
