"""The gains table: bands of applicants from the riskiest on, what each holds of the bads, lift and KS.

Use it to see how well points rank on a sample and where the bads sit. Equal points are never split between bands, so
that the order of rows does not matter. It compares no cards; see `swaps` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.scorecard.applicants import Applicants, Sums, divided
from creditlab.scorecard.cutoffs import read_points
from creditlab.scorecard.exhibit import RATE, Shown, exhibit

FACTS = (
    Shown("户数", "n", "n"), Shown("坏", "bads", "bads"), Shown("村", "villages", "villages"),
    Shown("KS", "KS", "ks", ".3f"),
)  # fmt: skip
COLUMNS = (
    Shown("档", "band", "band"),
    Shown("分值自", "points from", "points_lo"),
    Shown("至", "to", "points_hi"),
    Shown("户数", "n", "n"),
    Shown("坏", "bads", "bads"),
    Shown("坏账率", "bad rate", "bad_rate", RATE, "lo", "hi"),
    Shown("坏户占比", "share of bads", "share_bads", RATE),
    Shown("提升度", "lift", "lift", ".2f"),
    Shown("累计户数", "rows so far", "cum_share", RATE),
    Shown("累计捕获坏户", "bads captured so far", "cum_bads", RATE, "cum_bads_lo", "cum_bads_hi"),
    Shown("累计提升度", "lift so far", "cum_lift", ".2f", "cum_lift_lo", "cum_lift_hi"),
    Shown("KS", "KS", "ks", ".3f"),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Gains(Result):
    """A row per band, the riskiest first; the columns are those of `gains_table`."""

    title: ClassVar[str] = "Gains table 增益表"
    plots: ClassVar[str] = "strategy"

    def _repr_html_(self) -> str:
        return exhibit(self, FACTS, COLUMNS, note="自风险最高的一档起。 From the riskiest band on.")


def gains_table(
    points: Any, bad: Any, *, bands: int = 10, weight: Any = None, groups: Any = None, level: float = 0.9
) -> Gains:
    """Bad rate, share of the bads, lift and KS by band of points.

    Parameters
    ----------
    points : (n,) scores, higher = safer.
    bad : (n,) 1 bad, 0 good; rows without an outcome are left out.
    bands : how many bands of about equal size; fewer where points are tied.
    weight, groups : (n,) copies of each row, villages (for the intervals).

    Returns
    -------
    Gains : `band points_lo points_hi n goods bads bad_rate lo hi share share_bads lift cum_share cum_bads cum_bads_lo
        cum_bads_hi cum_lift cum_lift_lo cum_lift_hi ks`. `cum_bads` is the share of all bads in this band and the
        riskier ones (the gain, or capture rate), `cum_lift` that over the share of rows, `ks` the difference between
        the shares of bads and of goods so far.

    Examples
    --------
    >>> table = gains_table([1, 2, 3, 4], [1, 1, 0, 0], bands=2).tidy()
    >>> table[["band", "bads", "cum_bads", "cum_lift", "ks"]].values.tolist()
    [[1.0, 2.0, 1.0, 2.0, 1.0], [2.0, 0.0, 1.0, 1.0, 0.0]]
    """
    if isinstance(bands, bool) or not isinstance(bands, int | np.integer) or bands < 1:
        raise InputError(message("a whole number of bands, at least 1", repr(bands), "bands", "Ask for 10."))
    check_level(level)
    values = read_points(points, "points")
    rows = Applicants.of(len(values), bad, None, None, weight, groups)
    # without an outcome a row tells nothing about the ranking
    counted = np.where(rows.known, rows.weight, 0.0)
    if not counted.any():
        raise InputError(message("a row with weight and outcome", "none", "weight", "Check the weights."))
    ends = band_ends(values, counted, int(bands))
    cell = np.searchsorted(ends, values, side="right")
    rows = Applicants(rows.bad, counted, None, None, rows.cluster, rows.clusters)
    table = _table_of(values, counted, cell, Sums.of(rows, rows.terms(None), cell, len(ends) + 1), level)
    facts = {
        "n": float(table["n"].sum()), "bads": float(table["bads"].sum()), "bands": len(table),
        "ks": float(table["ks"].max()), "level": level, "villages": rows.clusters,
    }  # fmt: skip
    return Gains(
        table=table, stamp=Stamp.of([values, rows.bad, counted], {"bands": bands, "level": level}), facts=facts
    )


def band_ends(points: np.ndarray, weight: np.ndarray, bands: int) -> np.ndarray:
    """Lower ends of the second and later bands: at the ties nearest to equal shares of the weight.

    >>> band_ends(np.array([1.0, 1, 1, 2, 3, 4]), np.ones(6), 2).tolist()
    [2.0]
    """
    found, place = np.unique(points, return_inverse=True)
    share = np.cumsum(np.bincount(place, weight)) / weight.sum()
    wanted = np.arange(1, bands) / bands
    nearest = [int(np.argmin(np.abs(share - w))) for w in wanted]
    return np.unique([found[k + 1] for k in nearest if k + 1 < len(found)])


def _table_of(points: np.ndarray, weight: np.ndarray, cell: np.ndarray, sums: Sums, level: float) -> pd.DataFrame:
    """The table from sums by band, the lowest points first."""
    used = np.flatnonzero(sums.total("n") > 0)
    sums = sums.gathered(np.eye(len(sums.total("n")))[:, used])
    n, bads = sums.total("n"), sums.total("bads")
    k = len(n)
    so_far = sums.gathered(np.triu(np.ones((k, k))))
    whole = sums.gathered(np.ones((k, k)))
    lo, hi = sums.rate_limits("bads", "n", level)
    both = Sums({"bads": so_far.part["bads"], "all": whole.part["bads"]}, {}, sums.size, sums.clustered)
    bads_lo, bads_hi = both.rate_limits("bads", "all", level)
    all_bads, all_goods = bads.sum(), (n - bads).sum()
    share, cum_share = n / n.sum(), np.cumsum(n) / n.sum()
    cum_bads = divided(np.cumsum(bads), np.full(k, all_bads))
    cum_goods = divided(np.cumsum(n - bads), np.full(k, all_goods))
    place = np.searchsorted(used, cell[weight > 0])
    by_band = pd.Series(points[weight > 0]).groupby(place)
    return pd.DataFrame(
        {
            "band": np.arange(1, k + 1),
            "points_lo": by_band.min().to_numpy(),
            "points_hi": by_band.max().to_numpy(),
            "n": n,
            "goods": n - bads,
            "bads": bads,
            "bad_rate": bads / n,
            "lo": lo,
            "hi": hi,
            "share": share,
            "share_bads": divided(bads, np.full(k, all_bads)),
            "lift": divided(bads, np.full(k, all_bads)) / share,
            "cum_share": cum_share,
            "cum_bads": cum_bads,
            "cum_bads_lo": bads_lo,
            "cum_bads_hi": bads_hi,
            "cum_lift": cum_bads / cum_share,
            "cum_lift_lo": bads_lo / cum_share,
            "cum_lift_hi": bads_hi / cum_share,
            "ks": cum_bads - cum_goods,
        }
    )
