"""Bins seen on other rows: the same bins on training and held-out rows, periods and groups, side by side.

Use a view to ask whether what the training rows showed is still there: the IV, the shape, the mix. Bins and their order
stay those of training; nothing is fitted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from creditlab.binning.characteristic import shape_of
from creditlab.binning.counts import merge_cells
from creditlab.binning.markup import view_html
from creditlab.binning.rows import group_parts
from creditlab.binning.table import TRAIN, BinningResult, BinTable
from creditlab.binning.tally import (
    Labels,
    Outcomes,
    Scope,
    Tally,
    estimates,
    iv_facts,
    scopes_of,
    tally,
    woe_and_pseudo,
)
from creditlab.checks import check_columns, check_target, check_weights
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import Result, Stamp

#: a neighbour pair turned against the training order counts as beyond chance at this level, over all pairs of a scope
REVERSAL_LEVEL = 0.05
#: with fewer groups than this, parts of them say nothing
LEAST_GROUPS = 10
ONE_CLASS = "只有一类客户，无IV rows of one class only: no IV"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinView(Result):
    """The bins of one characteristic on several sets of rows; `tidy()` has a row per scope and bin.

    Columns: `scope kind bin label` and those of a `BinTable` from `n` to `iv_hi` (with `clusters deff` and amounts
    where given). WOE and IV are those of the scope's own counts.

    Parameters
    ----------
    bins : the bin table of training.
    scopes : what was counted in each set of rows, the training rows first.
    by_scope : a row per scope: IV with interval, shape, reversals, PSI.
    """

    title: ClassVar[str] = "Bins side by side 分箱对照"
    plots: ClassVar[str] = "binning_views"

    bins: BinTable
    scopes: tuple[Scope, ...]
    by_scope: pd.DataFrame

    @classmethod
    def of(cls, table: BinTable, others: Sequence[Scope]) -> BinView:
        """The view of training rows, their periods, and other scopes."""
        scopes = (Scope(TRAIN, "train", table.counted), *table.scopes, *others)
        rows = pd.DataFrame([_scope_row(table, scope) for scope in scopes])
        counts = [v for s in scopes for v in (s.counted.goods, s.counted.bads)]
        return cls(
            table=pd.concat([_scope_bins(table, scope) for scope in scopes], ignore_index=True),
            stamp=Stamp.of([table.stamp.to_dict(), *counts], {"level": table.level}),
            facts={"name": table.name, "scopes": len(scopes), "iv_train": table.iv, "iv_least": rows["iv"].min()},
            bins=table,
            scopes=scopes,
            by_scope=rows,
        )

    @property
    def name(self) -> str:
        """The column."""
        return self.bins.name

    @property
    def level(self) -> float:
        """Level of the intervals."""
        return self.bins.level

    def wide(self, column: str = "bad_rate") -> pd.DataFrame:
        """One column of `tidy()` as bins × scopes."""
        check_columns(self.table, [column], "BinView.wide")
        scopes = [s.name for s in self.scopes]
        values = self.table[column].to_numpy().reshape(len(scopes), -1).T
        return pd.DataFrame(values, columns=scopes, index=pd.Index(self.bins.table["label"], name="label"))

    def _repr_html_(self) -> str:
        return view_html(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BinningView(Result, Mapping[str, BinView]):
    """All characteristics on several sets of rows; `tidy()` has a row per feature and scope.

    Columns: `name scope kind n bads bad_rate iv iv_lo iv_hi iv_noise trend shape reversals reversed holds psi psi_noise
    note`. `iv_noise` and `psi_noise` are what chance alone would give. `shape` is that of the scope's own bad rates
    once neighbours that differ no more than chance are taken together (flat: none differ). `reversals` counts
    neighbouring bins in the opposite order of training, `reversed` those beyond chance (one-sided 5 % over all pairs,
    Bonferroni; cluster-robust with groups), `holds` is true without any of these.
    """

    title: ClassVar[str] = "Binning side by side 分箱结果对照"
    plots: ClassVar[str] = "binning_views"

    views: tuple[BinView, ...]

    @classmethod
    def of(cls, views: Sequence[BinView]) -> BinningView:
        """The view of these characteristics."""
        rows = [v.by_scope.assign(name=v.name) for v in views]
        table = pd.concat(rows, ignore_index=True)
        names = ["name", *(c for c in table.columns if c != "name")]
        facts = {"features": len(views), "scopes": len(views[0].scopes), "holds": float(table["holds"].mean())}
        return cls(
            table=table[names],
            stamp=Stamp.of([v.stamp.to_dict() for v in views], {}),
            facts=facts,
            views=tuple(views),
        )

    def __getitem__(self, name: str) -> BinView:
        for view in self.views:
            if view.name == name:
                return view
        names = some([v.name for v in self.views], 8)
        raise ColumnError(message("a binned column", repr(name), "BinningView", f"There are {names}."))

    def __iter__(self) -> Iterator[str]:
        return (v.name for v in self.views)

    def __len__(self) -> int:
        return len(self.views)

    def wide(self, column: str = "iv") -> pd.DataFrame:
        """One column of `tidy()` as features × scopes."""
        check_columns(self.table, [column], "BinningView.wide")
        scopes = [s.name for s in self.views[0].scopes]
        values = self.table[column].to_numpy().reshape(len(self.views), -1)
        return pd.DataFrame(values, columns=scopes, index=pd.Index(list(self), name="name"))


def view_all(
    result: BinningResult, frame: pd.DataFrame, y: Any, sample_weight: Any = None, **given: Any
) -> BinningView:
    """Every bin table of a result on the rows of a frame; see `Binner.on`."""
    rows, scoped, name = _read(y, len(frame), sample_weight, **given)
    views = []
    for table in result.tables:
        codes = table.codes(table.values_in(frame)).astype(np.int64)
        views.append(BinView.of(table, _scopes(table, codes, rows, scoped, name)))
    return BinningView.of(views)


def view_of(table: BinTable, values: pd.Series, y: Any, sample_weight: Any = None, **given: Any) -> BinView:
    """One bin table on other rows; see `Binner.on`."""
    rows, scoped, name = _read(y, len(values), sample_weight, **given)
    return BinView.of(table, _scopes(table, table.codes(values).astype(np.int64), rows, scoped, name))


@dataclass(frozen=True)
class _Cut:
    """Labels by which rows are cut into scopes of a kind."""

    kind: str
    labels: Labels


def _read(
    y: Any,
    n: int,
    sample_weight: Any,
    *,
    groups: Any = None,
    period: Any = None,
    amount: Any = None,
    by: Any = None,
    name: str = "held-out",
) -> tuple[tuple[Outcomes, np.ndarray], list[_Cut], str]:
    """The outcomes, which rows they are (those of weight above zero), and by what they are cut."""
    bad = check_target(y, "y", n, both=False)
    weight = None if sample_weight is None else check_weights(sample_weight, n)
    kept = np.ones(n, dtype=bool) if weight is None else weight > 0
    cuts = [] if period is None else [_Cut("period", Labels.of(period, n, "period"))]
    if groups is not None and len(Labels.of(groups, n, "groups").names) >= LEAST_GROUPS:
        cuts.append(_Cut("groups", Labels.of(group_parts(pd.Series(groups).astype(str).to_numpy(object)), n, "groups")))
    named = {} if by is None else by if isinstance(by, Mapping) else {"by": by}
    cuts += [_Cut(str(kind), Labels.of(labels, n, f"by '{kind}'")) for kind, labels in named.items()]
    if not isinstance(name, str) or name == TRAIN:
        raise InputError(message("a name for these rows other than 'train'", repr(name), "name", "Give name='test'."))
    cuts = [_Cut(c.kind, c.labels.only(kept)) for c in cuts]
    return (Outcomes.of(bad, weight, groups, period, amount), kept), cuts, name


def _scopes(
    table: BinTable, codes: np.ndarray, rows: tuple[Outcomes, np.ndarray], cuts: Sequence[_Cut], name: str
) -> list[Scope]:
    outcomes, kept = rows
    codes, size = codes[kept], table.spec.size
    found = [Scope("sample", name, tally(codes, size, outcomes, events=table.events))]
    for cut in cuts:
        found += scopes_of(cut.kind, cut.labels, codes, size, outcomes, table.events)
    return found


def _scope_bins(table: BinTable, scope: Scope) -> pd.DataFrame:
    """The rows of one scope in a view."""
    columns = estimates(scope.counted, *_woe(table, scope), table.level)
    labels = {"scope": scope.name, "kind": scope.kind, "bin": np.arange(table.spec.size), "label": table.table["label"]}
    return pd.DataFrame({**labels, **columns})


def _woe(table: BinTable, scope: Scope) -> tuple[np.ndarray, np.ndarray]:
    """WOE and pseudo-rows: those of the table for its training rows, else those of the scope's counts."""
    if scope.kind == TRAIN:
        return table.woe, np.asarray(table.pseudo)
    return woe_and_pseudo(scope.counted.goods, scope.counted.bads, table.events)


