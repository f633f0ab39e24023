"""Why a village's bad rate differs from the county's: who borrows there, what the place adds, and what chance does.

gap = composition (by source and feature) + context (shrunken effect of the place) + noise, to the last digit. Use it
with PDs that never saw the village and, for the parts by feature, with their contributions in log-odds. It divides a
difference; it does not say what would happen if a feature or a place were changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtri

from creditlab.checks import check_level, check_prob
from creditlab.errors import InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.calibration import calibrate_in_the_large, expit, logit
from creditlab.village.counts import check_outcome, draw_count, totals, village_codes
from creditlab.village.intervals import jeffreys_limits
from creditlab.village.smoothing import PoissonGamma

#: draws behind the intervals; their ends are then within 3 % of the width of the interval (2 s.e.)
DRAWS = 4000
#: what the contributions leave of the log-odds (such as differences between folds) goes under this name
REST = "rest 其余"
ONE_OUTCOME = "all loans have the same outcome, so nothing can be divided into parts 所有贷款结果相同，无从分解差距"
COMPOSITION, CONTEXT, NOISE = "composition", "context", "noise"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageGap(Result):
    """One row per village: gap = composition + context + noise, each with its limits.

    Columns: village n bad rate rate_expected gap gap_lo gap_hi composition composition_lo composition_hi context
    context_lo context_hi noise noise_lo noise_hi reason. `parts` has one row per village and part: village kind source
    feature value lo hi; the values of a village add up to its gap.
    """

    title: ClassVar[str] = "The gap of each village in parts 各村差距的分解"
    plots: ClassVar[str] = "village_why"

    parts: pd.DataFrame

    def by_source(self) -> pd.DataFrame:
        """Villages × parts: one column per source of the composition, then context and noise; rows add up to `gap`."""
        return self._wide("source")

    def by_feature(self) -> pd.DataFrame:
        """Villages × parts: one column per feature of the composition, then context and noise; rows add up to `gap`."""
        return self._wide("feature")

    def _wide(self, level: str) -> pd.DataFrame:
        parts = self.parts
        name = parts[level].where(parts["kind"] == COMPOSITION, parts["kind"])
        # sources in the order in which they come, context and noise last
        order = [*name[parts["kind"] == COMPOSITION].drop_duplicates(), CONTEXT, NOISE]
        wide = parts.assign(part=name).groupby(["village", "part"], sort=False)["value"].sum().unstack("part")
        wide = wide.reindex(index=self.table["village"], columns=order)
        wide.columns.name = None
        return wide.assign(gap=self.table["gap"].to_numpy())


def village_gap(
    bad: Any,
    prob: Any,
    village: Any,
    contributions: Any = None,
    sources: Mapping[str, str] | None = None,
    covariance: Any = None,
    smoothing: Any = None,
    level: float = 0.9,
    draws: int = DRAWS,
    seed: int = 0,
    households: Any = None,
    resample: int = 0,
) -> VillageGap:
    """Observed rate of a village minus the county's = composition + context + noise, exactly, with intervals.

    composition_v = Ē_v - Ē, context_v = (θ̂_v - 1)·Ē_v and noise_v = r_v - θ̂_v·Ē_v, with Ē the mean calibrated PD, r
    the observed rate and θ̂ the shrunken O/E. The composition is divided among the features by integrating the gradient
    of each loan's PD along the straight line from the county's mean log-odds to its own (R. Aumann, L. Shapley, Values
    of Non-Atomic Games, 1974): loan i gives feature j the part φ_ij·(p_i - p_0)/Σ_k φ_ik.

    Parameters
    ----------
    bad, prob, village : 0/1, PD from a model that never saw the village, and village; one value per loan. PDs are
        calibrated in the large first, so that their mean is the county's rate.
    contributions : frame of loans × features in log-odds (`explain(...).values`); None gives the composition as one
        part. What they leave of the log-odds is a part of its own, 'rest 其余'.
    sources : feature → source (department); None puts every feature under its own name.
    covariance : features × features covariance of the coefficients, each relative to its coefficient, in the order of
        `contributions`; None takes the composition as known.
    smoothing : result of a smoother on the same villages in sorted order, with `draws(n, seed)` of the relative risk;
        None fits `PoissonGamma`.
    draws : of the posterior behind the intervals; fewer are taken where villages are many.
    level : of the intervals. The gap's is that of the village's rate (Jeffreys), the county's rate taken as known;
        context and noise share the posterior of θ.
    households, resample : how often the households of each village are drawn again with replacement (all loans of one
        household together; None takes each loan as one), which widens the limits of the composition and of its parts:
        the village's borrowers are then a sample of those that it might have. 0 takes them as they are.

    Returns
    -------
    VillageGap, a row per village in sorted order. With no bads at all, or only bads, the parts are NaN with a reason.

    Raises
    ------
    InputError : arrays of unequal length, outcomes other than 0/1, contributions that are missing or not finite.

    >>> gap = village_gap([1, 0, 1, 0, 0, 0], [0.3, 0.3, 0.5, 0.1, 0.1, 0.2], ["A", "A", "A", "B", "B", "B"])
    >>> row = gap.tidy().iloc[0]
    >>> parts = row["composition"] + row["context"] + row["noise"]
    >>> bool(abs(row["gap"] - parts) < 1e-12), round(float(row["gap"]), 4)
    (True, 0.3333)
    """
    level, outcome = check_level(level), check_outcome(bad)
    raw = check_prob(prob, len(outcome))
    codes, names = village_codes(village, len(outcome))
    phi, features = _contributions(contributions, len(outcome))
    spec = {"level": level, "draws": draws} | ({"resample": resample} if resample else {})
    stamp = Stamp.of([outcome, raw, codes, pd.Series(names), phi], spec, seed=seed)
    n, bads = totals(codes, len(names)), totals(codes, len(names), outcome)
    table = _observed(names, n, bads, level)
    if outcome.min() == outcome.max():
        return _without_parts(table, stamp, level)
    p = calibrate_in_the_large(raw, outcome)
    sums = np.column_stack([totals(codes, len(names), v) for v in (p, p * (1 - p))])
    theta, sample = _posterior(smoothing, names, n, bads, sums, level, draws, seed)
    attributed, gradient = _attributed(p, phi, codes, n)
    table, se = _divided(table, sums[:, 0] / n, theta, gradient, covariance)
    table = _limits(table, sample, se, level, seed)
    errors = _part_errors(p, phi, codes, n, covariance)
    if resample:
        drawn = household_errors(_attributed_rows(p, phi), codes, len(n), households, resample, seed)
        reach = ndtri((1 + level) / 2) * np.sqrt(se**2 + drawn[:, -1] ** 2)
        table[["composition_lo", "composition_hi"]] = np.column_stack(
            [table["composition"] - reach, table["composition"] + reach]
        )
    else:
        drawn = np.zeros((len(n), attributed.shape[1] + 1))
    parts = _parts(table, attributed, features, dict(sources or {}), errors, level, drawn)
    facts = {"villages": len(names), "n": len(outcome), "bad": int(bads.sum()), "rate": float(bads.sum() / n.sum())}
    return VillageGap(table=table, parts=parts, stamp=stamp, facts={**facts, "level": level})


def _contributions(contributions: Any, n: int) -> tuple[np.ndarray, list[str]]:
    if contributions is None:
        return np.empty((n, 0)), []
    frame = pd.DataFrame(contributions)
    values = frame.to_numpy(dtype=float)
    wrong = ~np.isfinite(values).all(axis=1) if len(values) == n else np.ones(len(values), dtype=bool)
    if len(values) != n or wrong.any():
        came = f"{len(values)} rows, {int(wrong.sum())} that cannot be used"
        rows = f"contributions, rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(message(f"{n} rows of finite log-odds", came, rows, "Pass explain(...).values of these rows."))
    return values, [str(c) for c in frame.columns]


def _observed(names: pd.Index, n: np.ndarray, bads: np.ndarray, level: float) -> pd.DataFrame:
    rate, overall = bads / n, bads.sum() / n.sum()
    lo, hi = jeffreys_limits(bads, n, level)
    columns = {"village": names, "n": n.astype(int), "bad": bads.astype(int), "rate": rate, "gap": rate - overall}
    return pd.DataFrame({**columns, "gap_lo": lo - overall, "gap_hi": hi - overall})


_PART_COLUMNS = [f"{kind}{end}" for kind in (COMPOSITION, CONTEXT, NOISE) for end in ("", "_lo", "_hi")]


def _without_parts(table: pd.DataFrame, stamp: Stamp, level: float) -> VillageGap:
    empty = table.assign(rate_expected=np.nan, **dict.fromkeys(_PART_COLUMNS, np.nan), reason=ONE_OUTCOME)
    parts = pd.DataFrame(columns=["village", "kind", "source", "feature", "value", "lo", "hi"])
    facts = {"villages": len(table), "n": int(table["n"].sum()), "bad": int(table["bad"].sum()), "level": level}
    return VillageGap(table=empty, parts=parts, stamp=stamp, facts={**facts, "note": NotEstimable(ONE_OUTCOME)})


def _posterior(
    smoothing: Any, names: pd.Index, n: np.ndarray, bads: np.ndarray, sums: np.ndarray, level: float, draws: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The shrunken O/E of each village, and draws of it (draws × villages)."""
    if smoothing is None:
        smoothing = PoissonGamma(level=level).fit(bads, sums[:, 0], sums[:, 1], names).result_
    listed = pd.Index(smoothing.tidy()["village"])
    if not listed.equals(names):
        came = f"{len(listed)} villages in another order or of other names"
        raise InputError(message("the villages of the loans, sorted", came, "smoothing", "Fit it on vl.expected(...)."))
    sample = np.asarray(smoothing.draws(draw_count(draws, len(names)), seed=seed), dtype=float)
    estimate = smoothing.tidy()["estimate"].to_numpy(dtype=float)
    return np.where(np.isfinite(estimate), estimate, sample.mean(axis=0)), sample


