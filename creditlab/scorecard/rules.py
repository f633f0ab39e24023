"""Rules of selection beyond the gentle defaults, and the path that tells who left, by which rule, and why.

`Select` says what is wanted. Rules that look at a feature alone come first (missing values, IV with its interval,
held-out IV, PSI over time, expected direction), then rules that look at features together (clusters of correlation,
VIF, stability of the L1 path, stepwise likelihood, elimination by SHAP value). Whatever judges how well a feature
predicts sees only rows whose bins were found without them: see `splits`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from creditlab.binning import BinningResult
from creditlab.checks import check_one_of
from creditlab.columns import Dictionary
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.results import plain
from creditlab.scorecard.fitting import Target
from creditlab.scorecard.logistic import fit_logistic
from creditlab.scorecard.selection import REASONS, information
from creditlab.scorecard.splits import Split, held_out, make_splits, time_blocks

#: (train, bad, weight, test) of raw columns → importance of each on the test rows
Importance = Callable[[pd.DataFrame, np.ndarray, np.ndarray, pd.DataFrame], Mapping[str, float]]
STEPWISE = (None, "forward", "backward", "both")
CRITERIA = ("aic", "bic")
PATH = ("step", "rule", "feature", "action", "statistic", "limit", "other", "reason_zh", "reason_en")
#: penalties of the L1 path, as shares of the smallest one that holds every slope at 0
PENALTIES = tuple(np.geomspace(0.6, 0.03, 6).tolist())


@dataclass(frozen=True, kw_only=True)
class Select:
    """What is wanted of the features of a card. None leaves a rule out.

    Parameters
    ----------
    max_missing : largest share of missing values.
    min_iv_lo : the lower limit of the IV's interval (`BinTable.iv_lo`) must reach this.
    min_held_out_iv : the IV on held-out rows must reach this: villages that the bins never saw, later periods.
    max_psi : PSI of the shares of the bins between the first block of time and any later one, less what chance adds:
        (bins - 1) · (1/n₁ + 1/n₂).
    direction : a feature whose bad rate moves against the direction declared in the dictionary leaves.
    cluster_correlation : features whose WOE correlate more than this, by average linkage, form a cluster, of which the
        one with the highest (held-out, where known) IV stays.
    max_vif : the feature with the largest variance inflation factor leaves until all are below.
    stability : share of half-samples (whole villages) in which the L1 path must pick a feature (N. Meinshausen and
        P. Bühlmann, J. R. Stat. Soc. B 72, 2010; complementary pairs: R. Shah and R. Samworth, ibid. 75, 2013).
    draws : half-samples of `stability`.
    stepwise : 'forward', 'backward' or 'both', by likelihood on held-out WOE.
    criterion : 'aic' or 'bic': what twice the gain in log-likelihood must exceed.
    eliminate : recursive elimination by mean absolute SHAP value (closed form for an additive card): the fewest
        features whose held-out AUC is within one standard error of the best.
    importance : what `eliminate` goes by instead: importance(train, bad, weight, test) of raw columns gives a mapping
        or Series {feature: importance on the test rows}, such as a booster's mean absolute SHAP values
        (`creditlab.study.booster_importance`). It is called anew for every split and every set of features, so that no
        held-out row is seen; a cross counts as its two columns. It is not written to files: what it did is in the path.
    force_in, force_out : features that no rule of selection removes, or that leave at once. A forced feature may still
        be clamped at 0 by its sign.
    folds, seed : of the splits.

    >>> Select(stepwise="forward", force_in=("income",)).criterion
    'aic'
    """

    max_missing: float | None = None
    min_iv_lo: float | None = None
    min_held_out_iv: float | None = None
    max_psi: float | None = None
    direction: bool = True
    cluster_correlation: float | None = None
    max_vif: float | None = None
    stability: float | None = None
    draws: int = 30
    stepwise: str | None = None
    criterion: str = "aic"
    eliminate: bool = False
    importance: Importance | None = None
    force_in: tuple[str, ...] = ()
    force_out: tuple[str, ...] = ()
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "force_in", tuple(self.force_in))
        object.__setattr__(self, "force_out", tuple(self.force_out))
        check_one_of(self.stepwise, STEPWISE, "Select(stepwise=...)")
        check_one_of(self.criterion, CRITERIA, "Select(criterion=...)")
        for name, low, high in (
            ("max_missing", 0, 1), ("min_iv_lo", 0, np.inf), ("min_held_out_iv", -np.inf, np.inf),
            ("max_psi", 0, np.inf), ("cluster_correlation", 0, 1), ("max_vif", 1, np.inf),
            ("stability", 0, 1), ("folds", 2, 100), ("draws", 2, 10_000),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(
                    message(f"a number from {low:g} to {high:g}", repr(value), f"Select({name}=...)", "Correct it.")
                )
        if self.importance is not None and not (callable(self.importance) and self.eliminate):
            raise InputError(
                message("a function beside eliminate=True", repr(self.importance), "Select(importance=...)",
                        "See the docstring.")
            )  # fmt: skip
        both = sorted(set(self.force_in) & set(self.force_out))
        if both:
            raise InputError(message("features forced in or out", f"{some(both)} in both", "Select", "Name them once."))

    def to_dict(self) -> dict[str, Any]:
        """The rules as JSON types."""
        found = asdict(replace(self, importance=None))
        found.pop("importance")
        return dict(plain(found))


@dataclass(eq=False)
class Path:
    """Who left or entered, in order."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(
        self, rule: str, feature: str, action: str = "leaves", statistic: float = np.nan, limit: float = np.nan,
        other: str = "",
    ) -> None:  # fmt: skip
        """One step; `rule` is a key of `REASONS`."""
        texts = (text.format(other=other) for text in REASONS[rule])
        self.rows.append((len(self.rows) + 1, rule, feature, action, float(statistic), float(limit), other, *texts))

    def table(self) -> pd.DataFrame:
        """A row per step: `step rule feature action statistic limit other reason_zh reason_en`."""
        frame = pd.DataFrame(self.rows, columns=list(PATH))
        texts = {name: "str" for name in PATH if name not in ("step", "statistic", "limit")}
        return frame.astype({"step": "int64", "statistic": "float64", "limit": "float64"} | texts)