def _scope_row(table: BinTable, scope: Scope) -> dict[str, Any]:
    counted, n = scope.counted, (scope.counted.goods + scope.counted.bads).sum()
    turned, beyond = _reversals(table, scope)
    index, noise = psi(table, scope)
    return {
        "scope": scope.name,
        "kind": scope.kind,
        "n": n,
        "bads": counted.bads.sum(),
        "bad_rate": counted.bads.sum() / n,
        **iv_facts(counted, *_woe(table, scope), table.level),
        "trend": table.trend,
        "shape": clear_shape(counted, table.spec.regular),
        "reversals": turned,
        "reversed": beyond,
        "holds": beyond == 0,
        "psi": index,
        "psi_noise": noise,
        "note": "" if counted.both else ONE_CLASS,
    }


def _reversals(table: BinTable, scope: Scope) -> tuple[int, int]:
    """Neighbouring bins in the opposite order of training, and how many of them beyond chance."""
    last, counted, design = table.spec.regular - 1, scope.counted, scope.counted.design
    if last == 0:
        return 0, 0
    seen = (counted.goods + counted.bads)[: last + 1] > 0
    pairs = seen[1:] & seen[:-1]
    trained = np.sign(np.diff(_rates(table.counted)[: last + 1]))
    turned = pairs & (np.diff(_rates(counted)[: last + 1]) * trained < 0)
    effect = np.ones(last) if design is None else design.step_deff[:last]
    z = _steps(counted.goods[: last + 1], counted.bads[: last + 1], effect) * trained
    return int(turned.sum()), int((turned & (z < -ndtri(1 - REVERSAL_LEVEL / last))).sum())


