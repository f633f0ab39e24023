"""Is what runs what was validated: the same model again, every export the same score, edges, versions, papers.

Arrays of scores and texts, never models. The checklist of documents asks for what a validator must find in the file.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from creditlab import __version__
from creditlab.checks import check_frame, check_target
from creditlab.errors import InputError, message
from creditlab.results import digest
from creditlab.validation.discrimination import placements
from creditlab.validation.result import Kind, TestFamily, TestResult
from creditlab.validation.rows import check_score
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

REPRODUCED = Kind(
    "imp.reproduce",
    "The same fit again",
    "重拟合一致性",
    "digest of the model files; SR 26-2: re-performance",
    "",
    "reproduced",
)
PARITY = Kind(
    "imp.score_parity",
    "Parity of the exports",
    "导出评分一致性",
    "largest |difference| on the same rows",
    "",
    "score_parity",
)
ROUNDING = Kind(
    "imp.rounding", "Cost of rounding points", "分值取整损失", "AUC before and after; decisions", "", "rounding"
)
EDGES = Kind(
    "imp.edges",
    "Cut points on the declared side",
    "切点归属",
    "each cut, and the next floats on both sides",
    "",
    "bin_edges",
)
VERSION = Kind("imp.version", "Versions", "版本", "manifest", "", "environment")
SPEED = Kind(
    "imp.latency", "Rows scored per second", "每秒评分行数", "best of three runs, process time", "", "throughput"
)
READY = Kind(
    "imp.monitor_ready", "Ready for monitoring", "监测就绪", "reference bins and counts stored", "", "monitor_ready"
)
DOCUMENTS = Kind(
    "doc.checklist",
    "Documentation",
    "文档清单",
    "SR 26-2; EBA handbook CP/2022/08; PIPL 2021 art. 55-56",
    "",
    "documentation",
)
#: what a validator must find in the file: id → (Chinese, English)
ITEMS: Mapping[str, tuple[str, str]] = {
    "purpose": ("用途与使用限制", "purpose and limits of use"),
    "independence": ("负责人、开发者与验证者相互独立", "owner, developer and validator are independent"),
    "target": ("目标定义", "target definition"),
    "exclusions": ("样本剔除过程", "waterfall of exclusions"),
    "dictionary": ("变量字典（来源部门与合法性基础）", "variable dictionary with department and legal basis"),
    "method": ("方法与假设", "method and assumptions"),
    "parameters": ("参数表", "table of parameters"),
    "results": ("结果", "results"),
    "limitations": ("局限", "limitations"),
    "overrides": ("人工干预政策", "policy on overrides"),
    "monitoring": ("监测计划与触发条件", "monitoring plan and triggers"),
    "changes": ("变更记录", "change log"),
    "retirement": ("退役计划", "retirement plan"),
    "signatures": ("签字", "sign-offs"),
    "pia": ("个人信息保护影响评估编号", "reference of the impact assessment (PIPL 55-56)"),
    "reasons": ("理由代码字典", "dictionary of reason codes"),
    "findings": ("问题清单（责任人与期限）", "findings with owner and due date"),
    "previous": ("既往问题状态", "status of earlier findings"),
}


def reproduced(first: Any, again: Any) -> TestResult:
    """Are two fits the same, to the last bit? Model texts, bytes, arrays or mappings; `estimate` the largest
    difference.

    >>> reproduced({"coef": [1.0, 2.0]}, {"coef": [1.0, 2.0]}).verdict
    'green'
    """
    a, b = digest(first), digest(again)
    gap = 0.0 if a == b else np.nan
    if a != b and isinstance(first, np.ndarray) and isinstance(again, np.ndarray) and first.shape == again.shape:
        gap = float(np.abs(first - again).max())
    return REPRODUCED.result(
        inputs=[a, b],
        n=1,
        estimate=gap,
        threshold="equal digests",
        verdict=GREEN if a == b else RED,
        reason="" if a == b else f"digests differ 摘要不同: {a}, {b}",
        facts={"first": a, "again": b},
    )


def score_parity(scores: Any, exports: Mapping[str, Any], threshold: Threshold = DEFAULTS["parity"]) -> TestFamily:
    """Does every export (SQL, PMML, ONNX, a points table) give the same score? A row per export.

    `estimate` is the largest |difference|; rows where only one of the two has a score count in `unmatched` and are red.

    >>> score_parity([1.0, 2.0], {"sql": [1.0, 2.0], "pmml": [1.0, 2.5]}).tidy()["verdict"].tolist()
    ['green', 'red']
    """
    ours = np.asarray(scores, dtype=float).reshape(-1)
    rows = []
    for name, given in exports.items():
        theirs = np.asarray(given, dtype=float).reshape(-1)
        if len(theirs) != len(ours):
            raise InputError(
                message(f"{len(ours)} scores", f"{len(theirs)}", f"export '{name}'", "Score the same rows.")
            )
        unmatched = int((np.isnan(ours) != np.isnan(theirs)).sum())
        both = ~np.isnan(ours) & ~np.isnan(theirs)
        gap = np.abs(ours - theirs)[both]
        worst = float(gap.max()) if len(gap) else 0.0
        verdict = RED if unmatched or not np.isfinite(worst) else threshold.verdict(worst)
        rows.append(
            {
                "scope": str(name),
                "n": int(both.sum()),
                "estimate": worst,
                "statistic": float((gap > 0).sum()),
                "unmatched": unmatched,
                "threshold": str(threshold),
                "verdict": verdict,
                "reason": f"{unmatched} rows scored by one only 仅一方有评分" if unmatched else "",
            }
        )
    return PARITY.family(rows, inputs=[ours], n=len(ours), method="none")


def rounding(
    y: Any, exact: Any, rounded: Any, approval: float = 0.7, threshold: Threshold = DEFAULTS["rounding"]
) -> TestResult:
    """What whole points cost: AUC lost, and decisions that change at equal approval. Scores higher = riskier.

    >>> rounding([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2], [1, 0, 1, 0]).estimate
    0.0
    """
    from creditlab.validation.robustness import approve

    target = check_target(y, "y")
    a, b = check_score(exact, len(target), "exact"), check_score(rounded, len(target), "rounded")
    loss = placements(target, a).auc - placements(target, b).auc
    flips = float((approve(a, approval) != approve(b, approval)).mean())
    return ROUNDING.result(
        inputs=[target, a, b],
        n=len(target),
        estimate=loss,
        threshold=threshold,
        verdict=threshold.verdict(loss),
        facts={"flips": flips, "approval": approval},
    )


def bin_edges(cuts: Any, assign: Callable[[np.ndarray], Any], closed: str = "right") -> TestResult:
    """Does an implementation put each cut point, and the floats next to it, into the declared bin?

    Parameters
    ----------
    cuts : inner cut points, ascending. assign : values → bin numbers from 0. closed : "right" (a cut belongs to the bin
        below it) or "left". `estimate` counts the mismatches: zero is the only good answer.

    >>> bin_edges([1.0, 2.0], lambda x: np.searchsorted([1.0, 2.0], x, side="left")).estimate
    0.0
    """
    at = np.asarray(cuts, dtype=float).reshape(-1)
    if not len(at) or not np.isfinite(at).all() or (np.diff(at) <= 0).any() or closed not in ("right", "left"):
        raise InputError(
            message(
                "ascending finite cuts, closed 'right' or 'left'",
                f"{len(at)} cuts, {closed!r}",
                "bin_edges",
                "Pass the stored cut points.",
            )
        )
    probes = np.concatenate([np.nextafter(at, -np.inf), at, np.nextafter(at, np.inf)])
    wanted = np.searchsorted(at, probes, side="left" if closed == "right" else "right")
    wrong = np.asarray(assign(probes)).reshape(-1) != wanted
    return EDGES.result(
        inputs=at,
        n=len(probes),
        estimate=int(wrong.sum()),
        threshold="0",
        verdict=RED if wrong.any() else GREEN,
        facts={"closed": closed, "first": float(probes[wrong][0]) if wrong.any() else ""},
    )


def environment(
    packages: Sequence[str] = ("numpy", "pandas", "scipy", "scikit-learn", "statsmodels", "lightgbm", "shap", "plotly"),
) -> TestFamily:
    """The versions that made a result: a row per package, for the manifest.

    >>> environment(["numpy"]).tidy()["scope"].tolist()[:2]
    ['creditlab', 'python']
    """
    found = {"creditlab": __version__, "python": platform.python_version(), "platform": platform.machine()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed 未安装"
    rows = [
        {"scope": name, "n": 1, "verdict": INFO, "threshold": "", "version": version} for name, version in found.items()
    ]
    return VERSION.family(rows, inputs=found, n=len(rows), method="none")


def throughput(predict: Callable[[pd.DataFrame], Any], frame: pd.DataFrame) -> TestResult:
    """Rows scored per second of processor time, best of three; `facts`: single, seconds for one row.

    The clock is no input: keep it out of reports that must come out the same twice.

    >>> throughput(lambda f: f["x"], pd.DataFrame({"x": range(1000)})).n
    1000
    """
    check_frame(frame, "frame")

    def seconds(rows: pd.DataFrame) -> float:
        best = np.inf
        for _ in range(3):
            start = time.process_time()
            predict(rows)
            best = min(best, time.process_time() - start)
        return max(float(best), 1e-9)

    return SPEED.result(
        inputs=frame.shape,
        n=len(frame),
        estimate=len(frame) / seconds(frame),
        facts={"single": seconds(frame.iloc[[0]])},
    )


def monitor_ready(reference: Mapping[str, Any]) -> TestFamily:
    """Does a result carry what the next run needs: bins and counts of every model?

    >>> monitor_ready({"card": {"edges": [0.1], "counts": [5, 5]}}).verdict
    'green'
    """
    rows = []
    for name, stored in reference.items():
        edges, counts = list(stored.get("edges", ())), list(stored.get("counts", ()))
        sound = len(counts) == len(edges) + 1 and sum(counts) > 0
        rows.append(
            {
                "scope": str(name),
                "n": int(sum(counts)),
                "estimate": len(counts),
                "verdict": GREEN if sound else RED,
                "threshold": "bins and counts",
                "reason": "" if sound else "no stored bins 缺少参照分箱",
            }
        )
    if not rows:
        rows = [
            {
                "scope": "all",
                "n": 0,
                "verdict": RED,
                "threshold": "bins and counts",
                "reason": "no stored bins 缺少参照分箱",
            }
        ]
    return READY.family(rows, inputs=list(reference), method="none")


def documentation(given: Mapping[str, Any]) -> TestFamily:
    """The checklist of the model's file: every item present (a reference), not applicable (with a reason), or missing.

    Parameters
    ----------
    given : item → where it is found; text that begins with "n.a." is not applicable. Items are those of `ITEMS`.

    >>> documentation({"purpose": "M-01 §1"}).tidy().set_index("scope")["verdict"].to_dict()["pia"]
    'amber'
    """
    unknown = sorted(set(given) - set(ITEMS))
    if unknown:
        raise InputError(
            message(f"items among {', '.join(ITEMS)}", ", ".join(unknown), "documentation", "Check the spelling.")
        )
    rows = []
    for name, (zh, en) in ITEMS.items():
        text = str(given.get(name) or "").strip()
        exempt = text.lower().startswith("n.a.")
        state = "missing 缺失" if not text else "not applicable 不适用" if exempt else "present 已有"
        rows.append(
            {
                "scope": name,
                "n": 1,
                "estimate": float(bool(text)),
                "verdict": INFO if exempt else GREEN if text else AMBER,
                "threshold": "present",
                "reason": f"{state}: {text}" if text else state,
                "item_zh": zh,
                "item_en": en,
            }
        )
    return DOCUMENTS.family(rows, inputs=dict(given), n=len(rows), method="none")
