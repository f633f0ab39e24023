"""Every test of this package in one table: id, function, name, hypothesis, reference.

The table is read off the tests themselves, and the page docs/validation-tests.md is written from it.
"""

from __future__ import annotations

import importlib
import inspect

import pandas as pd

from creditlab.validation.result import Kind

#: file → what its tests are about, in the order of a report
AREAS: dict[str, tuple[str, str]] = {
    "quality": ("数据质量", "Data quality"),
    "leaks": ("泄漏与时点", "Leaks and points in time"),
    "representativeness": ("代表性", "Representativeness"),
    "discrimination": ("区分能力", "Discrimination"),
    "ranking": ("区分能力（续）", "Discrimination, further measures"),
    "association": ("有序变量关联", "Association of ordered columns"),
    "grade_order": ("级别", "Grades"),
    "grades": ("校准（按级别）", "Calibration of grades"),
    "calibration": ("校准（按行）", "Calibration of rows"),
    "reliability": ("校准曲线与比较", "Calibration curves and comparisons"),
    "segments": ("分群与村", "Segments and villages"),
    "years": ("多年与低违约", "Several years and few defaults"),
    "stability": ("稳定性", "Stability"),
    "migration": ("迁徙", "Migration"),
    "parameters": ("参数与切点", "Parameters and cut-offs"),
    "concentration": ("集中度", "Concentration"),
    "robustness": ("稳健性", "Robustness"),
    "fit_checks": ("拟合检查", "Checks of the fit"),
    "slices": ("薄弱分群", "Weak slices"),
    "benchmarks": ("挑战者", "Challengers"),
    "explanation_quality": ("解释质量", "Explanation quality"),
    "explanation_behaviour": ("解释与模型行为", "Explanations and behaviour"),
    "fairness": ("公平性", "Fairness"),
    "fair_alternatives": ("公平性：来源与替代", "Fairness: sources and alternatives"),
    "transfer": ("跨期与跨村", "Out of time and out of village"),
    "implementation": ("实施与文档", "Implementation and documents"),
    "sequential": ("监测", "Monitoring"),
}


def catalogue() -> pd.DataFrame:
    """All tests: area_zh area_en id function test_zh test_en hypothesis reference, in the order of the report.

    >>> {"disc.auc", "cal.jeffreys", "stab.psi"} <= set(catalogue()["id"])
    True
    """
    rows = []
    for module, (zh, en) in AREAS.items():
        found = importlib.import_module(f"creditlab.validation.{module}")
        kinds = [value for _, value in inspect.getmembers(found) if isinstance(value, Kind)]
        here = [
            kind
            for kind in kinds
            if hasattr(found, kind.call) and getattr(found, kind.call).__module__ == found.__name__
        ]
        for kind in sorted(here, key=lambda kind: kind.id):
            rows.append(
                {
                    "area_zh": zh,
                    "area_en": en,
                    "id": kind.id,
                    "function": kind.call,
                    "test_zh": kind.zh,
                    "test_en": kind.en,
                    "hypothesis": kind.hypothesis,
                    "reference": kind.reference,
                }
            )
    return pd.DataFrame(rows)


def catalogue_page() -> str:
    """The table as a Markdown page.

    >>> catalogue_page().splitlines()[0]
    '# The tests of `creditlab.validation`'
    """
    lines = [
        "# The tests of `creditlab.validation`",
        "",
        "Written from the tests themselves (`creditlab.validation.catalogue_page()`); a test holds it equal.",
        "Every function returns a frozen result with `estimate statistic df p_value lo hi n level threshold verdict",
        "reference hypothesis reason`; families of tests have a row per scope and corrected p-values (`tidy()`).",
        "",
    ]
    table = catalogue()
    for area, rows in table.groupby("area_en", sort=False):
        lines += [
            f"## {area} {rows['area_zh'].iloc[0]}",
            "",
            "| id | function | test | hypothesis (a small p speaks against it) | reference |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{r.id}` | `{r.function}` | {r.test_en} {r.test_zh} | {_cell(r.hypothesis)} | {_cell(r.reference)} |"
            for r in rows.itertuples()
        ]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or "–"
