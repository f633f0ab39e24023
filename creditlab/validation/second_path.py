"""Every figure of a validation by a second path: another library, or another formula, on the rows themselves.

Nothing of the tests' own code is used here: scikit-learn, SciPy and statsmodels do what they can, the rest is done by a
formula that is not the one of the test. A figure that comes from random draws, or that needs the model, is not computed
again; `SKIPPED` says why. `creditlab.validation.rechecking` compares.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, optimize, special, stats

from creditlab.validation.second_draws import calibration_index, village_funnel
from creditlab.validation.second_ranks import (
    Figures,
    Part,
    auc,
    auc_between,
    auc_initial,
    auc_within,
    average_precision,
    beta_limits,
    challenge,
    critical,
    delong,
    gini,
    grade_rows,
    h_measure,
    heterogeneity,
    ks,
    lift,
    monotone,
    two_sided,
)

DRAWN = "comes from random draws 来自随机抽样"
WHOLE = "the worst of a family of tests: its table is in the result's details 一组检验中最差者"
MODEL = "needs the model or the features 需要模型或特征"
PAPER = "a statement, not a figure 陈述而非数字"
#: id → why a line is not computed again
SKIPPED: Mapping[str, str] = {
    "cal.segments": WHOLE,
    "mon.village_alerts": WHOLE,
    "mon.cusum": DRAWN,
    "imp.monitor_ready": PAPER,
    "doc.checklist": PAPER,
}
#: first part of an id → why
SKIPPED_AREAS: Mapping[str, str] = {"rob": MODEL, "fair": WHOLE, "dq": MODEL, "rep": MODEL, "oot": MODEL, "ex": MODEL}


def portfolio(part: Part) -> Figures:
    O, E, n = float(part.y.sum()), float(math.fsum(part.p)), len(part.y)
    z, df = critical(part)
    if part.groups is None:
        variance = float(math.fsum(part.p * (1 - part.p)))
    else:
        left = pd.Series(part.y - part.p - (O - E) / n).groupby(part.groups).sum()
        variance = float(len(left) * left.var(ddof=1) + len(left) ** 2 / (len(left) - 1) * left.mean() ** 2)
    statistic = (O - E) / math.sqrt(variance)
    if part.groups is None or O == 0:
        lo, hi = (limit * n / E for limit in beta_limits(O, n, part.level))
    else:
        own = pd.Series(part.y - O / E * part.p).groupby(part.groups).sum()
        step = z * math.sqrt(len(own) / (len(own) - 1) * float((own**2).sum())) / O
        lo, hi = O / E / math.exp(step), O / E * math.exp(step)
    return {
        "estimate": O / E,
        "statistic": statistic,
        "df": df,
        "p_value": two_sided(statistic, df),
        "lo": lo,
        "hi": hi,
    }


def jeffreys(part: Part) -> Figures:
    return _jeffreys(int(part.y.sum()), len(part.y), float(np.mean(part.p)), part.level)


def _jeffreys(bads: int, n: int, pd_: float, level: float) -> Figures:
    lo, hi = beta_limits(bads, n, level)
    return {"estimate": bads / n, "p_value": float(stats.beta.cdf(pd_, bads + 0.5, n - bads + 0.5)), "lo": lo, "hi": hi}


def jeffreys_grade(part: Part) -> Figures:
    row = grade_rows(part).iloc[part.grade - 1]
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
    z, df = critical(part)
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
    z, df = critical(part)
    if part.groups is None:
        variance = float(np.sum(p * (1 - p) * (1 - 2 * p) ** 2)) / n**2
    else:
        term = pd.Series((part.y - p) ** 2 - p * (1 - p) - excess).groupby(part.groups).sum() / n
        variance = len(term) / (len(term) - 1) * float((term**2).sum())
    statistic = excess / math.sqrt(variance)
    return {"statistic": statistic, "df": df, "p_value": two_sided(statistic, df)}


def hosmer_lemeshow(part: Part) -> Figures:
    """Σ (O - E)²/E over bads and goods of every group."""
    rows = grade_rows(part)
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
    z, df = critical(part)
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
    z, df = critical(part)
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
        "p_value": two_sided(statistic, df),
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
    z, df = critical(part)
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
        "p_value": two_sided(t, df),
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
    limits = np.array([beta_limits(h, bads, part.level) for h in hits])
    return {"x": (n - hits) / (len(part.y) - bads), "y": hits / bads, "lo": limits[:, 0], "hi": limits[:, 1], "n": n}


def calibration(part: Part) -> dict[str, np.ndarray]:
    """The points of the calibration curve."""
    rows = grade_rows(part)
    limits = np.array([beta_limits(b, n, part.level) for b, n in zip(rows["bads"], rows["n"], strict=True)])
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
    "cal.village_funnel": village_funnel,
    "cal.ici": lambda part: {"estimate": calibration_index(part)},
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
#: figures of a line that come from draws: see `second_draws`
DRAWN_FIGURES: Mapping[str, tuple[str, ...]] = {
    "disc.ks": ("lo", "hi"),
    "disc.prauc": ("lo", "hi"),
    "disc.h_measure": ("lo", "hi"),
    "cal.ici": ("lo", "hi"),
}
#: relative tolerance of a figure, and of those that a quadrature limits
TOLERANCE = 1e-6
LOOSE: Mapping[str, float] = {
    "disc.h_measure": 1e-5,
    "cal.ici": 0.05,  # the report's curve stands on 500 classes of the PD
    "cal.binomial": 1e-5,
    "cal.binomial_light": 1e-5,
    "mon.exact": 1e-5,
}
