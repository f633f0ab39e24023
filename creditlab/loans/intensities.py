"""The generator of a transition matrix: the matrix Q with P(t) = exp(tQ), for dates that lie irregularly.

Many an estimated matrix has no exact generator. `generator` takes the matrix logarithm and mends it in three published
ways, and keeps the one that gives the matrix back best. `fit_generator` estimates Q by maximum likelihood from pairs of
sightings any number of months apart; with regular dates and a matrix that has a generator the two agree.

Days past due in monthly buckets run like a clock (30, 60, 90) and are no Markov process in continuous time: the error
with which P(t) gives the data back is printed, and above 0.05 `usable` is false. The five classes do better.

Rates have intervals where the counts are known, as wide as the villages differ where their counts are (see `scatter`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_level
from creditlab.errors import FitError, InputError, message
from creditlab.loans import scatter
from creditlab.loans.matrices import Transitions
from creditlab.loans.reaching import Reached, reached
from creditlab.loans.shares import LEVEL
from creditlab.results import Result, Stamp

#: largest sum of absolute errors in a row of P(t) with which a generator is still called usable
TOLERANCE = 0.05
#: range of the logarithms of monthly rates: from once in 40 million years to once in an hour and a half
LOG_RATES = (-20.0, 6.0)
#: a rate per month below which a search for the highest likelihood has found none
TINY = 1e-7
METHODS = {
    "diagonal": "negative rates set to zero, the diagonal takes the difference",
    "weighted": "negative rates set to zero, all others of the row scaled to take the difference",
    "nearest": "the nearest row of rates in the sense of least squares",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Generator(Result):
    """A row per pair of states: from to rate lo hi (per month) n at_risk. `matrix` is Q as a square frame.

    On the diagonal is minus the rate of leaving. `n` is the moves seen (on the diagonal: away), `at_risk` the months in
    which a note could make one, both NaN with the interval where the counts are not known. `covariance` is that of the
    rates row by row; None without counts.
    """

    title: ClassVar[str] = "Generator 转移强度"
    plots: ClassVar[str] = "loans"

    states: tuple[str, ...]
    matrix: pd.DataFrame
    level: float = LEVEL
    covariance: np.ndarray | None = None

    def reached(self, to: str | Sequence[str], months: Sequence[float] = tuple(range(1, 13))) -> Reached:
        """The chance that a note has come to the states `to` by each month: the PD curve, with intervals."""
        return reached(self, to, months)

    def after(self, months: float) -> pd.DataFrame:
        """The transition probabilities over any number of months, whole or not."""
        from scipy.linalg import expm

        if not np.isfinite(months) or months < 0:
            raise InputError(message("a number of months of 0 or more", repr(months), "after", "Half a month is 0.5."))
        prob = np.clip(expm(self.matrix.to_numpy() * float(months)), 0.0, 1.0)
        return pd.DataFrame(prob / prob.sum(axis=1, keepdims=True), index=self.states, columns=self.states)


def generator(
    matrix: Any, months: float = 1.0, *, pairs: int | None = None, counts: Any = None, level: float = LEVEL
) -> Generator:
    """The generator of a matrix of transition probabilities, with intervals where its counts are known.

    Parameters
    ----------
    matrix : square, rows that sum to 1; a frame keeps the names of its states. Or `Transitions`, with their counts: by
        'village_id' the intervals are as wide as the villages differ, without a breakdown pairs count as independent.
    months : the months over which its probabilities hold.
    pairs : the pairs of sightings that the matrix was counted from, where known: kept among the facts.
    counts : what the matrix was counted from, (states, states) or a stack (groups, states, states).
    level : of the intervals: delta method through the logarithm, Jeffreys' for a rate (`scatter.rate_limits`).

    Raises
    ------
    InputError : for a matrix that is not square or whose rows are no probabilities; counts of another size.
    FitError : when the logarithm is not real (an eigenvalue is zero or negative).

    References: R. Israel, J. Rosenthal, J. Wei, Mathematical Finance 11 (2001) 245-265 (diagonal and weighted
    adjustment); A. Kreinin, M. Sidelnikova, Algo Research Quarterly 4 (2001) 23-40 (nearest generator).

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> generator(p).after(2.0).to_numpy().round(12).tolist() == (p @ p).round(12).tolist()
    True
    >>> generator(p, counts=[[90, 10], [20, 80]]).tidy()[["lo", "rate", "hi"]].iloc[1].round(3).tolist()
    [0.068, 0.119, 0.196]
    """
    from scipy.linalg import expm

    prob, states = _probabilities(matrix.matrix() if isinstance(matrix, Transitions) else matrix)
    known = matrix if counts is None and isinstance(matrix, Transitions) else counts
    square, groups = (None, None) if known is None else scatter.counted(known, len(prob))
    pairs = int(square.sum()) if pairs is None and square is not None else pairs
    rates = _logarithm(prob) / months
    mended = {name: _mend(rates, name) for name in METHODS}
    distance = {name: float(np.abs(expm(q * months) - prob).sum(axis=1).max()) for name, q in mended.items()}
    negative = float(-np.minimum(_off_diagonal(rates), 0).sum())
    method = min(METHODS, key=lambda name: (distance[name], list(METHODS).index(name)))
    facts = {**({} if pairs is None else {"pairs": int(pairs)}),
             "method": method, "largest row error": distance[method], "usable": distance[method] <= TOLERANCE,
             "negative rates": negative,
             "exact": negative < 1e-12, **{f"row error {name}": d for name, d in distance.items()}}  # fmt: skip
    seen = None
    if square is not None:
        of_shares = scatter.share_covariance(square, groups, level)
        at_risk = (square.sum(axis=1) * months, scatter.effective_rows(square, of_shares) * months)
        seen = _Seen(square, *at_risk, scatter.rate_covariance(rates, months, of_shares), rates, groups)
    stamp = Stamp.of([prob, *([] if square is None else [square if groups is None else groups])],
                     {"months": months, "level": level})  # fmt: skip
    return _result(mended[method], states, stamp, facts, level, seen)


def _logarithm(prob: np.ndarray) -> np.ndarray:
    from scipy.linalg import logm

    # the logarithm of a singular matrix is not finite
    singular = np.abs(np.linalg.eigvals(prob)).min() < 1e-12
    raw = np.full(prob.shape, np.nan) if singular else logm(prob)
    if not np.isfinite(raw).all() or np.abs(np.imag(raw)).max() > 1e-6:
        raise FitError(
            "The matrix has no real logarithm: a state is left with near certainty. Use shorter periods, fewer states, "
            "or fit_generator on the counts."
        )
    return np.asarray(np.real(raw))


@dataclass(frozen=True)
class _Seen:
    """What the intervals rest on: moves, months at risk, effective months, covariance, rates before mending."""

    moves: np.ndarray
    at_risk: np.ndarray
    effective: np.ndarray
    covariance: np.ndarray
    raw: np.ndarray
    groups: np.ndarray | None


def _result(
    rates: np.ndarray, states: tuple[str, ...], stamp: Stamp, facts: dict[str, Any], level: float, seen: _Seen | None
) -> Generator:
    check_level(level)
    square = pd.DataFrame(rates, index=list(states), columns=list(states))
    table = pd.DataFrame(
        {"from": np.repeat(states, len(states)), "to": np.tile(states, len(states)), "rate": rates.reshape(-1)}
    )
    if seen is None:
        return Generator(
            table=table.assign(lo=np.nan, hi=np.nan, n=np.nan, at_risk=np.nan), states=states, matrix=square,
            stamp=stamp, level=level, facts={**facts, "intervals": "none: the counts are not known 计数未知，无区间"},
        )  # fmt: skip
    lo, hi = _limits(rates, seen, level)
    moves = _off_diagonal(seen.moves)
    moves += np.diag(moves.sum(axis=1))
    at_risk = np.repeat(seen.at_risk, len(states))
    table = table.assign(lo=lo.reshape(-1), hi=hi.reshape(-1), n=moves.reshape(-1).astype(int), at_risk=at_risk)
    basis = ("independent pairs 按独立计" if seen.groups is None else
             f"between {int((seen.groups.sum(axis=(1, 2)) > 0).sum())} groups 按组间差异计")  # fmt: skip
    return Generator(table=table, states=states, matrix=square, stamp=stamp, level=level, covariance=seen.covariance,
                     facts={**facts, "level": level, "intervals": basis})  # fmt: skip


def _limits(rates: np.ndarray, seen: _Seen, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of every rate; those of the diagonal are minus those of leaving. A state never seen has none."""
    size = len(rates)
    own = np.eye(size, dtype=bool)
    rate = np.where(own, -rates, np.where(rates > TINY, rates, np.minimum(seen.raw, 0.0)))
    variance = np.diag(seen.covariance).reshape(size, size)
    lo, hi = scatter.rate_limits(rate, variance, seen.effective[:, None], level)
    known = np.broadcast_to(seen.at_risk[:, None] > 0, rates.shape)
    return (np.where(known, np.where(own, -hi, lo), np.nan), np.where(known, np.where(own, -lo, hi), np.nan))


