"""The likelihood of each village's level, from loans gathered into sufficient statistics.

Loans are Bernoulli with log-odds `level + offset`. The log-likelihood of a village's level t is O·t - Σ log(1 +
e^(t+o)) over its loans o, a smooth concave function, so it is tabulated once and then looked up: what follows costs the
same for ten thousand loans and for five million. It holds no prior and estimates nothing but the common level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from creditlab.errors import InputError, message, some

#: distance of the grid nodes onto which offsets are gathered, and of the knots of the table
NODE_STEP, KNOT_STEP = 0.1, 0.25
#: six-point Lagrange interpolation: nodes left of the offset
LEFT = 2
#: log-odds beyond this are no probabilities of default
OFFSET_MOST = 35.0
#: the table goes on until all of a village's loans together would have this log-odds of a single bad, or good
MARGIN = 16.0


@dataclass(frozen=True)
class Cells:
    """Loans of V villages gathered on a grid of offsets: `weight` (V × nodes, sparse), `node`, `bad`, `n`."""

    weight: Any
    node: np.ndarray
    bad: np.ndarray
    n: np.ndarray


def gather(bad: np.ndarray, offset: np.ndarray, codes: np.ndarray, villages: int, n: np.ndarray | None = None) -> Cells:
    """Loans (or cells of `n` loans with `bad` bads) as sufficient statistics per village.

    Each offset is spread over the six nearest nodes of a grid with step h so that polynomials of degree five in the
    offset keep their sums (Lagrange weights).
    """
    from scipy.sparse import csr_array

    size = np.ones(len(bad)) if n is None else n
    first = np.floor(offset.min() / NODE_STEP) - LEFT
    place = offset / NODE_STEP - first
    start = np.floor(place).astype(np.int64) - LEFT
    nodes = int(start.max()) + 6
    flat = np.zeros(villages * nodes)
    where = codes.astype(np.int64) * nodes + start
    for j in range(6):
        flat += np.bincount(where + j, weights=size * _lagrange(place - start, j), minlength=len(flat))
    return Cells(
        weight=csr_array(flat.reshape(villages, nodes)),
        node=(first + np.arange(nodes)) * NODE_STEP,
        bad=np.bincount(codes, weights=bad, minlength=villages),
        n=np.bincount(codes, weights=size, minlength=villages),
    )


def grid_error(node_step: float = NODE_STEP, knot_step: float = KNOT_STEP) -> float:
    """The most that gathering and tabulating can change a village's level, in log-odds: 9·10⁻⁸.

    With f = log(1+e^x) the slope of the log-likelihood errs by at most (225/64)/6!·h⁶·|f⁽⁷⁾| from the six-point
    Lagrange weights on nodes h apart, and by √5/30000·k⁵·|f⁽⁶⁾| from quintic Hermite pieces on knots k apart (G.
    Birkhoff, A. Priver, J. Mathematics and Physics 46 (1967) 440-447). The derivatives are at most 1.82 and 1 times
    f⁽²⁾, which the curvature is made of: their sum over the loans, over the curvature, bounds the change of the level.
    """
    return 1.82 * 225 / 64 / 720 * node_step**6 + 5**0.5 / 30000 * knot_step**5


def _lagrange(x: np.ndarray, j: int) -> np.ndarray:
    """The weight of node j of 0 … 5 at x between nodes 2 and 3."""
    product = np.ones_like(x)
    for other in range(6):
        if other != j:
            product *= (x - other) / (j - other)
    return product


def check_offset(offset: Any, n: int) -> np.ndarray:
    """Log-odds of the PDs, finite and within ±35; zeros where None."""
    if offset is None:
        return np.zeros(n)
    try:
        values = np.asarray(offset, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("log-odds", "values that are not numbers", "offset", "Give logit(PD).")) from None
    if len(values) != n:
        raise InputError(message(f"{n} values, one per row", str(len(values)), "offset", "Align it with the loans."))
    wrong = ~(np.abs(values) <= OFFSET_MOST)
    if wrong.any():
        rows = f"offset, rows {some(np.flatnonzero(wrong).tolist())}"
        fix = "Give logit(PD) of PDs strictly between 0 and 1."
        raise InputError(message(f"log-odds within ±{OFFSET_MOST:g}", f"{int(wrong.sum())} others", rows, fix))
    return values


@dataclass(frozen=True)
class LevelLikelihood:
    """Log-likelihoods of the levels of V villages, as quintic polynomials between knots.

    `coefficients` is 6 × V × intervals; beyond the knots the function goes on as a straight line, which it there is.
    """

    first: float
    coefficients: np.ndarray
    bad: np.ndarray
    n: np.ndarray

    @property
    def villages(self) -> int:
        return len(self.n)

    def __getitem__(self, rows: slice) -> LevelLikelihood:
        """The likelihood of some of the villages."""
        return LevelLikelihood(self.first, self.coefficients[:, rows], self.bad[rows], self.n[rows])

    def value(self, t: np.ndarray) -> np.ndarray:
        """Log-likelihood of levels t (villages last)."""
        return self.expand(t, 0)[0]

    def slope(self, t: np.ndarray) -> np.ndarray:
        """First derivative of the log-likelihood at levels t (villages last)."""
        return self.expand(t, 1)[1]

    def expand(self, t: np.ndarray, order: int = 2) -> list[np.ndarray]:
        """Log-likelihood at levels t (villages last) and its derivatives up to `order` (0, 1 or 2)."""
        intervals = self.coefficients.shape[2]
        raw = (t - self.first) / KNOT_STEP
        place = np.clip(raw, 0, intervals - 1).astype(np.intp)
        x = np.clip(raw - place, 0.0, 1.0)
        beyond = raw - place - x
        place += intervals * np.arange(self.villages)
        found = _taylor([c.reshape(-1).take(place) for c in self.coefficients], x, order)
        if beyond.any():
            slope = found[1] if order else _taylor([c.reshape(-1).take(place) for c in self.coefficients], x, 1)[1]
            found[0] = found[0] + beyond * slope
            if order == 2:
                found[2] = np.where(beyond == 0, found[2], 0.0)
        signed = [self.bad * t - found[0]]
        if order > 0:
            signed.append(self.bad - found[1] / KNOT_STEP)
        if order > 1:
            signed.append(-2 / KNOT_STEP**2 * found[2])
        return signed

    def rate(self, t: np.ndarray) -> np.ndarray:
        """The mean PD of a village's loans at levels t (villages last)."""
        return np.clip((self.bad - self.slope(t)) / np.where(self.n > 0, self.n, 1), 0.0, 1.0)


