"""Area-level model of village aggregates whose sampling variances are known: Fay and Herriot, alone or with neighbours.

Use it when only aggregates are at hand: rates by balance, arcsine rates, index values. The estimate of a village lies
between its direct estimate and what its columns predict. It needs sampling variances above zero, and it knows no loans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from creditlab.checks import check_level, check_one_of
from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.village.area_variance import AreaFit, fit_areas
from creditlab.village.counts import village_names
from creditlab.village.draws import Draws, check_draw_count
from creditlab.village.graph import read_graph
from creditlab.village.random_intercept import check_design

METHODS = ("reml", "ml", "fh", "pr", "dl")
NO_SPREAD = (
    "the estimated variance between villages is zero: all are drawn to the regression, and the MSE is too small "
    "村间方差估计为零：各村均收缩至回归值，均方误差偏小"
)
NOT_SAMPLED = "no direct estimate; predicted from the columns 无直接估计，由协变量预测"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FayHerriotResult(Result):
    """Estimates of villages: village direct variance synthetic gamma eblup mse lo hi reason.

    `synthetic` is what the columns predict, `gamma` the weight of the direct estimate, `eblup` the estimate and `mse`
    its mean squared error; `lo` and `hi` are eblup ± z·√mse.
    """

    title: ClassVar[str] = "Fay-Herriot estimates of villages 各村Fay-Herriot估计"

    coefficients: pd.DataFrame
    root: np.ndarray = field(repr=False)
    rest: np.ndarray = field(repr=False)

    @property
    def variance(self) -> float:
        """The variance between villages."""
        return float(self.facts["variance"])

    @property
    def rho(self) -> float:
        """The spatial autoregression; NaN without neighbours."""
        return float(self.facts.get("rho", np.nan))

    def draws(self, n: int, seed: int = 0) -> Draws:
        """`n` joint normal draws, n × villages: variances are the MSE, covariances those of the coefficients' error."""
        rng, count = np.random.default_rng(seed), check_draw_count(n)
        table = self.table
        shared = rng.standard_normal((count, self.root.shape[1])) @ self.root.T
        own = rng.standard_normal((count, len(table)))
        order = np.lexsort((np.round(self.rest, 9), np.round(table["eblup"], 9)))  # no order of villages changes a draw
        sample = table["eblup"].to_numpy() + shared + self.rest * own[:, np.argsort(order)]
        return Draws.of(sample, neutral=float(self.facts["mean"]))


class FayHerriot:
    """y = Xβ + u + e: u of variance A between villages, e of known sampling variance (R. Fay, R. Herriot, JASA 1979).

    Parameters
    ----------
    method : how A is estimated: "reml", "ml", "fh" (Fay and Herriot's moment equation, also Paule and Mandel's), "pr"
        (Prasad and Rao's moments), "dl" (DerSimonian and Laird's). With neighbours "reml" or "ml".
    spatial : None, or "sar": u = ρWu + v with row-standardised W (A. Petrucci, N. Salvati 2006).
    level : of the intervals.

    The MSE is that of N. Prasad and J. Rao (JASA 1990) for moments and REML, of G. Datta and P. Lahiri (Statistica
    Sinica 2000) for ML, of G. Datta, J. Rao and D. Smith (Biometrika 2005) for "fh", and of B. Singh, G. Shukla and D.
    Kundu (Survey Methodology 2005) for "sar".

    Attributes
    ----------
    result_ : FayHerriotResult, after `fit`.

    >>> fit = FayHerriot().fit([0.10, 0.22, 0.31, 0.12, 0.05], None, [0.002, 0.004, 0.02, 0.003, 0.002])
    >>> fit.result_.tidy()["eblup"].round(3).tolist()
    [0.108, 0.184, 0.165, 0.125, 0.072]
    """

    result_: FayHerriotResult

    def __init__(self, method: str = "reml", spatial: str | None = None, level: float = 0.9) -> None:
        self.method = method
        self.spatial = spatial
        self.level = level

    def __repr__(self) -> str:
        return f"FayHerriot(method={self.method!r}, spatial={self.spatial!r}, level={self.level})"

    def fit(self, y: Any, X: Any = None, variance: Any = None, graph: Any = None, village: Any = None) -> FayHerriot:
        """Fit and keep `result_`.

        Parameters
        ----------
        y : direct estimates, one per village; NaN for a village that has none and is to be predicted.
        X : villages × columns as given (put the column of ones in, as in statsmodels); None is an intercept alone.
        variance : sampling variance of each direct estimate, above 0.
        graph : neighbours, for `spatial="sar"`: a `Graph` or what `read_graph` reads. Weights whose rows add to 1 or
            less are taken as given, others are divided by the sum of their row.
        village : names; None takes the index of `y` when that is a Series, else 0, 1, …

        Raises
        ------
        InputError : variances of zero or missing where there is an estimate (a rate of exactly 0 has no usable one:
            smooth the variances, or take arcsine rates), columns that repeat each other, too few villages.
        """
        method, spatial = (
            check_one_of(self.method, METHODS, "method"),
            check_one_of(self.spatial, [None, "sar"], "spatial"),
        )
        if spatial and method not in ("reml", "ml"):
            raise InputError(message("'reml' or 'ml' with neighbours", repr(method), "method", "Use one of these."))
        direct, psi = check_areas(y, variance)
        names = village_names(village, y, len(direct))
        design, terms = check_design(X, len(direct), intercept=X is None)
        check_enough(design, np.isfinite(direct))
        weights = spatial_weights(graph, names) if spatial else None
        found = fit_areas(direct, psi, design, method, weights)
        self.result_ = _result(self, found, direct, psi, design, terms, names, weights)
        return self


