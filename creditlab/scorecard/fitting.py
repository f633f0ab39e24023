"""From the WOE frame of the selected features to the model: coefficients, inference, the table of terms, the facts.

It joins the arrays of `logistic` to the names of the features. Inference is conditional on the selection and on the
bins, which were found on the same rows: p-values are a description, not proof (see `result_.summary()`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import norm

from creditlab.binning import BinningResult
from creditlab.binning.binner import coded_out_of_fold
from creditlab.errors import FitError
from creditlab.estimators import expit
from creditlab.results import NotEstimable
from creditlab.scorecard.inference import (
    Rows,
    firth_limits,
    firth_tests,
    fit_firth,
    likelihood_ratio,
    profile_limits,
)
from creditlab.scorecard.joint import Bins, Effects, Line, fit_effects
from creditlab.scorecard.logistic import LogisticFit, covariance, fit_logistic
from creditlab.scorecard.points import add_points, check_points, rounded
from creditlab.scorecard.result import INTERCEPT, ScorecardResult
from creditlab.scorecard.rounding import round_sums, rounding_facts
from creditlab.scorecard.selection import used_bins

CLAMPED = NotEstimable("clamped at 0: the data pull it against its own bad rate, so it has no Wald interval")
SHRUNK = NotEstimable("shrunk to 0 by the absolute penalty, so it has no Wald interval")
PENALISED = NotEstimable("fitted with a penalty, so it has no interval from the likelihood")
SEPARATED = NotEstimable("the features separate goods from bads: fitted with a normal prior, no likelihood interval")
#: how intervals and tests are made; 'auto' takes 'firth' where bads are few, else 'wald'
INFERENCES = ("auto", "wald", "profile", "firth")
#: fewer bads (or goods) per coefficient than this, and a normal approximation is not to be trusted (G. Heinze,
#: M. Schemper, Statistics in Medicine 21, 2002; M. van Smeden et al., BMC Medical Research Methodology 16, 2016)
FEW_BADS = 20.0
#: fewer bads (or goods) per feature than this, and 'auto' shrinks the slopes: from there on shrinking no longer helped
#: held-out rows, on real and simulated tables of 500 to 20,000 rows. On shrinking for prediction where events are few:
#: S. le Cessie, J. van Houwelingen, Applied Statistics 41 (1992) 191-201; R. Riley et al., Statistics in Medicine 38
#: (2019) 1276-1296
THIN = 50.0
#: the ridge that 'auto' takes: slopes of WOE are about 1 alone and less beside others, as if drawn from N(0, ½²)
RIDGE = 4.0
#: decimals of the log-odds that a bin adds, so that bins of equal worth are equal to the bit
DIGITS = 10
#: rows × coefficients² up to which 'auto' affords likelihoods beyond Wald (some tenths of a second)
AFFORDABLE = 2e6


@dataclass(frozen=True)
class Regression:
    """How the coefficients are found: signs, penalties, which features leave for weakness, which inference.

    `ridge` is a number or 'auto'; `chosen` says that 'auto' chose one above 0. `bin_sd` above 0 gives bins effects of
    their own (see `joint`); a feature whose bins then differ by less than `min_effect` in log-odds leaves.
    """

    sign: int = -1
    ridge: Any = 0.0
    lasso: float = 0.0
    min_z: float = 0.0
    inference: str = "auto"
    chosen: bool = False
    bin_sd: float = 0.0
    min_effect: float = 0.0

    @property
    def joint(self) -> bool:
        """Whether bins have effects of their own."""
        return self.bin_sd > 0 and self.lasso == 0

    def settled(self, events: float, features: int) -> Regression:
        """With a number for the ridge.

        >>> Regression(ridge="auto").settled(events=90, features=3).ridge, Regression(ridge=7).settled(1, 1).ridge
        (4.0, 7)
        """
        if self.ridge != "auto":
            return self
        thin = self.lasso == 0 and events < THIN * features
        return replace(self, ridge=RIDGE if thin else 0.0, chosen=thin)

    def plain(self) -> Regression:
        """The same without a ridge that 'auto' chose: what the data alone say, for inference."""
        return replace(self, ridge=0.0, chosen=False) if self.chosen else self


@dataclass(frozen=True)
class Target:
    """The outcome side of the rows that a model is fitted on."""

    bad: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None = None
    offset: np.ndarray | None = None

    @property
    def events(self) -> float:
        """Weight of the rarer class."""
        return float(min(self.weight @ self.bad, self.weight @ (1 - self.bad)))


@dataclass(frozen=True)
class Model:
    """A logistic fit with names and with the rows it was fitted on in summary.

    `limits` are 95 % bounds, `tests` likelihood ratios with p-values; NaN where they do not exist. `interval` names how
    the limits were made. `plain` is the fit that inference is about: the same, or where 'auto' chose a ridge the one
    without it.
    """

    features: tuple[str, ...]
    fit: LogisticFit
    plain: LogisticFit
    covariance: np.ndarray
    limits: np.ndarray
    tests: np.ndarray
    interval: str
    n: float
    bads: float
    auc: float
    groups: int
    null: float
    asked_ridge: float

    @property
    def terms(self) -> list[str]:
        return [INTERCEPT, *self.features]

    @property
    def coef(self) -> dict[str, float]:
        return dict(zip(self.features, self.fit.coef[1:].tolist(), strict=True))

    @property
    def clamped(self) -> set[str]:
        return {name for name, held in zip(self.features, self.fit.clamped[1:], strict=True) if held}

    @property
    def shrunk(self) -> set[str]:
        return {name for name, held in zip(self.features, self.fit.shrunk[1:], strict=True) if held}


def fit_model(woe: pd.DataFrame, target: Target, how: Regression) -> Model:
    """The regression of bad on WOE with its inference. Without a feature it is the intercept alone."""
    from sklearn.metrics import roc_auc_score

    bad, weight = target.bad, target.weight
    design = woe.to_numpy(dtype=float).reshape(len(bad), -1)
    fit = regress(design, target, how)
    log_odds = fit.coef[0] + design @ fit.coef[1:]
    plain = regress(design, target, how.plain()) if how.chosen else fit
    cov = covariance(design, bad, plain, weight, target.groups, target.offset)
    interval, limits, tests = _inference(design, target, plain, cov, how.plain())
    return Model(
        features=tuple(woe.columns),
        fit=fit,
        plain=plain,
        covariance=cov,
        limits=limits,
        tests=tests,
        interval=interval,
        n=float(weight.sum()),
        bads=float(weight @ bad),
        auc=float(roc_auc_score(bad, log_odds, sample_weight=weight)),
        groups=0 if target.groups is None else len(np.unique(target.groups)),
        null=regress(design[:, :0], target, how).log_likelihood,
        asked_ridge=how.plain().ridge,
    )


def regress(design: np.ndarray, target: Target, how: Regression) -> LogisticFit:
    """The logistic regression of a target on the columns of a design, by these settings."""
    options = {"sign": how.sign, "ridge": how.ridge, "lasso": how.lasso, "offset": target.offset}
    return fit_logistic(design, target.bad, target.weight, **options)


def _inference(
    design: np.ndarray, target: Target, fit: LogisticFit, cov: np.ndarray, how: Regression
) -> tuple[str, np.ndarray, np.ndarray]:
    """Which interval, its 95 % limits, and likelihood ratios with p-values."""
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(cov))
    half = ndtri(0.975) * se
    wald, none = np.column_stack([fit.coef - half, fit.coef + half]), np.full((len(fit.coef), 2), np.nan)
    free = np.flatnonzero(~fit.held)
    affordable = len(target.bad) * len(free) ** 2 <= AFFORDABLE
    if how.ridge or how.lasso or len(free) < 2 or how.inference == "wald":
        return "wald", wald, none
    few = target.events < FEW_BADS * len(free)
    rows = Rows.of(design, target.bad, target.weight, target.offset)
    if how.inference == "firth" or (how.inference == "auto" and affordable and (few or fit.ridge > 0)):
        try:
            return "firth", *_firth(rows.only(free), free, none)
        except FitError:  # columns that repeat each other have no such limits: what was asked for stops, 'auto' goes on
            if how.inference == "firth":
                raise
    if fit.penalised:
        return "wald", wald, none
    tests = likelihood_ratio(rows, fit) if affordable or how.inference == "profile" else none
    return ("profile", profile_limits(rows, fit, se), tests) if how.inference == "profile" else ("wald", wald, tests)


def _firth(rows: Rows, free: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits and tests of the free coefficients by the penalised likelihood."""
    firth, limits, tests = fit_firth(rows), none.copy(), none.copy()
    limits[free], tests[free] = firth_limits(rows, firth), firth_tests(rows, firth)
    return limits, tests


