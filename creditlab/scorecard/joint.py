"""What every bin is worth beside all others: a logistic regression on bins that is drawn towards the WOE line.

The WOE of a bin says what it tells alone. Beside features that tell the same, one coefficient for a whole feature is
too coarse: some of its bins are told by the others and some are not. Here each bin has an effect of its own. Its
departure from coefficient · WOE is a draw from N(0, spread²), so that bins of few rows stay on the line, and the
effects of a feature keep the order of its bad rates, so that no points contradict them. A feature that others tell
wholly falls to 0. The maximum is exact (Karush-Kuhn-Tucker): Newton's method, each step a least-squares problem under
bounds (C. Lawson, R. Hanson, Solving Least Squares Problems, 1974, by scipy).

On cards whose bins have effects of their own under order constraints: L. Thomas, Consumer Credit Models (2009), ch. 1;
on order-constrained regression: R. Barlow et al., Statistical Inference under Order Restrictions (1972).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import nnls

from creditlab.errors import FitError, message
from creditlab.estimators import expit

#: more rows than this take the curvature from a part of them: the gradient, of all rows, decides the answer
MANY = 65_536
#: effects that move by less than this, in log-odds, have arrived
ARRIVED = 1e-10
#: log-likelihood that a step promises, below which it is idle
IDLE = 1e-10
#: slopes are known to a millionth of the information of the intercept at least: columns that repeat each other share
DAMPING = 1e-9


@dataclass(frozen=True)
class Bins:
    """A feature whose bins have effects of their own.

    Parameters
    ----------
    codes : (n,) the bin of each row. woe : (bins,) from the bin table. Bins without a row keep to the line.
    """

    codes: np.ndarray
    woe: np.ndarray


@dataclass(frozen=True)
class Line:
    """A feature that stays on its line, such as a text column whose training WOE is out of fold.

    Parameters
    ----------
    values : (n,) the WOE of each row that its coefficient is found on. woe : (bins,) what the card gives.
    """

    values: np.ndarray
    woe: np.ndarray


@dataclass(frozen=True)
class Effects:
    """What each bin adds to the log-odds of bad.

    Parameters
    ----------
    intercept : log-odds of a row at the mean of every feature.
    values : (bins,) of each feature, with a mean of 0 over the rows.
    errors : (bins,) their standard errors, from the Fisher information of a regression on all bins at these effects.
        Order and spread, which narrow them, are not used: the WOE that bins are drawn to comes from the same rows. Rows
        are taken as independent.
    """

    intercept: float
    values: list[np.ndarray]
    errors: list[np.ndarray]


def fit_effects(
    features: Sequence[Bins | Line],
    bad: np.ndarray,
    weight: np.ndarray,
    *,
    spread: float,
    ridge: float = 0.0,
    ordered: bool = True,
    offset: np.ndarray | None = None,
) -> Effects:
    """What each bin of each feature adds to the log-odds of bad, and how sure that is.

    Parameters
    ----------
    features : one or more. bad : (n,) 0/1 or shares. weight : (n,). offset : (n,) log-odds before the features speak.
    spread : the standard deviation of a bin's departure from its line, in log-odds, above 0.
    ridge : half of it times the squared slope of each feature's line is taken from the log-likelihood.
    ordered : effects rise with the bad rate.

    Raises
    ------
    FitError : when Newton's method does not arrive.

    >>> codes = np.repeat([0, 1, 2], 400)
    >>> bad = np.concatenate([np.arange(400) < bads for bads in (20, 40, 100)]).astype(float)
    >>> woe = np.log([380 / 20, 360 / 40, 300 / 100]) - np.log(1040 / 160)
    >>> alone = fit_effects([Bins(codes, woe)], bad, np.ones(1200), spread=0.1).values[0]
    >>> np.abs(alone - alone.mean() + woe - woe.mean()).max() < 1e-9  # alone it is its WOE
    np.True_
    """
    blocks = [_Steps(f, weight, spread, ridge) if isinstance(f, Bins) else _Slope(f, ridge) for f in features]
    problem = _Problem(blocks, bad, weight, np.zeros(len(bad)) if offset is None else offset, ordered)
    at = problem.maximum()
    values, errors, intercept = list[np.ndarray](), list[np.ndarray](), float(at[0])
    for block, part, spread_of in zip(blocks, problem.parts(at), problem.covariances(at), strict=True):
        found, map_ = block.effects(part), block.map(weight)
        level = block.level(part, weight)
        values.append(found - level)
        errors.append(np.sqrt(np.einsum("bi,ij,bj->b", map_, spread_of, map_)))
        intercept += level
    return Effects(intercept, values, errors)


class _Steps:
    """The rises from bin to bin, in the order of the bad rate."""

    def __init__(self, feature: Bins, weight: np.ndarray, spread: float, ridge: float) -> None:
        self.woe, size = feature.woe, len(feature.woe)
        self.rows = np.bincount(feature.codes, weights=weight, minlength=size)
        self.used = np.flatnonzero(self.rows > 0)
        # bins of one bad rate are one level
        found, self.level_of = np.unique(np.round(-self.woe[self.used], 12), return_inverse=True)
        self.steps, self.levels = -found, len(found)
        rank = np.zeros(size, dtype=np.int16 if size < 1 << 15 else np.int64)
        rank[self.used] = self.level_of
        self.rank = rank[feature.codes]
        #: effects of the levels, the bad rate rising = sums · rises
        self.sums = np.tril(np.ones((self.levels, self.levels)))[:, 1:]
        self.penalty = self.sums.T @ self._penalty(spread, ridge) @ self.sums

    def _line(self) -> np.ndarray:
        return np.column_stack([np.ones(self.levels), self.steps])

    def _penalty(self, spread: float, ridge: float) -> np.ndarray:
        """Of the effects: squared departures from their own line over spread², and the squared slope of the line."""
        line = self._line()
        away = np.eye(self.levels) - line @ np.linalg.pinv(line)
        slope = np.linalg.pinv(line)[1]
        return away / spread**2 + ridge * np.outer(slope, slope)

    def of_rows(self, rises: np.ndarray) -> np.ndarray:
        return (self.sums @ rises)[self.rank]

    def pull(self, residual: np.ndarray) -> np.ndarray:
        return self.sums.T @ np.bincount(self.rank, weights=residual, minlength=self.levels)

    def effects(self, rises: np.ndarray) -> np.ndarray:
        """(bins,) bins without rows on the line of the others."""
        return self._every() @ rises

    def level(self, rises: np.ndarray, weight: np.ndarray) -> float:
        """The mean over the rows."""
        return float(self.rows @ self.effects(rises) / self.rows.sum())

    def map(self, weight: np.ndarray) -> np.ndarray:
        """(bins, rises) that gives effects with a mean of 0."""
        every = self._every()
        return every - (self.rows / self.rows.sum()) @ every

    def _every(self) -> np.ndarray:
        every = np.column_stack([np.ones(len(self.woe)), self.woe]) @ (np.linalg.pinv(self._line()) @ self.sums)
        every[self.used] = self.sums[self.level_of]
        return every


class _Slope:
    """One slope for the whole feature."""

    levels = 1

    def __init__(self, feature: Line, ridge: float) -> None:
        self.values, self.woe = -np.asarray(feature.values, dtype=float), feature.woe
        self.penalty = np.array([[ridge]])

    def of_rows(self, slope: np.ndarray) -> np.ndarray:
        return self.values * slope[0]

    def pull(self, residual: np.ndarray) -> np.ndarray:
        return np.array([self.values @ residual])

    def effects(self, slope: np.ndarray) -> np.ndarray:
        return -slope[0] * self.woe

    def level(self, slope: np.ndarray, weight: np.ndarray) -> float:
        return float(slope[0] * (weight @ self.values) / weight.sum())

    def map(self, weight: np.ndarray) -> np.ndarray:
        return (-self.woe - (weight @ self.values) / weight.sum())[:, None]


class _Problem:
    """The penalised log-likelihood of an intercept and the blocks; its variables are the intercept, then theirs."""

    def __init__(
        self, blocks: list[_Steps | _Slope], bad: np.ndarray, weight: np.ndarray, offset: np.ndarray, ordered: bool
    ) -> None:
        self.blocks, self.bad, self.weight, self.offset, self.ordered = blocks, bad, weight, offset, ordered
        sizes = [len(block.penalty) for block in blocks]
        self.ends = np.cumsum([1, *sizes])
        self.penalty = block_diag(np.zeros((1, 1)), *(block.penalty for block in blocks))
        n = len(bad)
        # rows of a file may be ordered by date or branch: the part is a spread of them
        self.some = None if n <= MANY else np.sort(np.random.default_rng(0).choice(n, MANY, replace=False))

    def parts(self, at: np.ndarray) -> list[np.ndarray]:
        return np.split(at[1:], self.ends[1:-1] - 1)

    def covariances(self, at: np.ndarray) -> list[np.ndarray]:
        """Of the variables of each block, from the rows alone: the line that bins are drawn to has their own noise."""
        whole = np.linalg.pinv(self._pass(at)[2] - self.penalty, hermitian=True)
        ends = self.ends.tolist()
        return [whole[a:b, a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def maximum(self) -> np.ndarray:
        mean = float(self.weight @ self.bad / self.weight.sum())
        at = np.zeros(self.ends[-1])
        at[0] = np.log(mean / (1 - mean)) - float(self.weight @ self.offset / self.weight.sum())
        value, gradient, curvature = self._pass(at)
        last = np.inf
        for _ in range(100):
            step = self._step(at, gradient, curvature) - at
            found, size = self._shorter(at, step, value), float(np.abs(step).max())
            # a spread of next to nothing leaves steps that no longer shrink and gain nothing
            if found is None or size < ARRIVED or (size > last / 2 and gradient @ step < IDLE):
                return at if found is None else found[0]
            last, (at, value, gradient, curvature) = size, found
        raise FitError(
            message(
                "effects of bins that settle",
                "none after 100 Newton steps",
                "the joint fit of the bins",
                "Look for columns that repeat the target or huge weights, or set bin_sd=0.",
            )  # fmt: skip
        )

    def _shorter(self, at: np.ndarray, step: np.ndarray, value: float) -> tuple | None:
        """The longest halved step that does not lose; None where none moves."""
        slack = 1e-13 * max(abs(value), 1.0)
        for halving in range(30):
            tried = at + step * 0.5**halving
            found = self._pass(tried)
            if found[0] >= value - slack:
                return (tried, *found)
        return None

    def _pass(self, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The value, its gradient, and minus its Hessian."""
        eta = self.offset + at[0]
        for block, part in zip(self.blocks, self.parts(at), strict=True):
            eta = eta + block.of_rows(part)
        prob = expit(eta)
        value = float(self.weight @ (self.bad * eta - np.logaddexp(0.0, eta))) - 0.5 * float(at @ self.penalty @ at)
        residual = self.weight * (self.bad - prob)
        gradient = np.concatenate([[residual.sum()], *(block.pull(residual) for block in self.blocks)])
        return value, gradient - self.penalty @ at, self._curvature(self.weight * prob * (1 - prob)) + self.penalty

    def _curvature(self, h: np.ndarray) -> np.ndarray:
        share = 1.0
        if self.some is not None:
            share = float(h.sum() / h[self.some].sum())
            h = h[self.some]
        rows = [self._rows(block) for block in self.blocks]
        sums = [block.sums if isinstance(block, _Steps) else np.ones((1, 1)) for block in self.blocks]
        whole = np.empty((self.ends[-1], self.ends[-1]))
        whole[0, 0] = h.sum()
        for i, one in enumerate(rows):
            a = slice(self.ends[i], self.ends[i + 1])
            whole[0, a] = whole[a, 0] = _cross(one, None, h).ravel() @ sums[i]
            for j in range(i + 1):
                b = slice(self.ends[j], self.ends[j + 1])
                whole[a, b] = sums[i].T @ _cross(one, rows[j], h) @ sums[j]
                whole[b, a] = whole[a, b].T
        return whole * share

    def _rows(self, block: _Steps | _Slope) -> tuple[np.ndarray, int]:
        """What a block has of the rows that curvature is taken of: ranks and their number, or values and 0."""
        values, levels = (block.rank, block.levels) if isinstance(block, _Steps) else (block.values, 0)
        return (values if self.some is None else values[self.some]), levels

    def _step(self, at: np.ndarray, gradient: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Where the quadratic that value, gradient and curvature describe is greatest, rises at 0 or above."""
        damped = curvature + np.diag(np.append(0.0, np.full(len(at) - 1, DAMPING * curvature[0, 0])))
        wanted = damped @ at + gradient
        if not self.ordered:
            return np.linalg.solve(damped, wanted)
        # the intercept is free: it leaves by its own equation
        beside = damped[1:, 0] / damped[0, 0]
        inner = damped[1:, 1:] - np.outer(beside, damped[0, 1:])
        root = np.linalg.cholesky(inner)
        rises = nnls(root.T, np.linalg.solve(root, wanted[1:] - beside * wanted[0]), maxiter=30 * len(at))[0]
        return np.append((wanted[0] - damped[0, 1:] @ rises) / damped[0, 0], rises)


def _cross(one: tuple[np.ndarray, int], other: tuple[np.ndarray, int] | None, h: np.ndarray) -> np.ndarray:
    """Σ h · a bᵀ of two blocks, ranks as indicators; `other` None is the intercept."""
    (a, levels), (b, more) = one, other or (None, 1)
    if b is None:
        return np.bincount(a, weights=h, minlength=levels) if levels else np.array([a @ h])
    if not levels and not more:
        return np.array([[a @ (h * b)]])
    if not levels:
        return np.bincount(b, weights=h * a, minlength=more)[None, :]
    if not more:
        return np.bincount(a, weights=h * b, minlength=levels)[:, None]
    if a is b:
        return np.diag(np.bincount(a, weights=h, minlength=levels))
    both = a.astype(np.int64) * more + b
    return np.bincount(both, weights=h, minlength=levels * more).reshape(levels, more)
