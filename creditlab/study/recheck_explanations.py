"""Explanations by a second path: the card's from its bins, the booster's by shap, both as sums against the log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from creditlab.data.schema import TABLES
from creditlab.study.models import load
from creditlab.study.recheck_card import binned
from creditlab.study.recheck_tables import Shown, in_en

REFIT = "refits of the model without a source, by village 逐来源重新拟合模型"
ALTERED = "the model on rows altered at random, or refitted 需在随机改动的样本上运行或重新拟合模型"


def recheck_explanations(shown: Shown, tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Importance, sources, agreement of the two models, and what their quality tables share with them."""
    values, base = {}, {}
    for name in ("card", "challenger"):
        if f"shap_{name}" in tables:
            stored = tables[f"shap_{name}"]
            values[name], base[name] = stored.drop(columns="base_value__"), stored["base_value__"].iloc[0]
    rows = tables["rows"]
    for split in ("out-of-time", "development"):
        current = rows[rows["split"] == split]
        if values and len(current) == len(next(iter(values.values()))):
            break
    else:
        return
    card = load(folder / "model.json")
    labels = card.dictionary
    for name, found in values.items():
        _importance(shown, name, found, labels)
        p = current[f"pd_{name}"].to_numpy(dtype=float)
        gap = float(np.abs(found.sum(axis=1).to_numpy() + base[name] - special.logit(p)).max())
        id = f"explanation.{name}"
        shown.same(id, f"{len(found)} rows", "largest gap of sums, over 1", 1.0, 1.0 + max(0.0, gap - 1e-6))
    if "card" in values:
        _of_bins(shown, card, values["card"], tables["features"].loc[current.index])
        _sources(shown, values["card"], labels)
    if len(values) == 2:
        told = _agreement(values, base, current["village_id"].astype(str).to_numpy())
        shown.against("explanation.agreement", told, "measure", word=in_en)
    _departments(shown)


def _importance(shown: Shown, name: str, values: pd.DataFrame, labels: Any) -> None:
    table = values.abs().mean().rename("mean_abs").rename_axis("feature").reset_index()
    table["share"] = table["mean_abs"] / table["mean_abs"].sum()
    table["feature"] = [labels.label(f, "zh") if f in labels else f for f in table["feature"]]
    shown.against(f"explanation.{name}", table, "feature")


def _of_bins(shown: Shown, card: Any, values: pd.DataFrame, X: pd.DataFrame) -> None:
    """Coefficient times WOE, and the bin's departure, less their mean: what an additive model's Shapley values are."""
    result, worst = card.result_, 0.0
    for name in values.columns:
        if name not in result.bins:
            return
        table = result.bins[name].tidy().reset_index(drop=True)
        place = binned(X[name].reset_index(drop=True), result.bins[name].to_dict(), table)
        if place.isna().any():
            return
        shift = (
            np.zeros(len(table)) if result.shifts.get(name) is None else np.asarray(result.shifts[name], dtype=float)
        )
        own = place.map(float(result.coef[name]) * table["woe"] + shift)
        own = own - own.mean()
        worst = max(worst, float(np.abs(own.to_numpy() - values[name].to_numpy()).max()))
    shown.same("explanation.card", f"{values.size} values", "by coefficient and WOE, 1 + gap", 1.0, 1 + worst)


def _sources(shown: Shown, values: pd.DataFrame, labels: Any) -> None:
    source = [labels[f].source if f in labels else f for f in values.columns]
    by = values.T.groupby(np.array(source)).sum().T
    shares = by.abs().mean()
    top = by.round(9).idxmax(axis=1).where(by.max(axis=1) > 1e-9, "")
    table = pd.DataFrame(
        {
            "source": by.columns,
            "mean_abs": shares.to_numpy(),
            "share": (shares / shares.sum()).to_numpy(),
            "leads": [float((top == s).mean()) for s in by.columns],
        }
    )
    table["source"] = [TABLES[s].zh if s in TABLES else s for s in table["source"]]
    shown.against("explanation.sources", table, "source")


def _agreement(values: Mapping[str, pd.DataFrame], base: Mapping[str, float], village: np.ndarray) -> pd.DataFrame:
    a, b = values["card"], values["challenger"]
    columns = list(dict.fromkeys([*a.columns, *b.columns]))
    a, b = (v.reindex(columns=columns, fill_value=0.0) for v in (a, b))
    odds = [base["card"] + a.sum(axis=1), base["challenger"] + b.sum(axis=1)]
    lead = [v.round(9).idxmax(axis=1).where(v.max(axis=1) > 1e-9, "none") for v in (a, b)]
    shared = []
    for one, two in zip(a.to_numpy(), b.to_numpy(), strict=True):
        sets = [{i for i in np.argsort(-np.round(v, 9), kind="stable")[:3] if v[i] > 1e-9} for v in (one, two)]
        union = sets[0] | sets[1]
        shared.append(len(sets[0] & sets[1]) / len(union) if union else 1.0)
    gaps = [v.groupby(village).mean() - v.mean() for v in (a, b)]
    total = [g.sum(axis=1) for g in gaps]
    driver = [(g.mul(np.sign(t), axis=0)).idxmax(axis=1) for g, t in zip(gaps, total, strict=True)]
    n, v = float(len(a)), float(len(gaps[0]))
    rows = [
        ("rank correlation of log-odds", _spearman(*odds), n),
        ("mean absolute difference of log-odds", float((odds[1] - odds[0]).abs().mean()), n),
        ("share of households with the same leading feature", float((lead[0] == lead[1]).mean()), n),
        ("mean Jaccard index of the top three", float(np.mean(shared)), n),
        ("rank correlation of importance", _spearman(a.abs().mean(), b.abs().mean()), n),
        ("rank correlation of village gaps", _spearman(*total), v),
        ("share of villages with the same driver", float((driver[0] == driver[1]).mean()), v),
    ]
    return pd.DataFrame(rows, columns=["measure", "value", "n"])


def _spearman(a: Any, b: Any) -> float:
    """Pearson's correlation of mid-ranks."""
    return float(np.corrcoef(stats.rankdata(a), stats.rankdata(b))[0, 1])


def _departments(shown: Shown) -> None:
    """Each drop is from one whole: the measure of all sources together, which every row must imply alike."""
    table = shown.frame("explanation.departments")
    if len(table):
        whole = (table["drop"] + table["without"]).groupby(table["metric"]).transform("median")
        second = table[["metric", "source"]].assign(drop=whole - table["without"])
        late = dict.fromkeys([c for c in table if c not in ("metric", "source", "drop")], REFIT)
        shown.against("explanation.departments", second, ["metric", "source"], reasons=late)
    from statsmodels.stats.multitest import multipletests

    missed = shown.frame("explanation.missed")
    if len(missed):
        holm = multipletests(missed["p_value"].astype(float), method="holm")[1]
        late = dict.fromkeys([c for c in missed if c not in ("proposal", "p_holm")], ALTERED)
        shown.against("explanation.missed", missed[["proposal"]].assign(p_holm=holm), "proposal", reasons=late)
    for name in ("card", "challenger"):
        shown.left(f"explanation.quality_{name}", ALTERED)
