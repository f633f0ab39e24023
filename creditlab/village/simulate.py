"""Made loan books of villages whose truth is known: for tests, benchmarks, and to see how far a method can be trusted.

`village_book` draws one county from a seed: places, neighbours, village effects that are partly shared with neighbours,
borrowers who differ between villages, branches, loans granted on what the file does not show, guarantees that carry
bads on, wrong village codes. The loans are what a bank would have; the truth stands apart. Everything else is in
`creditlab.data.world`, which draws whole departments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.errors import InputError, message
from creditlab.village.calibration import expit
from creditlab.village.graph import Graph

#: share of villages with fewer than ten loans, and the most loans of one village
SMALL, MOST_LOANS = 0.15, 400
#: neighbours of each village on the made map
NEAREST = 5


@dataclass(frozen=True)
class Book:
    """Loans and applicants of a county (`loans`), what is true of them (`truth`), and who is whose neighbour.

    Parameters
    ----------
    loans : a row per loan: loan village branch x vintage bad pd_origin (PD that the borrower alone has, at the county's
        level) and weight 1; `village` is the code on file, which may be wrong.
    applicants : the same for all who applied, with `granted`; `bad` is what would have been.
    guarantees : loan partner: loans that stand for each other.
    villages : village x y, for maps. truth : village n effect shared own branch_effect rate x_mean true_ratio.
    pd_true : PD of each loan as it was drawn.
    """

    loans: pd.DataFrame
    applicants: pd.DataFrame
    guarantees: pd.DataFrame
    villages: pd.DataFrame
    truth: pd.DataFrame
    pd_true: np.ndarray
    graph: Graph

    @property
    def offset(self) -> np.ndarray:
        """Log-odds of `pd_origin`, one per loan."""
        p = self.loans["pd_origin"].to_numpy()
        return np.log(p) - np.log1p(-p)


def village_book(
    seed: int,
    villages: int = 300,
    sd: float = 0.5,
    phi: float = 0.5,
    median: float = 25,
    base: float = -3.2,
    slope: float = 0.8,
    confounding: float = 0.0,
    lean: float = 0.5,
    branch_sd: float = 0.0,
    selection: float = 0.0,
    contagion: float = 0.0,
    wrong_code: float = 0.0,
    shape: str = "normal",
    graph: Graph | None = None,
) -> Book:
    """One made county.

    Parameters
    ----------
    villages : number of villages; of lognormal size with this `median` of loans, 15 % of them below ten.
    sd : standard deviation of the village effects in log-odds; phi : share of it that neighbours have in common.
    base, slope : log-odds of a loan at x = 0, and per unit of x.
    confounding : correlation of the village means of x with the village effects; lean : sd of these means.
    branch_sd : of the effects of branches, six villages to a branch.
    selection : how much of what only the officer sees decides on the loan, and on whether it goes bad.
    contagion : log-odds that a bad partner adds; pairs are drawn within villages.
    wrong_code : share of loans that carry the code of another village.
    shape : of the effects: "normal", "skewed", "heavy" (t with 3 degrees of freedom) or "two groups".
    graph : neighbours; None places the villages at random and takes the five nearest.

    >>> book = village_book(seed=1, villages=40)
    >>> len(book.truth), bool(0.01 < book.loans["bad"].mean() < 0.2)
    (40, True)
    """
    _check(villages, sd, phi, shape)
    rng = np.random.default_rng([seed, 4711])
    xy = rng.uniform(0, np.sqrt(villages), (villages, 2))
    net = graph or Graph.nearest(xy, k=min(NEAREST, villages - 1)) if villages > 1 else Graph.of_matrix([[0.0]])
    shared, own = _effects(rng, net, sd, phi, shape)
    effect = shared + own
    z = effect / sd if sd > 0 else np.zeros(villages)
    x_mean = lean * (confounding * z + np.sqrt(1 - confounding**2) * rng.standard_normal(villages))
    branch = np.arange(villages) // 6
    at_branch = branch_sd * rng.standard_normal(branch.max() + 1)[branch]
    sizes = _sizes(rng, villages, median)
    applicants, prob = _applicants(rng, sizes, x_mean, effect + at_branch, base, slope, selection)
    applicants["branch"] = branch[applicants["village"]]
    pairs = _pairs(rng, applicants)
    applicants["bad"] = _outcomes(rng, prob, pairs, contagion)
    granted = applicants["granted"].to_numpy()
    truth = pd.DataFrame(
        {"village": np.arange(villages), "n": np.bincount(applicants["village"][granted], minlength=villages)}
    )
    truth = truth.assign(effect=effect, shared=shared, own=own, branch_effect=at_branch, x_mean=x_mean)
    there = applicants.loc[granted, "village"].to_numpy()
    hoped = np.bincount(there, prob[granted], villages)
    alone = np.bincount(there, applicants.loc[granted, "pd_origin"], villages)
    with np.errstate(invalid="ignore"):
        truth["rate"], truth["true_ratio"] = hoped / truth["n"], hoped / alone
    loans = applicants[granted].drop(columns="granted").reset_index(drop=True)
    loans["village"] = _codes(rng, loans["village"].to_numpy(), villages, wrong_code)
    places = pd.DataFrame({"village": net.villages, "x": xy[:, 0], "y": xy[:, 1]})
    kept = pairs[granted[pairs[:, 0]] & granted[pairs[:, 1]]]
    links = pd.DataFrame(applicants["loan"].to_numpy()[kept], columns=["loan", "partner"])
    return Book(loans, applicants, links, places, truth, prob[granted], net)


def _check(villages: int, sd: float, phi: float, shape: str) -> None:
    if isinstance(villages, bool) or not isinstance(villages, int | np.integer) or villages < 1:
        raise InputError(message("one or more villages", repr(villages), "villages", "300 are usual."))
    if not sd >= 0 or not 0 <= phi <= 1:
        raise InputError(
            message("sd of 0 or more, phi from 0 to 1", f"{sd!r}, {phi!r}", "village_book", "Correct them.")
        )
    if shape not in _SHAPES:
        raise InputError(message(f"one of {', '.join(_SHAPES)}", repr(shape), "shape", "Use one of these."))


def _effects(
    rng: np.random.Generator, graph: Graph, sd: float, phi: float, shape: str
) -> tuple[np.ndarray, np.ndarray]:
    """What a village shares with its neighbours, and what is its own; both scaled to the sd asked for."""
    n = len(graph.villages)
    own = _SHAPES[shape](rng, n)
    if phi == 0 or graph.matrix.nnz == 0:
        return np.zeros(n), sd * own
    from scipy.sparse import diags_array, triu
    from scipy.sparse.linalg import splu

    matrix = graph.symmetric().matrix
    degree = np.asarray(matrix.sum(axis=1)).reshape(-1)
    start, end = triu(matrix, k=1).tocoo().coords
    # Q = L + 0.05 I, nearly an intrinsic autoregression of every part: Q⁻¹(noise with covariance Q) has covariance Q⁻¹
    noise = np.sqrt(0.05) * rng.standard_normal(n)
    along = np.sqrt(triu(matrix, k=1).tocoo().data) * rng.standard_normal(len(start))
    noise += np.bincount(start, along, n) - np.bincount(end, along, n)
    smooth = splu((diags_array(degree + 0.05) - matrix).tocsc()).solve(noise)
    smooth = (smooth - smooth.mean()) / max(float(smooth.std()), 1e-12)
    return sd * np.sqrt(phi) * smooth, sd * np.sqrt(1 - phi) * own


#: shapes of what is a village's own, all with mean 0 and variance 1
_SHAPES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "skewed": lambda rng, n: rng.gamma(2.0, 1.0, n) / np.sqrt(2) - np.sqrt(2),
    "heavy": lambda rng, n: rng.standard_t(3, n) / np.sqrt(3),
    "two groups": lambda rng, n: np.where(rng.random(n) < 0.1, 3.0, -1 / 3),
}


def _sizes(rng: np.random.Generator, villages: int, median: float) -> np.ndarray:
    """Lognormal sizes; with the usual median 15 % are below ten."""
    spread = np.log(max(median, 10.5) / 10) / 1.0364 if median > 10 else 0.7
    return np.clip(np.round(np.exp(rng.normal(np.log(median), spread, villages))), 2, MOST_LOANS).astype(int)


def _applicants(
    rng: np.random.Generator,
    sizes: np.ndarray,
    x_mean: np.ndarray,
    effect: np.ndarray,
    base: float,
    slope: float,
    selection: float,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Applicants with their column x, what only the officer sees (z), and the PD of each."""
    asked = sizes if selection == 0 else np.round(sizes / 0.7).astype(int)
    village = np.repeat(np.arange(len(sizes)), asked)
    n = len(village)
    x = x_mean[village] + rng.standard_normal(n)
    unseen = rng.standard_normal(n)
    granted = np.ones(n, dtype=bool)
    if selection:
        refused = -0.9 + 0.5 * x + 0.5 * effect[village] + selection * unseen
        granted = rng.random(n) >= expit(refused)
    log_odds = base + slope * x + selection * unseen
    frame = pd.DataFrame({"loan": np.arange(n), "village": village, "x": x, "granted": granted})
    frame["vintage"] = 2020 + rng.integers(0, 4, n)
    frame["pd_origin"] = expit(base + slope * x)
    return frame, expit(log_odds + effect[village])


def _pairs(rng: np.random.Generator, applicants: pd.DataFrame) -> np.ndarray:
    """Loans of one village in random pairs."""
    order = np.lexsort((rng.random(len(applicants)), applicants["village"]))
    first, second = order[:-1:2], order[1::2]
    same = applicants["village"].to_numpy()[first] == applicants["village"].to_numpy()[second]
    return np.column_stack([first[same], second[same]])


def _outcomes(rng: np.random.Generator, prob: np.ndarray, pairs: np.ndarray, contagion: float) -> np.ndarray:
    """0/1 outcomes; the second of a pair is likelier to go bad when the first has."""
    bad = (rng.random(len(prob)) < prob).astype(int)
    again = rng.random(len(pairs))
    if contagion and len(pairs):
        first, second = pairs.T
        lifted = expit(np.log(prob[second]) - np.log1p(-prob[second]) + contagion * bad[first])
        bad[second] = again < lifted
    return bad


def _codes(rng: np.random.Generator, village: np.ndarray, villages: int, share: float) -> np.ndarray:
    """Village codes as they are on file."""
    wrong = rng.random(len(village)) < share
    return np.where(wrong, rng.integers(0, villages, len(village)), village)
