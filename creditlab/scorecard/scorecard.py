"""The scorecard: a scikit-learn classifier that takes the raw frame and holds all that scoring needs.

Use it to build the card that a bank signs: bins, selection, sign-constrained logistic regression, points. It does not
tune itself on other data than it is given, and does not decide on limits, rates or programmes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.binning import Binner, BinningResult
from creditlab.checks import check_groups, check_one_of
from creditlab.columns import Dictionary, check_use
from creditlab.errors import InputError, message
from creditlab.estimators import (
    CreditModel,
    check_fitted,
    concepts_of,
    expit,
    names_of,
    read_frame,
    read_sample,
    unseal,
)
from creditlab.files import write_text
from creditlab.results import Stamp, plain
from creditlab.scaling import Scale, Span
from creditlab.scorecard.binners import binner_of, binner_settings
from creditlab.scorecard.changes import Changes
from creditlab.scorecard.counterfactual import counterfactuals
from creditlab.scorecard.edits import PointEdit
from creditlab.scorecard.expert import Expert, with_expert
from creditlab.scorecard.exports import Exports
from creditlab.scorecard.fitting import (
    INFERENCES,
    CardFit,
    Regression,
    Target,
    check_exact,
    fit_card,
    make_table,
    model_facts,
)
from creditlab.scorecard.layers import spanned, with_edits
from creditlab.scorecard.performance import performance
from creditlab.scorecard.points import BASES, add_points
from creditlab.scorecard.result import ScorecardResult
from creditlab.scorecard.rounding import ROUNDINGS, rounding_facts
from creditlab.scorecard.rules import Evidence, Path, Select, alone, together
from creditlab.scorecard.sample import Sample
from creditlab.scorecard.scores import Scores, make_scores
from creditlab.scorecard.selection import information, select_features, with_model
from creditlab.scorecard.sheet import page
from creditlab.scorecard.telling import Telling, slopes_of, tell, wide

#: settings that cards of older files were fitted with
BEFORE_BIN_SD = {"bin_sd": 0.0, "min_effect": 0.0}


class Scorecard(Changes, Exports, CreditModel):
    """Points per bin from a logistic regression of bad on WOE.

    Parameters
    ----------
    binner : an unfitted `Binner`; it is cloned. None takes `Binner()`.
    scale : the point scale; None takes `Scale()`: 600 points at odds of 19 : 1, 50 points double the odds. `Span(low,
        high)` gives the riskiest possible household `low` points and the safest `high`.
    base : 'spread' shares the base points over the features, 'separate' keeps them in a row of their own.
    rounding : 'nearest' rounds every bin by itself; 'sum' rounds bins up or down so that the sum stays within half a
        point of the unrounded score wherever that can be found. `result_.facts` says what rounding costs.
    sign_constrained : no coefficient may contradict the bad rate that its bin table shows; one that would is clamped
        at 0, leaves the card, and is listed in `result_.selection`.
    min_iv : a feature below this information value leaves. The default only removes what carries nothing: on four
        real tables a cut at 0.005 cost up to 0.001 and one at 0.02 up to 0.005 of AUC.
    max_correlation : of two features whose WOE correlate more than this, the weaker leaves.
    events_per_feature : bads (or goods, if they are rarer) that each feature needs; the strongest by IV stay.
    min_z : a feature whose |z| stays below this leaves. The default 0 asks nothing: bins that repeat others are drawn
        to 0 by `bin_sd`, and `min_effect` then removes their feature.
    bin_sd : how far the effect of a bin may leave the line coefficient × WOE, as a standard deviation in log-odds: a
        WOE says what a bin tells alone, here it is corrected for what the other features tell too, in the order of the
        bad rates. Bins of few rows stay on the line. 0 keeps every bin on it (the plain regression on WOE, and the
        choice with a lasso). `result_.departures()` lists what moved. On four real tables and on simulated ones 0.1 was
        as good as any value from 0.06 to 0.2.
    min_effect : a feature whose bins differ by less than this in log-odds leaves; 0.03 are two points of the default
        scale.
    ridge, lasso : penalties on the slopes: half of `ridge` times their squares and `lasso` times their absolute values
        are taken from the log-likelihood. With either, no feature leaves for a small |z|, and none has an interval.
        'auto' takes a ridge of 4 where there are fewer than 50 bads (or goods) per feature, and none elsewhere: with
        few bads a card whose slopes are held back ranks new rows better and promises less too much. Intervals and
        tests are then those of the regression without it, whose coefficients stand beside (`unshrunk`).
    inference : how limits and tests of coefficients are made. 'wald' from the covariance, by group where groups are
        given; 'profile' from the profile likelihood; 'firth' from Firth's penalised likelihood, for few bads; 'auto'
        takes 'firth' below 20 bads per coefficient where the sample is small enough to afford it, else 'wald'.
        Likelihoods take rows as independent.
    select : more rules of selection (`Select`): missing values, IV limits, held-out IV, PSI over time, clusters, VIF,
        stability, stepwise, elimination, forced features. `result_.path` tells who left, when and why.
    expert : points by an expert (`Expert`), blended with the data by a stated weight; `result_.blend` shows what moved.
    edits : what `edit` gave: points of bins set by hand, with author and reason; replayed by `fit`.
    dictionary : declared columns: their labels for reasons, and the column policy (only the use class 'model' passes).
    name : what `Scores` calls this card, such as 'entry' or 'behaviour'.

    Attributes
    ----------
    result_ : `ScorecardResult`; beside it scikit-learn's `feature_names_in_`, `n_features_in_`, `classes_`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000), "crop": rng.choice(["wheat", "maize"], 2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> card = Scorecard().fit(X, y)
    >>> card.result_.points_table().loc[0, "feature"]
    'income'
    >>> card.points(X).name, card.reasons(X, k=1, lang="en").columns.tolist()
    ('points', ['reason_1', 'feature_1', 'loss_1'])
    """

    kind = "scorecard"
    result_: ScorecardResult

    def __init__(
        self,
        binner: Binner | None = None,
        scale: Scale | Span | None = None,
        *,
        base: str = "spread",
        rounding: str = "nearest",
        sign_constrained: bool = True,
        min_iv: float = 0.001,
        max_correlation: float = 0.99,
        events_per_feature: float = 10.0,
        min_z: float = 0.0,
        bin_sd: float = 0.1,
        min_effect: float = 0.03,
        ridge: float | str = "auto",
        lasso: float = 0.0,
        inference: str = "auto",
        select: Select | None = None,
        expert: Expert | None = None,
        edits: Sequence[PointEdit] = (),
        dictionary: Dictionary | None = None,
        name: str = "scorecard",
    ) -> None:
        self.binner = binner
        self.scale = scale
        self.base = base
        self.rounding = rounding
        self.sign_constrained = sign_constrained
        self.min_iv = min_iv
        self.max_correlation = max_correlation
        self.events_per_feature = events_per_feature
        self.min_z = min_z
        self.bin_sd = bin_sd
        self.min_effect = min_effect
        self.ridge = ridge
        self.lasso = lasso
        self.inference = inference
        self.select = select
        self.expert = expert
        self.edits = edits
        self.dictionary = dictionary
        self.name = name

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        groups: Any = None,
        *,
        offset: Any = None,
        period: Any = None,
    ) -> Scorecard:
        """Bin, select, fit, scale.

        Parameters
        ----------
        X : DataFrame (or 2-D array), n rows of raw columns; or a `Sample`, which brings y, villages, periods, weights
            and its split: the card is fitted on its training rows and measured on all parts (`result_.performance`).
        y : n values of 0 and 1, 1 = bad.
        sample_weight : n weights; a weight of w equals w copies of the row.
        groups : n group labels (villages); then standard errors, and the intervals of the bins, allow for dependence
            within groups.
        offset : n log-odds of bad that the rows have before the card speaks, such as ln(share of goods kept) with its
            sign turned where goods were sampled. The card is what comes on top; its own scores have an offset of 0.
        period : n labels of time (months, years, dates); rules of `select` then judge later rows by earlier ones.

        Raises
        ------
        InputError : for settings or data that cannot be used. PolicyError : for columns a PD model may not see.
        FitError : when the regression does not converge, or points and log-odds differ by more than 1e-9.
        """
        if isinstance(X, Sample):
            return self._fit_sample(X, offset)
        self._check_settings()
        frame, bad, weight, village = read_sample(self, X, y, sample_weight, groups)
        check_use(frame.columns, self.dictionary, purpose="scorecard")
        target = Target(bad, weight, village, self._along(offset, sample_weight, len(y)))
        when = None if period is None else self._kept(check_groups(period, len(y), "period"), sample_weight)
        bins, woe = self._bins(frame, target, when)
        selection, path = self._select(frame, target, bins, woe, when)
        chosen = woe[selection.loc[selection["kept"], "feature"].tolist()]
        codes = {name: bins[name].codes(bins[name].values_in(frame)) for name in chosen}
        fitted = fit_card(chosen, bins, codes, target, self.regression(), self._forced())
        for reason, names in fitted.left.items():
            for name in names:
                path.add(reason, name)
        result = self._wrap(bins, selection, path.table(), fitted, [frame, bad, weight])
        if self.expert is not None:
            result = with_expert(result, self.expert, frame, target)
        result = replace(result, concepts=concepts_of(woe[result.features], weight, bins_iv(result)))
        result = check_exact(with_edits(result, self.edits), frame, target, self.rounding)
        result = replace(result, slopes=slopes_of(result.exact_points()[1], result.codes(frame), weight))
        self.classes_ = np.array([0, 1])
        self.result_ = result
        own = Sample(frame, bad, village, weight=None if (weight == 1).all() else weight)
        self.result_ = replace(result, performance=performance(self, own))
        return self

    def _fit_sample(self, sample: Sample, offset: Any) -> Scorecard:
        """Fitted on the training rows of a sample, measured on all its parts."""
        train = sample.part("train")
        along = None if offset is None else np.asarray(offset, dtype=float)[sample.role == "train"]
        self.fit(train.X, train.y, train.weight, train.village, offset=along, period=train.period)
        self.result_ = replace(self.result_, performance=performance(self, sample))
        return self

    def evaluate(self, sample: Sample) -> pd.DataFrame:
        """AUC, KS, bad rate against PD, log-loss and PSI of every part of a sample, with 95 % intervals by village."""
        check_fitted(self)
        return performance(self, sample)

    def measured(self, sample: Sample) -> Scorecard:
        """This card, showing itself on a sample: after an edit or a calibration, or on other rows.

        The first part of the sample is what the others are compared with.
        """
        check_fitted(self)
        first = next(iter(sample.parts()))[1]
        frame, result = read_frame(self, first.X), self.result_
        codes, n = result.codes(frame), len(frame)
        exact = add_points(*result.exact_points(), codes, n)
        whole = add_points(*result.integer_points(), codes, n)
        weight = np.ones(n) if first.weight is None else first.weight
        facts = dict(result.facts) | rounding_facts(exact, whole, first.y, weight)
        fresh = clone(self)
        shown = replace(result, facts=facts, performance=performance(self, sample)).prepared()
        return fresh._restore(names_of(self), hasattr(self, "feature_names_in_"), shown)

    def _repr_html_(self) -> str:
        return self.result_._repr_html_() if hasattr(self, "result_") else f"<pre>{escape(repr(self))}</pre>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the card as one page that opens offline: checks, performance, points."""
        check_fitted(self)
        write_text(path, page(self.result_, self.name))

    def _check_settings(self) -> None:
        check_one_of(self.base, BASES, "base")
        check_one_of(self.rounding, ROUNDINGS, "rounding")
        check_one_of(self.inference, INFERENCES, "inference")
        for name, kind in (
            ("scale", (Scale, Span)),
            ("binner", (Binner,)),
            ("dictionary", (Dictionary,)),
            ("select", (Select,)),
            ("expert", (Expert,)),
        ):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                names = " or ".join(one.__name__ for one in kind)
                raise InputError(
                    message(f"a {names}", type(value).__name__, f"Scorecard({name}=...)", "See the docstring.")
                )
        for name, high in (
            ("min_iv", np.inf),
            ("max_correlation", 1.0),
            ("events_per_feature", np.inf),
            ("min_z", np.inf),
            ("bin_sd", 10.0),
            ("min_effect", np.inf),
            *((("ridge", np.finfo(float).max),) if self.ridge != "auto" else ()),
            ("lasso", np.finfo(float).max),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
                raise InputError(
                    message(f"a number from 0 to {high:g}", repr(value), f"Scorecard({name}=...)", "Correct it.")
                )

    def _along(self, offset: Any, sample_weight: Any, n: int) -> np.ndarray | None:
        """The offset of the rows that a fit uses."""
        if offset is None:
            return None
        values = np.asarray(offset, dtype=float)
        if values.shape != (n,) or not np.isfinite(values).all():
            raise InputError(
                message(f"{n} finite log-odds, one per row", f"shape {values.shape}", "offset", "Align it with X.")
            )
        return self._kept(values, sample_weight)

    @staticmethod
    def _kept(values: np.ndarray, sample_weight: Any) -> np.ndarray:
        return values if sample_weight is None else values[np.asarray(sample_weight, dtype=float) > 0]

    def regression(self) -> Regression:
        """How coefficients and effects are found, from the settings."""
        sign = -1 if self.sign_constrained else 0
        return Regression(
            sign, self.ridge, self.lasso, self.min_z, self.inference, bin_sd=self.bin_sd, min_effect=self.min_effect
        )

    def _forced(self) -> tuple[str, ...]:
        """Features that no rule of selection removes: forced ones and those of the expert."""
        wanted = () if self.select is None else self.select.force_in
        return (*wanted, *(() if self.expert is None else self.expert.points))

    def _new_binner(self) -> Binner:
        binner = Binner() if self.binner is None else clone(self.binner)
        return binner if self.expert is None else self.expert.binner(binner)

    def _bins(
        self, frame: pd.DataFrame, target: Target, period: np.ndarray | None
    ) -> tuple[BinningResult, pd.DataFrame]:
        """The bins, and the WOE to train on: out of fold for text columns of many levels."""
        binner = self._new_binner()
        # without weights the binner counts in whole numbers
        weight = None if (target.weight == 1).all() else target.weight
        groups = target.groups
        if groups is not None and len(np.unique(groups)) < 2:
            groups = None
        woe = binner.fit_transform(frame, target.bad, sample_weight=weight, groups=groups, period=period)
        return binner.result_, woe.reset_index(drop=True)

    def _select(
        self, frame: pd.DataFrame, target: Target, bins: BinningResult, woe: pd.DataFrame, period: np.ndarray | None
    ) -> tuple[pd.DataFrame, Path]:
        """Who enters the regression, and the path so far."""
        path, wanted = Path(), Select(direction=False) if self.select is None else self.select
        iv = pd.Series(information(woe, target.bad, target.weight), index=list(bins))
        labels = Dictionary() if self.dictionary is None else self.dictionary
        evidence = Evidence(
            frame, target, bins, woe, iv, self._new_binner(), period, labels, wanted, self.regression().sign
        )
        selection = select_features(
            bins,
            woe,
            iv=iv.to_numpy(),
            events=target.events,
            weight=target.weight,
            min_iv=self.min_iv,
            max_correlation=self.max_correlation,
            events_per_feature=self.events_per_feature,
            left=alone(evidence, path),
            forced=self._forced(),
        )
        for row in selection[selection["reason"].isin(["one_bin", "low_iv", "duplicate", "few_bads"])].itertuples():
            path.add(str(row.reason), str(row.feature), "leaves", float(iv[row.feature]), np.nan, str(row.other))
        later = together(evidence, selection.loc[selection["kept"], "feature"].tolist(), path)
        others = {row[2]: row[6] for row in path.rows if row[6]}
        for name, reason in later.items():
            place = selection["feature"] == name
            selection.loc[place, ["reason", "other"]] = [reason, others.get(name, "")]
            selection.loc[place, "kept"] = False
        return selection, path

    def _wrap(
        self,
        bins: BinningResult,
        selection: pd.DataFrame,
        path: pd.DataFrame,
        fitted: CardFit,
        inputs: list[Any],
    ) -> ScorecardResult:
        labels = Dictionary() if self.dictionary is None else self.dictionary
        model, terms = fitted.model, fitted.model.terms
        clamped = model.clamped & set(fitted.shifts)
        result = ScorecardResult(
            table=make_table(model, bins),
            stamp=Stamp.of(inputs, {k: plain(v) for k, v in self.get_params(deep=False).items()}),
            facts=model_facts(model, columns=len(bins)),
            bins=bins,
            scale=self.scale if isinstance(self.scale, Scale) else Scale(),
            base=self.base,
            selection=with_model(selection, model.coef, fitted.left, clamped),
            path=path,
            covariance=pd.DataFrame(model.covariance, index=terms, columns=terms),
            labels=labels.only([n for n in bins if n in labels]),
            shifts=fitted.shifts,
            bin_se=fitted.errors,
        )
        return replace(result, scale=spanned(self.scale, result)) if isinstance(self.scale, Span) else result

    def _log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        return self.result_.effects.total(frame)

    def predict_proba(self, X: Any) -> np.ndarray:
        """PD in the second column, its complement in the first."""
        log_odds = self.decision_function(X)
        prob = expit(self.result_.calibrated(log_odds))
        return np.column_stack([1.0 - prob, prob])

    def points(self, X: Any, threads: int | None = None) -> pd.Series:
        """Integer points, higher = safer: the sum of the rounded points of each bin, with the index of `X`.

        `threads` work at once, by default one for each core that this process may use; it never changes a point.
        """
        frame = read_frame(self, X)
        total = self.result_.sums.total(frame, threads)
        return pd.Series(total.astype(np.int64), index=frame.index, name="points")

    def reasons(
        self,
        X: Any,
        k: int = 3,
        lang: str = "zh",
        *,
        baseline: str = "mean",
        cutoff: float | None = None,
        reference: Any = None,
        hide: Collection[str] = (),
        merge: bool = True,
    ) -> pd.DataFrame:
        """Up to k concepts that cost each household most points below a named baseline, as sentences.

        Parameters
        ----------
        X : raw rows. k : reasons at most. lang : 'zh' or 'en'.
        baseline : 'mean' of the training rows; 'approved': the mean of the `reference` rows that reach the `cutoff`;
            'cutoff': what a household at the `cutoff` has on average; 'best': the best bin of each feature.
        cutoff : points. reference : raw rows.
        hide : features that may not be told, beside those whose column says so (`Column.told`).
        merge : features whose WOE correlate are told together, under the one that costs most.

        Returns
        -------
        DataFrame with the index of `X`: `reason_1 feature_1 loss_1 reason_2 …`; empty where fewer than k concepts cost
        points. Equal losses keep the order of the columns. `reason_details` has margins, advice and the rest.
        """
        frame = read_frame(self, X)
        telling = self._telling(baseline, cutoff, reference, hide, merge, None)
        numbered = frame.set_axis(pd.RangeIndex(len(frame)))
        details = tell(self.result_, numbered, telling, k, lang)
        return wide(details, frame.index, details.index.to_list(), k)

    def reason_details(
        self,
        X: Any,
        k: int = 3,
        lang: str = "zh",
        *,
        baseline: str = "mean",
        cutoff: float | None = None,
        reference: Any = None,
        hide: Collection[str] = (),
        merge: bool = True,
        actionable: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Reasons with their margins and what would change them: a row per household and reason.

        Parameters are those of `reasons`; `actionable` : features that the household can act on (None: those whose
        column declares an action, and which way).

        Returns
        -------
        DataFrame with the index of `X`: `rank concept feature value loss margin margin_se unstable reason next_bin gain
        advice`. `margin` is the loss less that of the next reason, `margin_se` its standard error from that of the
        coefficients; a reason is `unstable` where the margin is below it (below one point where there is none): another
        sample might name another reason. `next_bin` is the nearest bin with more points (the way that the household can
        go, where that is declared), `gain` the whole points it brings; empty and 0 where there is none, or the value is
        not known. `advice` says so in words, only of what the household can act on.
        """
        frame = read_frame(self, X)
        return tell(self.result_, frame, self._telling(baseline, cutoff, reference, hide, merge, actionable), k, lang)

    def _telling(self, baseline: str, cutoff: Any, reference: Any, hide: Any, merge: bool, actionable: Any) -> Telling:
        rows = None if reference is None else read_frame(self, reference)
        return Telling(baseline=baseline, cutoff=cutoff, reference=rows, hide=hide, merge=merge, actionable=actionable)

    def counterfactual(
        self,
        X: Any,
        cutoff: float,
        *,
        permitted: Iterable[str] | Mapping[str, str] | None = None,
        cost: Mapping[str, float] | None = None,
        lang: str = "zh",
    ) -> pd.DataFrame:
        """The smallest permitted change that lifts each household to the cut-off, exact on the whole points.

        Parameters
        ----------
        X : raw rows. cutoff : points to reach.
        permitted : features that may change, or {feature: way}: 'up' or 'down' (towards higher or lower values),
            'value' (any better value), or 'any' (that, and from a special code or a missing value too). None takes what
            the dictionary declares as the household's own action (`Column.action`).
        cost : {feature: cost of one step between bins}; 1 where it is not given.

        Returns
        -------
        DataFrame with the index of `X`, a row per change of each household below the cut-off: `feature from_bin to_bin
        gain points_before points_after cutoff reachable`. Fewest features first, then least cost. Households that no
        permitted change lifts have one row with `reachable` False.
        """
        frame = read_frame(self, X)
        return counterfactuals(self.result_, frame, cutoff, permitted, cost, lang)

    def scores(self, data: Any) -> Scores:
        """PD, points and tier of each household, and which card scored it.

        Parameters
        ----------
        data : an object with `X` and, where known, `household`, `village`, `as_of` (such as a modelling frame), or a
            plain frame, whose index then names the households.
        """
        return make_scores(self, data, self.name)

    def _content(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "features": names_of(self),
            "named": hasattr(self, "feature_names_in_"),
            "span": [self.scale.low, self.scale.high] if isinstance(self.scale, Span) else None,
            "rounding": self.rounding,
            "edits": [edit.to_dict() for edit in self.edits],
            "expert": None if self.expert is None else self.expert.to_dict(),
            "select": None if self.select is None else self.select.to_dict(),
            "settings": {
                k: getattr(self, k)
                for k in (
                    "base",
                    "sign_constrained",
                    "min_iv",
                    "max_correlation",
                    "events_per_feature",
                    "min_z",
                    "bin_sd",
                    "min_effect",
                    "ridge",
                    "lasso",
                    "inference",
                )
            },  # fmt: skip
            "binner": None if self.binner is None else binner_settings(self.binner),
            "result": self.result_.content(),
        }

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Scorecard:
        """The card that `to_dict` or `to_json` wrote; it scores exactly the same.

        Raises
        ------
        UnreadableError : when the content is damaged, of another kind, or newer than this creditlab.
        """
        content = unseal(d, cls.kind)
        result = ScorecardResult.from_content(content["result"]).prepared()
        binner = None if content["binner"] is None else binner_of(content["binner"])
        labels = result.labels if len(result.labels) else None
        select = None if content.get("select") is None else Select(**content["select"])
        more = {"rounding": content.get("rounding", "nearest"), "select": select, "dictionary": labels}
        more["expert"] = None if content.get("expert") is None else Expert.from_dict(content["expert"])
        more["edits"] = tuple(PointEdit(**edit) for edit in content.get("edits", ()))
        scale = result.scale if content.get("span") is None else Span(*content["span"])
        settings = BEFORE_BIN_SD | content["settings"]
        card = cls(binner, scale, name=content["name"], **more, **settings)
        return card._restore(content["features"], content["named"], result)


def bins_iv(result: ScorecardResult) -> dict[str, float]:
    """Information value by feature of the card."""
    return {name: result.bins[name].iv for name in result.features}
