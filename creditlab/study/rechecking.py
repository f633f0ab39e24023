"""A report.json computed again from its data by a second path: `creditlab recheck`.

Reports of `creditlab validate`, `monitor` and `scorecard` name their columns, so their rows and PDs can be had again. A
county's study leaves its rows in the folder `evidence` beside the report, with their digests in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.config import StudyConfig
from creditlab.data import read_table
from creditlab.errors import InputError, message
from creditlab.results import digest
from creditlab.scorecard import Scorecard
from creditlab.study.flat import flat_table
from creditlab.study.models import load
from creditlab.study.recheck_card import recheck_card
from creditlab.study.recheck_county import recheck_county
from creditlab.study.recheck_design import recheck_design
from creditlab.study.recheck_tables import Shown
from creditlab.study.splits import DEVELOPMENT, FEWEST_GROUPS, split_rows
from creditlab.study.validating import Roles, load_models, read_report, read_rows
from creditlab.validation.rechecking import (
    FIGURES,
    UNCHECKED,
    Data,
    Recheck,
    compared,
    recheck_arithmetic,
    recheck_curves,
    recheck_lines,
    recheck_printed,
    recheck_result,
)

NO_EVIDENCE = "no folder 'evidence' beside the report: write the study again 报告旁没有 evidence 文件夹，请重新生成"
ELSEWHERE = "made on other rows, or by the model itself 基于其他样本或模型本身"
#: names of models in figures → in tests
SHOWN = {"评分卡": "card", "挑战者": "challenger", "scorecard": "card"}


def recheck_report(report: str | Path, data: str | Path, model: Any = None) -> Recheck:
    """Every figure of a report.json against a second path.

    Parameters
    ----------
    report : a report.json of the internal edition.
    data : the table that it was made from, or the folder of a county.
    model : model.json, or several in the order of the report, where the report was made with models; for reports of
        `creditlab scorecard` those beside the report are taken.

    Returns
    -------
    Recheck: `differences()`, `unchecked()` with reasons, `tidy()` with every figure.
    """
    stored = read_report(report)
    if stored.get("edition") != "internal":
        raise InputError(message("the internal edition", "another", str(report), "Recheck the internal report.json."))
    if not Path(data).exists():
        raise InputError(message("a table, or the folder of a county", "nothing there", str(data), "Check the path."))
    manifest, tests = stored.get("manifest", {}), stored.get("tests", [])
    rows: list[dict[str, Any]] = []
    known = None
    if "columns" in manifest:
        known, rows = _validated(manifest, data, model)
    elif "sources" in manifest and Path(data).is_dir():
        known, rows, shown = recheck_county(stored, Path(report).parent, Path(data))
        rows += shown.found
    elif Path(data).is_file() and (manifest.get("config") or {}).get("target"):
        known, rows = _studied(stored, Path(report).parent, data)
    spec = {**_spec(stored), "development": _development(manifest)}
    if known is None:
        rows += [_left("test", t["id"], t["scope"], _count(t, FIGURES), NO_EVIDENCE) for t in tests]
    else:
        rows += recheck_lines(tests, known, spec, stored.get("reference", {}))
    done = {str(row["id"]) for row in rows if row["part"] in ("table", "figure")}
    return recheck_result([*rows, *_shown(stored, known, spec, done)], [np.array([len(tests)])])


def _spec(stored: Mapping[str, Any]) -> dict[str, Any]:
    from creditlab.validation import ValidationSpec

    own = stored.get("manifest", {}).get("spec")
    return {**ValidationSpec().to_dict(), **(own if isinstance(own, Mapping) else {})}


def _development(manifest: Mapping[str, Any]) -> Any:
    own = manifest.get("spec")
    return own.get("development") if isinstance(own, Mapping) else None


def _validated(manifest: Mapping[str, Any], data: Any, model: Any) -> tuple[Data, list[dict[str, Any]]]:
    """The rows of `creditlab validate` and `monitor`."""
    frame = read_table(data)
    paths = [] if model is None else [model] if isinstance(model, str | Path) else list(model)
    named = manifest.get("models") or {}
    if len(paths) != len(named):
        came = f"{len(paths)} models"
        fix = "Give --model for each, the champion first."
        raise InputError(message(f"{len(named)} models, as in the report", came, "recheck", fix))
    models = _by_name(manifest, load_models(paths))
    roles = Roles(**manifest["columns"])
    both = "earlier" not in manifest
    given = read_rows(frame, roles, models, None, manifest.get("score_map"), both).arguments
    prob = given["prob"] if isinstance(given["prob"], Mapping) else {"model": given["prob"]}
    split, period = (None, None) if not both else (given["split"], given["period"])
    order = None if roles.date is None else pd.to_datetime(frame[roles.date].astype(str), format="mixed").to_numpy()
    groups = None if given["groups"] is None else pd.Series(given["groups"]).map(str).to_numpy()
    known = Data(given["y"], prob, split, groups, period, given["amount"], order)
    rows = [_same("table digest", manifest.get("table"), digest(frame))]
    for name, loaded in models.items():
        rows.append(_same(f"model {name}", (named.get(name) or {}).get("inputs"), loaded.result_.stamp.inputs))
        rows += _by_sql(name, loaded, frame)
    if roles.score is not None:
        rows += _by_statsmodels(manifest, frame, roles)
    return known, rows


def _by_name(manifest: Mapping[str, Any], loaded: Mapping[str, Any]) -> dict[str, Any]:
    """The models under the names of the report, the champion first: by stamp, and else in the order they came in."""
    stamps, rest, found = manifest.get("models") or {}, dict(loaded), {}
    order = manifest.get("order") or list(stamps)
    for name in order:
        same = [key for key, model in rest.items() if model.result_.stamp.to_dict() == stamps[name]]
        if same:
            found[name] = rest.pop(name if name in same else same[0])
    left = iter(rest.values())
    return {name: found[name] if name in found else next(left) for name in order}


def _same(what: str, reported: Any, found: Any) -> dict[str, Any]:
    equal = {"reported": 1.0, **compared(1.0, 1.0 if reported == found else 0.0)}
    return {"part": "manifest", "id": what, "scope": "", "figure": "digest", **equal}


def _by_sql(name: str, model: Any, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Points of a card by its SQL in DuckDB against its own."""
    if not isinstance(model, Scorecard):
        return [_left("model", name, "all", len(frame), "trees have no second path here 树模型无第二路径")]
    import duckdb

    t = frame[list(model.feature_names_in_)].reset_index(drop=True).assign(row__=np.arange(len(frame)))
    with duckdb.connect() as connection:
        connection.register("t", t)
        found = connection.execute(model.to_sql("duckdb", "t", keep=["row__"])).df().sort_values("row__")
    second, ours = found["points"].to_numpy(dtype=float), model.points(frame).to_numpy(dtype=float)
    worst = int(np.argmax(np.abs(second - ours)))
    common = {"part": "model", "id": name, "scope": f"{len(ours)} rows", "figure": "points by SQL"}
    return [{**common, "reported": float(ours[worst]), **compared(float(ours[worst]), float(second[worst]))}]


