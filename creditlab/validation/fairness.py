"""What the model does to protected groups: selection, level, order, decisions, proxies, alternatives, villages.

Groups are audit columns that the model must not use. Cells under `least` persons are refused, so that nothing can be
told about a few. A gap is not yet unfairness and no gap is not yet fairness; a person decides with the figures.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr, ndtri
from scipy.stats import fisher_exact

from creditlab.checks import check_groups, check_level, check_prob, check_target
from creditlab.errors import InputError, message
from creditlab.validation.calibration import calibration_in_the_large, cox
from creditlab.validation.discrimination import auc, placements
from creditlab.validation.grade_order import two_proportions
from creditlab.validation.grades import wilson_limits
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.robustness import approve
from creditlab.validation.verdict import DEFAULTS, GREEN, INFO, Threshold

AIR = Kind(
    "fair.air",
    "Adverse impact ratio",
    "通过率之比（四五法则）",
    "EEOC 1978 four-fifths; pooled z, Fisher exact where few; Katz et al., Biometrics 34 (1978)",
    "both groups are approved alike 两组通过率相同",
    "adverse_impact",
)
SMD = Kind(
    "fair.smd",
    "Standardised mean difference",
    "标准化均值差",
    "Cohen 1988; Hedges, Olkin 1985",
    "both groups have the same mean 两组均值相同",
    "mean_difference",
)
CALIBRATION = Kind(
    "fair.cal_group",
    "Calibration by group",
    "分组校准",
    "O/E and Cox's slope by group, Holm 1979",
    "O/E = 1, or slope 1, in the group 该组实际/期望为1或斜率为1",
    "calibration_by_group",
)
GAPS = Kind(
    "fair.gaps",
    "Gaps between groups",
    "组间差距",
    "AUC (DeLong 1988), xAUC (Kallus, Zhou 2019), TPR and FPR (Newcombe 1998), Holm 1979",
    "no gap to the reference group 与参照组无差距",
    "group_gaps",
)
CONDITIONAL = Kind(
    "fair.conditional",
    "Defaults within score bands",
    "同分段违约率",
    "Mantel, Haenszel 1959; Robins, Breslow, Greenland 1986",
    "within a score band both groups default alike 同分段内两组违约率相同",
    "within_bands",
)
FEW = "fewer than {} in a group 组内人数不足"


def adverse_impact(
    selected: int,
    n: int,
    selected_reference: int,
    n_reference: int,
    level: float = 0.95,
    threshold: Threshold = DEFAULTS["air"],
) -> TestResult:
    """The approval rate of a group over that of the reference; z pooled, two-sided, or Fisher's exact p where few.

    Interval: Katz's, on the logarithm. The colour is that of the ratio where the interval excludes 1.

    >>> test = adverse_impact(12, 40, 48, 80)
    >>> test.estimate, round(test.statistic, 8)
    (0.5, -3.09838668)
    """
    a, m, b, r = int(selected), int(n), int(selected_reference), int(n_reference)
    if not (0 <= a <= m and 0 <= b <= r and m >= 1 and r >= 1):
        raise InputError(
            message("0 ≤ selected ≤ n in both groups", f"{a} of {m}, {b} of {r}", "adverse_impact", "Give counts.")
        )
    inputs, n_all = {"a": a, "m": m, "b": b, "r": r}, m + r
    if b == 0:
        return AIR.result(
            inputs=inputs,
            n=n_all,
            reason="nobody of the reference group is approved 参照组无人通过",
            threshold=threshold,
        )
    ratio, z = (a / m) / (b / r), float(two_proportions(b, r, a, m))
    few = min((a + b) / n_all * min(m, r), (1 - (a + b) / n_all) * min(m, r)) < 5
    p_value = float(fisher_exact([[a, m - a], [b, r - b]])[1]) if few else float(2 * ndtr(-abs(z)))
    lo, hi = math.nan, math.nan
    if a > 0:
        half = float(ndtri((1 + check_level(level)) / 2)) * math.sqrt(1 / a - 1 / m + 1 / b - 1 / r)
        lo, hi = ratio * math.exp(-half), ratio * math.exp(half)
    apart = p_value < 1 - level if math.isnan(lo) else hi < 1 or lo > 1
    return AIR.result(
        inputs=inputs,
        n=n_all,
        estimate=ratio,
        statistic=z,
        p_value=p_value,
        lo=lo,
        hi=hi,
        level=level,
        threshold=f"interval without 1 and ratio: {threshold}",
        verdict=threshold.verdict(ratio) if apart else GREEN,
        reason="" if a else "nobody of the group is approved 该组无人通过",
        facts={"rate": a / m, "rate_reference": b / r, "exact": few},
    )


def adverse_impact_by(
    approved: Any, group: Any, reference: Any = None, least: int = 10, threshold: Threshold = DEFAULTS["air"]
) -> TestFamily:
    """The adverse impact ratio of every group against the reference group (default: the largest), Holm over groups.

    >>> approved = [1] * 12 + [0] * 28 + [1] * 48 + [0] * 32
    >>> adverse_impact_by(approved, ["f"] * 40 + ["m"] * 80).tidy()[["scope", "estimate"]].values.tolist()
    [['f / m', 0.5]]
    """
    given = check_target(approved, "approved", both=False)
    names, base, others = _groups(group, len(given), reference)
    rows = []
    for name in others:
        here, there = names == name, names == base
        scope = f"{name} / {base}"
        if min(here.sum(), there.sum()) < least:
            rows.append(
                {
                    "scope": scope,
                    "n": int(here.sum() + there.sum()),
                    "reason": FEW.format(least),
                    "verdict": INFO,
                    "threshold": "",
                }
            )
            continue
        test = adverse_impact(
            int(given[here].sum()), int(here.sum()), int(given[there].sum()), int(there.sum()), threshold=threshold
        )
        rows.append(
            {
                "scope": scope,
                "n": test.n,
                "level": 0.95,
                "threshold": test.threshold,
                "verdict": test.verdict,
                "reason": test.reason,
                **{k: float(getattr(test, k)) for k in ("estimate", "statistic", "p_value", "lo", "hi")},
            }
        )
    return AIR.family(rows, inputs=[given, names.astype(str)], n=len(given), gate=0.05)


def _groups(group: Any, n: int, reference: Any) -> tuple[np.ndarray, str, list[str]]:
    names = pd.Series(check_groups(group, n, "group")).map(str).to_numpy()
    counts = pd.Series(names).value_counts()
    listed = sorted(counts.index)
    if len(listed) < 2:
        raise InputError(
            message("two groups or more", f"{len(listed)}", "group", "A group needs another to be compared with.")
        )
    base = str(reference) if reference is not None else min(counts.index, key=lambda g: (-counts[g], g))
    if base not in listed:
        raise InputError(message("a reference among the groups", repr(base), "reference", "Name one of them."))
    return names, base, [name for name in listed if name != base]


def mean_difference(
    score: Any, group: Any, reference: Any = None, least: int = 10, threshold: Threshold = DEFAULTS["smd"]
) -> TestFamily:
    """(mean of the group - mean of the reference)/pooled standard deviation of a score or PD, with its interval.

    >>> mean_difference([1.0, 2.0, 3.0] * 10 + [2.0, 3.0, 4.0] * 10, ["a"] * 30 + ["b"] * 30, "a").estimate.__round__(4)
    1.2042
    """
    s = np.asarray(score, dtype=float).reshape(-1)
    names, base, others = _groups(group, len(s), reference)
    rows = []
    for name in others:
        x, r = s[names == name], s[names == base]
        n, m = len(x), len(r)
        row: dict[str, Any] = {
            "scope": f"{name} - {base}",
            "n": n + m,
            "level": 0.95,
            "threshold": f"interval without 0 and |d|: {threshold}",
        }
        spread = (
            math.sqrt(((n - 1) * x.var(ddof=1) + (m - 1) * r.var(ddof=1)) / (n + m - 2))
            if min(n, m) >= max(least, 2)
            else 0.0
        )
        if spread == 0:
            rows.append(
                row | {"reason": FEW.format(least) if min(n, m) < least else "no spread 无变异", "verdict": INFO}
            )
            continue
        d = float((x.mean() - r.mean()) / spread)
        se = math.sqrt((n + m) / (n * m) + d * d / (2 * (n + m)))
        lo, hi = d - 1.959963984540054 * se, d + 1.959963984540054 * se
        z = d / math.sqrt((n + m) / (n * m))
        rows.append(
            row
            | {
                "estimate": d,
                "statistic": z,
                "p_value": float(2 * ndtr(-abs(z))),
                "lo": lo,
                "hi": hi,
                "verdict": threshold.verdict(abs(d)) if lo > 0 or hi < 0 else GREEN,
            }
        )
    return SMD.family(rows, inputs=[s, names.astype(str)], n=len(s), gate=0.05)


def calibration_by_group(
    y: Any, prob: Any, group: Any, villages: Any = None, least: int = 10, level: float = 0.95
) -> TestFamily:
    """O/E and calibration slope of every group, with intervals, by villages where given; Holm over all rows.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 8, 600)
    >>> table = calibration_by_group(rng.random(600) < p, p, ["a", "b"] * 300).tidy()
    >>> table["scope"].tolist()
    ['a · O/E', 'a · slope', 'b · O/E', 'b · slope']
    """
    target = check_target(y, "y")
    p = check_prob(prob, len(target))
    names = pd.Series(check_groups(group, len(target), "group")).map(str).to_numpy()
    clusters = None if villages is None else check_groups(villages, len(target), "villages")
    rows = []
    for name in sorted(set(names)):
        here = names == name
        bads = int(target[here].sum())
        if min(bads, int(here.sum()) - bads) < least:
            reason = f"{min(bads, int(here.sum()) - bads)} bads or goods < {least} 样本不足"
            rows += [
                {"scope": f"{name} · {what}", "n": int(here.sum()), "reason": reason, "verdict": INFO, "threshold": ""}
                for what in ("O/E", "slope")
            ]
            continue
        own = None if clusters is None else clusters[here]
        for what, test in (
            ("O/E", calibration_in_the_large(target[here], p[here], own, level)),
            ("slope", cox(target[here], p[here], own, level)),
        ):
            rows.append(
                {
                    "scope": f"{name} · {what}",
                    "n": test.n,
                    "verdict": test.verdict,
                    "threshold": test.threshold,
                    "reason": test.reason,
                    **{k: float(getattr(test, k)) for k in ("estimate", "statistic", "df", "p_value", "lo", "hi")},
                }
            )
    return CALIBRATION.family(rows, inputs=[target, p, names.astype(str)], n=len(target), level=level, gate=1 - level)


def group_gaps(
    y: Any,
    prob: Any,
    group: Any,
    reference: Any = None,
    approval: float = 0.7,
    least: int = 10,
    threshold: Threshold = DEFAULTS["gap"],
) -> TestFamily:
    """Gaps of every group to the reference: AUC, cross-group AUC, and the rates of refusal among bads and goods.

    Decisions approve the safest share `approval` of all. TPR: bads refused; FPR: goods refused (a good household's
    chance to be turned away). xAUC: bads of the group against goods of the reference, less the reverse. The colour is
    that of |gap| where the interval excludes 0.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 5, 800)
    >>> group_gaps(rng.random(800) < p, p, ["a", "b"] * 400, "a").tidy()["scope"].tolist()
    ['b - a · AUC', 'b - a · xAUC', 'b - a · TPR', 'b - a · FPR']
    """
    target = check_target(y, "y")
    p = check_prob(prob, len(target))
    names, base, others = _groups(group, len(target), reference)
    refused = ~approve(p, approval)
    rows = []
    for name in others:
        g, r = names == name, names == base
        counts = [int((target[part] == c).sum()) for part in (g, r) for c in (0, 1)]
        for what in ("AUC", "xAUC", "TPR", "FPR"):
            row: dict[str, Any] = {
                "scope": f"{name} - {base} · {what}",
                "n": int(g.sum() + r.sum()),
                "level": 0.95,
                "threshold": f"interval without 0 and |gap|: {threshold}",
            }
            if min(counts) < least:
                rows.append(row | {"reason": FEW.format(least), "verdict": INFO})
                continue
            gap, lo, hi, z = _gap(what, target, p, refused, g, r)
            rows.append(
                row
                | {
                    "estimate": gap,
                    "lo": lo,
                    "hi": hi,
                    "statistic": z,
                    "p_value": float(2 * ndtr(-abs(z))),
                    "verdict": threshold.verdict(abs(gap)) if lo > 0 or hi < 0 else GREEN,
                }
            )
    return GAPS.family(
        rows,
        inputs=[target, p, names.astype(str)],
        n=len(target),
        gate=0.05,
        facts={"approval": approval, "reference": base},
    )


def _gap(
    what: str, target: np.ndarray, p: np.ndarray, refused: np.ndarray, g: np.ndarray, r: np.ndarray
) -> tuple[float, float, float, float]:
    z0 = 1.959963984540054
    if what in ("AUC", "xAUC"):
        if what == "AUC":
            mine, theirs = auc(target[g], p[g]), auc(target[r], p[r])
            first, other, variance = (
                float(mine.estimate),
                float(theirs.estimate),
                float(mine.facts["se"]) ** 2 + float(theirs.facts["se"]) ** 2,
            )
        else:
            over, under = (g & (target == 1)) | (r & (target == 0)), (r & (target == 1)) | (g & (target == 0))
            a_, b_ = placements(target[over], p[over]), placements(target[under], p[under])
            first, other, variance = a_.auc, b_.auc, a_.covariance(a_) + b_.covariance(b_)
        se = math.sqrt(variance)
        gap = first - other
        return gap, gap - z0 * se, gap + z0 * se, gap / se if se > 0 else 0.0
    chosen = target == (1 if what == "TPR" else 0)
    k, n = int(refused[g & chosen].sum()), int((g & chosen).sum())
    j, m = int(refused[r & chosen].sum()), int((r & chosen).sum())
    (l1, u1), (l2, u2) = wilson_limits(k, n), wilson_limits(j, m)
    a, b = k / n, j / m
    z = float(two_proportions(j, m, k, n))
    return a - b, a - b - math.hypot(a - l1, u2 - b), a - b + math.hypot(u1 - a, b - l2), 0.0 if math.isnan(z) else z


def within_bands(y: Any, member: Any, band: Any, threshold: Threshold = DEFAULTS["p_value"]) -> TestResult:
    """Do members of a group default more or less than others of the same score band? Cochran-Mantel-Haenszel.

    `estimate` is the common odds ratio of default with the interval of Robins, Breslow and Greenland; χ² on 1 degree of
    freedom without continuity correction. Bands of one kind of row only add nothing.

    Parameters
    ----------
    member : 0/1 per row. band : score band per row.

    >>> y = [1, 0, 0, 0, 1, 1, 0, 0] * 5
    >>> within_bands(y, [1, 1, 0, 0, 1, 1, 0, 0] * 5, ["a"] * 20 + ["b"] * 20).df
    1.0
    """
    target, group = check_target(y, "y"), check_target(member, "member")
    if len(group) != len(target):
        raise InputError(message("one flag per row", f"{len(group)} for {len(target)}", "member", "Align it with y."))
    codes = pd.factorize(check_groups(band, len(target), "band"))[0]
    a, b, c, d = (np.bincount(codes, weights=(group == g) & (target == t)) for g, t in ((1, 1), (1, 0), (0, 1), (0, 0)))
    n = a + b + c + d
    used = (a + b > 0) & (c + d > 0) & (a + c > 0) & (b + d > 0) & (n > 1)
    a, b, c, d, n = (v[used] for v in (a, b, c, d, n))
    if not len(n):
        return CONDITIONAL.result(
            inputs=[target, group, codes],
            n=len(target),
            reason="no band has both groups and both outcomes 无可比较的分段",
            threshold=threshold,
        )
    expected = (a + b) * (a + c) / n
    variance = (a + b) * (c + d) * (a + c) * (b + d) / (n**2 * (n - 1))
    statistic = float((a - expected).sum() ** 2 / variance.sum())
    p_value = float(chdtrc(1, statistic))
    R, S, P, Q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    ratio, lo, hi = math.nan, math.nan, math.nan
    if R.sum() > 0 and S.sum() > 0:
        ratio = float(R.sum() / S.sum())
        spread = (
            (P * R).sum() / (2 * R.sum() ** 2)
            + (P * S + Q * R).sum() / (2 * R.sum() * S.sum())
            + (Q * S).sum() / (2 * S.sum() ** 2)
        )
        half = 1.959963984540054 * math.sqrt(spread)
        lo, hi = ratio * math.exp(-half), ratio * math.exp(half)
    return CONDITIONAL.result(
        inputs=[target, group, codes],
        n=len(target),
        estimate=ratio,
        statistic=statistic,
        df=1,
        p_value=p_value,
        lo=lo,
        hi=hi,
        level=0.95,
        threshold=f"p: {threshold}",
        verdict=threshold.verdict(p_value),
        facts={"bands": len(n)},
    )