@dataclass(eq=False)
class Evidence:
    """What the rules look at: the rows of the fit, their bins, and the same judged on rows that bins never saw."""

    frame: pd.DataFrame
    target: Target
    bins: BinningResult
    woe: pd.DataFrame
    iv: pd.Series
    binner: Any
    period: np.ndarray | None
    labels: Dictionary
    select: Select
    sign: int

    @cached_property
    def splits(self) -> list[Split]:
        return make_splits(self.binner, self.frame, self.target, self.period, self.select.folds, self.select.seed)

    @cached_property
    def unseen(self) -> tuple[pd.DataFrame, Target]:
        return held_out(self.splits, self.target)

    @cached_property
    def held_out_iv(self) -> pd.Series:
        woe, target = self.unseen
        return pd.Series(information(woe, target.bad, target.weight), index=woe.columns)

    @property
    def judged(self) -> bool:
        """Whether a rule asks for held-out rows."""
        s = self.select
        return s.min_held_out_iv is not None or s.stability is not None or s.stepwise is not None or s.eliminate


def alone(evidence: Evidence, path: Path) -> dict[str, str]:
    """Feature → the rule by which it leaves when looked at alone."""
    select, left = evidence.select, dict[str, str]()
    unknown = [n for n in (*select.force_in, *select.force_out) if n not in evidence.bins]
    if unknown:
        raise ColumnError(
            message("names of columns", some(unknown), "Select(force_in, force_out)", "Check the spelling.")
        )
    for name in evidence.bins:
        if name in select.force_in:
            path.add("forced_in", name, "stays")
            continue
        found = "forced_out" if name in select.force_out else _first_broken(evidence, name, path)
        if found == "forced_out":
            path.add(found, name)
        if found:
            left[name] = found
    return left


def _first_broken(evidence: Evidence, name: str, path: Path) -> str:
    """The first rule about one feature that it breaks, or ''."""
    select, table = evidence.select, evidence.bins[name]
    void = float(evidence.frame[name].isna().mean()) if name in evidence.frame else 0.0
    checks = [
        ("missing", select.max_missing, lambda: void, 1),
        ("direction", 0.0 if select.direction else None, lambda: _against(evidence, name), 1),
        ("iv_lo", select.min_iv_lo, lambda: table.iv_lo, -1),
        ("psi", select.max_psi, lambda: _psi(evidence, name), 1),
        ("held_out_iv", select.min_held_out_iv, lambda: float(evidence.held_out_iv[name]), -1),
    ]  # fmt: skip
    for rule, limit, statistic, side in checks:
        if limit is None:
            continue
        value = statistic()
        if (value - limit) * side > 0:
            path.add(rule, name, "leaves", value, limit)
            return rule
    return ""


