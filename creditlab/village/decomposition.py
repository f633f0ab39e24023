"""Why a village's rate differs: who its borrowers are (composition), or how alike borrowers pay there (rate).

Use it with risk bands of a scorecard. The identity is exact; it gives no intervals and does not say what causes either
part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.counts import check_counts


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Kitagawa(Result):
    """The gap between two rates by band: band share share_reference rate rate_reference composition within."""

    title: ClassVar[str] = "Composition and rate parts of a gap 差距的构成效应与率效应"
    plots: ClassVar[str] = "village"


def kitagawa(n: Any, bad: Any, n_reference: Any, bad_reference: Any, band: Any = None) -> Kitagawa:
    """The gap between a village's bad rate and a reference's, as composition plus rate effects, exactly.

    gap = Σ (w - w')·(r + r')/2 + Σ (r - r')·(w + w')/2 over risk bands, with w the share and r the bad rate of a band,
    w' and r' those of the reference (E. Kitagawa, JASA 50 (1955) 1168-1194). A band that one side does not have takes
    the other side's rate, so that it counts as composition only.

    Parameters
    ----------
    n, bad : loans and bads of the village, one per band.
    n_reference, bad_reference : of the county, or of all other villages.
    band : names of the bands.

    Returns
    -------
    Kitagawa, a row per band; `facts` has gap, composition and within, which add up to 1e-12.

    Raises
    ------
    InputError : arrays of unequal length, more bads than loans, a side without loans.

    >>> part = kitagawa([10, 30], [1, 9], [50, 50], [5, 10]).facts
    >>> round(part["gap"], 4), round(part["composition"], 4), round(part["within"], 4)
    (0.1, 0.0375, 0.0625)
    """
    sizes = check_counts(n, "n")
    parts = [check_counts(v, w, len(sizes)) for v, w in ((bad, "bad"), (n_reference, "n_reference"))]
    bads, other_sizes = parts
    other_bads = check_counts(bad_reference, "bad_reference", len(sizes))
    if (bads > sizes).any() or (other_bads > other_sizes).any() or not sizes.sum() or not other_sizes.sum():
        came = "more bads than loans in a band, or a side without loans"
        raise InputError(message("at most as many bads as loans, and loans on both sides", came, "kitagawa", "Check."))
    share, other_share = sizes / sizes.sum(), other_sizes / other_sizes.sum()
    rate, other_rate = bads / np.where(sizes, sizes, 1), other_bads / np.where(other_sizes, other_sizes, 1)
    rate, other_rate = np.where(sizes, rate, other_rate), np.where(other_sizes, other_rate, rate)
    composition = (share - other_share) * (rate + other_rate) / 2
    within = (rate - other_rate) * (share + other_share) / 2
    table = pd.DataFrame(
        {
            "band": np.arange(len(sizes)) if band is None else list(band),
            "share": share,
            "share_reference": other_share,
            "rate": rate,
            "rate_reference": other_rate,
            "composition": composition,
            "within": within,
        }
    )
    facts = {
        "gap": float(bads.sum() / sizes.sum() - other_bads.sum() / other_sizes.sum()),
        "composition": float(composition.sum()),
        "within": float(within.sum()),
    }
    return Kitagawa(table=table, stamp=Stamp.of([sizes, bads, other_sizes, other_bads], {}), facts=facts)
