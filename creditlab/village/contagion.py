"""Joint guarantees: do households that guarantee each other go bad together more than their village explains?

Use it on the links of 联保 groups. The links are compared with the same households paired otherwise inside their
village, so a bad village is no evidence; and links that were formed only later serve as a placebo, because they cannot
have carried anything yet. Without a shock from outside it remains an association.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import gammainc

from creditlab.checks import check_columns, check_date, check_level, check_prob, check_unique
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp
from creditlab.village.calibration import calibrate_in_the_large
from creditlab.village.counts import check_outcome, totals, village_codes

#: fewer links than this between households of the sample carry no test
FEW_LINKS = 20
#: both tests are read at these p-values: joint bads shown below the first, placebo clean above the second
SHOWN, CLEAN = 0.05, 0.1
NO_LINKS = f"fewer than {FEW_LINKS} links between households of the sample 样本内担保关系过少"
NO_CHOICE = "no village has linked households that could be paired otherwise 各村担保户无法另行配对"
VERDICTS = {
    "contagion": (
        "担保关系内共同违约多于偶然，而未来担保关系无此现象",
        "linked households go bad together more than chance, future links do not",
    ),
    "alike": (
        "担保户相似：尚未形成的担保关系也显示共同违约",
        "linked households are alike: links not yet formed show the same",
    ),
    "unplaced": (
        "共同违约多于偶然，但没有未来担保关系可作安慰剂检验",
        "joint bads beyond chance, but no future links for a placebo",
    ),
    "not shown": ("未显示共同违约", "no joint bads beyond chance"),
    "no data": ("担保关系不足，无法检验", "too few links to test"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Contagion(Result):
    """Tests of joint bads: test links households both_bad both_expected ratio lo hi p_value reason.

    `both_bad` counts links whose two households went bad, `both_expected` the mean of the same pairs drawn at random
    inside their villages; `lo` and `hi` are the limits of the ratio under chance. Tests are 'linked' and 'future'.
    `groups` has a row per chain of linked households: group village households bad expected excess p_value.
    """

    title: ClassVar[str] = "Contagion through joint guarantees 联保传染"
    plots: ClassVar[str] = "village_why"

    groups: pd.DataFrame

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        return str(self.facts["verdict"])


def guarantee_exposure(links: pd.DataFrame, failed_on: pd.Series, as_of: Any, months: int = 12) -> pd.Series:
    """How many of each household's guarantee partners failed in the months before a date.

    Parameters
    ----------
    links : household partner from to; a link counts when it held on the date or at the partner's failure. Each pair
        once or in both directions.
    failed_on : index household, the date of its first failure; households that never failed may be absent.
    as_of : the date; only failures on or before it are known.

    Returns
    -------
    Series, index household (all that have a link): number of partners that failed.

    >>> links = pd.DataFrame({"household": ["A", "B"], "partner": ["B", "C"],
    ...                       "from": pd.to_datetime(["2022-01-01"] * 2), "to": pd.to_datetime(["2025-01-01"] * 2)})
    >>> guarantee_exposure(links, pd.Series({"C": pd.Timestamp("2023-06-30")}), "2023-12-31").to_dict()
    {'A': 0, 'B': 1, 'C': 0}
    """
    check_columns(links, ["household", "partner", "from", "to"], "links")
    day = check_date(as_of, "as_of")
    turned = links.rename(columns={"household": "partner", "partner": "household"})
    both = pd.concat([links, turned], ignore_index=True).drop_duplicates(["household", "partner", "from", "to"])
    both = both[both["from"] <= day]
    failed = pd.to_datetime(both["partner"].map(failed_on))
    recent = (
        (failed <= day) & (failed > day - pd.DateOffset(months=months)) & (both["to"].isna() | (both["to"] >= failed))
    )
    hit = both[recent].drop_duplicates(["household", "partner"]).groupby("household").size()
    names = pd.Index(sorted(set(both["household"])), name="household")
    return hit.reindex(names, fill_value=0).astype(int).rename("failed_partners")


def contagion_test(
    bad: Any,
    prob: Any,
    village: Any,
    household: Any,
    links: pd.DataFrame,
    future: pd.DataFrame | None = None,
    permutations: int = 999,
    level: float = 0.9,
    seed: int = 0,
) -> Contagion:
    """Whether linked households go bad together more than the same households paired otherwise in their village.

    Statistic: Σ over links of (y_a - e_a)(y_b - e_b), with e the PD scaled to the village's bads among its linked
    households. Null: the residuals of the linked households of a village are permuted among them (a dyadic permutation
    with the graph held fixed). p = (1 + #{T* ≥ T}) / (1 + permutations), one-sided.

    Parameters
    ----------
    bad, prob, village, household : one value per row; households are row names, each once.
    links : household partner, pairs that held before the outcome; pairs with a name that is not in the sample are left
        out, a pair counts once whatever its direction.
    future : the same for links that were formed only after the outcome window; pairs that were linked before are left
        out.

    Returns
    -------
    Contagion ; `facts["verdict"]` is a key of `VERDICTS`.

    Raises
    ------
    InputError : a household twice, arrays of unequal length.

    >>> pairs = pd.DataFrame({"household": range(0, 200, 2), "partner": range(1, 200, 2)})
    >>> both = np.repeat(np.random.default_rng(0).random(100) < 0.2, 2)
    >>> contagion_test(both, np.full(200, 0.2), np.zeros(200), np.arange(200), pairs).verdict
    'unplaced'
    """
    level, outcome = check_level(level), check_outcome(bad)
    raw = check_prob(prob, len(outcome))
    codes, names = village_codes(village, len(outcome))
    key = pd.Index(list(household))
    check_unique(pd.DataFrame({"household": key}), ["household"], "contagion")
    if len(key) != len(outcome):
        raise InputError(message(f"{len(outcome)} households", str(len(key)), "household", "Align the arrays."))
    p = calibrate_in_the_large(raw, outcome)
    pairs = _pairs(links, key)
    later = _pairs(future, key, without=pairs) if future is not None else np.empty((0, 2), dtype=np.intp)
    tests = [
        _test(name, outcome, p, codes, listed, permutations, level, seed + place)
        for place, (name, listed) in enumerate((("linked", pairs), ("future", later)))
    ]
    table = pd.DataFrame(tests)
    groups = _groups(outcome, p, codes, names, pairs)
    facts: dict[str, Any] = {
        "households": len(key),
        "links": len(pairs),
        "future_links": len(later),
        "groups": len(groups),
    }
    facts |= {"verdict": _verdict(table), "permutations": permutations, "level": level}
    stamp = Stamp.of([outcome, raw, codes, pairs, later], {"permutations": permutations, "level": level}, seed=seed)
    return Contagion(table=table, groups=groups, stamp=stamp, facts=facts)


def _pairs(links: pd.DataFrame, key: pd.Index, without: np.ndarray | None = None) -> np.ndarray:
    """Links as pairs of row numbers, lower first, each once."""
    check_columns(links, ["household", "partner"], "links")
    ends = np.column_stack([key.get_indexer(pd.Index(links[c])) for c in ("household", "partner")])
    ends = np.sort(ends[(ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])], axis=1)
    ends = np.unique(ends, axis=0) if len(ends) else np.empty((0, 2), dtype=np.intp)
    if without is None or not len(without) or not len(ends):
        return ends
    n = np.int64(len(key))
    return ends[~np.isin(ends[:, 0] * n + ends[:, 1], without[:, 0] * n + without[:, 1])]


def _test(
    name: str, y: np.ndarray, p: np.ndarray, codes: np.ndarray, pairs: np.ndarray, permutations: int, level: float,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    nodes, place = np.unique(pairs, return_inverse=True)
    ends = place.reshape(-1, 2) if len(pairs) else np.empty((0, 2), dtype=np.intp)
    row: dict[str, Any] = {"test": name, "links": len(pairs), "households": len(nodes)}
    blank = dict.fromkeys(["both_bad", "both_expected", "ratio", "lo", "hi", "p_value"], np.nan)
    if len(pairs) < FEW_LINKS or y[nodes].sum() < 2:
        return row | blank | {"reason": NO_LINKS}
    block = codes[nodes]
    bad = y[nodes].astype(float)
    residual = bad - _scaled(bad, p[nodes], block)
    rng = np.random.default_rng(seed)
    inside = np.argsort(block, kind="stable")
    statistics, joint = np.empty(permutations), np.empty(permutations)
    for draw in range(permutations):
        moved = np.empty(len(nodes), dtype=np.intp)
        # the same places, village by village, in random order
        moved[inside] = np.lexsort((rng.random(len(nodes)), block))
        statistics[draw] = (residual[moved[ends[:, 0]]] * residual[moved[ends[:, 1]]]).sum()
        joint[draw] = (bad[moved[ends[:, 0]]] * bad[moved[ends[:, 1]]]).sum()
    seen = float((residual[ends[:, 0]] * residual[ends[:, 1]]).sum())
    if np.ptp(statistics) < 1e-12:
        return row | blank | {"reason": NO_CHOICE}
    both = float((bad[ends[:, 0]] * bad[ends[:, 1]]).sum())
    mean = float(joint.mean())
    tail = (1 - level) / 2
    lo, hi = np.quantile(joint, [tail, 1 - tail]) / max(mean, 1e-12)
    found = {"both_bad": both, "both_expected": mean, "ratio": both / mean if mean > 0 else np.nan}
    p_value = float((1 + (statistics >= seen - 1e-12).sum()) / (1 + permutations))
    return row | found | {"lo": float(lo), "hi": float(hi), "p_value": p_value, "reason": ""}


def _scaled(bad: np.ndarray, p: np.ndarray, block: np.ndarray) -> np.ndarray:
    """PDs scaled so that they add up to the bads of each village, at most 1."""
    size = int(block.max()) + 1
    ratio = totals(block, size, bad) / np.maximum(totals(block, size, p), 1e-12)
    return np.minimum(p * ratio[block], 1.0)


def _groups(y: np.ndarray, p: np.ndarray, codes: np.ndarray, names: pd.Index, pairs: np.ndarray) -> pd.DataFrame:
    """Chains of linked households: bads against the PDs scaled to the village, and the Poisson tail of their number."""
    columns = ["group", "village", "households", "bad", "expected", "excess", "p_value"]
    if not len(pairs):
        return pd.DataFrame(columns=columns)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(y)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    linked = np.unique(pairs)
    kinds, group = np.unique(label[linked], return_inverse=True)
    size = len(kinds)
    hoped = totals(group, size, p[linked])
    bads = totals(group, size, y[linked].astype(float))
    home = [names[np.bincount(codes[linked[group == g]]).argmax()] for g in range(size)]
    tail = np.where(bads > 0, gammainc(np.maximum(bads, 1), hoped), 1.0)
    table = pd.DataFrame({"group": np.arange(1, size + 1), "village": home, "households": totals(group, size)})
    table = table.assign(bad=bads.astype(int), expected=hoped, excess=bads - hoped, p_value=tail)
    return table.sort_values(["p_value", "group"], ignore_index=True)[columns]


def _verdict(table: pd.DataFrame) -> str:
    linked, future = (table.set_index("test").loc[name, "p_value"] for name in ("linked", "future"))
    if not np.isfinite(linked):
        return "no data"
    if linked > SHOWN:
        return "not shown"
    if not np.isfinite(future):
        return "unplaced"
    return "contagion" if future > CLEAN else "alike"
