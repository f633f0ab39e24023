"""What the card misses: where a booster sees a turn inside one of its bins, or two features that act together.

Every proposal is tested on rows that neither model was fitted on, against what the card expects there, with villages as
clusters; what survives is ready to become a cut of a bin or a cross. A proposal is a question to the analyst, not a
change of the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from creditlab.binning import Cross
from creditlab.binning.values import read_numbers
from creditlab.challenger import Challenger, count_patterns
from creditlab.checks import check_groups, check_target
from creditlab.errors import InputError, message
from creditlab.estimators import check_fitted, expit, read_frame
from creditlab.explanation.routes import explain
from creditlab.explanation.shapley import interaction_values
from creditlab.results import Result, Stamp
from creditlab.scorecard import Scorecard

COLUMNS = ("kind", "feature", "other", "bin", "cut", "gap", "n", "z", "p_value", "p_holm", "auc_gain", "proposal")
#: least rows on each side of a proposed cut
LEAST = 30
#: candidate cuts inside a bin: quantiles of its values
CUTS = 9


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Missed(Result):
    """Proposals, the strongest first: `kind feature other bin cut gap n z p_value p_holm auc_gain proposal`.

    `kind` is 'bin' (cut the bin of `feature` at `cut`; `gap` is the booster's difference across it in log-odds, beyond
    the card's) or 'cross' (`feature` × `other`; `gap` is the mean absolute interaction). `z` tests it against the
    card's residuals, villages as clusters; `p_holm` allows for the number of proposals; `auc_gain` is what the
    proposal adds to the card's AUC on these rows; `proposal` is the call that makes it.
    """

    title: ClassVar[str] = "What the card misses 评分卡的遗漏"
    plots: ClassVar[str] = "explanation_effects"

    def crosses(self, p: float = 0.05, bins: int = 4) -> tuple[Cross, ...]:
        """The crosses that hold at a level, for `Binner(crosses=...)`."""
        kept = self.table[(self.table["kind"] == "cross") & (self.table["p_holm"] <= p)]
        return tuple(Cross(a, b, bins) for a, b in zip(kept["feature"], kept["other"], strict=True))

    def cuts(self, p: float = 0.05) -> dict[str, list[float]]:
        """The new cuts that hold at a level by feature, for `binner.edit(feature).split(bin, cut, reason=...)`."""
        kept = self.table[(self.table["kind"] == "bin") & (self.table["p_holm"] <= p)]
        return {str(f): sorted(part["cut"].tolist()) for f, part in kept.groupby("feature", sort=False)}


def what_the_card_misses(
    card: Scorecard, booster: Challenger, X: Any, y: Any, groups: Any = None, *, top: int = 5
) -> Missed:
    """Where a booster leaves a card, tested on rows that neither was fitted on.

    Parameters
    ----------
    card, booster : fitted on the same columns.
    X, y : held-out rows and outcomes; on training rows every booster looks right.
    groups : villages, as clusters of the tests; None takes rows as independent.
    top : proposals of each kind.

    Raises
    ------
    InputError : when the booster shares no feature with the card.
    """
    for model in (card, booster):
        check_fitted(model)
    frame = read_frame(card, X)
    bad = check_target(y, "y", len(frame)).astype(float)
    labels = np.arange(len(frame)) if groups is None else pd.factorize(check_groups(groups, len(frame)))[0]
    log_odds = card.decision_function(frame)
    residual = bad - expit(card.result_.calibrated(log_odds))
    ours, theirs = explain(card, frame), explain(booster, frame, background=frame)
    shared = [f for f in ours.values.columns if f in theirs.values.columns]
    if not shared:
        raise InputError(message("shared features", "none", "what_the_card_misses", "Fit both on the same columns."))
    rows = [_best_cut(card, ours, theirs, frame, name, residual, labels) for name in shared]
    found = sorted((r for r in rows if r is not None), key=lambda r: -abs(r["z"]))[:top]
    found += _pairs(card, booster, frame, bad, log_odds, residual, labels, top)
    table = _finished(found, bad, log_odds)
    facts = {"rows": len(frame), "bads": int(bad.sum()), "proposals": len(table),
             "hold_at_5_percent": int((table["p_holm"] <= 0.05).sum())}  # fmt: skip
    stamp = Stamp.of([frame, bad], {"card": ours.model, "booster": theirs.model, "top": top})
    return Missed(table=table, stamp=stamp, facts=facts)


def clustered_z(signal: np.ndarray, residual: np.ndarray, labels: np.ndarray) -> float:
    """Score test of adding `signal` to a model with these residuals, with clusters (K.-Y. Liang, S. Zeger, 1986)."""
    score = np.bincount(labels, weights=signal * residual)
    spread = float(score @ score)
    return float(score.sum()) / np.sqrt(spread) if spread > 0 else 0.0


def _best_cut(
    card: Scorecard, ours: Any, theirs: Any, frame: pd.DataFrame, name: str, residual: np.ndarray, labels: np.ndarray
) -> dict[str, Any] | None:
    """The cut inside a bin of a feature across which the booster differs most beyond the card."""
    spec = card.result_.bins[name].spec
    if spec.kind != "numeric" or spec.sides or spec.form != "number" or name not in frame:
        return None
    x, codes = read_numbers(frame[name], spec.form), spec.codes(frame[name])
    gap = theirs.values[name].to_numpy() - ours.values[name].to_numpy()
    best: dict[str, Any] | None = None
    for number in range(spec.regular):
        here = codes == number
        if here.sum() < 2 * LEAST:
            continue
        for cut in np.unique(np.quantile(x[here], np.linspace(0.1, 0.9, CUTS), method="nearest")).tolist():
            above = here & (x >= cut)
            below = here & (x < cut)
            if min(above.sum(), below.sum()) < LEAST:
                continue
            step = float(gap[above].mean() - gap[below].mean())
            if best is None or abs(step) > abs(best["gap"]):
                # what the booster says, centred in the bin: the card's own level of the bin is not in question
                signal = np.where(above, 1 - above.sum() / here.sum(), np.where(below, -above.sum() / here.sum(), 0.0))
                best = {
                    "kind": "bin", "feature": name, "other": "", "bin": number, "cut": cut, "gap": step,
                    "n": int(here.sum()), "signal": signal * step, "z": clustered_z(signal * step, residual, labels),
                    "proposal": f"binner.edit({name!r}).split({number}, {cut:g}, reason=...)",
                }  # fmt: skip
    return best


def _pairs(
    card: Scorecard, booster: Challenger, frame: pd.DataFrame, bad: np.ndarray, log_odds: np.ndarray,
    residual: np.ndarray, labels: np.ndarray, top: int,
) -> list[dict[str, Any]]:  # fmt: skip
    result = booster.result_
    design = result.design(frame)
    pairs = interaction_values(result.trees, design, count_patterns(result.trees, design), result.players)
    names, slope = result.features, result.recalibrated[1]
    known = {c.name for c in _crosses(card)}
    found: list[dict[str, Any]] = []
    for (i, j), values in sorted(pairs.items(), key=lambda item: -float(np.abs(item[1]).mean())):
        first, second = sorted((names[i], names[j]))
        if len(found) == top:
            break
        if Cross(first, second).name in known or Cross(second, first).name in known or " × " in first + second:
            continue
        signal = slope * values
        found.append(
            {
                "kind": "cross", "feature": first, "other": second, "bin": -1, "cut": np.nan,
                "gap": float(np.abs(signal).mean()), "n": len(frame), "signal": signal,
                "z": clustered_z(signal, residual, labels),
                "proposal": f"Binner(crosses=[Cross({first!r}, {second!r})])",
            }
        )  # fmt: skip
    return found


def _crosses(card: Scorecard) -> list[Any]:
    return [] if card.binner is None else [c for c in card.binner.crosses if isinstance(c, Cross)]


def _finished(found: list[dict[str, Any]], bad: np.ndarray, log_odds: np.ndarray) -> pd.DataFrame:
    from sklearn.metrics import roc_auc_score

    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    before = roc_auc_score(bad, log_odds)
    for row in found:
        row["p_value"] = float(1 - ndtr(row["z"]))  # one-sided: the booster's own direction must hold
        row["auc_gain"] = float(roc_auc_score(bad, log_odds + row.pop("signal")) - before)
    table = pd.DataFrame(found)
    order = np.argsort(table["p_value"].to_numpy(), kind="stable")
    holm = np.empty(len(table))
    holm[order] = np.minimum(
        1.0, np.maximum.accumulate(table["p_value"].to_numpy()[order] * (len(table) - np.arange(len(table))))
    )
    table["p_holm"] = holm
    return table.sort_values("p_value", kind="stable", ignore_index=True)[list(COLUMNS)].astype(
        {"kind": "str", "feature": "str", "other": "str", "proposal": "str"}
    )
