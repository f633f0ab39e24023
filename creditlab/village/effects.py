"""What a programme did to villages: difference-in-differences for one date, and randomisation inference.

Use them on an outcome that the programme cannot move by book-keeping (vintage default, not the NPL ratio by balance),
and never against the raw baseline of villages that were picked because they looked worst: those return to the mean by
themselves. Staggered dates are for `att_gt`. It chooses no villages and draws no sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_groups, check_level, check_one_of
from creditlab.errors import InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.autocorrelation import permutation_p
from creditlab.village.counts import village_codes, village_names
from creditlab.village.standardisation import check_permutations

FEW = "fewer than two villages on a side, so there is no standard error 一侧不足两村，没有标准误"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Did(Result):
    """Difference-in-differences: facts estimate se df lo hi p_value p_permutation; table village treated before after.

    The interval is t on `df` degrees of freedom; with few treated villages believe the wider of the two p-values.
    """

    title: ClassVar[str] = "Difference in differences 双重差分"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Permutation(Result):
    """Randomisation inference: facts statistic p_value assignments exact; table village value treated."""

    title: ClassVar[str] = "Randomisation inference 随机化推断"

    @property
    def p_value(self) -> float:
        """The share of assignments, the true one among them, that reach the statistic."""
        return float(self.facts["p_value"])


def did(
    y: Any, village: Any, treated: Any, after: Any, level: float = 0.9, permutations: int = 999, seed: int = 0
) -> Did:
    """The change of treated villages less the change of the others, for a programme that began on one date.

    Each village is collapsed to its mean before and after (M. Bertrand, E. Duflo, S. Mullainathan, QJE 119 (2004)), so
    that serial correlation does no harm. The variance is HC2, which is CR2 by village, on the degrees of freedom of R.
    Bell and D. McCaffrey (Survey Methodology 28 (2002)); beside it randomisation inference.

    Parameters
    ----------
    y : outcome per row (loan, household or village-period), a number.
    village : the village of each row.
    treated : 0/1 per row, the same in all rows of a village.
    after : 0/1 per row, 1 once the programme had begun.

    Returns
    -------
    Did. Villages without rows on both sides of the date are left out; `facts["left_out"]` counts them.

    Raises
    ------
    InputError : a village that is both treated and not, no treated or no other village, values that are missing.

    >>> y = [0.2, 0.1, 0.3, 0.1, 0.2, 0.2, 0.1, 0.1]
    >>> found = did(y, list("AABBCCDD"), [1, 1, 1, 1, 0, 0, 0, 0], [0, 1] * 4)
    >>> round(found.facts["estimate"], 3)
    -0.15
    """
    level = check_level(level)
    codes, names = village_codes(village, np.size(y))
    value = _numbers(y, "y", len(codes))
    on, late = (_flags(v, where, len(codes)) for v, where in ((treated, "treated"), (after, "after")))
    share = np.bincount(codes, on) / np.bincount(codes)
    mixed = (share > 0) & (share < 1)
    if mixed.any():
        came = f"{int(mixed.sum())} villages with both ({some(names[mixed].tolist())})"
        raise InputError(message("each village treated or not", came, "treated", "One value per village."))
    counts = [np.bincount(codes, late == side, len(names)) for side in (0, 1)]
    both = (counts[0] > 0) & (counts[1] > 0)
    sums = [np.bincount(codes, value * (late == side), len(names)) for side in (0, 1)]
    table = pd.DataFrame({"village": names[both], "treated": share[both].astype(int)})
    table["before"], table["after"] = (s[both] / n[both] for s, n in zip(sums, counts, strict=True))
    table["change"] = table["after"] - table["before"]
    facts = _difference(table["change"].to_numpy(), table["treated"].to_numpy(), level)
    found = permutation(table["change"], table["treated"], permutations, seed)
    facts |= {"p_permutation": found.p_value, "left_out": int((~both).sum()), "level": level}
    stamp = Stamp.of([value, on, late, codes, pd.Series(names)], {"level": level, "permutations": permutations}, seed)
    return Did(table=table, stamp=stamp, facts=facts)


def _difference(change: np.ndarray, treated: np.ndarray, level: float) -> dict[str, Any]:
    """Difference of means with HC2 and the degrees of freedom of Bell and McCaffrey for two groups.

    For two groups these have a closed form: G. Imbens, M. Kolesár, Review of Economics and Statistics 98 (2016).
    """
    from scipy.stats import t as student

    one, zero = change[treated == 1], change[treated == 0]
    n1, n0 = len(one), len(zero)
    if not n1 or not n0:
        raise InputError(message("treated and other villages", f"{n1} and {n0}", "treated", "Check it and the dates."))
    facts: dict[str, Any] = {"estimate": float(one.mean() - zero.mean()), "treated": n1, "others": n0}
    if min(n1, n0) < 2:
        return facts | {name: NotEstimable(FEW) for name in ("se", "df", "lo", "hi", "p_value")}
    se = float(np.sqrt(one.var(ddof=1) / n1 + zero.var(ddof=1) / n0))
    df = (n1 + n0) ** 2 * (n1 - 1) * (n0 - 1) / (n1**2 * (n1 - 1) + n0**2 * (n0 - 1))
    reach = float(student.ppf((1 + level) / 2, df)) * se
    z = facts["estimate"] / se if se > 0 else np.inf * np.sign(facts["estimate"])
    p = float(2 * student.sf(abs(z), df)) if se > 0 or z != 0 else 1.0
    return (
        facts
        | {"se": se, "df": float(df), "lo": facts["estimate"] - reach, "hi": facts["estimate"] + reach}
        | {"p_value": p}
    )


def permutation(
    value: Any,
    treated: Any,
    permutations: int = 999,
    seed: int = 0,
    block: Any = None,
    alternative: str = "two-sided",
    village: Any = None,
) -> Permutation:
    """How often another draw of treated villages would have shown as large a difference of means.

    Valid with any number of treated villages, where cluster-robust errors fail below ten. All assignments are counted
    where there are no more than `permutations`; else so many are drawn.

    Parameters
    ----------
    value : one per village, such as its change.
    treated : 0/1 per village.
    block : pair or stratum within which villages were drawn; None draws among all.
    alternative : "two-sided", "greater" or "less".

    Source: R. Fisher, The Design of Experiments (1935); J. MacKinnon, M. Webb, J. Econometrics 218 (2020).

    >>> permutation([5.0, 4.0, 1.0, 0.0, 1.0, 2.0], [1, 1, 0, 0, 0, 0]).p_value
    0.06666666666666667
    """
    count = check_permutations(permutations)
    check_one_of(alternative, ["two-sided", "greater", "less"], "alternative")
    values = _numbers(value, "value", None)
    on = _flags(treated, "treated", len(values))
    names = village_names(village, value, len(values))
    if on.min() == on.max():
        came = f"{int(on.sum())} of {len(on)} treated"
        raise InputError(message("treated and other villages", came, "treated", "Both are needed."))
    strata = np.zeros(len(on), dtype=int)
    if block is not None:
        strata = pd.factorize(check_groups(block, len(on), "block"))[0]
    drawn, exact = _assignments(values, on, strata, count, seed)
    statistic = _gap(values, on[None])[0]
    found = _gap(values, drawn)
    if alternative == "two-sided":
        statistic_, found, side = abs(statistic), np.abs(found), "greater"
    else:
        statistic_, side = statistic, alternative
    p = _share(statistic_, found, side) if exact else permutation_p(statistic_, found, side)
    table = pd.DataFrame({"village": names, "value": values, "treated": on})
    facts = {"statistic": float(statistic), "p_value": p, "assignments": len(found), "exact": exact}
    spec = {"permutations": count, "alternative": alternative}
    return Permutation(table=table, stamp=Stamp.of([values, on, strata], spec, seed=seed), facts=facts)


def _share(statistic: float, every: np.ndarray, side: str) -> float:
    """The share of all assignments that reach the statistic; equal ones do, whatever their last digits."""
    slack = 1e-9 * max(float(np.abs(every).max()), 1e-300)
    return float((every >= statistic - slack if side == "greater" else every <= statistic + slack).mean())


def _gap(values: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Difference of means of every assignment (rows)."""
    treated = on.sum(axis=1)
    total = (on * values).sum(axis=1)
    return total / treated - (values.sum() - total) / (len(values) - treated)


