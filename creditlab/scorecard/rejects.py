"""Reject inference (拒绝推断) as a band: how far a card depends on what nobody saw.

Outcomes exist only for those who were granted a loan and drew it. What the others would have done cannot be learned
from the granted, only assumed; so several methods under several assumptions give several cards, and the range of what
they say is the answer. Where the truth is known, as in the sample county, `judged` tells which one helps and which
harms. Whole-village credit granting (整村授信) leaves three populations apart: never applied, granted but not drawn,
refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from creditlab.binning import Binner
from creditlab.checks import as_pandas, check_groups, check_level, check_one_of, check_prob, check_target, check_weights
from creditlab.errors import InputError, message, some
from creditlab.results import Result, Stamp
from creditlab.scorecard.augmentation import (
    Known,
    Rows,
    Unknown,
    fuzzy,
    hard_cutoff,
    parcelling,
    reweighting,
    twins,
)
from creditlab.scorecard.rules import Select
from creditlab.scorecard.scorecard import Scorecard
from creditlab.scorecard.truths import against_truth

GRANTED, ALONE = "granted", "granted_only"
#: method → zh, en
METHODS: Mapping[str, tuple[str, str]] = {
    ALONE: ("只用已授信样本", "granted only"),
    "reweighting": ("重加权", "reweighting"),
    "twins": ("孪生评分", "twins"),
    "fuzzy": ("模糊增广", "fuzzy augmentation"),
    "parcelling": ("分档赋值", "parcelling"),
    "hard_cutoff": ("硬截断", "hard cut-off"),
}
WAYS = {"reweighting": reweighting, "twins": twins, "fuzzy": fuzzy, "parcelling": parcelling,
        "hard_cutoff": hard_cutoff}  # fmt: skip
#: methods that take the unknown as like the granted of the same features, so that no assumption enters
WITHOUT = ("reweighting", "twins")
POPULATIONS: Mapping[str, tuple[str, str]] = {
    GRANTED: ("已用信", "granted and drawn"),
    "never_applied": ("从未申请", "never applied"),
    "granted_not_drawn": ("已授信未用信", "granted, not drawn"),
    "refused": ("被拒绝", "refused"),
}
#: by how much the odds of bad may differ from those of granted households with the same features: low, middle, high.
#: Judgement, to be replaced by the bank's own; those refused are riskier than their files say, never safer
ODDS: Mapping[str, tuple[float, ...]] = {
    "never_applied": (0.67, 1.0, 1.5),
    "granted_not_drawn": (0.67, 1.0, 1.5),
    "refused": (1.0, 2.0, 4.0),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RejectBand(Result):
    """A row per population, method and assumption; `band()` is the range, `people` the PDs, `cards` the cards.

    Parameters
    ----------
    people : a row per household, a column per scenario ('fuzzy:high'), PDs; `population` beside them.
    cards : scenario → the card fitted under it.
    villages : village of each household, or None.
    """

    title: ClassVar[str] = "Reject inference 拒绝推断"
    plots: ClassVar[str] = "rejects"

    people: pd.DataFrame
    cards: Mapping[str, Scorecard]
    villages: np.ndarray | None = None

    def band(self) -> pd.DataFrame:
        """A row per population: `… n alone lo hi lo_by hi_by inferred_lo inferred_hi approved approved_lo approved_hi`.

        `alone` is the mean PD by the card of the granted alone, `lo` and `hi` the range of the cards over all methods
        and assumptions, `inferred_lo` and `inferred_hi` that of the bad rates which the methods gave the population
        itself: one card for all cannot follow what sets a population apart beyond its features. `approved` is the share
        whose PD is at most the limit.
        """
        rows = []
        for _, part in self.table.groupby("population", sort=False):
            base, low, high = part[part["method"] == ALONE].iloc[0], part["mean_pd"].idxmin(), part["mean_pd"].idxmax()
            row = {k: base[k] for k in ("population", "population_zh", "population_en", "n")}
            row |= {"alone": base["mean_pd"], "lo": part["mean_pd"].min(), "hi": part["mean_pd"].max()}
            row |= {"lo_by": part.loc[low, "scenario"], "hi_by": part.loc[high, "scenario"]}
            row |= {"inferred_lo": part["inferred_rate"].min(), "inferred_hi": part["inferred_rate"].max()}
            row |= {"approved": base["approved"], "approved_lo": part["approved"].min(),
                    "approved_hi": part["approved"].max()}  # fmt: skip
            rows.append(row)
        return pd.DataFrame(rows)

    def households(self) -> pd.DataFrame:
        """A row per household: `population pd lo hi firm`; `firm` where every scenario decides alike."""
        people = self.people
        prob = people.drop(columns="population")
        limit = float(self.facts["max_pd"])
        approved = (prob <= limit).mean(axis=1)
        return pd.DataFrame(
            {
                "population": people["population"],
                "pd": prob[ALONE],
                "lo": prob.min(axis=1),
                "hi": prob.max(axis=1),
                "firm": approved.isin((0.0, 1.0)),
            }
        )

    def judged(self, truth: Any, *, level: float = 0.9) -> pd.DataFrame:
        """Every scenario against a known truth: does it help or harm, population by population?

        Parameters
        ----------
        truth : true PD of each household of `people`: a Series with its index, or an array in its order.
        level : of the intervals, by village where villages are known.

        Returns
        -------
        DataFrame `population method scenario … true_pd mean_pd auc excess gain gain_lo gain_hi verdict`. `excess` is
        the mean log-loss against the true PD less what the truth itself has (Kullback-Leibler divergence, nats);
        `gain` that of the card of the granted alone less this one's: 'helps' where its interval is above 0, 'harms'
        where below, else 'no difference'. The truth is first shifted in log-odds to the level that the granted card
        gives the granted, so that another horizon of the truth is not taken for a fault.
        """
        check_level(level)
        people = self.people
        given = truth.reindex(people.index) if isinstance(truth, pd.Series) else truth
        if len(given) != len(people) or pd.isna(np.asarray(given, dtype=float)).any():
            raise InputError(
                message(f"a true PD for each of {len(people)} households", "others or gaps", "truth", "Align it.")
            )
        return against_truth(self, check_prob(given, len(people), "truth"), level)


def reject_inference(
    card: Scorecard,
    X: pd.DataFrame,
    y: Any,
    others: Mapping[str, pd.DataFrame],
    *,
    methods: Sequence[str] = tuple(WAYS),
    odds: Mapping[str, Sequence[float]] | None = None,
    max_pd: float | None = None,
    sample_weight: Any = None,
    groups: Any = None,
    other_groups: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> RejectBand:
    """Cards under several assumptions about those without an outcome, and the band between them.

    Parameters
    ----------
    card : a `Scorecard`, fitted or not; it is cloned, never changed.
    X, y : raw columns and outcome (1 = bad) of those granted and drawn.
    others : population → raw columns of those without an outcome: 'never_applied', 'granted_not_drawn', 'refused', or
        names of your own.
    methods : any of 'reweighting', 'twins', 'fuzzy', 'parcelling', 'hard_cutoff'.
    odds : population → (low, middle, high): how many times the odds of bad of a granted household with the same
        features; for the last three methods. None takes `ODDS`; a population of another name (1, 1.5, 3).
    max_pd : a household with this PD or less is approved; None takes the PD that approves nine in ten of the granted.
    sample_weight, groups : of the granted: weights and villages. other_groups : villages of the others.
    seed : of the draws of parcelling.

    Returns
    -------
    RejectBand : every card has the features of that of the granted alone; bins, coefficients and points are found anew.
        The table is `population population_zh population_en method method_zh method_en assumption scenario odds n
        inferred_rate mean_pd approved`: `assumption` is 'low', 'middle', 'high', or '' where none enters;
        `inferred_rate` is the bad rate that the method gave the population, `mean_pd` what the card then says.

    Raises
    ------
    InputError : when there are no others, or a setting cannot be used.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"income": rng.normal(size=2000)})
    >>> y = (rng.random(2000) < 1 / (1 + np.exp(2 + X["income"]))).astype(int)
    >>> band = reject_inference(Scorecard(), X, y, {"refused": X.iloc[:500] - 1}, methods=["fuzzy"]).band()
    >>> bool((band["lo"] <= band["alone"]).all() and (band["alone"] <= band["hi"]).all())
    True
    """
    for name in methods:
        check_one_of(name, tuple(WAYS), "methods")
    frames = _frames(others)
    bad, weight = check_target(y, "y", len(X)), check_weights(sample_weight, len(X))
    villages = _villages(groups, other_groups, len(X), frames)
    known, base, whole, named = _known(card, as_pandas(X), bad, weight, villages, frames)
    assumed = _assumed(odds, frames)
    cards, inferred = {ALONE: base}, {}
    for method in methods:
        for word in ("",) if method in WITHOUT else ("low", "middle", "high"):
            unknown = _unknown(known, base, whole, named, assumed, word, villages)
            rows = WAYS[method](known[0], unknown, seed)
            scenario = f"{method}:{word}" if word else method
            cards[scenario], inferred[scenario] = _refitted(card, base, rows), rows.inferred
    people = pd.DataFrame({name: one.predict_proba(whole)[:, 1] for name, one in cards.items()}, index=whole.index)
    people.insert(0, "population", pd.Series(named, dtype="str", index=whole.index))
    alone = people.loc[named == GRANTED, ALONE].to_numpy()
    limit = float(np.quantile(alone, 0.9)) if max_pd is None else float(check_prob([max_pd], 1, "max_pd")[0])
    table = _table(people, assumed, inferred, limit)
    facts: dict[str, Any] = {"granted": len(bad), "bads": int(bad.sum())} | {
        name: len(frame) for name, frame in frames.items()
    }
    facts |= {"scenarios": len(cards), "max_pd": limit, "seed": seed}
    stamp = Stamp.of([whole, bad, weight], {"odds": assumed, "methods": list(methods), "max_pd": limit}, seed)
    order = None if villages is None else np.concatenate([villages[GRANTED], *(villages[name] for name in frames)])
    return RejectBand(table=table, stamp=stamp, facts=facts, people=people, cards=cards, villages=order)


def _frames(others: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    if not isinstance(others, Mapping) or GRANTED in others:
        raise InputError(
            message("{population: frame of raw columns}", type(others).__name__, "others",
                    f"Name the populations without an outcome, none of them '{GRANTED}'.")
        )  # fmt: skip
    frames = {str(name): as_pandas(frame) for name, frame in others.items() if len(frame)}
    if not frames:
        raise InputError(message("households without an outcome", "none", "others", "There is nothing to infer."))
    return frames


def _villages(
    groups: Any, other_groups: Mapping[str, Any] | None, n: int, frames: Mapping[str, pd.DataFrame]
) -> dict[str, np.ndarray] | None:
    """Population → village of each household; None where the villages of any are not known."""
    if groups is None:
        return None
    others = dict(other_groups or {})
    missing = [name for name in frames if name not in others]
    if missing:
        raise InputError(message("the villages of every population", f"none for {some(missing)}", "other_groups",
                                 "Give them, or leave out groups."))  # fmt: skip
    found = {name: check_groups(others[name], len(frame), "other_groups") for name, frame in frames.items()}
    return {GRANTED: check_groups(groups, n)} | found


def _known(
    card: Scorecard,
    X: pd.DataFrame,
    bad: np.ndarray,
    weight: np.ndarray,
    villages: dict[str, np.ndarray] | None,
    frames: Mapping[str, pd.DataFrame],
) -> tuple[tuple[Known, np.ndarray], Scorecard, pd.DataFrame, np.ndarray]:
    """The granted with both scores, the card of the granted alone, all households, and the population of each."""
    groups = None if villages is None else villages[GRANTED]
    base = clone(card).fit(X, bad, None if (weight == 1).all() else weight, groups)
    columns = list(base.feature_names_in_)
    whole = pd.concat([X[columns], *(frame[columns] for frame in frames.values())])
    named = np.repeat(np.array([GRANTED, *frames], dtype=object), [len(X), *(len(f) for f in frames.values())])
    # of being without an outcome, by the same bins and rules; the expert and the edits speak of bads alone, and weights
    # that follow every bin of many features would only be less steady
    left_out = clone(card).set_params(edits=(), expert=None, select=None, inference="wald", bin_sd=0.0)
    granting = -left_out.fit(whole, (named != GRANTED).astype(int)).decision_function(whole)
    seen = Known(X[columns], bad, weight, groups, base.decision_function(X[columns]), granting[: len(X)])
    return (seen, granting[len(X) :]), base, whole, named


def _unknown(
    known: tuple[Known, np.ndarray],
    base: Scorecard,
    whole: pd.DataFrame,
    named: np.ndarray,
    assumed: Mapping[str, tuple[float, ...]],
    word: str,
    villages: dict[str, np.ndarray] | None,
) -> Unknown:
    rows = named != GRANTED
    times = {name: np.log(three[("low", "middle", "high").index(word or "middle")]) for name, three in assumed.items()}
    shift = np.array([times[name] for name in named[rows]])
    groups = None if villages is None else np.concatenate([villages[name] for name in assumed])
    return Unknown(whole[rows], groups, base.decision_function(whole[rows]), known[1], shift)


def _assumed(
    odds: Mapping[str, Sequence[float]] | None, frames: Mapping[str, pd.DataFrame]
) -> dict[str, tuple[float, ...]]:
    """Population → (low, middle, high), in the order of the frames."""
    given = dict(odds or {})
    strange = [name for name in given if name not in frames]
    if strange:
        raise InputError(message("populations of `others`", some(strange), "odds", "Check the names."))
    found: dict[str, tuple[float, ...]] = {}
    for name in frames:
        three: tuple[float, ...] = tuple(float(v) for v in given.get(name, ODDS.get(name, (1.0, 1.5, 3.0))))
        if len(three) != 3 or not np.isfinite(three).all() or min(three) <= 0 or list(three) != sorted(three):
            raise InputError(message("three rising multiples of the odds above 0: low, middle, high", repr(three),
                                     f"odds of '{name}'", "The same as the granted is (1, 1, 1)."))  # fmt: skip
        found[name] = three
    return found


def _refitted(card: Scorecard, base: Scorecard, rows: Rows) -> Scorecard:
    """The card of the same features on these rows; bins, coefficients and points are found anew."""
    used = rows.weight > 0
    groups = None if rows.groups is None else rows.groups[used]
    binner, columns = narrowed(base, Binner() if card.binner is None else card.binner)
    others = tuple(name for name in (*columns, *(c.name for c in binner.crosses)) if name not in base.result_.features)
    fresh = clone(card).set_params(
        inference="wald", binner=binner, select=Select(direction=False, force_out=others)
    )  # fmt: skip
    return fresh.fit(rows.frame.loc[used, columns], rows.bad[used], rows.weight[used], groups)


def narrowed(base: Scorecard, binner: Binner) -> tuple[Binner, list[str]]:
    """The binner for the raw columns that a fitted card reads alone, and those columns; their bins stay what they are.

    >>> X = pd.DataFrame({"a": np.arange(200.0), "b": np.tile([0.0, 1.0], 100)})
    >>> base = Scorecard(Binner(special={"b": [-9]})).fit(X, (X["a"] < 50).astype(int))
    >>> binner, columns = narrowed(base, Binner(special={"b": [-9]}))
    >>> columns, binner.special
    (['a'], {})
    """
    given = list(base.feature_names_in_)
    crosses = tuple(cross for cross in binner.crosses if cross.name in base.result_.features)
    read = {*base.result_.features, *(side for cross in crosses for side in (cross.first, cross.second))}
    units = {unit for name, unit in (binner.nested or {}).items() if name in read and isinstance(unit, str)}
    columns = [name for name in given if name in read | units] or given[:1]
    gone = {name for name in given if name not in columns}
    settings: dict[str, Any] = {"crosses": crosses}
    for setting in ("trend", "special", "ordinal", "nested"):
        value = getattr(binner, setting)
        if isinstance(value, Mapping):
            settings[setting] = {name: one for name, one in value.items() if name not in gone}
    kept = {*columns, *(cross.name for cross in crosses)}
    settings["edits"] = tuple(edit for edit in binner.edits if edit.column in kept)
    return clone(binner).set_params(**settings), columns


def _table(
    people: pd.DataFrame,
    assumed: Mapping[str, tuple[float, ...]],
    inferred: Mapping[str, np.ndarray | None],
    limit: float,
) -> pd.DataFrame:
    rows = []
    others = people.loc[people["population"] != GRANTED, "population"].to_numpy()
    for population, part in people.groupby("population", sort=False):
        name = str(population)
        for scenario in part.columns[1:]:
            method, _, word = scenario.partition(":")
            odds = assumed[name][("low", "middle", "high").index(word)] if word and name != GRANTED else np.nan
            zh, en = POPULATIONS.get(name, (name, name))
            row = {"population": name, "population_zh": zh, "population_en": en, "method": method}
            row |= dict(zip(("method_zh", "method_en"), METHODS[method], strict=True))
            row |= {"assumption": word, "scenario": scenario, "odds": odds, "n": len(part)}
            given = inferred.get(scenario)
            rate = np.nan if given is None or name == GRANTED else float(given[others == name].mean())
            row |= {"inferred_rate": rate}
            rows.append(row | {"mean_pd": part[scenario].mean(), "approved": float((part[scenario] <= limit).mean())})
    return pd.DataFrame(rows)