def _attributed(p: np.ndarray, phi: np.ndarray, codes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Villages × parts of Ē_v - Ē (the rest last), and villages × features: its slope in each relative coefficient."""
    parts = _village_means(_attributed_rows(p, phi), codes, n)
    weight = (p * (1 - p))[:, None]
    # a coefficient that moves is met by the level: the PDs stay calibrated in the large
    slopes = _village_means((phi - _kept_level(phi, p)) * weight, codes, n)
    return parts, slopes


def _attributed_rows(p: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Loans × parts (the rest last): what each part adds to the loan's PD, from the PD at the mean log-odds."""
    whole, base = _log_odds(p, phi)
    secant, _ = _secant(base, whole.sum(axis=1), p)
    return whole * secant[:, None]


def household_errors(
    values: np.ndarray, codes: np.ndarray, villages: int, households: Any, resample: int, seed: int
) -> np.ndarray:
    """(villages, parts + 1) standard errors of village means over households drawn with replacement, the sum last.

    Villages of one household have none (0): nothing can be drawn but itself.
    """
    whole = np.column_stack([values, values.sum(axis=1)])
    if households is None:
        # the order of the loans must not matter: they are drawn in the order of their values
        order = np.lexsort((*whole.T[:-1], whole[:, -1], codes))
        unit = np.arange(len(codes))
    else:
        labels = np.asarray(households, dtype=object).astype(str)
        if len(labels) != len(codes):
            raise InputError(message(f"{len(codes)} households", f"{len(labels)}", "households", "One per loan."))
        unit = pd.factorize(labels, sort=True)[0]
        order = np.lexsort((unit, codes))
    rng, errors = np.random.default_rng(seed), np.zeros((villages, whole.shape[1]))
    for village, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes, minlength=villages))[:-1])):
        place = np.unique(unit[rows], return_inverse=True)[1] if households is not None else np.arange(len(rows))
        count = np.bincount(place).astype(float)
        if len(count) < 2:
            continue
        sums = np.zeros((len(count), whole.shape[1]))
        np.add.at(sums, place, whole[rows])
        drawn = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), size=resample).astype(float)
        errors[village] = ((drawn @ sums) / (drawn @ count)[:, None]).std(axis=0, ddof=1)
    return errors


