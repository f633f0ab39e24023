"""The modelling frame: features of each borrower as they stood on his observation date, with the outcome beside them.

Three cards read it. 'entry' sees no loan conduct, 'behaviour' sees everything a PD model may see, 'composition' sees
only household-origin columns dated before the loan was granted: it gives a village its expected rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.columns import Dictionary, check_use
from creditlab.data import County
from creditlab.errors import InputError, message
from creditlab.features import PLAN, Feature, make_features
from creditlab.loans import PerformanceSample
from creditlab.results import Result, Stamp

#: card → the levels of the columns that it may see
CARD_LEVELS: Mapping[str, tuple[str, ...]] = {
    "entry": ("household-origin", "village"),
    "behaviour": ("household-origin", "household-conduct", "village"),
    "composition": ("household-origin",),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ModellingFrame(Result):
    """Features and outcome of a sample, aligned by index. `X`, `y`, `village` and so on are its parts.

    The index is the household, with the observation date behind an '@' where several dates are pooled.
    """

    title: ClassVar[str] = "Modelling frame 建模样本"

    features: pd.DataFrame
    dictionary: Dictionary
    special: Mapping[str, Mapping[Any, str]]
    card: str

    @property
    def X(self) -> pd.DataFrame:
        """Rows × features."""
        return self.features

    @property
    def y(self) -> pd.Series:
        """1 = bad."""
        return self.table["bad"]

    def __getattr__(self, name: str) -> pd.Series:
        columns = {"village": "village_id", "household": "household_id", "amount": "balance"}
        if name in ("village", "household", "officer", "branch", "amount", "weight", "period", "as_of", "granted_on"):
            return self.table[columns.get(name, name)]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def for_card(self, card: str) -> ModellingFrame:
        """The same rows with only the columns that another card may see: what `modelling_frame` makes for that card.

        Raises
        ------
        InputError : for the composition card, whose features are of other dates, and for a card that sees more.
        """
        check_one_of(card, ("entry", "behaviour"), "card")
        if not set(CARD_LEVELS[card]) <= set(CARD_LEVELS[self.card]) or self.card == "composition":
            raise InputError(
                message(f"a frame that holds what the {card} card sees", f"that of the {self.card} card", "for_card",
                        "Make it with modelling_frame.")
            )  # fmt: skip
        names = [name for name in self.dictionary if self.dictionary[name].level in CARD_LEVELS[card]]
        check_use(names, self.dictionary, purpose=f"{card} card", levels=CARD_LEVELS[card])
        return ModellingFrame(
            table=self.table,
            features=self.features[names],
            dictionary=self.dictionary.only(names),
            special={name: codes for name, codes in self.special.items() if name in names},
            card=card,
            stamp=Stamp.of([self.features[names], self.y], {"card": card, "of": self.stamp.spec}),
            facts={**self.facts, "card": card, "features": len(names)},
        )

    def without(self, names: Iterable[str]) -> ModellingFrame:
        """The same rows without these features; names that this card does not see are passed over."""
        out = set(names)
        kept = [name for name in self.features.columns if name not in out]
        if len(kept) == self.features.shape[1]:
            return self
        if not kept:
            raise InputError(message("a feature to keep", "none", f"{self.card} card", "Drop fewer."))
        return replace(
            self,
            features=self.features[kept],
            dictionary=self.dictionary.only(kept),
            special={name: codes for name, codes in self.special.items() if name in kept},
            stamp=Stamp.of([self.features[kept], self.y], {"card": self.card, "of": self.stamp.spec}),
            facts={**self.facts, "features": len(kept)},
        )

    def rows(self, mask: Any) -> ModellingFrame:
        """The same frame with only the rows of a boolean mask."""
        keep = np.asarray(mask, dtype=bool)
        return ModellingFrame(
            table=self.table[keep],
            features=self.features[keep],
            dictionary=self.dictionary,
            special=self.special,
            card=self.card,
            stamp=Stamp.of(self.features[keep], {"card": self.card}),
            facts={
                "card": self.card,
                "rows": int(keep.sum()),
                "bads": int(self.y[keep].sum()),
                "features": self.features.shape[1],
            },
        )


def modelling_frame(county: County, sample: PerformanceSample, card: str = "behaviour") -> ModellingFrame:
    """Features as of each observation date (for the composition card: as of the quarter end before the grant).

    Parameters
    ----------
    county : the county that was read.
    sample : households with their outcome, see `performance_sample`.
    card : 'entry', 'behaviour' or 'composition'.

    Returns
    -------
    ModellingFrame : `.X` (rows × features), `.y`, `.village`, `.officer`, `.branch`, `.amount` (yuan), `.weight`,
        `.period`, aligned by index.

    Raises
    ------
    InputError : for an unknown card, or a sample without rows.
    PolicyError : when a feature of the plan is of a class that the card may not see.
    """
    check_one_of(card, tuple(CARD_LEVELS), "card")
    rows = _indexed(sample.tidy())
    dates = _quarter_end_before(rows["granted_on"]) if card == "composition" else rows["as_of"]
    plan = tuple(f for f in PLAN if f.column.level in CARD_LEVELS[card])
    made = [
        _features_at(county, date, rows.loc[dates == date, "household_id"], plan) for date in sorted(dates.unique())
    ]
    parts = [part for part in made if part is not None]
    if not parts:
        raise InputError(
            message("households known on the dates", "none", f"{card} card", "Check known_on of the census.")
        )
    dictionary = parts[0][1]
    names = list(dictionary)
    check_use(names, dictionary, purpose=f"{card} card", levels=CARD_LEVELS[card])
    # a household of which nothing was known on its date stays, with everything missing
    X = pd.concat([part[0][names] for part in parts]).reindex(rows.index)
    special = {n: codes for n, codes in parts[0][2].items() if n in names}
    return ModellingFrame(
        table=rows,
        features=X,
        dictionary=dictionary.only(names),
        special=special,
        card=card,
        stamp=Stamp.of([X, rows["bad"]], {"card": card, "sample": sample.stamp.spec}),
        facts={"card": card, "rows": len(rows), "bads": int(rows["bad"].sum()), "features": len(names)},
    )


def _indexed(rows: pd.DataFrame) -> pd.DataFrame:
    if len(rows) == 0:
        raise InputError(
            message("households with an outcome", "none", "sample", "See its waterfall for where they were lost.")
        )
    pooled = rows["as_of"].nunique() > 1
    day = rows["as_of"].dt.strftime("@%Y-%m-%d") if pooled else ""
    return rows.set_index(pd.Index(rows["household_id"] + day, name="household"), drop=False)


def _quarter_end_before(day: pd.Series) -> pd.Series:
    """The last day of the quarter before each day."""
    return (day.dt.to_period("Q").dt.start_time - pd.Timedelta(days=1)).dt.as_unit("us")


def _features_at(
    county: County, date: pd.Timestamp, households: pd.Series, plan: Sequence[Feature]
) -> tuple[pd.DataFrame, Dictionary, Mapping[str, Mapping[Any, str]]] | None:
    file = county.household_file(date, households=_unique(households))
    if file.frame.empty:
        return None
    made = make_features(file, plan=plan)
    frame = made.frame.reindex(households.to_numpy()).set_axis(households.index, axis=0)
    return frame, made.dictionary, made.special


def _unique(values: Iterable[str]) -> list[str]:
    return sorted(set(values))