def _steps(goods: np.ndarray, bads: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """z of the difference of log-odds of bad between each bin and the next; ½ is added to counts (Haldane 1956)."""
    step, error = np.diff(np.log(bads + 0.5) - np.log(goods + 0.5)), 1 / (goods + 0.5) + 1 / (bads + 0.5)
    return step / np.sqrt((error[1:] + error[:-1]) * effect)


def clear_shape(counted: Tally, regular: int) -> str:
    """The shape of the bad rate when neighbours that differ no more than chance are one bin, the most alike first.

    >>> clear_shape(Tally(np.array([95.0, 94, 80, 79]), np.array([5.0, 6, 20, 21])), 4)
    'ascending'
    """
    filled = np.flatnonzero((counted.goods + counted.bads)[:regular] > 0)
    goods, bads = counted.goods[filled], counted.bads[filled]
    size = max(len(filled) - 1, 0)
    effect = np.ones(size) if counted.design is None else counted.design.step_deff[filled[:-1]]
    while len(goods) > 1:
        clear = np.abs(_steps(goods, bads, effect))
        k = int(np.argmin(clear))
        if clear[k] >= ndtri(1 - REVERSAL_LEVEL):
            break
        goods, bads = (merge_cells(c, np.delete(np.arange(1, len(c)), k)) for c in (goods, bads))
        effect = np.delete(effect, k)
    return shape_of(goods, bads)


def _rates(counted: Tally) -> np.ndarray:
    n = counted.goods + counted.bads
    return np.divide(counted.bads, n, out=np.zeros_like(n), where=n > 0)


def psi(table: BinTable, scope: Scope) -> tuple[float, float]:
    """PSI of the scope's mix of bins against training, and what chance alone would give.

    Shares are smoothed by ½ per bin. If nothing moved the index is about (bins - 1)·(d/N + e/M) for N and M rows with
    design effects d and e; of a part of the training rows (bins - 1)·(e/M - 1/N).
    """
    if scope.kind == TRAIN:
        return 0.0, 0.0
    then, now = (c.goods + c.bads for c in (table.counted, scope.counted))
    used = (then > 0) | (now > 0)
    then, now = then[used], now[used]
    e, a = (then + 0.5) / (then + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
    index = float(((a - e) * np.log(a / e)).sum())
    effects = [1.0 if c.design is None else c.design.share_deff for c in (table.counted, scope.counted)]
    inside = scope.kind.startswith(TRAIN)
    chance = effects[1] / now.sum() - 1 / then.sum() if inside else effects[0] / then.sum() + effects[1] / now.sum()
    return index, float((used.sum() - 1) * max(chance, 0.0))
