"""Every figure of a validation by a second path: another library, or another formula, on the rows themselves.

Nothing of the tests' own code is used here: scikit-learn, SciPy and statsmodels do what they can, the rest is done by a
formula that is not the one of the test. A figure that comes from random draws, or that needs the model, is not computed
again; `SKIPPED` says why. `creditlab.validation.rechecking` compares.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, optimize, spatial, special, stats

#: figures of one line by name: n, estimate, statistic, df, p_value, lo, hi
Figures = dict[str, float]
DRAWN = "comes from random draws 来自随机抽样"
WHOLE = "the worst of a family of tests: its table is in the result's details 一组检验中最差者"
MODEL = "needs the model or the features 需要模型或特征"
PAPER = "a statement, not a figure 陈述而非数字"
#: id → why a line is not computed again
SKIPPED: Mapping[str, str] = {
    "cal.ici": "a fitted curve with draws 拟合曲线与随机抽样",
    "cal.segments": WHOLE,
    "cal.village_funnel": WHOLE,
    "mon.village_alerts": WHOLE,
    "mon.cusum": DRAWN,
    "imp.monitor_ready": PAPER,
    "doc.checklist": PAPER,
}
#: first part of an id → why
SKIPPED_AREAS: Mapping[str, str] = {"rob": MODEL, "fair": WHOLE, "dq": MODEL, "rep": MODEL, "oot": MODEL, "ex": MODEL}


@dataclass(frozen=True)
class Part:
    """The rows of one line: outcomes, PDs, villages, the other model, the development rows, the spec's numbers."""

    y: np.ndarray
    p: np.ndarray
    groups: np.ndarray | None
    level: float
    first: Part | None = None
    other: np.ndarray | None = None
    fitted: bool = False
    correlation: float = 0.0
    grades: int = 10
    stored: Mapping[str, Any] | None = None
    amount: np.ndarray | None = None
    settings: Mapping[str, float] | None = None
    grade: int = 0
    worst: str = ""
    periods: np.ndarray | None = None


def _quantile(part: Part) -> tuple[float, float]:
    """Critical value, and degrees of freedom of the clusters (NaN without)."""
    if part.groups is None:
        return float(stats.norm.ppf((1 + part.level) / 2)), math.nan
    df = len(set(part.groups)) - 1
    return float(stats.t.ppf((1 + part.level) / 2, df)), float(df)


def _two_sided(z: float, df: float) -> float:
    return float(2 * (stats.norm.sf(abs(z)) if math.isnan(df) else stats.t.sf(abs(z), df)))


def _placement_values(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, float]:
    """For each row the share of the other class it beats, by ranks (Hanley, Hajian-Tilaki 1997), and the AUC."""
    ranks = stats.rankdata(p)
    bads, goods = int(y.sum()), int((1 - y).sum())
    value = np.empty(len(y))
    value[y == 1] = (ranks[y == 1] - stats.rankdata(p[y == 1])) / goods
    value[y == 0] = 1 - (ranks[y == 0] - stats.rankdata(p[y == 0])) / bads
    from sklearn.metrics import roc_auc_score

    return value, float(roc_auc_score(y, p))


def _auc_covariance(part: Part, p: np.ndarray, q: np.ndarray) -> float:
    """DeLong's covariance by np.cov; with villages Obuchowski's S10 + S01 + 2·S11 from sums by village."""
    y = part.y
    (u, a), (v, b) = _placement_values(y, p), _placement_values(y, q)
    bads, goods = int(y.sum()), int((1 - y).sum())
    if part.groups is None:
        return float(np.cov(u[y == 1], v[y == 1])[0, 1] / bads + np.cov(u[y == 0], v[y == 0])[0, 1] / goods)
    sums = (
        pd.DataFrame(
            {
                "g": part.groups,
                "u1": (u - a) * y / bads,
                "v1": (v - b) * y / bads,
                "u0": (u - a) * (1 - y) / goods,
                "v0": (v - b) * (1 - y) / goods,
            }
        )
        .groupby("g")
        .sum()
    )
    k = len(sums)
    s10, s01 = (sums["u1"] * sums["v1"]).sum(), (sums["u0"] * sums["v0"]).sum()
    s11 = (sums["u1"] * sums["v0"]).sum() + (sums["u0"] * sums["v1"]).sum()
    return float(k / (k - 1) * (s10 + s01 + s11))


