"""How reliable each source is, estimated without the truth from where the sources agree and disagree.

Sources that state a fact right or wrong: the one-coin model of Dawid and Skene (1979), Maximum likelihood estimation of
observer error-rates using the EM algorithm, Applied Statistics 28, with wrong values spread over the others as in Dong,
Berti-Equille and Srivastava (2009), Integrating conflicting data, PVLDB 2. Sources that all err by a little: variances
from the differences of pairs, Grubbs (1948), On estimating precision of measuring instruments, JASA 43. Two sources
alone cannot be told apart; that is said, and the declared order of trust decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: pseudo-statements with which a source starts: 9 right of 10, so that a source of a few statements stays credible
PRIOR_RIGHT, PRIOR_WRONG = 9.0, 1.0
#: households on which two sources must meet before their differences count
FEWEST = 20


@dataclass(frozen=True)
class Coins:
    """Reliability of sources that are right or wrong: accuracy by source, posterior by item and candidate."""

    accuracy: np.ndarray
    n: np.ndarray
    posterior: np.ndarray
    identified: bool


def dawid_skene(
    item: np.ndarray,
    source: np.ndarray,
    candidate: np.ndarray,
    others: float,
    steps: int = 200,
    tolerance: float = 1e-9,
) -> Coins:
    """The accuracy of each source and the probability of each stated value, by EM.

    Parameters
    ----------
    item, source : row numbers of items and sources, one per statement.
    candidate : number of the value stated, counted over all items (equal values of one item share it).
    others : number of values that a wrong statement is spread over.

    Returns
    -------
    Coins : `posterior` has a value per candidate and sums to 1 or less over an item; the rest is that all are wrong.
    """
    sources, candidates = int(source.max()) + 1, int(candidate.max()) + 1
    home = np.zeros(candidates, dtype=int)
    home[candidate] = item
    weight = np.bincount(source, minlength=sources).astype(float)
    accuracy = np.full(sources, PRIOR_RIGHT / (PRIOR_RIGHT + PRIOR_WRONG))
    posterior = np.zeros(candidates)
    for _ in range(steps):
        # a statement for its candidate weighs log p; for the others of its item, and for none of them, log (1-p)/others
        gain = np.log(accuracy) - np.log((1 - accuracy) / others)
        score = np.bincount(candidate, gain[source], minlength=candidates)
        top = np.full(int(item.max()) + 1, 0.0)
        np.maximum.at(top, home, score)
        raised = np.exp(score - top[home])
        unstated = np.bincount(home, minlength=len(top))
        none = np.maximum(others + 1 - unstated, 0) * np.exp(-top)
        posterior = raised / (np.bincount(home, raised, minlength=len(top)) + none)[home]
        right = np.bincount(source, posterior[candidate], minlength=sources)
        new = (right + PRIOR_RIGHT) / (weight + PRIOR_RIGHT + PRIOR_WRONG)
        moved = np.abs(new - accuracy).max()
        accuracy = new
        if moved < tolerance:
            break
    return Coins(accuracy, weight, posterior, _three_meet(item, source, sources))


def _three_meet(item: np.ndarray, source: np.ndarray, sources: int) -> bool:
    """Whether the items tie at least three sources to each other: then accuracies can be told apart."""
    met = pd.DataFrame({"item": item, "source": source}).drop_duplicates()
    pairs = met.merge(met, on="item")
    counts = pairs[pairs["source_x"] < pairs["source_y"]].groupby(["source_x", "source_y"]).size()
    tied = {p for p, n in counts.items() if n >= FEWEST}
    names = range(sources)
    return any({(a, b), (a, c), (b, c)} <= tied for a in names for b in names if b > a for c in names if c > b)


@dataclass(frozen=True)
class Noise:
    """Sources that all err by a little: bias and standard deviation of each on the log scale, against the first."""

    bias: np.ndarray
    sd: np.ndarray
    n: np.ndarray
    identified: bool


def grubbs(table: np.ndarray) -> Noise:
    """Bias and error of sources that measure one quantity on a log scale, from their differences.

    Parameters
    ----------
    table : items × sources, NaN where a source says nothing. The first source has bias 0.

    Returns
    -------
    Noise : the variance of the difference of two sources is the sum of their error variances; least squares over the
        pairs, weighted by their number, gives each. `sd` is the mean over sources where they cannot be told apart.
    """
    k = table.shape[1]
    rows, spread, middle, weight = [], [], [], []
    for a in range(k):
        for b in range(a + 1, k):
            gap = table[:, b] - table[:, a]
            gap = gap[np.isfinite(gap)]
            if len(gap) >= FEWEST:
                rows.append((a, b))
                middle.append(np.median(gap))
                spread.append((np.subtract(*np.percentile(gap, [75, 25])) / 1.349) ** 2)  # robust to gross errors
                weight.append(len(gap))
    n = np.isfinite(table).sum(axis=0)
    if not rows:
        return Noise(np.zeros(k), np.full(k, np.nan), n, False)
    root = np.sqrt(np.array(weight, dtype=float))
    difference = np.zeros((len(rows), k))
    total = np.zeros((len(rows), k))
    for i, (a, b) in enumerate(rows):
        difference[i, [a, b]] = -1, 1
        total[i, [a, b]] = 1
    bias = np.linalg.lstsq(difference * root[:, None], np.array(middle) * root, rcond=None)[0]
    identified = np.linalg.matrix_rank(total) == k
    variance = np.linalg.lstsq(total * root[:, None], np.array(spread) * root, rcond=None)[0]
    least = 0.01 * np.mean(spread)
    return Noise(bias - bias[0], np.sqrt(np.maximum(variance, least)), n, bool(identified))