def _probabilities(matrix: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    prob = np.asarray(matrix, dtype=float)
    if prob.ndim != 2 or prob.shape[0] != prob.shape[1]:
        raise InputError(message("a square matrix", f"shape {prob.shape}", "generator", "Use Transitions.matrix()."))
    if not np.isfinite(prob).all() or (prob < 0).any() or np.abs(prob.sum(axis=1) - 1).max() > 1e-3:
        raise InputError(
            message("rows of probabilities that sum to 1", "others", "generator", "Divide each row by its sum.")
        )
    names = matrix.index if isinstance(matrix, pd.DataFrame) else range(len(prob))
    return prob / prob.sum(axis=1, keepdims=True), tuple(str(name) for name in names)


def _off_diagonal(rates: np.ndarray) -> np.ndarray:
    return rates * (1 - np.eye(len(rates)))


def _mend(rates: np.ndarray, method: str) -> np.ndarray:
    """The logarithm as a generator: rates off the diagonal of at least zero, rows that sum to zero."""
    off = _off_diagonal(rates)
    if method == "nearest":
        return np.array([_nearest_row(row, place) for place, row in enumerate(rates)])
    good, bad = np.maximum(off, 0).sum(axis=1), -np.minimum(off, 0).sum(axis=1)
    if method == "weighted":
        weight = good + np.abs(np.diag(rates))
        scale = np.divide(bad, weight, out=np.zeros(len(rates)), where=weight > 0)
        off = np.where(off < 0, 0.0, off - scale[:, None] * np.abs(off))
    off = np.maximum(off, 0.0)
    return off - np.diag(off.sum(axis=1))


def _nearest_row(row: np.ndarray, place: int) -> np.ndarray:
    """The row of rates nearest to `row`: the projection on those that sum to zero with at least zero off the diagonal.

    The diagonal is free, so the multiplier is found by sorting the rest, as in a projection on a simplex.
    """
    rest = np.delete(row, place)
    order = np.sort(rest)[::-1]
    diagonal = row[place]
    kept = np.arange(len(rest) + 1)
    sums = diagonal + np.concatenate([[0.0], np.cumsum(order)])
    shift = sums / (kept + 1)
    fits = [k for k in kept if (k == 0 or order[k - 1] > shift[k]) and (k == len(rest) or order[k] <= shift[k])]
    chosen = shift[fits[0]]
    mended = np.maximum(rest - chosen, 0.0)
    return np.insert(mended, place, -mended.sum())


def fit_generator(counts: pd.DataFrame, states: Sequence[str] | None = None, *, level: float = LEVEL) -> Generator:
    """The generator of highest likelihood for pairs of sightings any number of months apart.

    Parameters
    ----------
    counts : months from to n; `Transitions.irregular` has these columns. With a column group too the intervals are as
        wide as the groups differ (`scatter.likelihood_covariance`), else pairs count as independent.
    states : the states in order; by default those that occur. A state that nobody is seen to leave is absorbing, and a
        move that is never seen, not even in steps, has no rate.
    level : of the intervals.

    Raises
    ------
    InputError : no pair, or months of 0 or less.
    FitError : the search did not end.

    Reference: J. Kalbfleisch, J. Lawless, Journal of the American Statistical Association 80 (1985) 863-871.
    """
    from scipy.optimize import minimize

    check_columns(counts, ["months", "from", "to", "n"], "fit_generator")
    seen = counts[counts["n"] > 0]
    if not len(seen) or (seen["months"] <= 0).any():
        raise InputError(message("pairs with months above 0", f"{len(seen)} pairs", "fit_generator", "Check counts."))
    names = tuple(states) if states is not None else tuple(pd.unique(pd.concat([seen["from"], seen["to"]])))
    cube = _by_gap(seen, names)
    moves = np.sum(list(cube.values()), axis=0)
    allowed = np.asarray(moves > 0)
    np.fill_diagonal(allowed, False)
    if not allowed.any():
        raise InputError(message("at least one move", "none", "fit_generator", "Nothing changes in these pairs."))
    exposure = np.sum([gap * c.sum(axis=1) for gap, c in cube.items()], axis=0)
    start = np.log(np.maximum(moves / np.maximum(exposure, 1e-12)[:, None], 1e-6)[allowed])
    fit = minimize(_negative_likelihood, start, args=(cube, allowed), jac=True, method="L-BFGS-B",
                   bounds=[LOG_RATES] * len(start), options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-9})  # fmt: skip
    if not np.isfinite(fit.fun):
        raise FitError(f"The search for a generator did not end: {fit.message}")
    rates = np.zeros(allowed.shape)
    rates[allowed] = np.exp(fit.x)
    rates -= np.diag(rates.sum(axis=1))
    error = _row_error(rates, cube)
    groups = _by_group(seen, names) if "group" in seen else None
    covariance = scatter.likelihood_covariance(rates, cube, groups, allowed, level)
    whole = None if groups is None else np.sum(list(groups.values()), axis=0)
    effective = scatter.effective_rows(moves, scatter.share_covariance(moves, whole, level))
    per_pair = np.divide(exposure, moves.sum(axis=1), out=np.zeros(len(names)), where=exposure > 0)
    basis = _Seen(moves, exposure, effective * per_pair, covariance, rates, whole)
    facts = {"pairs": int(seen["n"].sum()), "gaps": len(cube), "log_likelihood": float(-fit.fun), "moves": len(start),
             "largest row error": error, "usable": error <= TOLERANCE}  # fmt: skip
    stamp = Stamp.of([seen.reset_index(drop=True)], {"states": list(names), "level": level})
    return _result(rates, names, stamp, facts, level, basis)