def auc(part: Part) -> Figures:
    value = _placement_values(part.y, part.p)[1]
    se = math.sqrt(_auc_covariance(part, part.p, part.p))
    z, df = _quantile(part)
    t = (value - 0.5) / se
    return {"estimate": value, "statistic": t, "df": df, "p_value": _two_sided(t, df), "lo": max(0.0, value - z * se),
            "hi": min(1.0, value + z * se)}  # fmt: skip


def gini(part: Part) -> Figures:
    found = auc(part)
    return found | {name: 2 * found[name] - 1 for name in ("estimate", "lo", "hi")}


def ks(part: Part) -> Figures:
    bad, good = part.p[part.y == 1], part.p[part.y == 0]
    distance = float(stats.ks_2samp(bad, good).statistic)
    p_value = float(stats.kstwobign.sf(math.sqrt(len(bad) * len(good) / len(part.y)) * distance))
    return {"estimate": distance, "statistic": distance, "p_value": p_value}


def auc_initial(part: Part) -> Figures:
    assert part.first is not None
    value, before = _placement_values(part.y, part.p)[1], _placement_values(part.first.y, part.first.p)[1]
    s = (before - value) / math.sqrt(_auc_covariance(part, part.p, part.p))
    return {"estimate": value - before, "statistic": s, "p_value": float(stats.norm.sf(s))}


def delong(part: Part) -> Figures:
    assert part.other is not None
    gap = _placement_values(part.y, part.p)[1] - _placement_values(part.y, part.other)[1]
    variance = _auc_covariance(part, part.p, part.p) + _auc_covariance(part, part.other, part.other)
    se = math.sqrt(variance - 2 * _auc_covariance(part, part.p, part.other))
    z, df = _quantile(part)
    return {
        "estimate": gap,
        "statistic": gap / se,
        "df": df,
        "p_value": _two_sided(gap / se, df),
        "lo": gap - z * se,
        "hi": gap + z * se,
    }


def challenge(part: Part) -> Figures:
    found = delong(part)
    return found | {
        "estimate": -found["estimate"],
        "statistic": -found["statistic"],
        "lo": -found["hi"],
        "hi": -found["lo"],
    }