def _assignments(
    values: np.ndarray, on: np.ndarray, strata: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, bool]:
    """All assignments with the same number of treated villages in every block, or `count` of them at random."""
    rows = [np.flatnonzero(strata == s) for s in range(strata.max() + 1)]
    ways = 1
    for r in rows:
        ways *= comb(len(r), int(on[r].sum()))
        if ways > count:
            break
    if ways <= count:
        return _all_assignments(on, rows), True
    rng = np.random.default_rng(seed)
    drawn = np.zeros((count, len(on)), dtype=int)
    for r in sorted(rows, key=lambda r: (len(r), int(on[r].sum()), round(float(values[r].sum()), 9))):
        dealt = r[np.lexsort((on[r], values[r]))]  # by value, so that no order of villages changes a draw
        drawn[:, dealt] = rng.permuted(np.repeat(np.sort(on[r])[None], count, 0), axis=1)
    return drawn, False


def _all_assignments(on: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    from itertools import combinations, product

    choices = [list(combinations(r.tolist(), int(on[r].sum()))) for r in rows]
    every = np.zeros((int(np.prod([len(c) for c in choices])), len(on)), dtype=int)
    for place, parts in enumerate(product(*choices)):
        every[place, [v for part in parts for v in part]] = 1
    return every


def _numbers(values: Any, where: str, n: int | None) -> np.ndarray:
    try:
        numbers = np.array(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(message("numbers", "values that are not numbers", where, "Give one number each.")) from None
    if len(numbers) == 0 or (n is not None and len(numbers) != n):
        raise InputError(message(f"{n or 'one or more'} values", str(len(numbers)), where, "Align the arrays."))
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        rows = f"{where}, rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(message("finite numbers", f"{int(wrong.sum())} others", rows, "Leave these rows out."))
    return numbers


def _flags(values: Any, where: str, n: int) -> np.ndarray:
    numbers = _numbers(values, where, n)
    if not np.isin(numbers, (0, 1)).all():
        raise InputError(message("0 or 1 in every row", "other values", where, "1 is treated, or after."))
    return numbers.astype(int)