def _taylor(c: list[np.ndarray], x: np.ndarray, order: int) -> list[np.ndarray]:
    """Σ c_j x^j and its Taylor coefficients up to `order`, by repeated synthetic division."""
    found = [np.zeros_like(x) for _ in range(order + 1)]
    for coefficient in reversed(c):
        for k in range(order, 0, -1):
            found[k] *= x
            found[k] += found[k - 1]
        found[0] *= x
        found[0] += coefficient
    return found


def tabulate(cells: Cells) -> LevelLikelihood:
    """The table of log-likelihoods of gathered loans."""
    reach = MARGIN + np.log(max(cells.n.max(), 1.0))
    first = -cells.node[-1] - reach
    knots = first + KNOT_STEP * np.arange(int(np.ceil((reach - cells.node[0] - first) / KNOT_STEP)) + 1)
    log_odds = cells.node[:, None] + knots
    p = 1 / (1 + np.exp(-log_odds))
    # sparse times dense: row by row in one order, so that the last digits do not depend on the number of threads
    value, slope, curve = (
        cells.weight @ f for f in (np.logaddexp(0, log_odds), p * KNOT_STEP, p * (1 - p) * KNOT_STEP**2)
    )
    return LevelLikelihood(first, _quintic(value, slope, curve), cells.bad, cells.n)


def _quintic(value: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Coefficients of the quintics that take the values and two derivatives at both ends of unit intervals."""
    a, b, c = value[:, :-1], slope[:, :-1], curve[:, :-1] / 2
    rise = value[:, 1:] - a - b - c
    tilt = slope[:, 1:] - b - 2 * c
    bend = curve[:, 1:] - 2 * c
    return np.stack(
        [a, b, c, 10 * rise - 4 * tilt + bend / 2, -15 * rise + 7 * tilt - bend, 6 * rise - 3 * tilt + bend / 2]
    )


def common_level(cells: Cells) -> float:
    """The level at which all loans together are expected to have as many bads as they had; ±inf at none or all."""
    bads, n = cells.bad.sum(), cells.n.sum()
    if bads <= 0 or bads >= n:
        return float(np.copysign(np.inf, bads - n / 2))
    weight, level = np.asarray(cells.weight.sum(axis=0)).reshape(-1), 0.0
    for _ in range(200):
        p = 1 / (1 + np.exp(-(cells.node + level)))
        step = float(np.clip((bads - weight @ p) / (weight @ (p * (1 - p))), -2, 2))
        level += step
        if abs(step) < 1e-12:
            break
    return level