def _against(evidence: Evidence, name: str) -> float:
    """Correlation of bin order and bad rate in the direction that was not declared; 0 where nothing was declared."""
    declared = evidence.labels[name].direction if name in evidence.labels else 0
    spec, table = evidence.bins[name].spec, evidence.bins[name].table
    if not declared or evidence.bins[name].kind != "numeric" or spec.regular < 2:
        return 0.0
    part = table.iloc[: spec.regular]
    n, rate = part["n"].to_numpy(dtype=float), part["bad_rate"].to_numpy(dtype=float)
    used = n > 0
    if used.sum() < 2:
        return 0.0
    place = np.arange(spec.regular)[used]
    cov = np.cov(np.vstack([place, rate[used]]), aweights=n[used], bias=True)
    spread = np.sqrt(cov[0, 0] * cov[1, 1])
    return float(-declared * cov[0, 1] / spread) if spread > 0 else 0.0


def _psi(evidence: Evidence, name: str) -> float:
    """The largest PSI of a later block of time against the first, less what chance adds."""
    if evidence.period is None:
        raise InputError(message("the period of each row", "none", "Select(max_psi=...)", "Give fit(..., period=...)."))
    table = evidence.bins[name]
    codes, block = table.codes(table.values_in(evidence.frame)), time_blocks(evidence.period)
    counts = np.zeros((block.max() + 1, codes.max() + 1))
    np.add.at(counts, (block, codes), evidence.target.weight)
    counts = counts[:, counts.sum(axis=0) > 0]
    n = counts.sum(axis=1)
    # half a row in every bin, so that an empty one costs much and not infinitely much
    shares = (counts + 0.5) / (n + 0.5 * counts.shape[1])[:, None]
    psi = ((shares[1:] - shares[0]) * np.log(shares[1:] / shares[0])).sum(axis=1)
    return float((psi - (counts.shape[1] - 1) * (1 / n[0] + 1 / n[1:])).max())


def together(evidence: Evidence, kept: list[str], path: Path) -> dict[str, str]:
    """Feature → the rule by which it leaves beside the others; the rules in the order of `Select`."""
    select, left = evidence.select, dict[str, str]()
    rules = (
        ("cluster", select.cluster_correlation is not None, _clusters),
        ("vif", select.max_vif is not None, _inflation),
        ("unstable", select.stability is not None, _stability),
        ("stepwise", select.stepwise is not None, _stepwise),
        ("eliminated", select.eliminate, _eliminate),
    )
    for rule, wanted, apply in rules:
        names = [name for name in kept if name not in left]
        if wanted and len(names) > 1:
            left |= dict.fromkeys(apply(evidence, names, path), rule)
    return left


def _clusters(evidence: Evidence, names: list[str], path: Path) -> list[str]:
    limit = float(evidence.select.cluster_correlation or 0)
    distance = np.clip(1 - np.abs(_correlation(evidence, names)), 0, None)
    np.fill_diagonal(distance, 0.0)
    number = fcluster(linkage(squareform(distance, checks=False), "average"), 1 - limit, criterion="distance")
    iv = evidence.held_out_iv if evidence.judged else evidence.iv
    left = []
    for k in np.unique(number):
        members = [name for name, c in zip(names, number, strict=True) if c == k]
        best = max(members, key=lambda name: (name in evidence.select.force_in, iv[name]))
        for name in members:
            if name != best and name not in evidence.select.force_in:
                place = names.index(name), names.index(best)
                path.add("cluster", name, "leaves", 1 - distance[place], limit, best)
                left.append(name)
    return left


def _correlation(evidence: Evidence, names: list[str]) -> np.ndarray:
    values = evidence.woe[names].to_numpy(dtype=float)
    cov = np.cov(values, rowvar=False, aweights=evidence.target.weight)
    spread = np.sqrt(np.diag(cov))
    spread[spread == 0] = 1.0
    return cov / np.outer(spread, spread)


def _inflation(evidence: Evidence, names: list[str], path: Path) -> list[str]:
    limit, left = float(evidence.select.max_vif or 1), list[str]()
    now = list(names)
    while len(now) > 1:
        correlation = _correlation(evidence, now)
        # a trace on the diagonal makes the factor of a repeated column huge instead of undefined
        vif = np.diag(np.linalg.inv(correlation + 1e-10 * np.eye(len(now))))
        may = [j for j in range(len(now)) if now[j] not in evidence.select.force_in]
        worst = max(may, key=lambda j: vif[j], default=None)
        if worst is None or vif[worst] <= limit:
            return left
        path.add("vif", now[worst], "leaves", vif[worst], limit)
        left.append(now.pop(worst))
    return left