def _row_error(rates: np.ndarray, cube: dict[float, np.ndarray]) -> float:
    """The largest sum of absolute differences of a row between P(t) and the shares seen, at the most frequent gap."""
    from scipy.linalg import expm

    gap, count = max(cube.items(), key=lambda item: item[1].sum())
    total = count.sum(axis=1, keepdims=True)
    seen = total[:, 0] > 0
    return float(np.abs(expm(rates * gap)[seen] - count[seen] / total[seen]).sum(axis=1).max())


def _by_gap(seen: pd.DataFrame, names: tuple[str, ...]) -> dict[float, np.ndarray]:
    """Months apart → square counts."""
    place = {name: i for i, name in enumerate(names)}
    cubes: dict[float, np.ndarray] = {}
    for gap, part in seen.groupby("months"):
        square = np.zeros((len(names), len(names)))
        np.add.at(square, (part["from"].map(place).to_numpy(), part["to"].map(place).to_numpy()), part["n"].to_numpy())
        cubes[float(gap)] = square
    return cubes


def _by_group(seen: pd.DataFrame, names: tuple[str, ...]) -> dict[float, np.ndarray]:
    """Months apart → counts of each group, groups in the order of their names."""
    group, found = pd.factorize(seen["group"].astype(str), sort=True)
    place = {name: i for i, name in enumerate(names)}
    cubes: dict[float, np.ndarray] = {}
    for gap, part in seen.assign(group=group).groupby("months"):
        stack = np.zeros((len(found), len(names), len(names)))
        at = (part["group"].to_numpy(), part["from"].map(place).to_numpy(), part["to"].map(place).to_numpy())
        np.add.at(stack, at, part["n"].to_numpy())
        cubes[float(gap)] = stack
    return cubes


def _negative_likelihood(
    log_rates: np.ndarray, cube: dict[float, np.ndarray], allowed: np.ndarray
) -> tuple[float, np.ndarray]:
    """Minus the log-likelihood and its gradient in the logarithms of the rates."""
    from scipy.linalg import expm, expm_frechet

    rates = np.zeros(allowed.shape)
    rates[allowed] = np.exp(log_rates)
    q = rates - np.diag(rates.sum(axis=1))
    value, slope = 0.0, np.zeros(allowed.shape)
    for gap, count in cube.items():
        prob = np.maximum(expm(q * gap), 1e-14)
        value -= float((count * np.log(prob)).sum())
        # adjoint of the derivative of exp: one Fréchet derivative gives the slope for every entry of Q
        slope -= gap * expm_frechet(q.T * gap, count / prob, compute_expm=False)
    inner = slope - np.diag(slope)[:, None]
    return value, (inner * rates)[allowed]
