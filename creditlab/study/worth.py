"""What a source's record is worth to the score of a household that has none: measured on households that have it.

A household that lacks a source stands, for the card, where the source is masked. So the card is tried on the borrowers
with an outcome whose record is there: their bad rate as the card tells it with the source, against the card with the
source masked. Each is scored by a model that never saw its village (`cross_explain`), and each side has its own level
and slope fitted, so that masking costs no calibration. What is lost by masking is what the record adds:

- in **AUC**, over all those borrowers: AUC with less AUC masked;
- in **log-loss**, borrower by borrower: -log P(what happened), masked less with. Its mean is the information, in nats,
  that the record gives about the outcome of one household; that is a gain which can be carried to other households.

It is carried to a household by what the card implies there: the mutual information between the outcome and the record,
H(mean p) - mean H(p) over the donors' contributions at the household's own remaining log-odds. Times `realised`, the
measured mean over the implied mean on the borrowers: a card that promises more than it keeps is cut down to what it
keeps. A record that has grown old still tells a part: with r the correlation of a source's contributions a year apart,
refreshing adds 1 - r^(2 years).

Sources: Good (1952), Rational decisions, JRSS B 14 (log-loss); Lindley (1956), On a measure of the information provided
by an experiment, Ann. Math. Stat. 27; DeLong et al. (1988) and Obuchowski (1997) for AUC with clusters.
Limits: the outcome is known of borrowers only, and the other sources do not stand in for the masked one as they would
if the card were fitted without it; `department_value(refit=True)` measures that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from creditlab.checks import check_level
from creditlab.errors import InputError, message
from creditlab.features import MISSING_CODES
from creditlab.results import Result, Stamp
from creditlab.study.crossfit import MODEL, CrossFit
from creditlab.study.departments import auc_influence, clustered_error
from creditlab.study.frame import ModellingFrame

#: fewest borrowers with the record, and fewest bads among them, from which its worth is measured
FEWEST_ROWS, FEWEST_BADS = 50, 10
#: fewest households seen twice from which it is learned how a record ages
FEWEST_TWICE = 30
#: contributions are reduced to this many quantiles
QUANTILES = 100
#: reasons for missing that collecting can mend
LACKING = ("not_authorised", "not_connected", "not_collected")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SourceWorth(Result):
    """A row per source that the card uses, the most informative first.

    Columns: source features rows bads auc_with auc_masked auc_gain auc_gain_lo auc_gain_hi gain gain_lo gain_hi
    implied realised realised_lo realised_hi kept reason. `gain` is in nats of log-loss per household, `kept` the part
    that a record of a year ago still tells (r squared). What cannot be measured is NaN with its `reason`.
    """

    title: ClassVar[str] = "What a record is worth 记录的价值"
    plots: ClassVar[str] = "portraits"

    def of(self, source: str) -> pd.Series | None:
        """The row of a source; None where it was not measured."""
        rows = self.table[(self.table["source"] == source) & self.table["gain"].notna()]
        return rows.iloc[0] if len(rows) else None


def source_worth(fit: CrossFit, data: ModellingFrame, level: float = 0.9) -> SourceWorth:
    """Measure what each source adds to the scores of borrowers whose record is there.

    Parameters
    ----------
    fit : `cross_explain` of the card on `data`. data : the modelling frame. level : of the intervals.

    Returns
    -------
    SourceWorth, with intervals that are linearised with villages as clusters.

    Raises
    ------
    InputError : a fit without contributions, or of other rows.
    """
    check_level(level)
    if fit.contributions is None or len(fit.contributions) != len(data.X):
        came = "none" if fit.contributions is None else f"{len(fit.contributions)} rows for {len(data.X)}"
        raise InputError(message("contributions of the rows of the frame", came, "source_worth", "Use cross_explain."))
    parts = by_source(fit.contributions, data.dictionary)
    log_odds = fit.contributions.to_numpy().sum(axis=1)
    bad, codes = data.y.to_numpy(dtype=float), pd.factorize(data.village)[0]
    rows = []
    for source, names in parts.items():
        own = fit.contributions[names].to_numpy().sum(axis=1)
        if not np.abs(own).max() > 0:
            continue
        known = recorded(data.X[[n for n in names if n in data.X]])
        row = {"source": source, "features": len(names), "rows": int(known.sum()), "bads": int(bad[known].sum())}
        rows.append(row | _measured(own[known], log_odds[known], bad[known], codes[known], level))
        rows[-1]["kept"] = _kept(own[known], data.household[known], data.as_of[known])
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values("gain", ascending=False, ignore_index=True)
    facts = {"rows": len(bad), "bads": int(bad.sum()), "sources": len(table), "level": level}
    return SourceWorth(table=table, stamp=Stamp.of([fit.contributions, bad, codes], {"level": level}), facts=facts)


_COLUMNS = (
    "source", "features", "rows", "bads", "auc_with", "auc_masked", "auc_gain", "auc_gain_lo", "auc_gain_hi", "gain",
    "gain_lo", "gain_hi", "implied", "realised", "realised_lo", "realised_hi", "kept", "reason",
)  # fmt: skip


def by_source(names: Any, dictionary: Mapping[str, Any]) -> dict[str, list[str]]:
    """Source → its features among `names`; the months of a note come with the note."""
    listed: dict[str, list[str]] = {}
    for name in names:
        if name != MODEL and name in dictionary:
            source = dictionary[name].source
            listed.setdefault("loans" if source == "loan_months" else source, []).append(name)
    return listed


def recorded(frame: pd.DataFrame) -> np.ndarray:
    """Rows of which some feature has a value, a true zero, or does not apply."""
    lacking = frame.isin([*LACKING, *(MISSING_CODES[r] for r in LACKING)]) | frame.isna()
    return ~lacking.to_numpy().all(axis=1)


def implied_gain(rest: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """Information about the outcome, in nats, that one of the donors' contributions would give at each log-odds `rest`.

    >>> bool(implied_gain(np.array([0.0]), np.array([-50.0, 50.0]))[0].round(6) == np.log(2).round(6))
    True
    """
    grid = np.quantile(donors, (np.arange(QUANTILES) + 0.5) / QUANTILES, method="inverted_cdf")
    prob = expit(rest[:, None] + grid[None, :])
    return _entropy(prob.mean(axis=1)) - _entropy(prob).mean(axis=1)


def _entropy(prob: np.ndarray) -> np.ndarray:
    inside = np.clip(prob, 1e-12, 1 - 1e-12)
    return np.asarray(-inside * np.log(inside) - (1 - inside) * np.log1p(-inside))


def _measured(
    own: np.ndarray, log_odds: np.ndarray, bad: np.ndarray, codes: np.ndarray, level: float
) -> dict[str, Any]:
    """AUC and log-loss with the source and masked, with intervals, and what of the implied gain is realised."""
    if len(bad) < FEWEST_ROWS or bad.sum() < FEWEST_BADS or (bad == 0).sum() < FEWEST_BADS:
        return {"reason": f"fewer than {FEWEST_ROWS} borrowers or {FEWEST_BADS} bads with the record 样本不足"}
    reach, rest = ndtri((1 + level) / 2), log_odds - own
    auc_with, row_with = auc_influence(np.round(log_odds, 12), bad)
    auc_masked, row_masked = auc_influence(np.round(rest, 12), bad)
    error = clustered_error(row_with - row_masked, codes)
    with_it, masked = _recalibrated(log_odds, bad), _recalibrated(rest, bad)
    each = _loss(masked, bad) - _loss(with_it, bad)
    implied = implied_gain(rest - rest.mean() + float(np.log(bad.mean() / (1 - bad.mean()))), own - own.mean())
    gain, share = float(each.mean()), float(each.mean() / implied.mean())
    about = {
        "auc_gain": (auc_with - auc_masked, error),
        "gain": (gain, clustered_error((each - gain) / len(bad), codes)),
        "realised": (share, clustered_error((each - share * implied) / implied.sum(), codes)),
    }
    limits = {
        name + ending: value + sign * reach * se
        for name, (value, se) in about.items()
        for ending, sign in (("", 0.0), ("_lo", -1.0), ("_hi", 1.0))
    }
    whole = {"auc_with": auc_with, "auc_masked": auc_masked, "implied": float(implied.mean()), "reason": ""}
    return {**limits, **whole}


def _recalibrated(log_odds: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Probabilities from the log-odds with their own level and slope: two numbers, fitted by Newton's method."""
    design, beta = np.column_stack([np.ones(len(bad)), log_odds]), np.array([0.0, 1.0])
    for _ in range(50):
        prob = expit(design @ beta)
        weight = np.maximum(prob * (1 - prob), 1e-9)
        step = np.linalg.lstsq((design.T * weight) @ design, design.T @ (bad - prob), rcond=None)[0]
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(expit(design @ beta))


def _loss(prob: np.ndarray, bad: np.ndarray) -> np.ndarray:
    inside = np.clip(prob, 1e-12, 1 - 1e-12)
    return np.asarray(-np.log(np.where(bad == 1, inside, 1 - inside)))


def _kept(own: np.ndarray, household: pd.Series, as_of: pd.Series) -> float:
    """The squared correlation of the contributions of a household a year apart; NaN where too few were seen twice."""
    seen = pd.DataFrame({"household": household.to_numpy(), "year": pd.DatetimeIndex(as_of).year, "now": own})
    before = seen.assign(year=seen["year"] + 1).rename(columns={"now": "then"})
    twice = seen.merge(before, on=["household", "year"])
    if len(twice) < FEWEST_TWICE or twice["now"].std() == 0 or twice["then"].std() == 0:
        return float("nan")
    return float(max(twice["now"].corr(twice["then"]), 0.0) ** 2)
