"""The sections of a validation beyond performance: data, stability, concentration, robustness, fairness, travel.

They need the features, the model as a plain callable, the protected attributes or the papers; without them they say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_frame
from creditlab.errors import InputError, message
from creditlab.validation.concentration import MOVED, concentration_change, hhi, top_share
from creditlab.validation.fair_alternatives import PROXY, proxy
from creditlab.validation.fairness import (
    AIR,
    CALIBRATION,
    GAPS,
    SMD,
    adverse_impact_by,
    calibration_by_group,
    group_gaps,
    mean_difference,
)
from creditlab.validation.fit_checks import OPTIMISM, optimism
from creditlab.validation.implementation import DOCUMENTS, documentation, monitor_ready
from creditlab.validation.leaks import PROXY as LEAK
from creditlab.validation.leaks import leak
from creditlab.validation.lines import Lines, too_few
from creditlab.validation.quality import MISSING, SPECIAL, missing, special_codes
from creditlab.validation.representativeness import C2ST, same_mix, two_samples
from creditlab.validation.robustness import EXTREME, NOISE, SOURCE, approve, extreme_rows, noise, source_loss
from creditlab.validation.scopes import Cell, Sample
from creditlab.validation.slices import WEAK, weak_slices
from creditlab.validation.stability import PSI, psi
from creditlab.validation.transfer import CHAIN, MEMORY, forward_chain, out_of_village
from creditlab.validation.verdict import ValidationSpec

NO_BINS = "no development sample and no reference: name one in split, or pass reference 无开发样本或参照"


@dataclass(frozen=True)
class Given:
    """What beyond outcomes and PDs came with the call."""

    frame: Any = None
    predict: Any = None
    refit: Any = None
    sources: Any = None
    protected: Any = None
    documents: Any = None
    period: Any = None

    def lacks(self, *names: str) -> str:
        """Why a test of these cannot be made; empty where all came."""
        gone = [name for name in names if getattr(self, name) is None]
        if not gone:
            return ""
        needs = ", ".join(names)
        what = "the model" if {"predict", "refit"} & set(gone) else "more"
        return f"needs {what}: pass {needs} 需要提供 {needs}"


def check_given(given: Given, n: int) -> None:
    """Frames have a row per outcome."""
    for name in ("frame", "protected"):
        frame = getattr(given, name)
        if frame is not None and len(check_frame(frame, name)) != n:
            raise InputError(message(f"{n} rows", f"{len(frame)}", name, "Align it with y."))


def data(sample: Sample, given: Given, at: ValidationSpec) -> Lines:
    """Gaps, codes and leaks of the features, and whether the samples are one population."""
    lines = Lines("data", at)
    whole, start = _whole(sample), sample.development
    frame = given.frame
    for kind in (MISSING, SPECIAL, LEAK, C2ST):
        if frame is None:
            lines.refuse(whole, kind, given.lacks("frame"))
    if frame is None:
        return lines
    lines.add(whole, missing(frame, given.period, threshold=at.thresholds["missing"]))
    lines.add(whole, special_codes(frame))
    lines.add(whole, leak(frame, sample.y, at.thresholds["leak_auc"], at.thresholds["leak_iv"]))
    for scope in sample.scopes:
        if start is not None and scope.kind == "split" and not scope.development:
            cell = sample.cell(whole.model, scope)
            lines.add(
                cell, two_samples(frame[start.rows], frame[scope.rows], seed=at.seed, threshold=at.thresholds["c2st"])
            )
    return lines


def _whole(sample: Sample) -> Cell:
    return sample.cell(next(iter(sample.probs)), sample.scopes[0])


def stability(sample: Sample, bins: Mapping[str, Any], at: ValidationSpec) -> Lines:
    """Has the mix of PD grades moved, and is it more concentrated than at development."""
    lines = Lines("stability", at)
    earlier = any(stored and stored["earlier"] for stored in bins.values())
    kinds = ("all",) if earlier or sample.development is None else ("split",)
    for cell in sample.cells(*kinds):
        stored = bins[cell.model]
        if stored is None:
            lines.refuse(cell, PSI, NO_BINS)
        elif stored["earlier"] or not cell.scope.development:
            _moved(lines, cell, stored)
    return lines


def _moved(lines: Lines, cell: Cell, stored: Mapping[str, Any]) -> None:
    counts = count(cell.p, stored["edges"])
    labels = [f"grade {i + 1}" for i in range(len(counts))]
    test = psi(stored["counts"], counts, labels=labels, threshold=lines.at.thresholds["psi"])
    gone = test.facts["empty"]
    lines.add(cell, test, reason=f"empty now 现为空: {', '.join(gone)}" if gone else test.reason)
    lines.add(cell, same_mix(stored["counts"], counts, lines.at.thresholds["cramers_v"]))
    reason = "" if len(counts) > 1 else "one grade only 只有一个级别"
    lines.test(
        cell, MOVED, reason, lambda: concentration_change(stored["counts"], counts, lines.at.thresholds["p_value"])
    )


def count(p: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """Rows per stored PD grade."""
    return np.bincount(np.searchsorted(np.asarray(edges, dtype=float), p, side="left"), minlength=len(edges) + 1)


def concentration(sample: Sample, at: ValidationSpec) -> Lines:
    """How far rows and amounts are piled up on few villages."""
    lines = Lines("concentration", at)
    if sample.groups is None:
        return lines
    whole = _whole(sample)
    cuts = [("rows", np.bincount(sample.groups))]
    if sample.amount is not None:
        cuts.append(("amount", np.bincount(sample.groups, weights=sample.amount)))
    for name, counts in cuts:
        lines.add(whole, hhi(counts), f"all · {name} by group")
        lines.add(whole, top_share(counts, threshold=at.thresholds["share"]), f"all · {name} by group")
    return lines


def robustness(sample: Sample, given: Given, at: ValidationSpec) -> Lines:
    """What noise, a lost source, extreme rows, weak slices and refits do to the champion."""
    lines = Lines("robustness", at)
    whole = _whole(sample)
    few = too_few(whole, at)
    groups, decay = whole.groups, at.thresholds["decay"]
    frame, predict, refit, sources = given.frame, given.predict, given.refit, given.sources
    lines.test(
        whole,
        NOISE,
        given.lacks("frame", "predict") or few,
        lambda: noise(whole.y, frame, predict, groups=groups, approval=at.approval, seed=at.seed, threshold=decay),
    )
    lines.test(
        whole,
        SOURCE,
        given.lacks("frame", "predict", "sources") or few,
        lambda: source_loss(whole.y, frame, predict, sources, groups, at.approval, decay),
    )
    lines.test(whole, EXTREME, given.lacks("frame", "predict"), lambda: extreme_rows(frame, predict))
    lines.test(
        whole,
        WEAK,
        given.lacks("frame") or few,
        lambda: weak_slices(
            whole.y, whole.p, frame, groups, at.min_slice, seed=at.seed, threshold=at.thresholds["p_value"]
        ),
    )
    lines.test(
        whole,
        OPTIMISM,
        given.lacks("frame", "refit") or few,
        lambda: optimism(whole.y, frame, refit, groups, at.refits, at.seed),
    )
    return lines


def travel(sample: Sample, given: Given, at: ValidationSpec) -> Lines:
    """Fitted again without a village, and without the months after."""
    lines = Lines("travel", at)
    whole = _whole(sample)
    few = too_few(whole, at)
    frame, refit = given.frame, given.refit
    no_villages = "" if whole.groups is not None else "needs villages: pass groups 需要提供 groups"
    lines.test(
        whole,
        MEMORY,
        given.lacks("frame", "refit") or no_villages or few,
        lambda: out_of_village(whole.y, frame, whole.groups, refit, seed=at.seed, threshold=at.thresholds["memory"]),
    )
    lines.test(
        whole,
        CHAIN,
        given.lacks("frame", "refit", "period") or few,
        lambda: forward_chain(
            whole.y, frame, given.period, refit, whole.groups, at.min_bads, at.level, at.thresholds["auc"]
        ),
    )
    return lines


def fairness(sample: Sample, given: Given, at: ValidationSpec) -> Lines:
    """What the champion does to the groups of every protected attribute."""
    lines = Lines("fairness", at)
    whole = _whole(sample)
    if given.protected is None:
        for kind in (AIR, SMD, CALIBRATION, GAPS, PROXY):
            lines.refuse(whole, kind, given.lacks("protected"))
        return lines
    for name in map(str, given.protected.columns):
        group = (
            given.protected[name]
            .astype(object)
            .where(given.protected[name].notna(), "missing 缺失")
            .map(str)
            .to_numpy(dtype=object)
        )
        scope = f"{whole.name} · {name}"
        if len(set(group)) < 2:
            for kind in (AIR, SMD, CALIBRATION, GAPS):
                lines.refuse(whole, kind, "one group only 只有一个组", scope)
            continue
        lines.add(whole, adverse_impact_by(approve(whole.p, at.approval), group, threshold=at.thresholds["air"]), scope)
        lines.add(whole, mean_difference(whole.p, group, threshold=at.thresholds["smd"]), scope)
        lines.add(whole, calibration_by_group(whole.y, whole.p, group, whole.groups, at.min_bads, at.level), scope)
        lines.add(
            whole, group_gaps(whole.y, whole.p, group, approval=at.approval, threshold=at.thresholds["gap"]), scope
        )
        _proxy(lines, whole, given, group, scope)
    return lines


def _proxy(lines: Lines, whole: Cell, given: Given, group: np.ndarray, scope: str) -> None:
    largest = pd.Series(group).value_counts().index[0]
    member = (group != largest).astype(int)
    lines.test(
        whole,
        PROXY,
        given.lacks("frame"),
        lambda: proxy(given.frame, member, seed=lines.at.seed, threshold=lines.at.thresholds["proxy"]),
        scope,
    )


def papers(sample: Sample, given: Given, bins: Mapping[str, Any], at: ValidationSpec) -> Lines:
    """What the next run needs, and what a validator must find in the file."""
    lines = Lines("implementation", at)
    whole = _whole(sample)
    lines.add(whole, monitor_ready({model: stored or {} for model, stored in bins.items()}))
    lines.test(whole, DOCUMENTS, given.lacks("documents"), lambda: documentation(given.documents or {}))
    return lines
