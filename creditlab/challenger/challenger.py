"""The challenger: a gradient-boosted model under the scorecard's contract, on the same point scale.

Use it to see what a one-page card misses, and as the second opinion that a validator asks for. It takes the same raw
frame, speaks in the same points, keeps directions that are declared, and is saved as JSON. It is not
the card of record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from creditlab.binning.settings import special_codes
from creditlab.challenger.boosting import Growth, booster_of, grow
from creditlab.challenger.coding import Coding, design_matrix, fit_coding
from creditlab.challenger.directions import check_directions, find_directions
from creditlab.challenger.result import ChallengerResult, importance, raw_scores
from creditlab.checks import check_columns, check_one_of
from creditlab.columns import Dictionary, check_use
from creditlab.errors import InputError, message
from creditlab.estimators import CreditModel, names_of, pack_special, read_sample, unpack_special, unseal
from creditlab.results import Stamp, plain
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
    special : {column: {code: meaning}} or {column: [codes]}, '*' for all number columns, as in `Binner`.
    directions : {column: +1 riskier, -1 safer, 0 free}; it wins over the dictionary and over the training rows.
    scale : the point scale; None takes `Scale()`.
    n_estimators : most trees; how many are grown is chosen by cross-validation (whole groups held out together).
    learning_rate, num_leaves, max_depth : size of the steps and of the trees. The depth is bounded so that every
        explainer stays exact and fast.
    min_child_weight : rows of average variance that a leaf holds; None takes 1 % of the rows, at least 20, at most 100.
        A text level with fewer rows is read as missing: it cannot fill a leaf, and the order of many thin levels
        would be learned by heart.
    feature_share : share of the columns that each tree may use.
    penalty : ridge penalty of the leaf values.
    folds : folds of the choice of the number of trees.
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
        n_jobs: int = 1,
        dictionary: Dictionary | None = None,
    ) -> None:
        self.monotone = monotone
        self.seed = seed
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
        special = special_codes(self.special, frame)
        growth = self._growth(weight)
        least = growth.min_child_weight
        codings = tuple(fit_coding(frame[name], bad, weight, special[name], least) for name in frame.columns)
        design = design_matrix(codings, frame)
        declared = self._declared(frame)
        directions = self._directions(codings, design, bad, weight, declared)
        model, facts = grow(design, bad, weight, codes, directions, growth)
        booster = booster_of(model)
        log_odds = raw_scores(booster, design, self.n_jobs)
        walked = check_directions(lambda rows: raw_scores(booster, rows, self.n_jobs), design, directions)
        labels = Dictionary() if self.dictionary is None else self.dictionary
        result = ChallengerResult(
            table=importance(codings, booster, directions, set(declared)),
            stamp=Stamp.of([frame, bad, weight], self._spec(), seed=self.seed),
            facts=_sample_facts(bad, weight, log_odds) | facts | {"directions_verified": walked},
            codings=codings,
            model=model,
            scale=Scale() if self.scale is None else self.scale,
            threads=self.n_jobs,
            labels=labels.only([n for n in frame.columns if n in labels]),
        )
        self.classes_ = np.array([0, 1])
        self.result_ = result
        return self

    def _check_settings(self) -> None:
        check_one_of(self.monotone, ("auto", "declared", "none"), "monotone")
        for name, (low, high, whole) in RANGES.items():
            _check_number(name, getattr(self, name), low, high, whole)
        if self.min_child_weight is not None:
            _check_number("min_child_weight", self.min_child_weight, 0.0, np.inf, False)
        for name, kind in (("scale", Scale), ("dictionary", Dictionary)):
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
        return {k: plain(v) for k, v in self.get_params(deep=False).items() if k != "n_jobs"}

    def _log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        return self.result_.log_odds(frame)

    def _content(self) -> dict[str, Any]:
        settings = self.get_params(deep=False)
        for name in ("special", "scale", "dictionary", "directions"):
            settings.pop(name)
        return {
            "features": names_of(self),
            "named": hasattr(self, "feature_names_in_"),
            "settings": plain(settings),
            "special": pack_special(self.special),
            "directions": plain(self.directions),
            "result": self.result_.content(),
        }

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Challenger:
        """The model that `to_dict` or `to_json` wrote; it scores exactly the same.

        Raises
        ------
        UnreadableError : when the content is damaged, of another kind, or newer than this creditlab.
        """
        content = unseal(d, cls.kind)
        result = ChallengerResult.from_content(content["result"])
        model = cls(
            **content["settings"],
            special=unpack_special(content["special"]),
            directions=content["directions"],
            scale=result.scale,
            dictionary=result.labels if len(result.labels) else None,
        )
        return model._restore(content["features"], content["named"], result)


def _sample_facts(bad: np.ndarray, weight: np.ndarray, log_odds: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    n, bads = float(weight.sum()), float(weight @ bad)
    return {
        "n": n,
        "bads": bads,
        "bad_rate": bads / n,
        "auc_train": float(roc_auc_score(bad, log_odds, sample_weight=weight)),
    }


def _check_number(name: str, value: Any, low: float, high: float, whole: bool) -> None:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(
            message(f"{kind} from {low:g} to {high:g}", repr(value), f"Challenger({name}=...)", "Correct it.")
        )
