"""The flat-table job: split, bin, select, fit, scale, score, explain, and study the groups as villages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.config import StudyConfig
from creditlab.explanation import explain
from creditlab.features import MISSING_CODES
from creditlab.results import Stamp
from creditlab.study.actions import actions
from creditlab.study.crossfit import cross_explain
from creditlab.study.flat import FlatTable, flat_table
from creditlab.study.leakage import hunt_leaks
from creditlab.study.outcome import StudyResult
from creditlab.study.panel import VillagePanel, village_panel
from creditlab.study.second_opinion import second_opinion
from creditlab.study.splits import DEVELOPMENT, FEWEST_GROUPS, OUT_OF_TIME, TEST, split_rows
from creditlab.study.steps import Progress, Rows, fit_models, new_card, new_challenger, split_table
from creditlab.study.why import Sample, VillageWhy, village_why
from creditlab.validation import validate


def study_table(frame: pd.DataFrame, config: StudyConfig, *, name: str, progress: Progress) -> StudyResult:
    """Study one flat table; see `run_study`."""
    progress("检查数据", "check the table")
    table = flat_table(frame, config, name)
    group = None if table.group is None else table.group.to_numpy(dtype=object)
    split = split_rows(table.y, date=table.date, group=group, share=config.test_share, seed=config.seed)
    # two or three groups carry neither errors by group nor a test of groups
    several = None if group is None or len(set(group)) < FEWEST_GROUPS else group
    rows = Rows(X=table.X, y=table.y, group=several, weight=table.weight)
    labels, special = table.dictionary or None, _meanings(table.special)
    card, challenger = new_card(config, special, labels), new_challenger(config, special, labels)
    progress("拟合评分卡与挑战者模型", "fit scorecard and challenger")
    models = fit_models(card, challenger, rows, split)
    progress("泄漏排查", "hunt for leaks")
    leaks = hunt_leaks(rows.X, rows.y, special=special, dictionary=labels).judged(models["card"])
    progress("验证", "validate")
    prob = {label: model.predict_proba(rows.X)[:, 1] for label, model in models.items()}
    validation = validate(
        rows.y, prob, split=split, groups=several, protected=table.audit if table.audit.shape[1] else None
    )
    progress("解释", "explain")
    # the whole table is explained against the whole table
    explanations = {label: explain(models[label], rows.X, background=rows.X) for label in ("card", "challenger")}
    apart = split != DEVELOPMENT
    usable = len(set(rows.y[apart].tolist())) == 2
    opinion = _opinion(models, rows.at(apart if usable else ~apart), usable, config.seed)
    origin = _origin(table)
    expecting = new_card(config, {n: c for n, c in special.items() if n in origin}, labels)
    panel, why = _panel(expecting, table, replace(rows, X=rows.X[origin]), config, progress)
    if table.group is not None and len(origin) < rows.X.shape[1]:
        models["composition"] = expecting.fit(rows.X[origin], rows.y, sample_weight=rows.weight, groups=several)
    suspected = leaks.findings(name)
    return StudyResult(
        name=name,
        config=config,
        unit=("组", "group"),
        panel=panel,
        table=_no_groups() if panel is None else panel.tidy(),
        why=why,
        actions=pd.DataFrame() if panel is None else actions(panel, why),
        models=models,
        validation=validation,
        leaks=leaks,
        explanations=explanations,
        opinion=opinion,
        dictionary=table.dictionary,
        scores=_scores(table, models["card"], prob["card"], split),
        findings=pd.concat([f for f in (table.findings, suspected) if len(f)] or [table.findings], ignore_index=True),
        splits=split_table(split, rows.y, [DEVELOPMENT, TEST, OUT_OF_TIME]),
        sources=pd.DataFrame([{"table": name, "rows": len(frame), "columns": frame.shape[1]}]),
        stamp=Stamp.of(frame, config.to_dict(), seed=config.seed),
        facts={
            "rows": len(rows.y),
            "bads": int(rows.y.sum()),
            "features": rows.X.shape[1],
            "groups": 0 if panel is None else len(panel.tidy()),
        },
    )


def _opinion(models: dict[str, Any], rows: Rows, held_out: bool, seed: int) -> dict[str, Any]:
    """The second opinion, on held-out rows where they hold both outcomes, else on those of the fit."""
    explained = {label: explain(models[label], rows.X, background=rows.X) for label in ("card", "challenger")}
    return second_opinion(models, explained, rows.X, rows.y, rows.group, held_out=held_out, seed=seed)


def _panel(
    card: Any, table: FlatTable, rows: Rows, config: StudyConfig, progress: Progress
) -> tuple[VillagePanel | None, VillageWhy | None]:
    """The groups, and why they differ: by feature only, a flat table knows no officers, courts or guarantees."""
    if table.group is None:
        return None, None
    progress("按组交叉拟合并研究各组", "cross-fit by group, study the groups")
    fit = cross_explain(
        card, rows.X, rows.y, table.group, sample_weight=rows.weight, folds=config.folds, seed=config.seed
    )
    panel = village_panel(table, fit.prob, top=config.top, level=config.level, seed=config.seed)
    parts = None if fit.contributions is None else fit.contributions * panel.facts["slope"]
    sample = Sample(y=rows.y, prob=panel.prob, village=table.group.to_numpy(dtype=object), contributions=parts)
    return panel, village_why(sample, panel, config.level, config.seed)


def _meanings(special: Mapping[str, Any]) -> dict[str, dict[Any, str]]:
    """Codes of each column with their meaning, so that the bins say what a code is."""
    known: dict[Any, str] = {code: " ".join(MISSING_REASONS[reason]) for reason, code in MISSING_CODES.items()}
    known |= {reason: " ".join(words) for reason, words in MISSING_REASONS.items()}
    return {column: {code: known.get(code, str(code)) for code in codes} for column, codes in special.items()}


def _origin(table: FlatTable) -> list[str]:
    """The features that may enter the expected rate of a group: those declared as the household's own, else all."""
    declared = table.dictionary
    origin = [c for c in table.X.columns if c in declared and declared[c].level == "household-origin"]
    return origin or list(table.X.columns)


def _no_groups() -> pd.DataFrame:
    return pd.DataFrame({"village": pd.Series(dtype="str"), "n": pd.Series(dtype="int64")})


def _scores(table: FlatTable, card: Any, prob: np.ndarray, split: np.ndarray) -> pd.DataFrame:
    scores = pd.DataFrame({"row": np.arange(len(prob)), "split": split, "bad": table.y, "pd": prob})
    if table.id is not None:
        scores.insert(1, "id", table.id.to_numpy())
    if table.group is not None:
        scores["group"] = table.group.to_numpy()
    return scores.assign(points=card.points(table.X).to_numpy())