def _kept_level(phi: np.ndarray, p: np.ndarray) -> np.ndarray:
    """How far the log-odds of all loans move, per relative change of each coefficient, so that ΣPD stays."""
    weight = p * (1 - p)
    return (phi * weight[:, None]).sum(axis=0) / weight.sum()


def _log_odds(p: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, float]:
    """Contributions with the rest as their last column, and the log-odds from which they are measured."""
    centred = phi - phi.mean(axis=0) if phi.shape[1] else phi
    left = logit(p) - centred.sum(axis=1)
    base = float(left.mean())
    return np.column_stack([centred, left - base]), base


def _secant(base: float, total: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(p - p0)/Σφ of each loan and its derivative in Σφ; at Σφ = 0 their limits."""
    start = float(expit(base))
    near = np.abs(total) < 1e-6
    safe = np.where(near, 1.0, total)
    inner = start * (1 - start)
    secant = np.where(near, inner, (p - start) / safe)
    bend = np.where(near, inner * (1 - 2 * start) / 2, (p * (1 - p) - secant) / safe)
    return secant, bend


def _village_means(values: np.ndarray, codes: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Villages × columns: the mean in the village less the mean in all rows."""
    sums = np.column_stack([totals(codes, len(n), values[:, j]) for j in range(values.shape[1])] or [np.zeros(len(n))])
    return sums / n[:, None] - sums.sum(axis=0) / n.sum()


def _divided(
    table: pd.DataFrame, mean_pd: np.ndarray, theta: np.ndarray, gradient: np.ndarray, covariance: Any
) -> tuple[pd.DataFrame, np.ndarray]:
    """The three parts, and the standard error of the composition."""
    overall = float((mean_pd * table["n"]).sum() / table["n"].sum())
    table = table.assign(rate_expected=mean_pd, composition=mean_pd - overall, context=(theta - 1) * mean_pd)
    table["noise"] = table["gap"] - table["composition"] - table["context"]
    if covariance is None or not gradient.shape[1]:
        return table, np.zeros(len(table))
    cov = _covariance(covariance, gradient.shape[1])
    return table, np.sqrt(np.maximum(np.einsum("vj,jk,vk->v", gradient, cov, gradient), 0))


def _covariance(covariance: Any, features: int) -> np.ndarray:
    cov = np.asarray(covariance, dtype=float)
    if cov.shape != (features, features) or not np.isfinite(cov).all():
        came = f"an array of shape {cov.shape}"
        fix = "Give Cov(β_j, β_k)/(β_j β_k), 0 where a coefficient is 0."
        raise InputError(message(f"a finite {features} × {features} covariance", came, "covariance", fix))
    return cov


def _limits(table: pd.DataFrame, sample: np.ndarray, se: np.ndarray, level: float, seed: int) -> pd.DataFrame:
    """Limits of the parts. The draws of context and noise carry the doubt about the composition too."""
    tail = (1 - level) / 2
    reach = se * ndtri(1 - tail)
    moved = se * np.random.default_rng(seed).standard_normal(sample.shape)
    context = (sample - 1) * np.maximum(table["rate_expected"].to_numpy() + moved, 0)
    noise = table["gap"].to_numpy() - table["composition"].to_numpy() - moved - context
    table = table.assign(composition_lo=table["composition"] - reach, composition_hi=table["composition"] + reach)
    for kind, values in ((CONTEXT, context), (NOISE, noise)):
        table[f"{kind}_lo"], table[f"{kind}_hi"] = np.quantile(values, [tail, 1 - tail], axis=0)
    first = ["village", "n", "bad", "rate", "rate_expected", "gap", "gap_lo", "gap_hi"]
    return table[[*first, *_PART_COLUMNS]].assign(reason="")


def _part_errors(p: np.ndarray, phi: np.ndarray, codes: np.ndarray, n: np.ndarray, covariance: Any) -> Any:
    """A function of a set of features: the standard error of their part in each village (delta method)."""
    if covariance is None or not phi.shape[1]:
        return lambda chosen: np.zeros(len(n))
    cov = _covariance(covariance, phi.shape[1])
    whole, base = _log_odds(p, phi)
    total = whole.sum(axis=1)
    secant, bend = _secant(base, total, p)
    # the base from which a loan is measured moves with the mean log-odds
    start = float(expit(base))
    near = np.abs(total) < 1e-6
    lift = np.where(near, bend, (p * (1 - p) - start * (1 - start)) / np.where(near, 1.0, total))
    centred, kept, mean = whole[:, :-1], _kept_level(phi, p), phi.mean(axis=0)

    def error(chosen: list[int]) -> np.ndarray:
        own = centred[:, chosen].sum(axis=1)
        slopes = centred * (own * bend)[:, None] + (mean - kept) * (own * lift)[:, None]
        slopes[:, chosen] += centred[:, chosen] * secant[:, None]
        gradient = _village_means(slopes, codes, n)
        return np.sqrt(np.maximum(np.einsum("vj,jk,vk->v", gradient, cov, gradient), 0))

    return error


def _parts(
    table: pd.DataFrame, attributed: np.ndarray, features: list[str], sources: dict[str, str], errors: Any,
    level: float, drawn: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """One row per village and part; a rest of nothing is left out. `drawn` are errors of drawing households."""
    names = [*features, REST] if features else [COMPOSITION]
    if features and np.abs(attributed[:, -1]).max() < 1e-12:
        names, attributed = features, attributed[:, :-1]
    reach = ndtri((1 + level) / 2)
    rows = []
    for j, name in enumerate(names):
        se = np.sqrt((errors([j]) if j < len(features) else 0.0) ** 2 + drawn[:, j] ** 2)
        rows.append(
            pd.DataFrame(
                {
                    "village": table["village"],
                    "kind": COMPOSITION,
                    "source": sources.get(name, name),
                    "feature": name,
                    "value": attributed[:, j],
                    "lo": attributed[:, j] - reach * se,
                    "hi": attributed[:, j] + reach * se,
                }
            )
        )
    for kind in (CONTEXT, NOISE):
        ends = {"value": table[kind], "lo": table[f"{kind}_lo"], "hi": table[f"{kind}_hi"]}
        rows.append(pd.DataFrame({"village": table["village"], "kind": kind, "source": kind, "feature": kind, **ends}))
    return pd.concat(rows, ignore_index=True)
