"""The study of a county: from departments' tables to the villages that need attention.

Read → reconcile → sample → features → card and challenger → explain → composition card, cross-fitted by village →
O/E, shrunken, ranked → why → actions. It orchestrates; every number comes from the areas that it calls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.config import StudyConfig
from creditlab.data import County
from creditlab.errors import InputError, message
from creditlab.explanation import explain
from creditlab.loans import performance_sample, reconcile
from creditlab.results import Stamp
from creditlab.study.actions import actions
from creditlab.study.collecting import Collection, county_collection
from creditlab.study.crossfit import CrossFit, cross_explain
from creditlab.study.evidence import evidence
from creditlab.study.frame import ModellingFrame, modelling_frame
from creditlab.study.geography import geography
from creditlab.study.leakage import LeakHunt, hunt_in_county
from creditlab.study.observation import observation_dates
from creditlab.study.outcome import StudyResult
from creditlab.study.panel import VillagePanel, village_panel
from creditlab.study.second_opinion import second_opinion
from creditlab.study.splits import DEVELOPMENT, OUT_OF_TIME
from creditlab.study.steps import Progress, Rows, fit_models, new_card, new_challenger, split_table
from creditlab.study.why import Sample, VillageWhy, relative_covariance, village_why
from creditlab.validation import validate

OUT_OF_VILLAGE = "out-of-village"


def study_county(county: County, config: StudyConfig, *, name: str, progress: Progress) -> StudyResult:
    """Study a county; see `run_study`."""
    _check_tables(county)
    county = county.in_villages_of(county.last_known())
    progress("与总账对账", "reconcile to the ledger")
    reconciliation = reconcile(county) if "control_totals" in county.tables else None
    progress("确定观察日与好坏样本", "observation dates, good/bad sample")
    dates = observation_dates(county.tables["loan_months"].frame["month_end"], config)
    sample = performance_sample(county, as_of=dates, bad=config.bad())
    progress("观察日特征", "features at the observation dates")
    found = modelling_frame(county, sample, card="behaviour")
    progress("泄漏排查", "hunt for leaks")
    leaks = hunt_in_county(county, sample, data=found)
    data = found.without(config.drop)
    progress("放款前特征（结构卡）", "features before the grant (composition card)")
    origin = modelling_frame(county, sample, card="composition").without(config.drop)
    late = (data.as_of == dates[-1]).to_numpy() if len(dates) > 1 else np.zeros(len(data.y), dtype=bool)
    progress("拟合评分卡与挑战者模型", "fit scorecard and challenger")
    models = _models(data, late, config)
    progress("按村交叉拟合", "cross-fit by village")
    behaviour = cross_explain(_card(data, config), data.X, data.y, data.village, folds=config.folds, seed=config.seed)
    out_of_village = behaviour.raw
    expected = cross_explain(
        _card(origin, config), origin.X, origin.y, origin.village, folds=config.folds, seed=config.seed
    )
    models["composition"] = _card(origin, config).fit(origin.X, origin.y, groups=origin.village)
    progress("验证", "validate")
    validation = _validation(models, data, late, out_of_village)
    progress("解释", "explain")
    current = data.rows(late if late.any() else ~late)
    # the whole portfolio is explained against the whole portfolio
    explanations = {label: explain(models[label], current.X, background=current.X) for label in ("card", "challenger")}
    opinion = second_opinion(
        models, explanations, current.X, current.y.to_numpy(), current.village.to_numpy(dtype=object),
        held_out=bool(late.any()), fit=behaviour, outcome=data.y, villages=data.village, dictionary=data.dictionary,
        seed=config.seed,
    )  # fmt: skip
    progress("采集覆盖与采集台账", "coverage, what to collect next")
    collection = county_collection(county, models["card"], behaviour, data, level=config.level)
    progress("村级研究", "study the villages")
    land = geography(county.geojson, _places(county), origin.village)
    panel = _panel(county, origin, expected.prob, out_of_village, config, land.graph)
    progress("原因、执行与动态", "why, enforcement, dynamics")
    why = _why(county, origin, expected, models["composition"], panel, dates[-1], config, land.graph)
    kept = evidence(
        _evidence_rows(data, late, models, out_of_village, expected, panel), data.X, explanations,
        expected.contributions, land.graph, county,
    )  # fmt: skip
    return _result(
        county, config, name, reconciliation, sample, data, late, models, validation, explanations, opinion, current,
        panel, why, land.findings, leaks, collection, kept,
    )  # fmt: skip


def _check_tables(county: County) -> None:
    needed = [t for t in ("households", "villages", "loans", "loan_months") if t not in county.tables]
    if needed:
        raise InputError(
            message(
                "the tables households, villages, loans and loan_months",
                f"no {', '.join(needed)}",
                "county folder",
                "Add them, or use `creditlab scorecard` on a flat table.",
            )
        )


def _card(data: ModellingFrame, config: StudyConfig) -> Any:
    return new_card(config, data.special, data.dictionary)


def _models(data: ModellingFrame, late: np.ndarray, config: StudyConfig) -> dict[str, Any]:
    rows = Rows(X=data.X, y=data.y.to_numpy(), group=data.village.to_numpy(dtype=object))
    challenger = new_challenger(config, data.special, data.dictionary)
    return fit_models(_card(data, config), challenger, rows, np.where(late, OUT_OF_TIME, DEVELOPMENT))


def _validation(models: dict[str, Any], data: ModellingFrame, late: np.ndarray, out_of_village: pd.Series) -> Any:
    """Champion and challenger on development and out-of-time rows; the champion also on villages it never saw."""
    y = data.y.to_numpy()
    split = np.where(late, OUT_OF_TIME, DEVELOPMENT)
    prob = {label: models[label].predict_proba(data.X)[:, 1] for label in ("card", "challenger")}
    prob["card (out of village)"] = out_of_village.to_numpy()
    return validate(y, prob, split=split, groups=data.village.to_numpy(dtype=object))


def _panel(
    county: County, origin: ModellingFrame, expected: pd.Series, full: pd.Series, config: StudyConfig, graph: Any
) -> VillagePanel:
    """O/E under the composition card, and beside it under the full card, which carries the village's own effect."""
    places = _places(county)
    settings: dict[str, Any] = {"top": config.top, "level": config.level, "seed": config.seed}
    settings["graph"] = graph
    panel = village_panel(origin, expected, villages=places, **settings)
    other = village_panel(origin, full.to_numpy(), **settings).tidy()
    names = {name: f"{name}_full" for name in ("expected", "ratio", "estimate", "lo", "hi")}
    table = panel.tidy().merge(other[["village", *names]].rename(columns=names), on="village", validate="1:1")
    return replace(panel, table=table)


