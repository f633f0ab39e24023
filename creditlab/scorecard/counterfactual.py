"""The smallest permitted change that lifts a household over a cut-off, found exactly on the points table.

Each permitted feature may move to one better bin. Of all combinations that reach the cut-off the one that changes
fewest features is given, of these the one with fewest steps between bins (or the lowest declared cost). Points are
whole numbers, so the search is a small knapsack and no heuristic. It says what the card would do, not what causes
repayment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.scorecard.points import add_points
from creditlab.scorecard.result import ScorecardResult

COLUMNS = ("feature", "from_bin", "to_bin", "gain", "points_before", "points_after", "cutoff", "reachable")
WAYS = ("any", "value", "up", "down")
#: one more feature costs more than any number of steps
CHANGE = 10_000.0

Option = tuple[int, float]


def declared_ways(result: ScorecardResult) -> dict[str, str]:
    """Feature of the card → which way a household can move it, as its column declares.

    Where the dictionary declares no action at all, features of the level 'household-conduct' may move any way that
    their values can.
    """
    labels = result.labels
    if any(labels[name].action for name in labels):
        found = {name: labels[name].action for name in result.features if name in labels}
        return {name: "value" if action == "any" else action for name, action in found.items() if action}
    conduct = [n for n in result.features if n in labels and labels[n].level == "household-conduct"]
    return dict.fromkeys(conduct, "value")


def permitted_ways(result: ScorecardResult, permitted: Iterable[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Feature → which way its bins may move, one of `WAYS`; None takes what the dictionary declares."""
    if permitted is None:
        declared = declared_ways(result)
        if not declared:
            raise InputError(
                message("features that a household can act on", "none declared", "permitted", "Name them.")
            )
        return declared
    if isinstance(permitted, str):
        raise InputError(message("a list of features", "a text", "permitted", "Write ['name']."))
    ways = dict(permitted) if isinstance(permitted, Mapping) else dict.fromkeys(permitted, "any")
    unknown = [name for name in ways if name not in result.bins]
    if unknown:
        raise ColumnError(message("columns of the card", some(unknown), "permitted", "Check the spelling."))
    for name, way in ways.items():
        check_one_of(way, WAYS, f"permitted['{name}']")
    return {name: way for name, way in ways.items() if name in result.features}


def options_of(result: ScorecardResult, name: str, way: str, cost: float) -> list[list[tuple[int, int, float]]]:
    """For each bin of a feature the moves that gain points: (to, gain, cost).

    'any' moves from a special code or a missing value too; from there no other way leads, for nobody knows to which
    value it would come.
    """
    points, spec = result.integer_points()[1][name], result.bins[name].spec
    ordered = result.bins[name].kind != "category"
    found = []
    for b in range(len(points)):
        moves = []
        for to in range(spec.regular):
            gain = int(points[to] - points[b])
            known = b < spec.regular
            back = ordered and known and ((way == "up" and to < b) or (way == "down" and to > b))
            wrong = back or (not known and way != "any")
            inside = ordered and known
            if gain > 0 and not wrong:
                moves.append((to, gain, cost * (abs(to - b) if inside else 1)))
        found.append(moves)
    return found


def cheapest(options: list[list[tuple[int, int, float]]], deficit: int) -> list[tuple[int, int]] | None:
    """The (feature, to) moves of least cost, changes first, that gain at least `deficit`; None if none do.

    Exact: for every gain up to the deficit the least cost is kept, feature by feature. Equal costs keep the earlier
    features.

    >>> cheapest([[(1, 5, 1.0)], [(1, 4, 1.0), (2, 9, 2.0)]], 9)
    [(1, 2)]
    """
    best = np.full(deficit + 1, np.inf)
    best[0] = 0.0
    taken: list[np.ndarray] = []
    for moves in options:
        fresh, choice = best.copy(), np.full(deficit + 1, -1)
        for k, (_, gain, cost) in enumerate(moves):
            source = np.maximum(np.arange(deficit + 1) - gain, 0)
            price = best[source] + CHANGE + cost
            better = price < fresh - 1e-9
            fresh[better], choice[better] = price[better], k
        best = fresh
        taken.append(choice)
    if not np.isfinite(best[deficit]):
        return None
    left, picked = deficit, []
    for j in range(len(options) - 1, -1, -1):
        k = int(taken[j][left])
        if k >= 0:
            to, gain, _ = options[j][k]
            picked.append((j, to))
            left = max(left - gain, 0)
    return picked[::-1]


def counterfactuals(
    result: ScorecardResult,
    frame: pd.DataFrame,
    cutoff: float,
    permitted: Iterable[str] | Mapping[str, str] | None,
    cost: Mapping[str, float] | None,
    lang: str,
) -> pd.DataFrame:
    """A row per household below the cut-off and change; see `Scorecard.counterfactual`."""
    check_one_of(lang, ("zh", "en"), "lang")
    if isinstance(cutoff, bool) or not isinstance(cutoff, int | float | np.number) or not np.isfinite(cutoff):
        raise InputError(message("a cut-off in points", repr(cutoff), "cutoff", "Give a number such as 600."))
    ways, prices = permitted_ways(result, permitted), dict(cost or {})
    if any(not price >= 0 for price in prices.values()):
        raise InputError(message("costs of 0 or more", repr(prices), "cost", "Correct them."))
    codes, n, goal = result.codes(frame), len(frame), int(np.ceil(cutoff))
    score = add_points(*result.integer_points(), codes, n)
    moves = {name: options_of(result, name, way, float(prices.get(name, 1.0))) for name, way in ways.items()}
    labels = {name: result.bin_labels(name, lang) for name in ways}
    known: dict[tuple[int, ...], list[tuple[int, int]] | None] = {}
    rows: list[tuple[Any, ...]] = []
    index = []
    for row in np.flatnonzero(score < goal).tolist():
        state = (goal - int(score[row]), *(int(codes[name][row]) for name in ways))
        if state not in known:
            known[state] = cheapest([moves[name][b] for name, b in zip(ways, state[1:], strict=True)], state[0])
        found = known[state]
        before = int(score[row])
        if found is None:
            rows.append(("", "", "", 0, before, before, goal, False))
            index.append(row)
            continue
        names = list(ways)
        gains = {j: next(g for to, g, _ in moves[names[j]][state[1 + j]] if to == t) for j, t in found}
        for j, to in found:
            name = names[j]
            rows.append(
                (name, labels[name][state[1 + j]], labels[name][to], gains[j], before, before + sum(gains.values()),
                 goal, True)
            )  # fmt: skip
            index.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS), index=frame.index[index])
    numbers = dict.fromkeys(("gain", "points_before", "points_after", "cutoff"), "int64")
    return table.astype(dict.fromkeys(COLUMNS[:3], "str") | numbers | {"reachable": "bool"})