def _design(evidence: Evidence, names: list[str]) -> tuple[np.ndarray, Target]:
    woe, target = evidence.unseen
    return woe[names].to_numpy(dtype=float), target


def _stability(evidence: Evidence, names: list[str], path: Path) -> list[str]:
    x, target = _design(evidence, names)
    scale = np.sqrt(np.maximum(x.var(axis=0), 1e-12))
    rng = np.random.default_rng(evidence.select.seed)
    units = np.arange(len(x)) if target.groups is None else np.unique(target.groups, return_inverse=True)[1]
    picked, made = np.zeros((len(PENALTIES), len(names))), 0
    for _ in range(evidence.select.draws // 2):
        half = rng.permutation(np.arange(units.max() + 1) % 2).astype(bool)[units]
        for rows in (np.flatnonzero(half), np.flatnonzero(~half)):
            if len(np.unique(target.bad[rows])) == 2:
                picked += _l1_path(x[rows] / scale, target.bad[rows], target.weight[rows], evidence.sign)
                made += 1
    share, limit = picked.max(axis=0) / max(made, 1), float(evidence.select.stability or 0)
    return _leaving("unstable", names, share, limit, evidence.select.force_in, path)


def _l1_path(x: np.ndarray, bad: np.ndarray, weight: np.ndarray, sign: int) -> np.ndarray:
    """1 where a penalty of the path lets a column in."""
    mean = weight @ bad / weight.sum()
    top = float(np.abs((weight * (bad - mean)) @ x).max())
    start, picked = None, np.zeros((len(PENALTIES), x.shape[1]))
    for k, share in enumerate(PENALTIES):
        # a trace of ridge keeps the path finite where half a sample is separated
        fit = fit_logistic(x, bad, weight, sign=sign, lasso=share * top, ridge=1e-3, start=start)
        picked[k], start = fit.coef[1:] != 0, fit.coef
    return picked


def _leaving(
    rule: str, names: list[str], value: np.ndarray, limit: float, forced: Collection[str], path: Path
) -> list[str]:
    left = []
    for name, found in zip(names, value.tolist(), strict=True):
        if found < limit and name not in forced:
            path.add(rule, name, "leaves", found, limit)
            left.append(name)
    return left


def _stepwise(evidence: Evidence, names: list[str], path: Path) -> list[str]:
    """Features enter and leave by the gain in log-likelihood on rows that the bins never saw."""
    x, target = _design(evidence, names)
    select, forced = evidence.select, set(evidence.select.force_in)
    price = 2.0 if select.criterion == "aic" else float(np.log(target.weight.sum()))
    inside = [j for j, name in enumerate(names) if select.stepwise == "backward" or name in forced]
    for _ in range(4 * len(names)):
        moved = select.stepwise != "backward" and _enter(x, target, names, inside, price, evidence.sign, path)
        if select.stepwise != "forward" or not moved:
            moved = _remove(x, target, names, inside, price, evidence.sign, forced, path) or moved
        if not moved:
            break
    never = [name for j, name in enumerate(names) if j not in inside]
    out = {row[2] for row in path.rows if row[1] == "stepwise" and row[3] == "leaves"}
    for name in never:
        if name not in out:
            path.add("stepwise", name, "leaves", np.nan, price)
    return never


def _fit_some(x: np.ndarray, target: Target, columns: list[int], sign: int) -> Any:
    return fit_logistic(x[:, columns], target.bad, target.weight, sign=sign, offset=target.offset)


def _enter(
    x: np.ndarray, target: Target, names: list[str], inside: list[int], price: float, sign: int, path: Path
) -> bool:
    """Let in the column with the largest score statistic, if its likelihood ratio is worth its price."""
    outside = [j for j in range(x.shape[1]) if j not in inside]
    if not outside:
        return False
    fit = _fit_some(x, target, inside, sign)
    base = np.column_stack([np.ones(len(x)), x[:, inside]])
    eta = base @ fit.coef + (0.0 if target.offset is None else target.offset)
    prob = 1 / (1 + np.exp(-eta))
    w = target.weight * prob * (1 - prob)
    score = (target.weight * (target.bad - prob)) @ x[:, outside]
    cross = base.T @ (w[:, None] * x[:, outside])
    spread = (w @ x[:, outside] ** 2) - (
        cross * np.linalg.lstsq(base.T @ (base * w[:, None]), cross, rcond=1e-12)[0]
    ).sum(0)
    allowed = (score * sign > 0) if sign else np.ones(len(outside), dtype=bool)
    gain = np.where(
        allowed & (spread > 1e-9 * (w @ x[:, outside] ** 2 + 1e-12)), score**2 / np.maximum(spread, 1e-12), 0.0
    )
    best = outside[int(np.argmax(gain))]
    if gain.max() <= 0:
        return False
    ratio = 2 * (_fit_some(x, target, [*inside, best], sign).log_likelihood - fit.log_likelihood)
    if ratio <= price:
        return False
    inside.append(best)
    path.add("stepwise_in", names[best], "enters", ratio, price)
    return True


def _remove(
    x: np.ndarray, target: Target, names: list[str], inside: list[int], price: float, sign: int, forced: set[str],
    path: Path,
) -> bool:  # fmt: skip
    """Let out the column whose likelihood ratio is smallest, if it is not worth its price."""
    may = [j for j in inside if names[j] not in forced]
    if not may:
        return False
    full = _fit_some(x, target, inside, sign).log_likelihood
    ratio = {j: 2 * (full - _fit_some(x, target, [i for i in inside if i != j], sign).log_likelihood) for j in may}
    worst = min(may, key=lambda j: ratio[j])
    if ratio[worst] > price:
        return False
    inside.remove(worst)
    path.add("stepwise", names[worst], "leaves", ratio[worst], price)
    return True


def _eliminate(evidence: Evidence, names: list[str], path: Path) -> list[str]:
    """Recursive elimination by SHAP value: the fewest features within one standard error of the best held-out AUC."""
    from sklearn.metrics import roc_auc_score

    target, splits = evidence.target, evidence.splits
    now, history = list(names), []
    while True:
        shap, auc = np.zeros(len(now)), []
        for s in splits:
            train, test = s.woe_train[now].to_numpy(dtype=float), s.woe_test[now].to_numpy(dtype=float)
            offset = None if target.offset is None else target.offset[s.train]
            fit = fit_logistic(train, target.bad[s.train], target.weight[s.train], sign=evidence.sign, offset=offset)
            shap += _importance(evidence, s, now, fit.coef[1:], train, test) / len(splits)
            auc.append(roc_auc_score(target.bad[s.test], test @ fit.coef[1:], sample_weight=target.weight[s.test]))
        history.append((list(now), float(np.mean(auc)), float(np.std(auc) / np.sqrt(len(auc))), shap))
        may = [j for j in range(len(now)) if now[j] not in evidence.select.force_in]
        if not may or len(now) == 1:
            break
        now.pop(min(may, key=lambda j: shap[j]))
    best = max(history, key=lambda h: h[1])
    chosen = min((h for h in history if h[1] >= best[1] - best[2]), key=lambda h: len(h[0]))
    for k, (step, following) in enumerate(zip(history, history[1:], strict=False)):
        gone = next(iter(set(step[0]) - set(following[0])))
        if gone not in chosen[0]:
            path.add("eliminated", gone, "leaves", history[k][3][step[0].index(gone)])
    return [name for name in names if name not in chosen[0]]


def _importance(
    evidence: Evidence, split: Split, names: list[str], coef: np.ndarray, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Mean absolute SHAP value of each feature on the held-out rows of a split: the card's, or what is given."""
    measure, target = evidence.select.importance, evidence.target
    if measure is None:
        return np.abs(coef * (test - train.mean(axis=0))).mean(axis=0)
    raw = [n for n in evidence.frame.columns if any(n == name or n in name.split(" × ") for name in names)]
    frame = evidence.frame[raw]
    parts = frame.iloc[split.train], frame.iloc[split.test]
    given = measure(parts[0], target.bad[split.train], target.weight[split.train], parts[1])
    found = [sum(float(given.get(part, np.nan)) for part in ([n] if n in raw else n.split(" × "))) for n in names]
    if not np.isfinite(found).all():
        lost = [name for name, value in zip(names, found, strict=True) if not np.isfinite(value)]
        raise InputError(
            message("a finite importance of every feature", f"none for {some(lost)}", "Select(importance=...)",
                    "Return {feature: importance}.")
        )  # fmt: skip
    return np.array(found)
