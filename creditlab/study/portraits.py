"""The portrait of a household or of a segment: what one page can say of it, each value with where it comes from (S4).

`portrait` gathers: who they are, conduct, production, the guarantee network, the score with its reasons, what is
missing and why, and where sources disagree. It shows pseudonyms, and no column that a group test or a programme owns:
no sex, no age, no honour, no civility point. It computes no score of its own: the card is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_one_of
from creditlab.data.schema import TABLES
from creditlab.errors import ColumnError, InputError, message, some
from creditlab.features import MISSING_CODES, PLAN, FeatureFrame, make_features
from creditlab.features.coverage import STATES, coverage_of
from creditlab.files import write_text
from creditlab.results import Result, Stamp
from creditlab.study.collection import collection_ledger
from creditlab.study.portrait_rows import conduct_months, crop_areas, deposit_flows, disagreements, network

#: section → the features that it shows
SECTIONS: Mapping[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "who": (("家庭与经营", "Who"), (
        "household_members", "household_labour_share", "household_dependants", "household_migrants_share",
        "stated_income", "business_open", "business_sector", "business_age", "tax_grade", "social_months_12m",
    )),
    "production": (("生产与现金流", "Production and flows"), (
        "farm_area", "farm_main_crop", "farm_livestock", "farm_insured", "farm_insured_loss_36m", "deposit_avg_12m",
        "deposit_inflow_12m", "deposit_inflow_volatility_12m", "deposit_months_covered", "merchant_receipts_12m",
    )),
    "conduct": (("信贷行为", "Conduct"), (
        "loan_open_notes", "loan_balance", "loan_line_use", "dpd_now", "dpd_max_12m", "overdue_months_24m",
        "loan_renewals_36m", "outside_debt", "outside_overdue", "cases_open",
    )),
    "network": (("担保网络与村", "Network and village"), (
        "guarantees_given", "guaranteed_amount", "guaranteed_dpd", "guarantors", "guarantors_dpd",
        "loan_organisation_balance", "village_others_late_share", "village_others_insured_share",
        "village_km_to_branch", "village_service_points",
    )),
}  # fmt: skip
#: fewest households of a segment of which a portrait may be drawn in the external edition
MINIMUM = 10


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Portrait(Result):
    """One row per shown feature: section feature kind zh en unit value median known reason source window.

    `value` is the household's (for a segment: the median, the share of a flag, the most frequent word); `median` is
    that of the county; `known` the share of the subject with a value; `reason` says why there is none.

    Parameters
    ----------
    subject : kind ('household' or 'segment'), name, village, township, as_of, households.
    months : month balance dpd late_share; flows : period inflow outflow end_balance; crops : year crop area;
    network : role household notes owed dpd; missing : source zh en state households age_days adds_points;
    score : pd points tier and the reasons in both languages; conflicts : fact, sources, values, resolved.
    """

    title: ClassVar[str] = "Portrait 信用画像"
    plots: ClassVar[str] = "portraits"

    subject: Mapping[str, Any]
    months: pd.DataFrame
    flows: pd.DataFrame
    crops: pd.DataFrame
    network: pd.DataFrame
    missing: pd.DataFrame
    conflicts: pd.DataFrame
    score: Mapping[str, Any] = field(default_factory=dict)

    def to_html(self, path: str | os.PathLike[str], lang: str = "zh") -> None:
        """Write the portrait: one page of A4 that opens offline, in both languages, `lang` shown first."""
        write_text(path, self.page(lang))

    def page(self, lang: str = "zh") -> str:
        """The portrait as the text of one HTML file, without scripts."""
        from creditlab.report.portrait import render_portrait

        return render_portrait(self, check_one_of(lang, ("zh", "en"), "lang"))

    def _repr_html_(self) -> str:
        from creditlab.report.portrait import portrait_fragment

        return portrait_fragment(self)


def portrait(
    file: Any, household: str | Iterable[str], card: Any = None, *, features: FeatureFrame | None = None,
    name: str | None = None, edition: str = "internal",
) -> Portrait:  # fmt: skip
    """The portrait of a household, or of a segment of households.

    Parameters
    ----------
    file : the `HouseholdFile` of the county (the county's medians stand beside each value).
    household : a pseudonym, or several: a segment.
    card : a fitted `Scorecard` on features of the plan; without one the page says that there is no score.
    features : the `FeatureFrame` of the file, when it is at hand.
    name : what the segment is called.
    edition : 'external' refuses a single household, and a segment of fewer than ten.

    Returns
    -------
    Portrait : it shows itself in a notebook; `.to_html(path, lang)`; `.plot.conduct()`, `.plot.flows()`,
        `.plot.crops()`, `.plot.missing()`.

    Raises
    ------
    ColumnError : a household that is not in the file. InputError : too few for the external edition.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> file = household_file(make_county(12, seed=1, households_per_village=20).tables, pd.Timestamp("2023-12-31"))
    >>> portrait(file, file.frame.index[0]).subject["kind"]
    'household'
    """
    check_one_of(edition, ("internal", "external"), "edition")
    homes = pd.Index([household] if isinstance(household, str) else sorted(set(household)))
    _check(file, homes, isinstance(household, str), edition)
    made = make_features(file) if features is None else features
    covered = coverage_of(file, made)
    single = isinstance(household, str)
    ledger = None if card is None else collection_ledger(file, card, made, covered).tidy()
    subject = _subject(file, homes, single, name)
    table = _facts(made, homes)
    months = conduct_months(file, homes)
    months = months if edition == "internal" else _without_few(months)
    facts = {"subject": subject["name"], "as_of": subject["as_of"], "households": len(homes), "edition": edition}
    return Portrait(
        table=table, subject=subject, months=months, flows=deposit_flows(file, homes),
        crops=crop_areas(file, homes), network=network(file, homes) if single else network(file, homes).iloc[:0],
        missing=_missing(covered, homes, ledger), conflicts=disagreements(file, homes),
        score={} if card is None else _score(card, made, homes, single),
        stamp=Stamp.of([made.frame.loc[homes], table], {"facts": facts}), facts=facts,
    )  # fmt: skip


def _without_few(months: pd.DataFrame) -> pd.DataFrame:
    """Months with borrowers enough, and no share that few of them (or all but few) make up."""
    months = months[months["borrowers"] >= MINIMUM].reset_index(drop=True)
    late = (months["late_share"] * months["borrowers"]).round()
    few = ((late > 0) & (late < MINIMUM)) | ((late > months["borrowers"] - MINIMUM) & (late < months["borrowers"]))
    return months.assign(late_share=months["late_share"].mask(few), dpd=np.nan)


def _check(file: Any, homes: pd.Index, single: bool, edition: str) -> None:
    strangers = homes.difference(file.frame.index)
    if len(strangers):
        raise ColumnError(
            message("households of this file", f"{len(strangers)} others", "portrait", "Give pseudonyms of file.frame.")
        )
    if not len(homes):
        raise InputError(message("at least one household", "none", "portrait", "Give a pseudonym or a segment."))
    if edition == "external" and (single or len(homes) < MINIMUM):
        raise InputError(
            message(f"a segment of {MINIMUM} households or more", f"{len(homes)}", "portrait, external edition",
                    "Portraits of households stay inside the bank.")
        )  # fmt: skip


def _subject(file: Any, homes: pd.Index, single: bool, name: str | None) -> dict[str, Any]:
    villages = file.frame.loc[homes, "village_id"].astype("str").unique()
    place = {"village": "", "township": ""}
    if "villages" in file.tables:
        record = file.tables["villages"].drop_duplicates("village_id", keep="last").set_index("village_id")
        if len(villages) == 1 and villages[0] in record.index:
            place = {
                "village": str(record.loc[villages[0]].get("name", "")),
                "township": str(record.loc[villages[0]].get("township", "")),
            }
    return {
        "kind": "household" if single else "segment",
        "name": str(homes[0]) if single else str(name or f"{len(homes)} households"),
        "village_id": villages[0] if len(villages) == 1 else some(villages, 3).replace("'", ""),
        **place, "as_of": str(file.as_of.date()), "households": len(homes), "villages": len(villages),
    }  # fmt: skip


def _facts(made: FeatureFrame, homes: pd.Index) -> pd.DataFrame:
    specs = {f.name: f for f in PLAN}
    rows = []
    for section, (_, names) in SECTIONS.items():
        for name in (n for n in names if n in made.frame):
            column, values = specs[name].column, made.frame[name]
            mine = values.loc[homes]
            value, known, reason = _typical(mine, column.kind)
            rows.append({
                "section": section, "feature": name, "kind": column.kind, "zh": column.zh, "en": column.en,
                "unit": column.unit,
                "value": value, "median": _typical(values, column.kind)[0], "known": known, "reason": reason,
                "source": column.source, "window": specs[name].window.name,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _typical(values: pd.Series, kind: str) -> tuple[Any, float, str]:
    """The median (share of a flag, most frequent word), the share with a value, and the most frequent reason."""
    words = {code: reason for reason, code in MISSING_CODES.items()} | {reason: reason for reason in MISSING_CODES}
    missing = values.isin(list(MISSING_CODES) if kind == "text" else list(MISSING_CODES.values()))
    known = values[~missing]
    reason = "" if len(known) else str(words[values.value_counts().index[0]])
    if not len(known):
        return None, 0.0, reason
    if kind == "text":
        return str(known.value_counts().sort_index(kind="stable").idxmax()), float(len(known) / len(values)), ""
    value = known.mean() if kind == "flag" else known.median()
    return float(value), float(len(known) / len(values)), ""


def _missing(covered: Any, homes: pd.Index, ledger: pd.DataFrame | None) -> pd.DataFrame:
    """Sources that are not reached, or not fresh, with the reason and what they would add to the score."""
    rows = []
    for source in covered.states:
        states, ages = covered.states.loc[homes, source], covered.age_days.loc[homes, source]
        mine = None if ledger is None else ledger[(ledger["source"] == source) & ledger["household_id"].isin(homes)]
        adds = np.nan if mine is None else float(mine["adds_points"].sum() / len(homes))
        for state, count in states.value_counts().items():
            zh, en = STATES[str(state)]
            rows.append({
                "source": source, "zh": TABLES[source].zh, "en": TABLES[source].en, "department_zh":
                TABLES[source].source_zh, "state": str(state), "state_zh": zh, "state_en": en, "households": int(count),
                "age_days": float(ages[states == state].median()), "adds_points": adds,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _score(card: Any, made: FeatureFrame, homes: pd.Index, single: bool) -> dict[str, Any]:
    X = made.frame.loc[homes, list(card.feature_names_in_)]
    scores = card.scores(X).tidy()
    found = {
        "points": float(scores["points"].median()), "pd": float(scores["pd"].mean()),
        "card": str(scores["card"].iloc[0]),
        "tier": scores["tier"].iloc[0] if single else "", "tiers": scores["tier"].value_counts().sort_index().to_dict(),
    }  # fmt: skip
    if single:
        told = {lang: card.reasons(X, k=4, lang=lang).iloc[0] for lang in ("zh", "en")}
        found["reasons"] = [
            {"zh": str(told["zh"][f"reason_{k}"]), "en": str(told["en"][f"reason_{k}"]),
             "points": float(told["zh"][f"loss_{k}"])}
            for k in range(1, 5) if isinstance(told["zh"].get(f"reason_{k}"), str)
        ]  # fmt: skip
    return found