def _u(y: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Concordant pairs and pairs, by the Mann-Whitney U."""
    bad, good = p[y == 1], p[y == 0]
    if not len(bad) or not len(good):
        return 0.0, 0.0
    return float(stats.mannwhitneyu(bad, good, method="asymptotic").statistic), float(len(bad) * len(good))


def auc_within(part: Part) -> Figures:
    assert part.groups is not None
    sums = np.array([_u(part.y[part.groups == g], part.p[part.groups == g]) for g in sorted(set(part.groups))])
    sums = sums[sums[:, 1] > 0]
    value, k = float(sums[:, 0].sum() / sums[:, 1].sum()), len(sums)
    se = math.sqrt(k / (k - 1) * float((((sums[:, 0] / sums[:, 1] - value) * sums[:, 1]) ** 2).sum())) / float(
        sums[:, 1].sum()
    )
    return _by_t(value, se, k - 1, part.level)


def auc_between(part: Part) -> Figures:
    assert part.groups is not None
    names = sorted(set(part.groups))
    inside = {g: _u(part.y[part.groups == g], part.p[part.groups == g]) for g in names}
    total, pairs = _u(part.y, part.p)
    within = np.array(list(inside.values())).sum(axis=0)
    value = (total - within[0]) / (pairs - within[1])
    without = []
    for g in names:
        left = part.groups != g
        u, m = _u(part.y[left], part.p[left])
        without.append((u - within[0] + inside[g][0]) / (m - within[1] + inside[g][1]))
    k = len(names)
    se = math.sqrt((k - 1) / k * float(((np.array(without) - np.mean(without)) ** 2).sum()))
    return _by_t(value, se, k - 1, part.level)


def _by_t(value: float, se: float, df: int, level: float) -> Figures:
    t, half = (value - 0.5) / se, float(stats.t.ppf((1 + level) / 2, df)) * se
    return {
        "estimate": value,
        "statistic": t,
        "df": df,
        "p_value": float(2 * stats.t.sf(abs(t), df)),
        "lo": max(0.0, value - half),
        "hi": min(1.0, value + half),
    }


def average_precision(part: Part) -> Figures:
    from sklearn.metrics import average_precision_score

    return {"estimate": float(average_precision_score(part.y, part.p))}


def h_measure(part: Part) -> Figures:
    """Least loss over all cut-offs, cost by cost, against a Beta(2, 2): midpoints of 20,000 costs."""
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(part.y, part.p, drop_intermediate=True)
    corners = spatial.ConvexHull(np.column_stack([[*fpr, 1.0], [*tpr, 0.0]])).vertices
    points = [(fpr[i], tpr[i]) for i in corners if i < len(fpr)]
    cost, share = (np.arange(20_000) + 0.5) / 20_000, float(part.y.mean())
    density = stats.beta.pdf(cost, 2, 2)
    best = np.min([cost * (1 - share) * x + (1 - cost) * share * (1 - h) for x, h in points], axis=0)
    blind = np.minimum(cost * (1 - share), (1 - cost) * share)
    return {"estimate": 1 - float((density * best).sum()) / float((density * blind).sum())}


def lift(part: Part) -> Figures:
    share, bads = float(part.worst.rstrip("%")) / 100, int(part.y.sum())
    order = pd.DataFrame({"p": -part.p, "y": part.y}).groupby("p")["y"].agg(["size", "sum"]).cumsum()
    caught = float(np.interp(share * len(part.y), [0, *order["size"]], [0, *order["sum"]]))
    lo, hi = _beta_limits(caught, bads, part.level)
    return {"estimate": caught / bads, "statistic": caught / bads / share, "lo": lo, "hi": hi}


def neighbours(part: Part) -> tuple[Figures, float]:
    """The step between the two grades that the line names, and its z, by statsmodels."""
    from statsmodels.stats.proportion import proportions_ztest

    first = int(part.worst.split(" - ")[0].split()[-1]) - 1
    two = _grade_rows(part).iloc[[first + 1, first]]
    z = float(proportions_ztest(two["bads"].to_numpy(), two["n"].to_numpy())[0])
    rates = (two["bads"] / two["n"]).to_numpy()
    return {"estimate": float(rates[0] - rates[1]), "statistic": z}, z


def monotone(part: Part) -> Figures:
    found, z = neighbours(part)
    return found | {"p_value": float(stats.norm.cdf(z))}


def heterogeneity(part: Part) -> Figures:
    found, z = neighbours(part)
    return found | {"p_value": _two_sided(z, math.nan)}


def _beta_limits(bads: float, n: float, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    lo = 0.0 if bads == 0 else float(stats.beta.ppf(tail, bads + 0.5, n - bads + 0.5))
    return lo, 1.0 if bads == n else float(stats.beta.ppf(1 - tail, bads + 0.5, n - bads + 0.5))


def portfolio(part: Part) -> Figures:
    O, E, n = float(part.y.sum()), float(math.fsum(part.p)), len(part.y)
    z, df = _quantile(part)
    if part.groups is None:
        variance = float(math.fsum(part.p * (1 - part.p)))
    else:
        left = pd.Series(part.y - part.p - (O - E) / n).groupby(part.groups).sum()
        variance = float(len(left) * left.var(ddof=1) + len(left) ** 2 / (len(left) - 1) * left.mean() ** 2)
    statistic = (O - E) / math.sqrt(variance)
    if part.groups is None or O == 0:
        lo, hi = (limit * n / E for limit in _beta_limits(O, n, part.level))
    else:
        own = pd.Series(part.y - O / E * part.p).groupby(part.groups).sum()
        step = z * math.sqrt(len(own) / (len(own) - 1) * float((own**2).sum())) / O
        lo, hi = O / E / math.exp(step), O / E * math.exp(step)
    return {
        "estimate": O / E,
        "statistic": statistic,
        "df": df,
        "p_value": _two_sided(statistic, df),
        "lo": lo,
        "hi": hi,
    }


def jeffreys(part: Part) -> Figures:
    return _jeffreys(int(part.y.sum()), len(part.y), float(np.mean(part.p)), part.level)


def _jeffreys(bads: int, n: int, pd_: float, level: float) -> Figures:
    lo, hi = _beta_limits(bads, n, level)
    return {"estimate": bads / n, "p_value": float(stats.beta.cdf(pd_, bads + 0.5, n - bads + 0.5)), "lo": lo, "hi": hi}


def _grade_rows(part: Part) -> pd.DataFrame:
    """Rows, bads and mean PD by quantile grade: cuts at the ⌈n·k/G⌉-th smallest PD, equal PDs together."""
    ranked = np.sort(part.p)
    if len(set(ranked)) <= part.grades:
        code: Any = pd.Series(part.p).rank(method="dense").astype(int)
    else:
        cuts = sorted(
            {ranked[math.ceil(len(ranked) * k / part.grades) - 1] for k in range(1, part.grades)} - {ranked[-1]}
        )
        code = pd.cut(part.p, [-np.inf, *cuts, np.inf], labels=False)
    return (
        pd.DataFrame({"g": code, "y": part.y, "p": part.p})
        .groupby("g")
        .agg(n=("y", "size"), bads=("y", "sum"), pd=("p", "mean"))
        .reset_index(drop=True)
    )


def jeffreys_grade(part: Part) -> Figures:
    row = _grade_rows(part).iloc[part.grade - 1]
    found = _jeffreys(int(row["bads"]), int(row["n"]), float(row["pd"]), part.level)
    return found | {"n": float(row["n"]), "statistic": float(row["bads"])}


def binomial(part: Part) -> Figures:
    D, n, p = int(part.y.sum()), len(part.y), float(np.mean(part.p))
    if part.correlation == 0 or D == 0:
        return {"estimate": D / n, "statistic": D, "p_value": float(stats.binom.sf(D - 1, n, p))}
    rho = part.correlation

    def given(x: float) -> float:
        q = stats.norm.cdf((stats.norm.ppf(p) - math.sqrt(rho) * x) / math.sqrt(1 - rho))
        return float(stats.norm.pdf(x) * special.bdtrc(D - 1, n, q))

    value = integrate.quad(given, -8.5, 8.5, limit=400, epsabs=1e-11)[0]
    return {"estimate": D / n, "statistic": D, "p_value": float(value)}


def brier(part: Part) -> Figures:
    from sklearn.metrics import brier_score_loss

    value, n = float(brier_score_loss(part.y, part.p)), len(part.y)
    loss = pd.Series((part.y - part.p) ** 2 - value)
    z, df = _quantile(part)
    if part.groups is None:
        se = math.sqrt(float((loss**2).sum())) / n
    else:
        sums = loss.groupby(part.groups).sum()
        se = math.sqrt(len(sums) / (len(sums) - 1) * float((sums**2).sum())) / n
    return {"estimate": value, "df": df, "lo": max(0.0, value - z * se), "hi": value + z * se}


def spiegelhalter(part: Part) -> Figures:
    """The Brier score less what it would be for true PDs, over its standard error."""
    p, n = part.p, len(part.p)
    excess = float(np.mean((part.y - p) ** 2)) - float(np.mean(p * (1 - p)))
    z, df = _quantile(part)
    if part.groups is None:
        variance = float(np.sum(p * (1 - p) * (1 - 2 * p) ** 2)) / n**2
    else:
        term = pd.Series((part.y - p) ** 2 - p * (1 - p) - excess).groupby(part.groups).sum() / n
        variance = len(term) / (len(term) - 1) * float((term**2).sum())
    statistic = excess / math.sqrt(variance)
    return {"statistic": statistic, "df": df, "p_value": _two_sided(statistic, df)}


def hosmer_lemeshow(part: Part) -> Figures:
    """Σ (O - E)²/E over bads and goods of every group."""
    rows = _grade_rows(part)
    E = rows["n"] * rows["pd"]
    total = float(
        ((rows["bads"] - E) ** 2 / E + (rows["n"] - rows["bads"] - (rows["n"] - E)) ** 2 / (rows["n"] - E)).sum()
    )
    df = len(rows) - (2 if part.fitted else 0)
    return {"statistic": total, "df": df, "p_value": float(stats.chi2.sf(total, df))}


def grade_chi_square(part: Part) -> Figures:
    return hosmer_lemeshow(Part(part.y, part.p, None, part.level, grades=part.grades))


def _logit(y: np.ndarray, X: np.ndarray) -> Any:
    import statsmodels.api as sm

    with (
        warnings.catch_warnings()
    ):  # asked for all digits, it may stop at rounding and say so: the figures are compared
        warnings.simplefilter("ignore")
        return sm.Logit(y, X).fit(disp=0, tol=1e-12, maxiter=200)


def cox(part: Part) -> Figures:
    import statsmodels.api as sm

    eta = stats.logistic.ppf(part.p)
    X = np.column_stack([np.ones(len(eta)), eta])
    fit = _logit(part.y, X)
    z, df = _quantile(part)
    b = float(fit.params[1])
    if part.groups is None:
        statistic = 2 * (fit.llf - float(stats.bernoulli.logpmf(part.y, part.p).sum()))
        return {
            "estimate": b,
            "statistic": statistic,
            "df": 2,
            "p_value": float(stats.chi2.sf(statistic, 2)),
            "lo": b - z * fit.bse[1],
            "hi": b + z * fit.bse[1],
        }
    codes = pd.factorize(part.groups)[0]
    k = codes.max() + 1
    options = {"groups": codes, "use_correction": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        robust = sm.Logit(part.y, X).fit(disp=0, tol=1e-12, maxiter=200, cov_type="cluster", cov_kwds=options)
    cov = np.asarray(robust.cov_params()) * k / (k - 1)
    away, se = np.array([fit.params[0], b - 1]), math.sqrt(cov[1, 1])
    F = float(away @ np.linalg.inv(cov) @ away / 2)
    return {
        "estimate": b,
        "statistic": F,
        "df": 2,
        "p_value": float(stats.f.sf(F, 2, k - 1)),
        "lo": b - z * se,
        "hi": b + z * se,
    }


def stukel(part: Part) -> Figures:
    eta = stats.logistic.ppf(part.p)
    small = np.column_stack([np.ones(len(eta)), eta])
    bends = np.column_stack([np.clip(eta, 0, None) ** 2 / 2, -(np.clip(eta, None, 0) ** 2) / 2])
    bends = bends[:, bends.any(axis=0)]
    statistic = 2 * (_likelihood(part.y, np.column_stack([small, bends])) - _likelihood(part.y, small))
    return {"statistic": statistic, "df": bends.shape[1], "p_value": float(stats.chi2.sf(statistic, bends.shape[1]))}


def _likelihood(y: np.ndarray, X: np.ndarray) -> float:
    """The larger log-likelihood of Newton's method and of BFGS from there: squares of log-odds are hard to scale."""

    def loss(b: np.ndarray) -> float:
        return float(np.logaddexp(0, X @ b).sum() - y @ (X @ b))

    start = np.asarray(_logit(y, X).params)
    start = start if np.isfinite(start).all() else np.zeros(X.shape[1])
    tries = [
        optimize.minimize(
            loss, b, method="BFGS", jac=lambda b: X.T @ (special.expit(X @ b) - y), options={"gtol": 1e-9}
        )
        for b in (start, np.zeros(X.shape[1]))
    ]
    return -min(loss(start), *(float(t.fun) for t in tries))


def normal_years(part: Part) -> Figures:
    assert part.periods is not None
    rows = pd.DataFrame({"t": part.periods, "gap": part.y - part.p}).groupby("t")["gap"].mean()
    t = float(stats.ttest_1samp(rows, 0).statistic)
    return {"n": float(len(rows)), "estimate": float(rows.mean()), "statistic": t, "p_value": float(stats.norm.sf(t))}


def redelmeier(part: Part) -> Figures:
    assert part.other is not None
    y, a, b, n = part.y, part.p, part.other, len(part.y)
    gap = pd.Series((a - b) * (a + b - 2 * y))
    z, df = _quantile(part)
    value = float(gap.mean())
    if part.groups is None:
        middle = (a + b) / 2
        null, own = 4 * float(((a - b) ** 2 * middle * (1 - middle)).sum()), float(((gap - value) ** 2).sum())
    else:
        sums = (gap - value).groupby(part.groups).sum()
        null = own = len(sums) / (len(sums) - 1) * float((sums**2).sum())
    statistic, half = n * value / math.sqrt(null), z * math.sqrt(own) / n
    return {
        "estimate": value,
        "statistic": statistic,
        "df": df,
        "p_value": _two_sided(statistic, df),
        "lo": value - half,
        "hi": value + half,
    }


def _approved(p: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(pd.Series(p).rank(method="first") <= round(share * len(p)))


def mcnemar(part: Part) -> Figures:
    assert part.other is not None and part.settings is not None
    a, b = (_approved(p, part.settings["approval"]) for p in (part.p, part.other))
    only_a, only_b = (int(((x == (part.y == 0)) & (z != (part.y == 0))).sum()) for x, z in ((a, b), (b, a)))
    p_value = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else math.nan
    return {"estimate": (only_a - only_b) / len(a), "statistic": only_a, "p_value": p_value}


def profit(part: Part) -> Figures:
    assert part.other is not None and part.settings is not None
    s, n = part.settings, len(part.y)
    ead = np.ones(n) if part.amount is None else part.amount
    gain = pd.Series(
        np.where(part.y == 1, -s["lgd"], s["margin"])
        * ead
        * (_approved(part.p, s["approval"]).astype(int) - _approved(part.other, s["approval"]))
    )
    z, df = _quantile(part)
    total = float(gain.sum())
    if part.groups is None:
        variance = n * float(gain.var(ddof=1))
    else:
        sums = (gain - total / n).groupby(part.groups).sum()
        variance = len(sums) / (len(sums) - 1) * float((sums**2).sum())
    se = math.sqrt(variance)
    t = total / se if se > 0 else math.nan
    return {
        "estimate": total,
        "statistic": t,
        "df": df,
        "p_value": _two_sided(t, df),
        "lo": total - z * se,
        "hi": total + z * se,
    }


def _counts(part: Part) -> tuple[np.ndarray, np.ndarray]:
    assert part.stored is not None
    now = pd.cut(part.p, [-np.inf, *part.stored["edges"], np.inf], labels=False)
    counts = (
        pd.Series(now).value_counts().reindex(range(len(part.stored["counts"])), fill_value=0).to_numpy(dtype=float)
    )
    return np.asarray(part.stored["counts"], dtype=float), counts


def psi(part: Part) -> Figures:
    """As the sum of both Kullback-Leibler divergences."""
    then, now = _counts(part)
    used = (then > 0) | (now > 0)
    then, now = then[used], now[used]
    e, a = ((v + 0.5) / (v + 0.5).sum() for v in (then, now))
    value = float(special.rel_entr(a, e).sum() + special.rel_entr(e, a).sum())
    statistic = value / (1 / then.sum() + 1 / now.sum())
    return {
        "estimate": value,
        "statistic": statistic,
        "df": len(e) - 1,
        "p_value": float(stats.chi2.sf(statistic, len(e) - 1)),
    }


def same_mix(part: Part) -> Figures:
    table = np.array(_counts(part))
    table = table[:, table.sum(axis=0) > 0]
    found = stats.chi2_contingency(table, correction=False)
    return {
        "n": float(table.sum()),
        "estimate": float(stats.contingency.association(table.astype(int))),
        "statistic": float(found.statistic),
        "df": float(found.dof),
        "p_value": float(found.pvalue),
    }


def concentration_change(part: Part) -> Figures:
    then, now = _counts(part)
    K = len(now)
    before, after = (float(np.std(v / v.sum()) / np.mean(v / v.sum())) for v in (then, now))
    z = math.sqrt(K - 1) * (after - before) / math.sqrt(after**2 * (0.5 + after**2))
    return {
        "n": float(K),
        "estimate": math.log(1 + after**2) / math.log(K),
        "statistic": z,
        "p_value": float(stats.norm.sf(z)),
    }


def _held(part: Part) -> pd.Series:
    weight = np.ones(len(part.y)) if part.amount is None else part.amount
    return pd.Series(weight).groupby(part.groups).sum()


def hhi(part: Part) -> Figures:
    held = _held(part)
    return {"n": float(len(held)), "estimate": float((held**2).sum() / held.sum() ** 2)}


def top_share(part: Part) -> Figures:
    held = _held(part)
    return {"n": float(len(held)), "estimate": float(held.nlargest(5).sum() / held.sum())}


def likeness(part: Part) -> Figures:
    """ICC of residuals from SciPy's one-way F."""
    assert part.groups is not None
    left = pd.Series(part.y - part.p).groupby(part.groups)
    F, p_value = stats.f_oneway(*[v.to_numpy() for _, v in left])
    n = left.size().to_numpy(dtype=float)
    m0 = (n.sum() - (n**2).sum() / n.sum()) / (len(n) - 1)
    d1, d2 = len(n) - 1, n.sum() - len(n)
    ends = [F / stats.f.ppf(q, d1, d2) for q in ((1 + part.level) / 2, (1 - part.level) / 2)]
    value, lo, hi = ((x - 1) / (x - 1 + m0) for x in (F, *ends))
    return {
        "estimate": float(value),
        "statistic": float(F),
        "df": d1,
        "p_value": float(p_value),
        "lo": float(lo),
        "hi": float(hi),
    }


def exact_defaults(part: Part) -> Figures:
    """P(D or more) from the characteristic function (Y. Hong, Computational Statistics & Data Analysis 59 (2013))."""
    p, D, n = part.p, int(part.y.sum()), len(part.y)
    if n > 5000:
        return {"estimate": D / float(p.sum()), "statistic": D}
    angle = 2 * np.pi * np.arange(n + 1) / (n + 1)
    logs = np.zeros(n + 1, dtype=complex)
    for value in p:
        logs += np.log(1 - value + value * np.exp(1j * angle))
    chance = np.real(np.fft.fft(np.exp(logs))) / (n + 1)
    return {"estimate": D / float(p.sum()), "statistic": D, "p_value": min(1.0, float(chance[D:].sum()))}


def sprt(part: Part) -> Figures:
    upper, lower, total, top = math.log(0.9 / (1 - part.level)), math.log(0.1 / part.level), 0.0, -math.inf
    for y, p in zip(part.y, part.p, strict=True):
        q = 2 * p / (1 + p)
        total += math.log(q / p) if y else math.log((1 - q) / (1 - p))
        top = max(top, total)
        if not lower < total < upper:
            break
    return {"estimate": total, "statistic": total, "p_value": min(1.0, math.exp(-max(0.0, top)))}


def roc(part: Part, flagged: np.ndarray) -> dict[str, np.ndarray]:
    """The points of the ROC curve at which so many rows are flagged."""
    ranked = np.sort(part.p)[::-1]
    cuts = [np.inf if n == 0 else ranked[min(n, len(ranked)) - 1] for n in flagged]
    hits = np.array([float(part.y[part.p >= cut].sum()) for cut in cuts])
    n, bads = np.array([float((part.p >= cut).sum()) for cut in cuts]), float(part.y.sum())
    limits = np.array([_beta_limits(h, bads, part.level) for h in hits])
    return {"x": (n - hits) / (len(part.y) - bads), "y": hits / bads, "lo": limits[:, 0], "hi": limits[:, 1], "n": n}


def calibration(part: Part) -> dict[str, np.ndarray]:
    """The points of the calibration curve."""
    rows = _grade_rows(part)
    limits = np.array([_beta_limits(b, n, part.level) for b, n in zip(rows["bads"], rows["n"], strict=True)])
    return {
        "x": rows["pd"].to_numpy(),
        "y": (rows["bads"] / rows["n"]).to_numpy(),
        "lo": limits[:, 0],
        "hi": limits[:, 1],
        "n": rows["n"].to_numpy(dtype=float),
    }


PATHS: Mapping[str, Callable[[Part], Figures]] = {
    "disc.auc": auc,
    "disc.gini": gini,
    "disc.ks": ks,
    "disc.auc_init": auc_initial,
    "disc.delong_pair": delong,
    "disc.within_village": auc_within,
    "disc.between_village": auc_between,
    "disc.prauc": average_precision,
    "disc.h_measure": h_measure,
    "cal.portfolio": portfolio,
    "cal.jeffreys": jeffreys,
    "cal.jeffreys_grade": jeffreys_grade,
    "cal.binomial": binomial,
    "cal.binomial_light": binomial,
    "cal.brier": brier,
    "cal.spiegelhalter": spiegelhalter,
    "cal.hl_deciles": hosmer_lemeshow,
    "cal.chi2_groups": grade_chi_square,
    "cal.cox": cox,
    "cal.stukel": stukel,
    "cal.normal_multi": normal_years,
    "cal.redelmeier": redelmeier,
    "bm.models": challenge,
    "bm.mcnemar": mcnemar,
    "bm.profit": profit,
    "stab.psi": psi,
    "rep.chi2": same_mix,
    "conc.hi_ecb": concentration_change,
    "conc.hhi": hhi,
    "conc.top": top_share,
    "oot.icc": likeness,
    "mon.exact": exact_defaults,
    "mon.sprt": sprt,
    "disc.lift": lift,
    "disc.grade_monotone": monotone,
    "disc.heterogeneity": heterogeneity,
}
#: figures of a line that come from draws, and so are not computed again
DRAWN_FIGURES: Mapping[str, tuple[str, ...]] = {
    "disc.ks": ("lo", "hi"),
    "disc.prauc": ("lo", "hi"),
    "disc.h_measure": ("lo", "hi"),
}
#: relative tolerance of a figure, and of those that a quadrature limits
TOLERANCE = 1e-6
LOOSE: Mapping[str, float] = {
    "disc.h_measure": 1e-5,
    "cal.binomial": 1e-5,
    "cal.binomial_light": 1e-5,
    "mon.exact": 1e-5,
}
