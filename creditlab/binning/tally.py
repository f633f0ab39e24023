"""What is counted in fixed bins: the rows of one sample, and their goods, bads and amounts by bin.

A tally is all that tables, views and figures need of a sample: counts, and what sharing a village does to their
intervals. Bins are given; nothing here finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.information import iv_limits, noise_iv
from creditlab.binning.intervals import Design, amount_size, design_of, jeffreys, quantile, rate_limits, woe_limits
from creditlab.binning.search import woe_of
from creditlab.binning.values import level_text
from creditlab.checks import check_groups
from creditlab.errors import InputError, message


@dataclass(frozen=True)
class Labels:
    """A label per row: `codes` point into `names`, which are in the order of the labels' own values."""

    codes: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, labels: Any, n: int, where: str) -> Labels:
        """Checked labels, none missing; dates become ISO days.

        >>> Labels.of([10, 9, 10], 3, "period").names
        ('9', '10')
        """
        values = pd.Series(check_groups(labels, n, where)).infer_objects()
        codes, found = pd.factorize(values)
        try:
            order = np.argsort(found, kind="stable")
        except TypeError:  # labels of mixed types
            order = np.argsort([str(v) for v in found], kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return cls(place[codes], tuple(level_text(found[i]) for i in order))

    def only(self, mask: np.ndarray) -> Labels:
        """The labels of the rows of a mask; names without rows stay out."""
        kept, codes = np.unique(self.codes[mask], return_inverse=True)
        return Labels(codes, tuple(self.names[i] for i in kept))


@dataclass(frozen=True)
class Outcomes:
    """The target side of a sample: outcomes with what may ride beside them, one entry per row.

    Parameters
    ----------
    bad : 1 = bad. weight : None means one each. amount : yuan, or None.
    groups, period : labels, or None.
    """

    bad: np.ndarray
    weight: np.ndarray | None = None
    groups: Labels | None = None
    period: Labels | None = None
    amount: np.ndarray | None = None

    @classmethod
    def of(
        cls, bad: np.ndarray, weight: np.ndarray | None, groups: Any = None, period: Any = None, amount: Any = None
    ) -> Outcomes:
        """Checked rows; those of weight zero are left out."""
        n = len(bad)
        rows = cls(
            bad.astype(np.int64),
            weight,
            None if groups is None else Labels.of(groups, n, "groups"),
            None if period is None else Labels.of(period, n, "period"),
            None if amount is None else check_amounts(amount, n),
        )
        return rows if weight is None or (weight > 0).all() else rows.only(weight > 0)

    def only(self, mask: np.ndarray) -> Outcomes:
        """The rows of a mask."""
        return Outcomes(
            self.bad[mask],
            None if self.weight is None else self.weight[mask],
            None if self.groups is None else self.groups.only(mask),
            None if self.period is None else self.period.only(mask),
            None if self.amount is None else self.amount[mask],
        )

    @property
    def rich(self) -> bool:
        """Whether anything but outcomes and weights is there."""
        return any(part is not None for part in (self.groups, self.period, self.amount))


def check_amounts(amount: Any, n: int, where: str = "amount") -> np.ndarray:
    """Amounts of length `n`, finite, none negative, not all zero."""
    try:
        values = np.asarray(amount, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(
            message("numbers", "values that are not", where, "Give one amount per row, in yuan.")
        ) from None
    wrong = int((~np.isfinite(values) | (values < 0)).sum())
    if len(values) != n or wrong or not values.any():
        came = f"{len(values)} values, {wrong} of them missing, infinite or negative"
        raise InputError(message(f"{n} amounts of zero or more, not all zero", came, where, "Give one per row."))
    return values


@dataclass(frozen=True)
class Amounts:
    """Yuan by bin: all of it, that of bads, the rows it is worth as evidence, and their degrees of freedom."""

    amount: np.ndarray
    bad_amount: np.ndarray
    size: np.ndarray
    df: np.ndarray

    def limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Jeffreys limits of the bad rate by amount on the effective rows."""
        rate = np.divide(self.bad_amount, self.amount, out=np.zeros_like(self.amount), where=self.amount > 0)
        n = self.size * (quantile(level) / quantile(level, self.df)) ** 2
        return jeffreys(rate * n, n, level)

    def to_dict(self) -> dict[str, Any]:
        """The amounts as JSON types; infinite degrees of freedom are None."""
        lists = {name: getattr(self, name).tolist() for name in ("amount", "bad_amount", "size", "df")}
        return lists | {"df": [v if np.isfinite(v) else None for v in lists["df"]]}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Amounts:
        """The amounts that `to_dict` wrote."""
        amount, bad_amount, size = (np.asarray(d[name], dtype=float) for name in ("amount", "bad_amount", "size"))
        return cls(amount, bad_amount, size, np.array([np.inf if v is None else v for v in d["df"]], dtype=float))


@dataclass(frozen=True)
class Tally:
    """Goods and bads (bins,) of one set of rows, and, where they were given, the design of its clusters and amounts."""

    goods: np.ndarray
    bads: np.ndarray
    design: Design | None = None
    amounts: Amounts | None = None

    @property
    def both(self) -> bool:
        """Whether there are goods and bads."""
        return bool(self.goods.any() and self.bads.any())

    def events(self, pseudo: float) -> float:
        """Events of the rarer class among so many rows at these odds."""
        return float(pseudo * min(self.goods.sum(), self.bads.sum()) / (self.goods.sum() + self.bads.sum()))

    def to_dict(self) -> dict[str, Any]:
        """The tally as JSON types."""
        return {
            "goods": self.goods.tolist(),
            "bads": self.bads.tolist(),
            "design": None if self.design is None else self.design.to_dict(),
            "amounts": None if self.amounts is None else self.amounts.to_dict(),
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Tally:
        """The tally that `to_dict` wrote."""
        return cls(
            np.asarray(d["goods"], dtype=float),
            np.asarray(d["bads"], dtype=float),
            None if d.get("design") is None else Design.from_dict(d["design"]),
            None if d.get("amounts") is None else Amounts.from_dict(d["amounts"]),
        )


@dataclass(frozen=True)
class Scope:
    """A set of rows and what was counted in it: the training rows, other rows, a period, a group."""

    kind: str
    name: str
    counted: Tally

    def to_dict(self) -> dict[str, Any]:
        """The scope as JSON types."""
        return {"kind": self.kind, "name": self.name, "counted": self.counted.to_dict()}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Scope:
        """The scope that `to_dict` wrote."""
        return cls(d["kind"], d["name"], Tally.from_dict(d["counted"]))


def tally(
    codes: np.ndarray, size: int, rows: Outcomes, *, events: float = 0.5, iv_of: tuple[Any, Any] | None = None
) -> Tally:
    """The counts of rows whose bin numbers are `codes`, bins 0 … size - 1.

    `iv_of` are the WOE and pseudo-rows behind the IV whose error the design holds; None for those of the counts with
    so many pseudo-events in each bin.
    """
    codes = np.asarray(codes, dtype=np.int64)
    goods, bads = _by(codes * 2 + rows.bad, rows.weight, 2 * size).reshape(size, 2).T.astype(float)
    design = None
    if rows.groups is not None and goods.any() and bads.any():
        woe, pseudo = iv_of or woe_and_pseudo(goods, bads, events)
        cell, clusters = _cells(codes, rows.groups, size)
        both = _by(cell * 2 + rows.bad, rows.weight, 2 * size * clusters).reshape(clusters, size, 2).astype(float)
        design = design_of(both[:, :, 0], both[:, :, 1], woe, pseudo)
    return Tally(goods, bads, design, None if rows.amount is None else _amounts(codes, size, rows))


def scopes_of(
    kind: str, labels: Labels, codes: np.ndarray, size: int, rows: Outcomes, events: float = 0.5
) -> tuple[Scope, ...]:
    """One scope per label, in the order of the labels."""
    masks = (labels.codes == i for i in range(len(labels.names)))
    return tuple(
        Scope(kind, name, tally(codes[mask], size, rows.only(mask), events=events))
        for name, mask in zip(labels.names, masks, strict=True)
    )


def woe_and_pseudo(goods: np.ndarray, bads: np.ndarray, events: float) -> tuple[np.ndarray, np.ndarray]:
    """WOE by bin (NaN of one class) and the pseudo-rows in it: rows at these odds with so many of the rarer class."""
    total_goods, total_bads = float(goods.sum()), float(bads.sum())
    if min(total_goods, total_bads) == 0:
        return np.full(len(goods), np.nan), np.zeros(len(goods))
    pseudo = np.full(len(goods), events / min(total_goods, total_bads) * (total_goods + total_bads))
    return woe_of(goods, bads, total_goods, total_bads, pseudo), pseudo


def _amounts(codes: np.ndarray, size: int, rows: Outcomes) -> Amounts:
    assert rows.amount is not None
    weighted = rows.amount if rows.weight is None else rows.amount * rows.weight
    both = _by(codes * 2 + rows.bad, weighted, 2 * size).reshape(size, 2)
    square = _by(codes, weighted * rows.amount, size)
    clusters = None
    if rows.groups is not None:
        cell, count = _cells(codes, rows.groups, size)
        by_cluster = _by(cell * 2 + rows.bad, weighted, 2 * size * count).reshape(count, size, 2)
        clusters = by_cluster.sum(axis=2), by_cluster[:, :, 1]
    effective, df = amount_size(both.sum(axis=1), both[:, 1], square, clusters)
    return Amounts(both.sum(axis=1), both[:, 1], effective, df)


def _cells(codes: np.ndarray, groups: Labels, size: int) -> tuple[np.ndarray, int]:
    """The place of each row in a table of clusters × bins, and how many clusters there are."""
    return groups.codes * size + codes, len(groups.names)


def _by(place: np.ndarray, weight: np.ndarray | None, size: int) -> np.ndarray:
    return np.bincount(place, weights=weight, minlength=size)


def estimates(counted: Tally, woe: np.ndarray, pseudo: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """The columns of a bin table from `n` to `iv_hi`, then `clusters deff` and the amounts where there are any."""
    goods, bads, design = counted.goods, counted.bads, counted.design
    n = goods + bads
    with np.errstate(invalid="ignore", divide="ignore"):
        rate, share = bads / n, n / n.sum()
        iv = (goods / goods.sum() - bads / bads.sum()) * woe
    rate_lo, rate_hi = rate_limits(bads, n, level, design)
    void = np.full(len(n), np.nan)
    woe_lo = woe_hi = iv_lo = iv_hi = void
    if counted.both:
        woe_lo, woe_hi = woe_limits(goods, bads, woe, pseudo, level, design)
        iv_lo, iv_hi = (v[:-1] for v in iv_range(counted, woe, pseudo, level))
    columns = {
        "n": n, "goods": goods, "bads": bads, "share": share,
        "bad_rate": rate, "bad_rate_lo": rate_lo, "bad_rate_hi": rate_hi,
        "woe": woe, "woe_lo": woe_lo, "woe_hi": woe_hi, "iv": iv, "iv_lo": iv_lo, "iv_hi": iv_hi,
    }  # fmt: skip
    if design is not None:
        columns |= {"clusters": design.within.astype(np.int64), "deff": design.deff}
    if counted.amounts is not None:
        columns |= _amount_columns(counted.amounts, level)
    return columns


def _amount_columns(amounts: Amounts, level: float) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore"):
        rate = amounts.bad_amount / amounts.amount
    lo, hi = amounts.limits(level)
    return {
        "amount": amounts.amount, "bad_amount": amounts.bad_amount, "amount_bad_rate": rate,
        "amount_bad_rate_lo": lo, "amount_bad_rate_hi": hi, "amount_n": amounts.size,
    }  # fmt: skip


def iv_range(counted: Tally, woe: np.ndarray, pseudo: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the IV of each bin and, last, of all bins."""
    design = counted.design
    z = float(quantile(level) if design is None else quantile(level, np.array([design.iv_df]))[0])
    moments = None if design is None else design.iv
    return iv_limits(counted.goods, counted.bads, woe, pseudo, z, moments)


def iv_facts(counted: Tally, woe: np.ndarray, pseudo: np.ndarray, level: float) -> dict[str, float]:
    """IV of all bins with its limits and what chance alone would give: `iv iv_lo iv_hi iv_noise`; NaN of one class."""
    if not counted.both:
        return dict.fromkeys(("iv", "iv_lo", "iv_hi", "iv_noise"), np.nan)
    goods, bads = counted.goods, counted.bads
    lo, hi = iv_range(counted, woe, pseudo, level)
    noise = noise_iv(goods, bads, pseudo) if counted.design is None else counted.design.noise
    value = float(((goods / goods.sum() - bads / bads.sum()) * woe).sum())
    return {"iv": value, "iv_lo": float(lo[-1]), "iv_hi": float(hi[-1]), "iv_noise": noise}
