"""The generator of a transition matrix: the matrix Q with P(t) = exp(tQ), for dates that lie irregularly.

Many an estimated matrix has no exact generator. `generator` takes the matrix logarithm and mends it in three published
ways, and keeps the one that gives the matrix back best. `fit_generator` estimates Q by maximum likelihood from pairs of
sightings any number of months apart; with regular dates and a matrix that has a generator the two agree.

Days past due in monthly buckets run like a clock (30, 60, 90) and are no Markov process in continuous time: the error
with which P(t) gives the data back is printed, and above 0.05 `usable` is false. The five classes do better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.errors import FitError, InputError, message
from creditlab.results import Result, Stamp

#: largest sum of absolute errors in a row of P(t) with which a generator is still called usable
TOLERANCE = 0.05
#: range of the logarithms of monthly rates: from once in 40 million years to once in an hour and a half
LOG_RATES = (-20.0, 6.0)
METHODS = {
    "diagonal": "negative rates set to zero, the diagonal takes the difference",
    "weighted": "negative rates set to zero, all others of the row scaled to take the difference",
    "nearest": "the nearest row of rates in the sense of least squares",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Generator(Result):
    """A row per pair of states: from to rate (per month). `matrix` is Q as a square frame."""

    title: ClassVar[str] = "Generator 转移强度"
    plots: ClassVar[str] = "loans"

    states: tuple[str, ...]
    matrix: pd.DataFrame

    def after(self, months: float) -> pd.DataFrame:
        """The transition probabilities over any number of months, whole or not."""
        from scipy.linalg import expm

        if not np.isfinite(months) or months < 0:
            raise InputError(message("a number of months of 0 or more", repr(months), "after", "Half a month is 0.5."))
        prob = np.clip(expm(self.matrix.to_numpy() * float(months)), 0.0, 1.0)
        return pd.DataFrame(prob / prob.sum(axis=1, keepdims=True), index=self.states, columns=self.states)


def generator(matrix: Any, months: float = 1.0, *, pairs: int | None = None) -> Generator:
    """The generator of a matrix of transition probabilities.

    Parameters
    ----------
    matrix : square, rows that sum to 1; a frame keeps the names of its states.
    months : the months over which its probabilities hold.
    pairs : the pairs of sightings that the matrix was counted from, where known: kept among the facts.

    Raises
    ------
    InputError : for a matrix that is not square or whose rows are no probabilities.
    FitError : when the logarithm is not real (an eigenvalue is zero or negative).

    References: R. Israel, J. Rosenthal, J. Wei, Mathematical Finance 11 (2001) 245-265 (diagonal and weighted
    adjustment); A. Kreinin, M. Sidelnikova, Algo Research Quarterly 4 (2001) 23-40 (nearest generator).

    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> generator(p).after(2.0).to_numpy().round(12).tolist() == (p @ p).round(12).tolist()
    True
    """
    from scipy.linalg import expm, logm

    prob, states = _probabilities(matrix)
    # the logarithm of a singular matrix is not finite
    singular = np.abs(np.linalg.eigvals(prob)).min() < 1e-12
    raw = np.full(prob.shape, np.nan) if singular else logm(prob)
    if not np.isfinite(raw).all() or np.abs(np.imag(raw)).max() > 1e-6:
        raise FitError(
            "The matrix has no real logarithm: a state is left with near certainty. Use shorter periods, fewer states, "
            "or fit_generator on the counts."
        )
    rates = np.real(raw) / months
    mended = {name: _mend(rates, name) for name in METHODS}
    distance = {name: float(np.abs(expm(q * months) - prob).sum(axis=1).max()) for name, q in mended.items()}
    negative = float(-np.minimum(_off_diagonal(rates), 0).sum())
    method = min(METHODS, key=lambda name: (distance[name], list(METHODS).index(name)))
    return _result(
        mended[method],
        states,
        Stamp.of([prob], {"months": months}),
        {**({} if pairs is None else {"pairs": int(pairs)}),
         "method": method, "largest row error": distance[method], "usable": distance[method] <= TOLERANCE,
         "negative rates": negative,
         "exact": negative < 1e-12, **{f"row error {name}": d for name, d in distance.items()}},
    )  # fmt: skip


def _result(rates: np.ndarray, states: tuple[str, ...], stamp: Stamp, facts: dict[str, Any]) -> Generator:
    square = pd.DataFrame(rates, index=list(states), columns=list(states))
    table = pd.DataFrame(
        {"from": np.repeat(states, len(states)), "to": np.tile(states, len(states)), "rate": rates.reshape(-1)}
    )
    return Generator(table=table, states=states, matrix=square, stamp=stamp, facts=facts)


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


def fit_generator(counts: pd.DataFrame, states: Sequence[str] | None = None) -> Generator:
    """The generator of highest likelihood for pairs of sightings any number of months apart.

    Parameters
    ----------
    counts : months from to n; `Transitions.irregular` has these columns.
    states : the states in order; by default those that occur. A state that nobody is seen to leave is absorbing, and a
        move that is never seen, not even in steps, has no rate.

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
    facts = {"pairs": int(seen["n"].sum()), "gaps": len(cube), "log_likelihood": float(-fit.fun), "moves": len(start),
             "largest row error": error, "usable": error <= TOLERANCE}  # fmt: skip
    return _result(rates, names, Stamp.of([seen.reset_index(drop=True)], {"states": list(names)}), facts)


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