def _why(
    county: County,
    origin: ModellingFrame,
    expected: CrossFit,
    card: Any,
    panel: VillagePanel,
    as_of: str,
    config: StudyConfig,
    graph: Any,
) -> VillageWhy:
    slope = panel.facts["slope"]
    parts = None if expected.contributions is None else expected.contributions * slope
    sample = Sample(
        y=origin.y.to_numpy(),
        prob=panel.prob,
        village=origin.village.to_numpy(dtype=object),
        contributions=parts,
        sources={n: origin.dictionary[n].source for n in origin.dictionary},
        covariance=None if parts is None else relative_covariance(card.result_, list(parts.columns)),
        officer=origin.officer.to_numpy(dtype=object),
        branch=origin.branch.to_numpy(dtype=object),
        household=origin.household.to_numpy(dtype=object),
        as_of=origin.as_of.to_numpy(),
    )
    places = _places(county)
    townships = places.set_index("village").get("township")
    return village_why(sample, panel, config.level, config.seed, county, as_of, townships, graph, places)


def _evidence_rows(
    data: ModellingFrame, late: np.ndarray, models: dict[str, Any], out_of_village: pd.Series, expected: CrossFit,
    panel: VillagePanel,
) -> pd.DataFrame:  # fmt: skip
    """A row per row of the sample: who, when, where, how it ended, and every PD that the report uses."""
    known = ("household_id", "as_of", "village_id", "officer", "branch", "balance", "granted_on", "bad")
    rows = data.tidy()[[name for name in known if name in data.tidy()]].reset_index(drop=True)
    prob = {f"pd_{label}": models[label].predict_proba(data.X)[:, 1] for label in ("card", "challenger")}
    rows = rows.assign(split=np.where(late, OUT_OF_TIME, DEVELOPMENT), **prob)
    return rows.assign(
        pd_out_of_village=out_of_village.to_numpy(), pd_composition=expected.prob.to_numpy(), pd_expected=panel.prob
    )


def _places(county: County) -> pd.DataFrame:
    """The facts of a village that tables and maps show: code, name, township, centroid."""
    villages = county.tables["villages"].frame
    columns = {"village_id": "village", "name": "name", "township": "township", "longitude": "x", "latitude": "y"}
    there = {old: new for old, new in columns.items() if old in villages}
    return villages[list(there)].rename(columns=there).drop_duplicates("village", keep="last")


def _result(
    county: County,
    config: StudyConfig,
    name: str,
    reconciliation: Any,
    sample: Any,
    data: ModellingFrame,
    late: np.ndarray,
    models: dict[str, Any],
    validation: Any,
    explanations: dict[str, Any],
    opinion: dict[str, Any],
    current: ModellingFrame,
    panel: VillagePanel,
    why: VillageWhy,
    about_map: pd.DataFrame,
    leaks: LeakHunt,
    collection: Collection,
    kept: dict[str, pd.DataFrame],
) -> StudyResult:
    split = np.where(late, OUT_OF_TIME, DEVELOPMENT)
    leaks = leaks.judged(models["card"], config.drop)
    findings = [
        county.check(),
        about_map,
        leaks.findings(),
        *([reconciliation.findings] if reconciliation is not None else []),
    ]
    sources = pd.DataFrame(
        [
            {"table": t, "rows": len(s.frame), "columns": s.frame.shape[1], "digest": s.digest}
            for t, s in county.tables.items()
        ]
    )
    return StudyResult(
        name=name,
        config=config,
        panel=panel,
        table=panel.tidy(),
        sample=sample,
        why=why,
        actions=actions(panel, why),
        models=models,
        validation=validation,
        leaks=leaks,
        collection=collection,
        links=county.links,
        explanations=explanations,
        opinion=opinion,
        scores=models["card"].scores(current).tidy(),
        findings=pd.concat([f for f in findings if len(f)] or findings[:1], ignore_index=True),
        splits=split_table(split, data.y.to_numpy(), [DEVELOPMENT, OUT_OF_TIME]),
        sources=sources,
        waterfall=sample.waterfall,
        reconciliation=reconciliation,
        geojson=county.geojson,
        dictionary=data.dictionary,
        evidence=kept,
        stamp=Stamp.of([f"{t}:{s.digest}" for t, s in county.tables.items()], config.to_dict(), seed=config.seed),
        facts={
            "households scored": len(current.X),
            "rows": len(data.y),
            "bads": int(data.y.sum()),
            "villages": len(panel.tidy()),
            "features": data.X.shape[1],
        },
    )