def _by_statsmodels(manifest: Mapping[str, Any], frame: pd.DataFrame, roles: Roles) -> list[dict[str, Any]]:
    """Intercept and slope of the PD on a score, where they were fitted on these rows."""
    if "earlier" in manifest:
        return []
    import statsmodels.api as sm

    score = frame[roles.score].to_numpy(dtype=float)
    scale = score.std() or 1.0
    X = sm.add_constant((score - score.mean()) / scale)
    fit = sm.Logit(frame[roles.target].to_numpy(), X).fit(disp=0)
    slope = float(fit.params[1]) / scale
    second = {"intercept": float(fit.params[0]) - slope * float(score.mean()), "slope": slope}
    common = {"part": "manifest", "id": "score_map", "scope": str(roles.score)}
    # the ridge of the first path is 1e-6, so that the two agree to about as much
    return [
        {**common, "figure": k, "reported": v, **compared(float(v), second[k], 1e-4)}
        for k, v in manifest["score_map"].items()
    ]


def _studied(stored: Mapping[str, Any], folder: Path, data: Any) -> tuple[Data | None, list[dict[str, Any]]]:
    """The rows of `creditlab scorecard`, with the models that lie beside its report."""
    config = StudyConfig(
        **{k: v for k, v in stored["manifest"]["config"].items() if k in StudyConfig.__dataclass_fields__}
    )
    table = flat_table(read_table(data), config, Path(data).stem)
    group = None if table.group is None else table.group.to_numpy(dtype=object)
    split = split_rows(table.y, date=table.date, group=group, share=config.test_share, seed=config.seed)
    several = None if group is None or len(set(group)) < FEWEST_GROUPS else group.astype(str)
    prob, rows = {}, []
    for name, file in (("card", "model.json"), ("challenger", "challenger.json")):
        if (folder / file).exists():
            model = load(folder / file)
            prob[name] = model.predict_proba(table.X[list(model.feature_names_in_)])[:, 1]
            rows += _by_sql(name, model, table.X)
            if name == "card" and table.weight is None:
                fitted = split == DEVELOPMENT
                rows += recheck_card(
                    stored, model, table.X[fitted], table.y[fitted], None if several is None else several[fitted]
                )
                own = {"bad": table.y, "split": split, "pd_card": prob[name]}
                own |= {} if several is None else {"village_id": several}
                shown = Shown(stored)
                recheck_design(shown, model, table.X.reset_index(drop=True), pd.DataFrame(own))
                rows += shown.found
    if "card" not in prob:
        raise InputError(message("model.json beside the report", "none", str(folder), "Keep the folder together."))
    return Data(table.y, prob, split.astype(object), several), rows


def _shown(
    stored: Mapping[str, Any], known: Data | None, spec: Mapping[str, Any], done: set[str]
) -> list[dict[str, Any]]:
    """What the page shows beside the lines: curves, tables, figures."""
    tables = {id: t["rows"] for id, t in stored.get("tables", {}).items()}
    figures = {f["id"]: f["data"]["rows"] for f in stored.get("figures", ())}
    tests = stored.get("tests", [])
    rows = recheck_printed(tables, tests)
    names = {row["id"] for row in rows} | done
    for id, points in figures.items():
        if known is not None and points and {"curve", "model", "scope", "x", "y"} <= set(points[0]):
            rows += recheck_curves([_plain(p) for p in points], known, spec, SHOWN)
            names.add(id)
    arithmetic = recheck_arithmetic({id: r for id, r in {**tables, **figures}.items() if id not in names})
    rows += arithmetic
    for id, cells in {**tables, **figures}.items():
        count = sum(_count(r, r) for r in cells)
        if id not in names and count:
            rows.append(_left("table" if id in tables else "figure", id, f"{len(cells)} rows", count, ELSEWHERE))
    return rows


def _plain(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point with its texts in one language."""
    return {name: value["zh"] if isinstance(value, Mapping) else value for name, value in point.items()}


def _count(row: Mapping[str, Any], names: Any) -> int:
    return sum(isinstance(row.get(n), int | float) and not isinstance(row.get(n), bool) for n in names)


def _left(part: str, id: str, scope: str, count: int, reason: str) -> dict[str, Any]:
    figure = {"figure": f"{count} figures", "reported": float(count), "figures": count}
    return {"part": part, "id": id, "scope": scope, **figure, "state": UNCHECKED, "reason": reason}
