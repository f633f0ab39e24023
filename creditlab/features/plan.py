"""The plan: which features there are, what each reads, which window, which aggregate, and what no value means.

Add a feature by adding a row to one of its three parts, by level. Windows and aggregates are declared (`windows`); the
measures are functions of a view of the household file; the policy of columns is checked on `reads` whenever features
are made. `catalogue` lists the plan; docs/features.md is printed from it.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from creditlab.columns import MISSING_REASONS
from creditlab.data.schema import TABLES
from creditlab.features import plan_conduct, plan_origin, plan_village
from creditlab.features.rows import CONDUCT, ORIGIN, VILLAGE
from creditlab.features.spec import Feature
from creditlab.features.windows import AGGREGATES

#: All features, in the order of the frame's columns.
PLAN: tuple[Feature, ...] = (
    *plan_origin.deposits(), *plan_origin.agriculture(), *plan_origin.people(), *plan_origin.visits(),
    *plan_origin.business(), *plan_origin.cover(), *plan_origin.payments(), *plan_origin.elsewhere(),
    *plan_conduct.loans(), *plan_conduct.arrears(), *plan_conduct.guarantees(), *plan_conduct.court(),
    *plan_conduct.applications(), *plan_village.place(), *plan_village.receipts(), *plan_village.others(),
)  # fmt: skip

_LEVELS = {ORIGIN: "户源", CONDUCT: "户行为", VILLAGE: "村"}
_ABSENT = {"zero": ("零", "a true zero")} | dict(MISSING_REASONS)


def catalogue(plan: Iterable[Feature] = PLAN) -> pd.DataFrame:
    """A row per feature: name, labels, unit, table, level, direction, columns read, window, aggregate, missing.

    >>> catalogue().set_index("feature").loc["dpd_max_12m", "as_of_rule_en"]
    'the 12 months before the as-of date'
    """
    return pd.DataFrame([_described(f) for f in plan])


def _described(f: Feature) -> dict[str, object]:
    c = f.column
    return {
        "feature": c.name, "zh": c.zh, "en": c.en, "kind": c.kind, "unit": c.unit, "table": c.source,
        "level": c.level, "level_zh": _LEVELS[c.level], "direction": c.direction, "action": c.action,
        "reads": ", ".join(f.reads),
        "window": f.window.name, "as_of_rule_zh": f.window.rule("zh"), "as_of_rule_en": f.window.rule("en"),
        "aggregate": f.aggregate, "aggregate_zh": AGGREGATES[f.aggregate][0], "others": f.others,
        "no_rows": f.absent, "no_rows_zh": _ABSENT[f.absent][0], "undefined": f.undefined,
        "consent": ", ".join(f.consents), "how": measure_text(f),
    }  # fmt: skip


def measure_text(feature: Feature) -> str:
    """The first paragraph of the measure's docstring, in one line."""
    measure = getattr(feature.measure, "func", feature.measure)
    text = (measure.__doc__ or "").split("\n\n")[0]
    return " ".join(text.split())


def catalogue_page(plan: Iterable[Feature] = PLAN) -> str:
    """The plan as a page of Markdown, both languages: docs/features.md is this text, and a test holds them equal."""
    table = catalogue(plan)
    counts = ", ".join(f"{n} {level}" for level, n in table["level"].value_counts(sort=False).items())
    lines = [
        "# The features of a household 农户特征目录", "",
        f"Printed from the plan by `python -m creditlab.features`: {len(table)} features ({counts}).", "",
        "No window holds an event after the as-of date, nor a row that became known later. What a household has not",
        "consented to is `not_authorised`. Only features of the level household-origin may enter a village's",
        "expected rate. ± is the expected direction: + larger is riskier, - safer; ↑ or ↓: the household itself can",
        "move it that way from now on, so that a reason may advise it. A mean over *others* leaves the own household",
        "out and is missing where fewer than five others have a value.", "",
    ]  # fmt: skip
    for name, rows in table.groupby("table", sort=False):
        contract = TABLES[str(name)]
        lines += [f"## {contract.zh} {contract.en}", "", f"Source 来源: {contract.source_zh} {contract.source}", ""]
        lines += ["| feature | 中文 | English | unit | level | ± | window: as-of rule | aggregate | no rows | reads |"]
        lines += ["|---|---|---|---|---|---|---|---|---|---|"]
        lines += [_line(row) for row in rows.to_dict("records")]
        lines += [""]
    return "\n".join(lines)


#: how the action of a column is printed
ARROWS = {"": "", "up": "↑", "down": "↓", "any": "↕"}


def _line(row: dict[str, object]) -> str:
    sign = {1: "+", -1: "-", 0: ""}[int(str(row["direction"]))]
    sign = f"{sign} {ARROWS[str(row['action'])]}".strip()
    who = "others" if row["others"] else ""
    cells = [
        f"`{row['feature']}`", row["zh"], f"{row['en']}: {row['how']}", row["unit"], row["level"], sign,
        f"{row['window']}: {row['as_of_rule_zh']} {row['as_of_rule_en']}", f"{row['aggregate']} {who}".strip(),
        f"{row['no_rows_zh']} {row['no_rows']}", row["reads"],
    ]  # fmt: skip
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"
