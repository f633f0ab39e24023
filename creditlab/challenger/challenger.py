"""The challenger: a gradient-boosted model under the scorecard's contract, on the same point scale.

Use it to see what a one-page card misses, and as the second opinion that a validator asks for. It takes the same raw
frame, speaks in the same points, keeps directions that are declared, and is saved as JSON. It is not
the card of record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning import Binner, BinningResult
from creditlab.binning.settings import special_codes
from creditlab.challenger.boosting import Chosen, Growth, booster_of, grow
from creditlab.challenger.coding import Coding, bin_coding, design_matrix, fit_coding, nearest_bins, owners
from creditlab.challenger.directions import find_directions
from creditlab.challenger.patterns import count_patterns
from creditlab.challenger.recalibration import METHODS, calibration_facts, fit_line
from creditlab.challenger.result import ChallengerResult, importance, raw_scores
from creditlab.challenger.trees import read_trees, walk_directions
from creditlab.checks import check_columns, check_one_of, check_target, check_weights
from creditlab.columns import Dictionary, check_use
from creditlab.errors import InputError, message
from creditlab.estimators import (
    CreditModel,
    concepts_of,
    expit,
    names_of,
    pack_special,
    read_frame,
    read_sample,
    unpack_special,
    unseal,
)
from creditlab.results import Stamp, digest, plain
from creditlab.scaling import Scale

#: setting → (least, most, whole number)
RANGES: Mapping[str, tuple[float, float, bool]] = {
    "seed": (0, 2**31 - 1, True),
    "n_estimators": (1, 100_000, True),
    "learning_rate": (1e-6, 1.0, False),
    "num_leaves": (2, 4096, True),
    "max_depth": (1, 12, True),
    "feature_share": (0.01, 1.0, False),
    "penalty": (0.0, np.inf, False),
    "folds": (2, 100, True),
    "n_jobs": (1, 1024, True),
}


class Challenger(CreditModel):
    """LightGBM on the raw frame: PD, points, importance, JSON.

    Parameters
    ----------
    monotone : 'auto' imposes the declared directions and those that the training rows show clearly; 'declared' only
        the declared ones (and the order of coded text); 'none' no direction at all. Imposed directions are verified on
        the trained trees.
    seed : seed of the folds and of the choice of columns per tree.
    binner : a `Binner`: the columns become the numbers of its bins, as on a card, and crosses become columns; None
        takes the raw columns. Give the card's binner to compare the two on the same bins.
    special : {column: {code: meaning}} or {column: [codes]}, '*' for all number columns, as in `Binner` (with a
        binner: given there).
    directions : {column: +1 riskier, -1 safer, 0 free}; it wins over the dictionary and over the training rows.
    scale : the point scale; None takes `Scale()`.
    n_estimators : most trees; how many are grown is chosen by cross-validation (whole groups held out together).
    learning_rate, num_leaves, max_depth : size of the steps and of the trees. The depth is bounded so that every
        explainer stays exact and fast.
    min_child_weight : rows of average variance that a leaf holds; None takes 1 % of the rows, at least 20, at most 100.
        A text level with fewer rows is read as missing: it cannot fill a leaf, and the order of many thin levels
        would be learned by heart.
    feature_share : share of the columns that each tree may use; of fewer than five columns, all.
    penalty : ridge penalty of the leaf values.
    folds : folds of the choice of the number of trees.
    recalibrate : True lays Platt's line through held-out log-odds over the trees. Without it the line is only
        reported: `result_.facts` has `held_out_slope` (below 1: the trees are too sure) and `held_out_intercept`, and
        mean PD and bad rate with and without weights.
    n_jobs : threads; the trees do not depend on it.
    dictionary : declared columns: labels, directions, and the column policy.

    Attributes
    ----------
    result_ : `ChallengerResult`; beside it scikit-learn's `feature_names_in_`, `n_features_in_`, `classes_`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"收入": rng.normal(size=2000), "crop": rng.choice(["wheat", "maize"], 2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["收入"]))).astype(int)
    >>> boost = Challenger(n_estimators=50).fit(X, y)
    >>> boost.result_.tidy().set_index("feature")["direction"].to_dict()
    {'收入': -1, 'crop': 1}
    """

    kind = "challenger"
    result_: ChallengerResult

    def __init__(
        self,
        monotone: str = "auto",
        seed: int = 0,
        *,
        binner: Binner | None = None,
        special: Mapping[str, Any] | None = None,
        directions: Mapping[str, int] | None = None,
        scale: Scale | None = None,
        n_estimators: int = 1000,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        max_depth: int = 5,
        min_child_weight: float | None = None,
        feature_share: float = 0.7,
        penalty: float = 1.0,
        folds: int = 5,
        recalibrate: bool = False,
        n_jobs: int = 1,
        dictionary: Dictionary | None = None,
    ) -> None:
        self.monotone = monotone
        self.seed = seed
        self.binner = binner
        self.special = special
        self.directions = directions
        self.scale = scale
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.feature_share = feature_share
        self.penalty = penalty
        self.folds = folds
        self.recalibrate = recalibrate
        self.n_jobs = n_jobs
        self.dictionary = dictionary

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Challenger:
        """Code the columns, find directions, choose the number of trees, grow, verify.

        Parameters
        ----------
        X : DataFrame (or 2-D array), n rows of raw columns.
        y : n values of 0 and 1, 1 = bad.
        sample_weight : n weights. groups : n group labels (villages), held out together when trees are counted.

        Raises
        ------
        InputError : for settings or data that cannot be used. PolicyError : for columns a PD model may not see.
        FitError : when the trained trees break an imposed direction.
        """
        self._check_settings()
        frame, bad, weight, codes = read_sample(self, X, y, sample_weight, groups)
        check_use(frame.columns, self.dictionary, purpose="challenger")
        growth = self._growth(weight)
        bins, codings, coded, grown_on = self._codings(frame, bad, weight, codes, growth.min_child_weight)
        design, grown = design_matrix(codings, coded), design_matrix(codings, grown_on)
        declared = self._declared(frame)
        directions = self._directions(codings, grown, bad, weight, declared)
        model, chosen = grow(grown, bad, weight, codes, directions, growth)
        self._wrap(frame, bad, weight, bins, codings, design, declared, directions, model, chosen)
        return self

    def _codings(
        self, frame: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, groups: np.ndarray | None, least: float
    ) -> tuple[BinningResult | None, tuple[Coding, ...], pd.DataFrame, pd.DataFrame]:
        """How each column is read, the columns as they are read (raw, or numbers of bins), and as trees grow on them.

        Groups of many levels were found on these very rows, and promise more of them than of others: trees grow on the
        groups that were found without each row, as a card's coefficients do.
        """
        binner = self._new_binner()
        if binner is None:
            special = special_codes(self.special, frame)
            raw = [fit_coding(frame[n], bad, weight, special[n], least) for n in frame.columns]
            return None, _with_middles(raw, frame, weight), frame, frame
        woe = binner.fit_transform(frame, bad, sample_weight=weight, groups=groups)
        bins = binner.result_
        coded = pd.DataFrame({name: bins[name].codes(bins[name].values_in(frame)) for name in bins}, index=frame.index)
        held_out = {name: nearest_bins(bins[name], coded[name], woe[name]) for name in bins}
        codings = _with_middles([bin_coding(bins[name]) for name in bins], coded, weight)
        return bins, codings, coded, pd.DataFrame(held_out, index=frame.index)

    def _new_binner(self) -> Binner | None:
        from sklearn.base import clone

        return None if self.binner is None else clone(self.binner)

    def _wrap(
        self, frame: pd.DataFrame, bad: np.ndarray, weight: np.ndarray, bins: BinningResult | None,
        codings: tuple[Coding, ...], design: np.ndarray, declared: Mapping[str, int], directions: np.ndarray,
        model: str, chosen: Chosen,
    ) -> None:  # fmt: skip
        """Verify the trees, count the training rows at their leaves, and keep what was found."""
        booster, trees = booster_of(model), read_trees(model)
        walked = walk_directions(trees, directions)
        held = held_out_line(chosen.held_out, bad, weight)
        line = (held["held_out_intercept"], held["held_out_slope"]) if self.recalibrate and held else (0.0, 1.0)
        log_odds = line[0] + line[1] * raw_scores(booster, design, self.n_jobs)
        facts = sample_facts(bad, weight, log_odds) | {"trees": chosen.trees, "log_loss_held_out": chosen.loss} | held
        facts |= {"directions_verified": int((directions != 0).sum()), "leaf_pairs_compared": walked}
        table = importance(codings, booster, directions, set(declared))
        labels = Dictionary() if self.dictionary is None else self.dictionary
        self.classes_ = np.array([0, 1])
        self.result_ = ChallengerResult(
            table=table,
            stamp=Stamp.of([frame, bad, weight], self._spec(), seed=self.seed),
            facts=facts,
            codings=codings,
            model=model,
            scale=Scale() if self.scale is None else self.scale,
            threads=self.n_jobs,
            labels=labels.only([n for n in frame.columns if n in labels]),
            bins=bins,
            background=count_patterns(trees, design, weight),
            recalibrated=line,
            concepts=_concepts(codings, design, weight, table),
        )

    def calibrate(
        self, X: Any, y: Any = None, method: str = "platt", *, target_rate: float | None = None,
        sample_weight: Any = None,
    ) -> Challenger:  # fmt: skip
        """A new challenger whose log-odds are recalibrated on these rows; this one stays as it is.

        Parameters
        ----------
        X, y : rows that it was not fitted on, as a rule. With a `target_rate` no outcomes are needed.
        method : 'intercept' shifts the log-odds so that the mean PD is `target_rate` (None: the bad rate of `y`);
            'platt' takes the line of the log-odds that fits best.

        `result_.calibration` tells what was done, with mean PD and log-loss before and after. Points follow, so that
        the scale's odds hold again.
        """
        frame = read_frame(self, X)
        check_one_of(method, METHODS, "method")
        weight = check_weights(sample_weight, len(frame))
        bad = None if y is None else check_target(y, "y", len(frame), both=method != "intercept").astype(float)
        if bad is None and (method != "intercept" or target_rate is None):
            raise InputError(message("outcomes", "None", "y", "Give y, or method='intercept' with a target_rate."))
        before = self._log_odds(frame)
        shift, slope = fit_line(before, bad, weight, method, target_rate)
        old = self.result_.recalibrated
        line = (shift + slope * old[0], slope * old[1])
        facts = calibration_facts(before, shift + slope * before, bad, weight, method)
        steps = [*self.result_.calibration.get("steps", ()), facts | {"line": list(line)}]
        stamp = replace(self.result_.stamp, spec=digest(self.result_.stamp.spec, list(line)))
        result = replace(self.result_, recalibrated=line, calibration={"steps": steps}, stamp=stamp)
        fresh = type(self)(**self.get_params(deep=False))
        return fresh._restore(names_of(self), hasattr(self, "feature_names_in_"), result)

    def _check_settings(self) -> None:
        check_one_of(self.monotone, ("auto", "declared", "none"), "monotone")
        for name, (low, high, whole) in RANGES.items():
            _check_number(name, getattr(self, name), low, high, whole)
        if self.min_child_weight is not None:
            _check_number("min_child_weight", self.min_child_weight, 0.0, np.inf, False)
        if not isinstance(self.recalibrate, bool):
            raise InputError(
                message("True or False", repr(self.recalibrate), "Challenger(recalibrate=...)", "Say which.")
            )
        if self.binner is not None and self.special is not None:
            raise InputError(
                message(
                    "special codes once", "a binner and special=", "Challenger(special=...)", "Give them to the Binner."
                )
            )
        for name, kind in (("scale", Scale), ("dictionary", Dictionary), ("binner", Binner)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InputError(
                    message(f"a {kind.__name__}", type(value).__name__, f"Challenger({name}=...)", "See the docstring.")
                )

    def _declared(self, frame: pd.DataFrame) -> dict[str, int]:
        """Declared directions by column; those of the dictionary count where they are not 0."""
        given = dict(self.directions or {})
        check_columns(frame, given, "directions")
        for name, value in given.items():
            check_one_of(value, (-1, 0, 1), f"directions of column '{name}'")
        dictionary = self.dictionary or Dictionary()
        known = {n: dictionary[n].direction for n in frame.columns if n in dictionary and dictionary[n].direction}
        return known | given

    def _directions(
        self, codings: tuple[Coding, ...], design: np.ndarray, bad: np.ndarray, weight: np.ndarray,
        declared: Mapping[str, int],
    ) -> np.ndarray:  # fmt: skip
        if self.monotone == "none":
            return np.zeros(design.shape[1], dtype=np.int64)
        free = dict.fromkeys((c.name for c in codings), 0) if self.monotone == "declared" else {}
        return find_directions(codings, design, bad, weight, free | dict(declared))

    def _growth(self, weight: np.ndarray) -> Growth:
        least = self.min_child_weight
        return Growth(
            n_estimators=self.n_estimators,
            learning_rate=self.learning_rate,
            num_leaves=self.num_leaves,
            max_depth=self.max_depth,
            min_child_weight=float(np.clip(0.01 * weight.sum(), 20, 100)) if least is None else float(least),
            feature_share=self.feature_share,
            penalty=self.penalty,
            folds=self.folds,
            seed=self.seed,
            n_jobs=self.n_jobs,
        )

    def _spec(self) -> dict[str, Any]:
        """The settings that decide the trees; the number of threads does not."""
        settings = {k: v for k, v in self.get_params(deep=False).items() if k != "n_jobs"}
        if settings.get("binner") is not None:
            settings["binner"] = settings["binner"].get_params(deep=False)
        return {k: plain(v) for k, v in settings.items()}

    def _log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        return self.result_.log_odds(frame)

    def _content(self) -> dict[str, Any]:
        settings = self.get_params(deep=False)
        for name in ("special", "scale", "dictionary", "directions", "binner"):
            settings.pop(name, None)
        bins = self.result_.bins
        return {
            "features": names_of(self),
            "named": hasattr(self, "feature_names_in_"),
            "settings": plain(settings),
            "special": pack_special(self.special),
            "directions": plain(self.directions),
            "own_binner": self.binner is not None,
            "binner": None if bins is None else self._fitted_binner(bins)._sealed(),
            "result": self.result_.content(),
        }

    def _fitted_binner(self, bins: BinningResult) -> Binner:
        """The binner with the bins of the fit."""
        binner = self._new_binner() or Binner()
        binner.result_ = bins
        binner.n_features_in_ = len(bins) - len(binner.crosses)
        binner.feature_names_in_ = np.array(list(bins)[: binner.n_features_in_], dtype=object)
        return binner

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Challenger:
        """The model that `to_dict` or `to_json` wrote; it scores exactly the same.

        Raises
        ------
        UnreadableError : when the content is damaged, of another kind, or newer than this creditlab.
        """
        content = unseal(d, cls.kind)
        packed = content.get("binner")
        binner = None if packed is None else Binner.from_dict(packed)
        result = cls._result_of(content["result"], None if binner is None else binner.result_)
        model = cls(
            **content["settings"],
            binner=binner if content.get("own_binner") else None,
            special=unpack_special(content["special"]),
            directions=content["directions"],
            scale=result.scale,
            dictionary=result.labels if len(result.labels) else None,
        )
        return model._restore(content["features"], content["named"], result)

    @classmethod
    def _result_of(cls, content: Mapping[str, Any], bins: BinningResult | None) -> ChallengerResult:
        return ChallengerResult.from_content(content, bins)


def _with_middles(codings: list[Coding], coded: pd.DataFrame, weight: np.ndarray) -> tuple[Coding, ...]:
    return tuple(coding.with_middle(coded[coding.name], weight) for coding in codings)


def _concepts(
    codings: tuple[Coding, ...], design: np.ndarray, weight: np.ndarray, table: pd.DataFrame
) -> dict[str, str]:
    """Features whose codes correlate, by ranks; missing values stand at the middle."""
    first = np.unique(owners(codings), return_index=True)[1]
    ranks = pd.DataFrame(design[:, first], columns=[c.name for c in codings]).rank(pct=True).fillna(0.5)
    return concepts_of(ranks, weight, dict(zip(table["feature"], table["gain"], strict=True)))


def sample_facts(bad: np.ndarray, weight: np.ndarray, log_odds: np.ndarray) -> dict[str, float]:
    """Rows, bads, rates and mean PD, with weights and by rows, and the AUC on the training rows."""
    from sklearn.metrics import roc_auc_score

    n, bads, prob = float(weight.sum()), float(weight @ bad), expit(log_odds)
    facts = {
        "n": n,
        "bads": bads,
        "bad_rate": bads / n,
        "mean_pd": float(weight @ prob / n),
        "auc_train": float(roc_auc_score(bad, log_odds, sample_weight=weight)),
    }
    if np.ptp(weight) > 0:  # weights change what a PD is the rate of: both are shown
        facts |= {"bad_rate_by_rows": float(bad.mean()), "mean_pd_by_rows": float(prob.mean())}
    return facts


def held_out_line(held_out: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Intercept and slope of the logistic regression of bad on held-out log-odds; empty where there are none."""
    known = np.isfinite(held_out)
    if not known.any() or np.ptp(held_out[known]) == 0 or len(np.unique(bad[known])) < 2:
        return {}
    try:
        shift, slope = fit_line(held_out[known], bad[known], weight[known], "platt")
    except InputError:  # held-out rows are not ranked at all: there is no line
        return {}
    return {"held_out_intercept": shift, "held_out_slope": slope}


def _check_number(name: str, value: Any, low: float, high: float, whole: bool) -> None:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(
            message(f"{kind} from {low:g} to {high:g}", repr(value), f"Challenger({name}=...)", "Correct it.")
        )