@dataclass(frozen=True)
class CardFit:
    """A model, what each bin adds beside its line and its standard error, and reason → the features that left."""

    model: Model
    shifts: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray]
    left: Mapping[str, list[str]]


def fit_card(
    woe: pd.DataFrame, bins: BinningResult, codes: Mapping[str, np.ndarray], target: Target, how: Regression,
    forced: Collection[str] = (),
) -> CardFit:  # fmt: skip
    """The regression without the features that are not worth their place, and the effects of its bins; forced stay.

    `codes` : feature → the bin of each row. A feature whose line is clamped at 0 stays where single bins of it tell
    more beside the others, in the order of its bad rates.
    """
    how = how.settled(target.events, woe.shape[1])
    names, weak = without_weak(woe, target, how, forced)
    first = regress(woe[names].to_numpy(dtype=float), target, how)
    held = {name for name, still in zip(names, first.held[1:], strict=True) if still}
    kept, fit = names, first
    while True:
        level, effects, errors = _effects(woe[kept], bins, codes, target, how, fit)
        slight = _slight(effects, codes, how.min_effect, forced)
        if not slight:
            break
        kept = [name for name in kept if name not in slight]
        fit = regress(woe[kept].to_numpy(dtype=float), target, how)
    model = _with_held(woe[[n for n in names if n in held or n in kept]], target, how, held - set(kept))
    left = {
        "weak": weak,
        "slight": [n for n in names if n not in kept and n not in model.features],
        "sign": [n for n in model.features if n not in kept and n in model.clamped],
        "shrunk": [n for n in model.features if n not in kept and n in model.shrunk],
    }
    if not how.joint or not kept:
        return CardFit(model, {}, {}, left)
    each = (level - model.fit.coef[0]) / len(kept)
    shifts = {n: np.round(values + each, DIGITS) - model.coef[n] * bins[n].woe for n, values in effects.items()}
    return CardFit(model, shifts, errors, left)


