"""Village effects of a logit with offsets: how much likelier a loan is to go bad because of where it is.

Use it as the best single answer to "which villages": loans are Bernoulli, their PDs are the offset, and the effect of a
village is what is left, shrunken by what the data say of the spread. Alone (`spatial=None`) every village is integrated
exactly; with `spatial="bym2"` neighbours lend each other strength. It takes loans or counts, not features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_level, check_one_of
from creditlab.errors import FitError, InputError, message
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import village_codes, whole
from creditlab.village.draws import Draws, check_draw_count
from creditlab.village.graph import Graph, read_graph
from creditlab.village.independent import independent_levels
from creditlab.village.intervals import weighted_limits
from creditlab.village.likelihood import LevelLikelihood, check_offset, common_level, gather, grid_error, tabulate
from creditlab.village.quadrature import LevelMixture, LevelSummary, summarise
from creditlab.village.random_intercept import MixedLogit, check_design, check_trials, mixed_logit
from creditlab.village.ranking import p_top, rankability
from creditlab.village.smoothing import FEW_NOTE, FEW_VILLAGES

ALL_ALIKE = {
    False: "no bads in any village, so no village effect can be estimated 所有村均无不良，无法估计村效应",
    True: "all loans are bad, so no village effect can be estimated 所有贷款均为不良，无法估计村效应",
}
NO_PAIRS = "no two villages are neighbours, so the effects are taken as independent 没有相邻的村，村效应按独立处理"
UNKNOWN = "villages unknown to the graph are treated as islands 图中没有的村按孤岛处理"
#: what the table holds beside counts
ESTIMATES = (
    "effect",
    "sd",
    "lo",
    "hi",
    "rate",
    "rate_lo",
    "rate_hi",
    "expected",
    "ratio",
    "ratio_lo",
    "ratio_hi",
    "p_above",
    "p_top",
)
#: quadrature points when columns are estimated together with the village effects
POINTS = 9


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageLogitResult(Result):
    """Village effects: village n bad effect sd lo hi rate rate_lo rate_hi expected ratio … p_above p_top reason.

    `effect` is in log-odds against the common level, with its sd and limits; `rate` is the mean PD of the village's own
    loans; `ratio` is that rate over the expected one, `ratio_lo` and `ratio_hi` its limits; `p_above` is P(effect > 0)
    and `p_top` P(among the k worst effects), k in `facts`. One posterior feeds them and `draws`.
    """

    title: ClassVar[str] = "Village effects of a logit 村效应（逻辑回归）"
    plots: ClassVar[str] = "village"

    mixture: LevelMixture | NotEstimable
    place: np.ndarray
    covariates: MixedLogit | None = None

    def draws(self, n: int, seed: int = 0, of: str = "effect") -> Draws:
        """`n` joint draws, n × villages in the order of `tidy()`.

        Parameters
        ----------
        of : "effect" (log-odds, neutral 0), "ratio" (O/E, neutral 1) or "rate" (mean PD of the village's loans).

        Raises
        ------
        FitError : when nothing could be estimated.
        """
        count, kind = check_draw_count(n), check_one_of(of, ["effect", "ratio", "rate"], "of")
        if isinstance(self.mixture, NotEstimable):
            raise FitError(f"There are no draws: {self.mixture.reason}.")
        levels, effects = self.mixture.draws(count, seed)
        table = self.table
        if kind == "effect":
            return Draws.of(effects[:, self.place], neutral=0.0)
        rate = self.mixture.likelihood.rate(levels)[:, self.place]
        if kind == "rate":
            return Draws.of(rate, neutral=table["bad"].sum() / table["n"].sum())
        return Draws.of(rate * (table["n"] / table["expected"]).to_numpy(), neutral=1.0)


class VillageLogit:
    """Random-intercept logit of loans in villages, with honest hyper-parameters.

    logit PD = offset + common level + village effect. The spread of the effects is integrated over with the prior
    s·exp(-s²/2), which keeps off the boundary of no spread, where plug-in intervals collapse. With `spatial="bym2"` the
    effect has a part shared with neighbours; its share of the spread is integrated over too, uniform before the data.

    Parameters
    ----------
    spatial : None (independent effects, exact quadrature) or "bym2" (nested Laplace on a graph).
    level : of the intervals.
    top : k of `p_top`; None takes a tenth of the villages, at least 5 and at most half of them.
    draws, seed : draws behind `p_top`, and their seed.

    Attributes
    ----------
    result_ : VillageLogitResult, after `fit`.

    >>> bad, village = [1, 1, 0, 1, 0, 0, 0, 0, 1, 0], list("AAAABBBBCC")
    >>> table = VillageLogit().fit(bad, [-1.0] * 10, village).result_.tidy()
    >>> table["village"].tolist(), bool(table["effect"][0] > table["effect"][1])
    (['A', 'B', 'C'], True)
    """

    result_: VillageLogitResult

    def __init__(
        self, spatial: str | None = None, level: float = 0.9, top: int | None = None, draws: int = 2000, seed: int = 0
    ) -> None:
        self.spatial = spatial
        self.level = level
        self.top = top
        self.draws = draws
        self.seed = seed

    def __repr__(self) -> str:
        return f"VillageLogit(spatial={self.spatial!r}, level={self.level})"

    def fit(
        self, bad: Any, offset: Any = None, village: Any = None, graph: Any = None, n: Any = None, X: Any = None
    ) -> VillageLogit:
        """Fit and keep `result_`.

        Parameters
        ----------
        bad : 0/1 per loan; or bads per row, with `n` loans of one offset each (sufficient statistics).
        offset : logit(PD) per row, from a model that never saw the row's village; None takes the same PD everywhere.
        village : the village of each row.
        graph : neighbours, for `spatial="bym2"`: a `Graph` or what `read_graph` reads. Its villages without loans carry
            strength between others; villages it does not know are islands. Not used by `spatial=None`.
        n : loans per row.
        X : rows × columns to be estimated by maximum likelihood together with the effects; `result_.covariates`.

        Raises
        ------
        InputError : outcomes other than 0/1 (or more bads than loans), offsets missing or beyond ±35, rows without a
            village, no graph for "bym2".
        """
        level, spatial = check_level(self.level), check_one_of(self.spatial, [None, "bym2"], "spatial")
        loans = check_loans(bad, offset, village, n)
        covariates = None
        if X is not None:
            covariates, loans = with_columns(loans, X, village)
        k, count = check_top(self.top, len(loans.names)), check_draw_count(self.draws)
        given = read_graph(graph, loans.names) if spatial else None
        inputs = [*loans.arrays(), pd.Series(loans.names)]
        inputs += [] if given is None else [given.matrix.indices, given.matrix.data]
        stamp = Stamp.of(inputs, {"model": repr(self), "top": k, "draws": count}, seed=self.seed)
        loans, place = by_content(loans, given)
        net = None if given is None else joined(given, loans.names)
        cells = gather(loans.bad, loans.offset, loans.codes, len(loans.names if net is None else net.villages), loans.n)
        common = common_level(cells)
        table = pd.DataFrame({"village": loans.names, "n": whole(cells.n[: len(loans.names)])})
        table["bad"] = whole(cells.bad[: len(loans.names)])
        facts: dict[str, Any] = {"villages": len(table), "n": float(cells.n.sum()), "bad": float(cells.bad.sum())}
        facts |= {"spatial": spatial or "none", "level": level, "grid_error": grid_error(), "top": k}
        if np.isinf(common):
            self.result_ = _alike(table.iloc[place].reset_index(drop=True), facts, stamp, place, all_bad=common > 0)
            return self
        mixture, spread = _posterior(tabulate(cells), common, net, level)
        effects = mixture.draws(count, self.seed)[1][:, : len(table)]
        table = _estimates(table, summarise(mixture, level), mixture.likelihood.rate(np.full(len(cells.n), common)))
        table["p_top"], table["reason"] = p_top(effects, k), ""
        facts |= {**spread, "rankability": rankability(effects), "common_level": common, **_notes(net, graph, table)}
        self.result_ = VillageLogitResult(
            table=table.iloc[place].reset_index(drop=True),
            stamp=stamp,
            facts=facts,
            mixture=mixture,
            place=place,
            covariates=covariates,
        )
        return self


@dataclass(frozen=True)
class Loans:
    """Checked rows: bads and loans per row, log-odds, village codes, and the villages in order."""

    bad: np.ndarray
    n: np.ndarray
    offset: np.ndarray
    codes: np.ndarray
    names: pd.Index

    def arrays(self) -> list[np.ndarray]:
        """What the stamp is made of."""
        return [self.bad, self.n, self.offset, self.codes]


def check_loans(bad: Any, offset: Any, village: Any, n: Any) -> Loans:
    """Rows that can be used, or an `InputError`."""
    if village is None:
        raise InputError(message("the village of each row", "none", "village", "Pass one per row of bad."))
    y, trials = check_trials(bad, n)
    codes, names = village_codes(village, len(y))
    return Loans(y, trials, check_offset(offset, len(y)), codes, names)


def by_content(loans: Loans, graph: Graph | None) -> tuple[Loans, np.ndarray]:
    """The loans with villages in an order of what is known of them, and where each village of the old order now is.

    By loans, bads, log-odds and neighbours, never by name: random numbers are dealt in this order, so that neither the
    order of rows nor the names of the villages change a draw.
    """
    size = len(loans.names)
    sums = [np.bincount(loans.codes, w, size) for w in (loans.n, loans.bad, loans.n * loans.offset)]
    keys = [np.round(s, 9) for s in sums]
    if graph is not None:
        matrix = graph.aligned(loans.names).symmetric().matrix
        keys += [np.round(matrix @ k, 9) for k in keys] + [np.diff(matrix.indptr).astype(float)]
    order = np.lexsort(keys[::-1])
    place = np.argsort(order)
    return replace(loans, codes=place[loans.codes], names=loans.names[order]), place


def with_columns(loans: Loans, X: Any, village: Any) -> tuple[MixedLogit, Loans]:
    """The columns' maximum likelihood estimates, and the loans with what they explain in the offset."""
    fitted = mixed_logit(loans.bad, X, village, n=loans.n, offset=loans.offset, points=POINTS)
    design, _ = check_design(X, len(loans.bad), intercept=True)
    log_odds = loans.offset + design @ fitted.params.to_numpy()
    return fitted, replace(loans, offset=check_offset(log_odds, len(design)))


def check_top(top: Any, villages: int) -> int:
    """How many villages count as the worst: as asked, or a tenth, at least 5 and at most half of them."""
    if top is None:
        return min(max(5, round(villages / 10)), max(1, villages // 2))
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise InputError(message("a list of one or more villages", repr(top), "top", "None takes a tenth of them."))
    return min(int(top), villages)


def joined(graph: Graph, names: pd.Index) -> Graph:
    """The graph of the villages with loans, then of those without that join them; unknown ones as islands.

    A part of the map without any loans says nothing of the others, and is left out.
    """
    others = graph.villages[~graph.villages.isin(names)]
    seen = np.unique(graph.components[graph.villages.isin(names)])
    carrying = np.isin(graph.components[graph.villages.get_indexer(others)], seen)
    return graph.aligned(pd.Index([*names, *others[carrying]], name="village")).symmetric()


def _posterior(
    likelihood: LevelLikelihood, common: float, net: Graph | None, level: float
) -> tuple[LevelMixture, dict[str, Any]]:
    """The posterior of all levels, and what it says of the spread between villages."""
    if net is None or net.matrix.nnz == 0:
        mixture = independent_levels(likelihood, common)
        return mixture, _about("sd", mixture.sd[:, 0], mixture.weight, level)
    from creditlab.village.bym2 import neighbour_levels

    mixture, nodes = neighbour_levels(likelihood, net, common)
    sigma, phi = (np.array([getattr(node, name) for node in nodes]) for name in ("sigma", "phi"))
    return mixture, _about("sd", sigma, mixture.weight, level) | _about("phi", phi, mixture.weight, level)


def _about(name: str, values: np.ndarray, weight: np.ndarray, level: float) -> dict[str, float]:
    lo, hi = weighted_limits(values, weight, level)
    return {name: float((weight * values).sum()), f"{name}_lo": lo, f"{name}_hi": hi}


def _estimates(table: pd.DataFrame, found: LevelSummary, expected_rate: np.ndarray) -> pd.DataFrame:
    size = len(table)
    table = table.assign(effect=found.effect[:size], sd=found.effect_sd[:size])
    table["lo"], table["hi"] = found.effect_lo[:size], found.effect_hi[:size]
    table["rate"], table["rate_lo"], table["rate_hi"] = found.rate[:size], found.rate_lo[:size], found.rate_hi[:size]
    table["expected"] = expected_rate[:size] * table["n"]
    for name in ("rate", "rate_lo", "rate_hi"):
        table[name.replace("rate", "ratio")] = table[name] * table["n"] / table["expected"]
    return table.assign(p_above=found.p_above[:size])


def _notes(net: Graph | None, graph: Any, table: pd.DataFrame) -> dict[str, Any]:
    notes = [FEW_NOTE] if len(table) < FEW_VILLAGES else []
    if net is None:
        return {"note": "; ".join(notes)}
    known = read_graph(graph, table["village"]).villages
    missing = int((~table["village"].isin(known)).sum())
    notes += ([NO_PAIRS] if net.matrix.nnz == 0 else []) + ([UNKNOWN] if missing else [])
    return {"islands": len(net.islands), "not_in_graph": missing, "note": "; ".join(notes)}


def _alike(
    table: pd.DataFrame, facts: dict[str, Any], stamp: Stamp, place: np.ndarray, all_bad: bool
) -> VillageLogitResult:
    """The result when all loans are good, or all bad: counts, and the reason why there is nothing else."""
    reason = ALL_ALIKE[all_bad]
    table = table.assign(**dict.fromkeys(ESTIMATES, np.nan), reason=reason)
    facts = {**facts, "sd": NotEstimable(reason), "rankability": NotEstimable(reason), "note": reason}
    return VillageLogitResult(table=table, stamp=stamp, facts=facts, mixture=NotEstimable(reason), place=place)
