"""Is the sample that judges the model the population it is used on: tests of two samples, and what was never seen.

Use effect sizes where n is large: with 100,000 rows every p is small. The classifier test asks for any difference of
any kind, and names the columns that give it away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import chdtrc

from creditlab.checks import check_columns, check_frame
from creditlab.errors import InputError, message
from creditlab.validation.discrimination import placements
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.rows import check_score
from creditlab.validation.stability import check_bins
from creditlab.validation.verdict import DEFAULTS, GREEN, RED, Threshold

CHI2 = Kind(
    "rep.chi2",
    "Same mix of a factor",
    "因子分布一致性",
    "Pearson χ²; Cramér 1946; effect sizes: Cohen 1988, du Pisanie 2023",
    "both samples have the same mix 两样本分布相同",
    "same_mix",
)
KS2 = Kind(
    "rep.ks",
    "Two samples, Kolmogorov-Smirnov",
    "两样本KS检验",
    "Smirnov 1939",
    "both samples have the same distribution 两样本分布相同",
    "ks_samples",
)
CVM = Kind(
    "rep.cvm",
    "Two samples, Cramér-von Mises",
    "两样本Cramér-von Mises检验",
    "Anderson, Ann. Math. Statistics 33 (1962) 1148-1159",
    "both samples have the same distribution 两样本分布相同",
    "cramer_von_mises",
)
AD = Kind(
    "rep.ad",
    "Two samples, Anderson-Darling",
    "两样本Anderson-Darling检验",
    "Scholz, Stephens, JASA 82 (1987) 918-924; p by permutation",
    "both samples have the same distribution 两样本分布相同",
    "anderson_darling",
)
C2ST = Kind(
    "rep.c2st",
    "Classifier two-sample test",
    "分类器两样本检验",
    "Lopez-Paz, Oquab, ICLR 2017; p by permutation of the labels",
    "no classifier tells the samples apart (AUC = ½) 无法区分两样本",
    "two_samples",
)
REJECT = Kind(
    "rep.reject",
    "Applicants scored where no outcomes are",
    "无表现区间的申请占比",
    "OCC/EBA: through-the-door population",
    "",
    "extrapolated",
)
LEGAL = Kind(
    "rep.legal",
    "Legality of the sources",
    "数据合规",
    "PIPL 2021 art. 13, 28, 29, 55; Credit Reporting Regulation 2013 art. 14-16",
    "",
    "legality",
)
FEW = "fewer than two values in a sample 样本少于两个取值"


def same_mix(reference_counts: Any, counts: Any, threshold: Threshold = DEFAULTS["cramers_v"]) -> TestResult:
    """χ² of a 2 × bins table, and Cramér's V = √(χ²/n), which is coloured.

    >>> same_mix([50, 50], [40, 60]).statistic.__round__(4)
    2.0202
    """
    then, now = check_bins(reference_counts, "reference_counts"), check_bins(counts, "counts")
    if len(then) != len(now):
        raise InputError(
            message(
                "the same bins in both samples",
                f"{len(then)} and {len(now)}",
                "same_mix",
                "Count both with the stored bins.",
            )
        )
    used = (then + now) > 0
    then, now = then[used], now[used]
    n, df = float(then.sum() + now.sum()), len(then) - 1
    if df == 0:
        return CHI2.result(inputs=[then, now], n=int(n), reason="one bin only 只有一个分箱", threshold=threshold)
    pooled = (then + now) / n
    statistic = float(sum((((row - row.sum() * pooled) ** 2) / (row.sum() * pooled)).sum() for row in (then, now)))
    v = math.sqrt(statistic / n)
    least = float(min(then.sum(), now.sum()) * pooled.min())
    return CHI2.result(
        inputs=[then, now],
        n=int(n),
        estimate=v,
        statistic=statistic,
        df=df,
        p_value=float(chdtrc(df, statistic)),
        threshold=f"V: {threshold}",
        verdict=threshold.verdict(v),
        facts={"least_expected": least, "bins": len(then)},
    )


def _two(reference: Any, values: Any, kind: Kind) -> tuple[np.ndarray, np.ndarray, TestResult | None]:
    a, b = check_score(reference, np.size(reference), "reference"), check_score(values, np.size(values), "values")
    return a, b, kind.result(inputs=[a, b], n=len(b), reason=FEW) if min(len(a), len(b)) < 2 else None


def ks_samples(reference: Any, values: Any) -> TestResult:
    """The two-sample Kolmogorov-Smirnov test, two-sided; exact p in small samples.

    >>> ks_samples([1, 2, 3], [1, 2, 3]).estimate
    0.0
    """
    a, b, none = _two(reference, values, KS2)
    if none is not None:
        return none
    found = stats.ks_2samp(a, b)
    return KS2.result(
        inputs=[a, b],
        n=len(b),
        estimate=float(found.statistic),
        statistic=float(found.statistic),
        p_value=float(found.pvalue),
        facts={"at": float(found.statistic_location)},
    )


def cramer_von_mises(reference: Any, values: Any) -> TestResult:
    """The two-sample Cramér-von Mises test; asymptotic p.

    >>> cramer_von_mises([1, 2, 3, 4], [1.5, 2.5, 3.5, 4.5]).p_value > 0.5
    True
    """
    a, b, none = _two(reference, values, CVM)
    if none is not None:
        return none
    found = stats.cramervonmises_2samp(a, b, method="asymptotic")
    return CVM.result(inputs=[a, b], n=len(b), statistic=float(found.statistic), p_value=float(found.pvalue))


def anderson_darling(reference: Any, values: Any, draws: int = 199, seed: int = 0) -> TestResult:
    """The two-sample Anderson-Darling test with midranks, p by permutation (`draws` of them).

    >>> anderson_darling([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], draws=49).p_value
    1.0
    """
    a, b, none = _two(reference, values, AD)
    if none is not None:
        return none
    whole = np.concatenate([a, b])
    levels, place, times = np.unique(whole, return_inverse=True, return_counts=True)
    if len(levels) < 2:
        return AD.result(inputs=[a, b], n=len(b), reason=FEW)
    N, middle = len(whole), np.cumsum(times) - times / 2

    def a2(first: np.ndarray) -> float:
        total = 0.0
        for part in (first, ~first):
            here = np.bincount(place[part], minlength=len(levels))
            m = np.cumsum(here) - here / 2
            n_i = part.sum()
            total += (
                float((times / N * (N * m - middle * n_i) ** 2 / (middle * (N - middle) - N * times / 4)).sum()) / n_i
            )
        return (N - 1) / N * total

    label = np.arange(N) < len(a)
    value, rng = a2(label), np.random.default_rng(seed)
    more = sum(a2(rng.permutation(label)) >= value * (1 - 1e-12) for _ in range(draws))
    return AD.result(
        inputs=[a, b], n=len(b), statistic=value, p_value=(1 + more) / (draws + 1), facts={"draws": draws, "seed": seed}
    )


def two_samples(
    reference: pd.DataFrame,
    frame: pd.DataFrame,
    draws: int = 99,
    folds: int = 4,
    most: int = 4000,
    seed: int = 0,
    threshold: Threshold = DEFAULTS["c2st"],
) -> TestResult:
    """The AUC, out of fold, of a forest of trees that is to tell the rows of two samples apart.

    p: the share of permutations of the out-of-fold scores that do better, as the score of a row does not depend on
    its label; the colour is that of the AUC where p < .05. `facts`: drivers, the columns that the AUC falls most
    without (by permuting them), with the fall.

    Parameters
    ----------
    reference, frame : the same columns; text and categories become codes. most : rows taken of each, at random.

    >>> rng = np.random.default_rng(0)
    >>> then, now = pd.DataFrame({"x": rng.normal(0, 1, 300)}), pd.DataFrame({"x": rng.normal(3, 1, 300)})
    >>> two_samples(then, now, draws=39).verdict
    'red'
    """
    check_frame(reference, "reference")
    check_frame(frame, "frame")
    check_columns(frame, list(reference.columns), "frame")
    rng = np.random.default_rng(seed)
    both = [_take(part[list(reference.columns)], most, rng) for part in (reference, frame)]
    X = coded(pd.concat(both, ignore_index=True))
    label = np.repeat([0, 1], [len(part) for part in both])
    if min(len(part) for part in both) < 2 * folds:
        reason = f"fewer than {2 * folds} rows in a sample 样本不足"
        return C2ST.result(inputs=[reference, frame], n=len(label), reason=reason, threshold=threshold)
    score, falls = out_of_fold(X, label, folds, seed)
    value = placements(label, score).auc
    null = np.array([placements(rng.permutation(label), score).auc for _ in range(draws)])
    p_value = float((1 + (null >= value).sum()) / (draws + 1))
    drivers = sorted(
        ((name, round(float(fall), 4)) for name, fall in zip(reference.columns, falls, strict=True)),
        key=lambda d: (-d[1], str(d[0])),
    )[:5]
    return C2ST.result(
        inputs=[reference, frame],
        n=len(label),
        estimate=value,
        statistic=value,
        p_value=p_value,
        threshold=f"p < 0.05 and AUC: {threshold}",
        verdict=threshold.verdict(value) if p_value < 0.05 else GREEN,
        facts={"drivers": {str(k): v for k, v in drivers if v > 0}, "draws": draws, "seed": seed},
    )


def _take(part: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    return part if len(part) <= most else part.iloc[np.sort(rng.choice(len(part), most, replace=False))]


def coded(frame: pd.DataFrame) -> np.ndarray:
    """Numbers as they are, everything else as codes by order of its text, missing as NaN."""
    columns = []
    for name in frame.columns:
        values = frame[name]
        if pd.api.types.is_numeric_dtype(values):
            columns.append(values.to_numpy(dtype=float, na_value=np.nan))
        else:
            codes = pd.factorize(values.astype(object).where(values.notna()).map(str, na_action="ignore"), sort=True)[
                0
            ].astype(float)
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)


def out_of_fold(X: np.ndarray, label: np.ndarray, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of rows the classifier never saw, and how far the AUC falls when a column is shuffled."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedKFold

    score, rng = np.zeros(len(label)), np.random.default_rng(seed)
    shuffled = np.zeros((X.shape[1], len(label)))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, label):
        model = ExtraTreesClassifier(60, min_samples_leaf=5, max_features=None, random_state=seed).fit(
            X[train], label[train]
        )
        score[test] = model.predict_proba(X[test])[:, 1]
        for column in range(X.shape[1]):
            other = X[test].copy()
            other[:, column] = rng.permutation(other[:, column])
            shuffled[column, test] = model.predict_proba(other)[:, 1]
    base = placements(label, score).auc
    return score, np.array([base - placements(label, row).auc for row in shuffled])


def extrapolated(
    accepted: Any, applicants: Any, bins: int = 20, least: int = 10, threshold: Threshold = DEFAULTS["extrapolated"]
) -> TestResult:
    """The share of all applicants whose score lies where hardly any outcome is known.

    The score range of the applicants is cut into `bins` of equal width; a bin with fewer than `least` accepted rows
    has no outcomes to speak of. `facts`: empty_range, the share of the range without.

    >>> extrapolated([600.0] * 50 + [650.0] * 50, [400.0] * 20 + [600.0] * 40 + [650.0] * 40).estimate
    0.2
    """
    known, all_scores = (
        check_score(accepted, np.size(accepted), "accepted"),
        check_score(applicants, np.size(applicants), "applicants"),
    )
    edges = np.linspace(all_scores.min(), all_scores.max(), bins + 1)
    if edges[0] == edges[-1]:
        return REJECT.result(
            inputs=[known, all_scores],
            n=len(all_scores),
            reason="all scores are equal 评分全部相同",
            threshold=threshold,
        )
    have = np.histogram(known, edges)[0]
    there = np.histogram(all_scores, edges)[0]
    share = float(there[have < least].sum() / len(all_scores))
    return REJECT.result(
        inputs=[known, all_scores],
        n=len(all_scores),
        estimate=share,
        threshold=threshold,
        verdict=threshold.verdict(share),
        facts={"empty_range": float((have < least).mean()), "least": least},
    )


def legality(features: pd.DataFrame) -> TestFamily:
    """Per feature: a legal basis, consent for the sensitive, no medical history, adverse records of five years at most.

    Parameters
    ----------
    features : columns feature, source, basis (text, empty where none), sensitive (flag), consent (flag), medical
    (flag),
        and adverse_years (age of the oldest adverse record, or missing).

    >>> row = {"feature": "arrears", "source": "court", "basis": "contract", "sensitive": False, "consent": False,
    ...        "medical": False, "adverse_years": 7}
    >>> legality(pd.DataFrame([row])).verdict
    'red'
    """
    check_frame(features, "features")
    check_columns(
        features, ["feature", "source", "basis", "sensitive", "consent", "medical", "adverse_years"], "features"
    )
    rows = []
    for record in features.to_dict("records"):
        breaches = list(_breaches(record))
        late = float(record["adverse_years"]) if pd.notna(record["adverse_years"]) else math.nan
        rows.append(
            {
                "scope": str(record["feature"]),
                "n": 1,
                "estimate": late,
                "statistic": len(breaches),
                "threshold": "no breach; adverse ≤ 5 years",
                "verdict": RED if breaches else GREEN,
                "reason": "; ".join(breaches),
            }
        )
    return LEGAL.family(rows, inputs=features, n=len(features), method="none")


def _breaches(record: Mapping[str, Any]) -> Any:
    if pd.isna(record["basis"]) or not str(record["basis"]).strip():
        yield "no legal basis 无合法性基础 (PIPL 13)"
    if bool(record["sensitive"]) and not bool(record["consent"]):
        yield "sensitive without separate consent 敏感信息无单独同意 (PIPL 28, 29)"
    if bool(record["medical"]):
        yield "medical history 病史 (CRR 14)"
    if pd.notna(record["adverse_years"]) and float(record["adverse_years"]) > 5:
        yield "adverse record older than five years 不良信息超过五年 (CRR 16)"