def _with_held(woe: pd.DataFrame, target: Target, how: Regression, outside: Collection[str]) -> Model:
    """The regression that shows the features `outside` the card held at 0; without those that it does not hold."""
    while True:
        model = fit_model(woe, target, how)
        loose = [name for name in outside if model.coef.get(name, 0.0) != 0]
        if not loose:
            return model
        woe = woe.drop(columns=loose)


def _effects(
    woe: pd.DataFrame, bins: BinningResult, codes: Mapping[str, np.ndarray], target: Target, how: Regression,
    fit: LogisticFit,
) -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:  # fmt: skip
    """The intercept, what each bin adds and its error; on the lines of `fit` where bins have no effects of their own.
    """
    names = list(woe.columns)
    if not how.joint or not names:
        return fit.coef[0], {n: beta * bins[n].woe for n, beta in zip(names, fit.coef[1:], strict=True)}, {}
    features = [
        Line(woe[n].to_numpy(dtype=float), bins[n].woe) if coded_out_of_fold(bins[n]) else Bins(codes[n], bins[n].woe)
        for n in names
    ]
    found = joint_effects(features, target, how, fit.ridge)
    values, errors = (dict(zip(names, each, strict=True)) for each in (found.values, found.errors))
    return found.intercept, values, errors


def joint_effects(features: Sequence[Bins | Line], target: Target, how: Regression, ridge: float) -> Effects:
    """What each bin adds beside the other features, by the settings of a regression."""
    return fit_effects(
        features, target.bad, target.weight, spread=how.bin_sd, ridge=ridge, ordered=how.sign != 0,
        offset=target.offset,
    )  # fmt: skip


def _slight(
    effects: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray], least: float, forced: Collection[str]
) -> list[str]:
    """Features whose bins with rows do not differ, or by less than `least` where others differ by more."""
    width = {name: float(np.ptp(values[np.unique(codes[name])])) for name, values in effects.items()}
    widest = max(width, key=lambda name: width[name], default="")
    stays = {widest, *forced}
    return [name for name, value in width.items() if value <= 1e-9 or (value < least and name not in stays)]