def spatial_weights(graph: Any, names: pd.Index) -> np.ndarray:
    """Weights of neighbours, dense, in the order of the villages; rows add to at most 1."""
    found = read_graph(graph, names).aligned(names)
    given = found.matrix.sum(axis=1).max() <= 1 + 1e-9
    return found.weights("B" if given else "W").toarray()


def check_areas(y: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
    """Direct estimates (NaN where there is none) and their sampling variances above 0."""
    try:
        direct = np.array(y, dtype=float).reshape(-1)
        psi = np.array([] if variance is None else variance, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not", "y, variance", "One number per village.")) from None
    if len(direct) == 0 or len(psi) != len(direct):
        came = f"{len(direct)} estimates and {len(psi)} variances"
        raise InputError(message("one estimate and one variance per village", came, "y, variance", "Align them."))
    wrong = np.isinf(direct) | (~np.isnan(direct) & ~((psi > 0) & np.isfinite(psi)))
    if wrong.any():
        rows = f"variance, rows {some(np.flatnonzero(wrong).tolist())}"
        fix = "Smooth the variances over villages, or take arcsine rates; y may be NaN where there is no estimate."
        raise InputError(
            message("a sampling variance above 0 for every estimate", f"{int(wrong.sum())} others", rows, fix)
        )
    return direct, psi


def check_enough(design: np.ndarray, seen: np.ndarray) -> None:
    """More villages with an estimate than columns, and columns that do not repeat each other there."""
    rank = np.linalg.matrix_rank(design[seen]) if seen.any() else 0
    if design.shape[1] == 0 or rank < design.shape[1] or seen.sum() <= design.shape[1]:
        came = f"{int(seen.sum())} villages, {design.shape[1]} columns of rank {rank}"
        wanted = "more villages with an estimate than columns, none of which repeats others"
        raise InputError(message(wanted, came, "X", "Leave columns out."))


def _result(
    model: FayHerriot,
    found: AreaFit,
    direct: np.ndarray,
    psi: np.ndarray,
    design: np.ndarray,
    terms: list[str],
    names: pd.Index,
    weights: np.ndarray | None,
) -> FayHerriotResult:
    level = check_level(model.level)
    half = ndtri((1 + level) / 2) * np.sqrt(found.mse)
    seen = np.isfinite(direct)
    table = pd.DataFrame({"village": names, "direct": direct, "variance": psi, "synthetic": design @ found.beta})
    table["gamma"], table["eblup"], table["mse"] = found.gamma, found.eblup, found.mse
    table["lo"], table["hi"] = found.eblup - half, found.eblup + half
    table["reason"] = np.where(seen, "", NOT_SAMPLED)
    facts: dict[str, Any] = {"villages": len(table), "method": model.method, "variance": found.variance}
    if weights is not None:
        facts["rho"] = found.rho
    facts |= {"log_likelihood": found.log_likelihood, "mean": float(np.average(direct[seen], weights=1 / psi[seen]))}
    facts |= {"level": level, "note": NO_SPREAD if found.variance <= 0 else ""}
    coefficients = pd.DataFrame({"term": terms, "estimate": found.beta, "se": np.sqrt(np.diag(found.covariance))})
    coefficients["p_value"] = 2 * ndtr(-np.abs(coefficients["estimate"] / coefficients["se"]))
    shared = found.leverage @ np.linalg.cholesky(found.covariance)
    inputs = [direct, psi, design, pd.Series(names), *([] if weights is None else [weights])]
    return FayHerriotResult(
        table=table,
        stamp=Stamp.of(inputs, {"model": repr(model)}),
        facts=facts,
        coefficients=coefficients,
        root=shared,
        rest=np.sqrt(np.maximum(found.mse - (shared**2).sum(axis=1), 0)),
    )