def without_weak(
    woe: pd.DataFrame, target: Target, how: Regression, forced: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """The features that stay and those that left because their |z| stays below `min_z`; forced ones stay.

    One coefficient per feature, model-based z; with a penalty none leaves, for it holds weak ones down. A refit after
    each round lets the others take up what they gave.
    """
    names, weak = list(woe.columns), list[str]()
    while len(names) > 1 and how.min_z > 0 and not how.ridge and not how.lasso:
        design = woe[names].to_numpy(dtype=float)
        fit = regress(design, target, how)
        leave = weak_features(design, target, fit, how.min_z)
        gone = [] if fit.penalised else [names[j] for j in leave if names[j] not in forced]
        if not gone:
            break
        weak += gone
        names = [name for name in names if name not in gone]
    return names, weak


def weak_features(design: np.ndarray, target: Target, fit: LogisticFit, min_z: float) -> list[int]:
    """Columns that leave one by one, the weakest first, until every other |z| reaches `min_z`; clamped ones stay.

    After each step coefficients and covariance are updated in closed form instead of by a refit (J. Lawless and
    K. Singhal, Biometrics 34 (1978) 318-327). A column that others determine has no z of its own and leaves first.
    """
    free = np.flatnonzero(~fit.held)
    x = np.column_stack([np.ones(len(design)), design])[:, free]
    p = expit(x @ fit.coef[free] + (0.0 if target.offset is None else target.offset))
    information = x.T @ (x * (target.weight * p * (1 - p))[:, None])
    # a trace of the scale makes the variance of a dependent column huge instead of undefined
    information[np.diag_indices_from(information)] *= 1 + 1e-9
    cov, coef = np.linalg.inv(information), fit.coef[free].copy()
    left, gone = list(range(1, len(free))), list[int]()
    while len(left) > 1:
        z = np.abs(coef[left]) / np.sqrt(np.diag(cov)[left])
        j = left[int(np.argmin(z))]
        if z.min() >= min_z:
            break
        gone.append(int(free[j]) - 1)
        left.remove(j)
        coef = coef - cov[:, j] * (coef[j] / cov[j, j])
        cov = cov - np.outer(cov[:, j], cov[j]) / cov[j, j]
    return gone


def make_table(model: Model, bins: BinningResult) -> pd.DataFrame:
    """A row per term: `feature coef unshrunk se z p_value lo hi interval lr lr_p iv bins mean_woe reason`.

    `unshrunk` is the coefficient without a ridge that 'auto' chose; standard error, z, limits and tests are about it.
    """
    coef, plain = model.fit.coef, model.plain
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(model.covariance))
    z = plain.coef / se
    asked = SEPARATED if model.asked_ridge == 0 and model.fit.lasso == 0 else PENALISED
    reason = np.full(len(coef), asked.reason if plain.penalised else "", dtype=object)
    reason[plain.shrunk], reason[plain.clamped | model.fit.clamped] = SHRUNK.reason, CLAMPED.reason
    given = np.isfinite(model.limits).any(axis=1)
    return pd.DataFrame(
        {
            "feature": pd.Series(model.terms, dtype="str"),
            "coef": coef,
            "unshrunk": plain.coef,
            "se": se,
            "z": z,
            "p_value": 2 * norm.sf(np.abs(z)),
            "lo": model.limits[:, 0],
            "hi": model.limits[:, 1],
            "interval": pd.Series(np.where(given, model.interval, ""), dtype="str"),
            "lr": model.tests[:, 0],
            "lr_p": model.tests[:, 1],
            "iv": [np.nan, *(bins[name].iv for name in model.features)],
            "bins": [0, *(used_bins(bins[name]) for name in model.features)],
            "mean_woe": [np.nan, *(mean_woe(bins, name) for name in model.features)],
            "reason": pd.Series(reason, dtype="str"),
        }
    )


def mean_woe(bins: BinningResult, name: str) -> float:
    """The weighted mean of WOE over the training rows, from the bin table alone."""
    table = bins[name].table
    return float(table["share"].to_numpy() @ table["woe"].to_numpy())


def model_facts(model: Model, columns: int) -> dict[str, Any]:
    """What `glance` shows."""
    scored = len(model.features) - int(model.fit.held.sum())
    rate = model.bads / model.n
    free = scored + 1
    return {
        "n": model.n,
        "bads": model.bads,
        "bad_rate": rate,
        "columns": columns,
        "features": scored,
        "clamped": len(model.clamped),
        "auc_train": model.auc,
        "log_likelihood": model.fit.log_likelihood,
        "log_likelihood_null": model.null,
        "aic": 2 * free - 2 * model.fit.log_likelihood,
        "bic": float(free * np.log(model.n) - 2 * model.fit.log_likelihood),
        "inference": model.interval,
        "covariance": "by group" if model.groups else "model",
        "groups": model.groups,
        "ridge": model.fit.ridge,
        "ridge_chosen": model.fit is not model.plain,
        "lasso": model.fit.lasso,
    }


def check_exact(result: ScorecardResult, frame: pd.DataFrame, target: Target, rounding: str) -> ScorecardResult:
    """The result with its whole points, the measured gap between points and log-odds, and the cost of rounding.

    Raises
    ------
    FitError : when unrounded points summed differ from the affine map of the log-odds by more than 1e-9.
    """
    codes, n = result.codes(frame), len(frame)
    exact = add_points(*result.exact_points(), codes, n)
    gap = check_points(result.scale, exact, result.log_odds(codes, n))
    result = replace(result, moves=rounding_moves(result, codes, n) if rounding == "sum" else {})
    whole = add_points(*result.integer_points(), codes, n)
    facts = {"points_gap": gap} | rounding_facts(exact, whole, target.bad, target.weight)
    return replace(result, facts=dict(result.facts) | facts)


def rounding_moves(result: ScorecardResult, codes: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """How far each bin's whole points are from the nearest ones, so that sums stay close; the base too."""
    once, exact = result.exact_points()
    base, whole = round_sums(once, exact, codes, n)
    near, nearest = rounded(once, exact)
    moves = {name: whole[name] - nearest[name] for name in exact}
    return {INTERCEPT: np.array([base - near])} | moves
