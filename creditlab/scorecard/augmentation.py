"""Rows without an outcome, given one: five ways in which a sample of the granted is stretched over all households.

Each way takes what the granted show, adds an assumption that the granted cannot show, and returns rows, outcomes and
weights that a card can be fitted on. Plain frames and arrays; `rejects` compares what comes of them.

References: D. Hand, W. Henley, IMA J. Mathematics Applied in Business and Industry 5 (1993) 45-55; J. Crook,
J. Banasik, J. Banking & Finance 28 (2004) 857-874; A. Ehrhardt et al., Reject inference methods in credit scoring,
J. Applied Statistics 48 (2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.estimators import expit
from creditlab.scorecard.logistic import fit_logistic

#: bands of log-odds in which parcelling compares
BANDS = 10
#: a weight above this many times the mean is cut: beyond, a few rows would speak for all
MOST = 10.0


@dataclass(frozen=True)
class Known:
    """The granted: raw rows, outcome, weight, village codes, log-odds by their own card and of being granted."""

    frame: pd.DataFrame
    bad: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None
    log_odds: np.ndarray
    granting: np.ndarray


@dataclass(frozen=True)
class Unknown:
    """Those without an outcome: the same, and by what each one's odds of bad exceed those of the granted like him."""

    frame: pd.DataFrame
    groups: np.ndarray | None
    log_odds: np.ndarray
    granting: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Rows to fit a card on; `inferred` is the PD (or the outcome) that each one without an outcome was given."""

    frame: pd.DataFrame
    bad: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None
    inferred: np.ndarray | None = None


def fuzzy(known: Known, unknown: Unknown, seed: int = 0) -> Rows:
    """Each one without an outcome twice: as bad with weight PD, as good with the rest."""
    return _split(known, unknown, expit(unknown.log_odds + unknown.shift))


def twins(known: Known, unknown: Unknown, seed: int = 0) -> Rows:
    """As fuzzy augmentation, by the PD of two twin scores: that of being bad and that of being granted."""
    return _split(known, unknown, expit(twin_log_odds(known, unknown)))


def parcelling(known: Known, unknown: Unknown, seed: int = 0) -> Rows:
    """In each band of log-odds the odds of bad of the granted, times the assumption; bads are then drawn."""
    edges = np.unique(np.quantile(known.log_odds, np.linspace(0, 1, BANDS + 1)[1:-1]))
    mine, theirs = np.searchsorted(edges, known.log_odds), np.searchsorted(edges, unknown.log_odds)
    total = np.bincount(mine, known.weight, minlength=len(edges) + 1)
    bads = np.bincount(mine, known.weight * known.bad, minlength=len(edges) + 1)
    # half an event each way, so that a band without bads has finite odds
    odds = np.log((bads + 0.5) / (total - bads + 0.5))
    prob = expit(odds[theirs] + unknown.shift)
    bad = (np.random.default_rng(seed).random(len(prob)) < prob).astype(np.int8)
    return _joined(known, unknown.frame, bad, np.ones(len(bad)), unknown.groups, bad.astype(float))


def hard_cutoff(known: Known, unknown: Unknown, seed: int = 0) -> Rows:
    """The riskiest are bads, all others goods; as many bads as the assumption expects among those of one shift."""
    bad = np.zeros(len(unknown.log_odds), dtype=np.int8)
    for shift in np.unique(unknown.shift):
        rows = np.flatnonzero(unknown.shift == shift)
        expected = round(float(expit(unknown.log_odds[rows] + shift).sum()))
        bad[rows[np.argsort(-unknown.log_odds[rows], kind="stable")[:expected]]] = 1
    return _joined(known, unknown.frame, bad, np.ones(len(bad)), unknown.groups, bad.astype(float))


def reweighting(known: Known, unknown: Unknown, seed: int = 0) -> Rows:
    """The granted alone, each for all households like him: weight one over the probability of being granted."""
    weight = known.weight / expit(known.granting)
    weight = np.minimum(weight, MOST * weight.mean())
    return Rows(known.frame, known.bad, weight * known.weight.sum() / weight.sum(), known.groups)


def twin_log_odds(known: Known, unknown: Unknown) -> np.ndarray:
    """Log-odds of bad of the unknown by a regression, on the granted, on both scores."""
    design = np.column_stack([known.log_odds, known.granting])
    # the score of bad must not turn round; that of being granted may speak either way
    fit = fit_logistic(design, known.bad, known.weight, sign=np.array([1, 0]))
    return fit.coef[0] + np.column_stack([unknown.log_odds, unknown.granting]) @ fit.coef[1:]


def _split(known: Known, unknown: Unknown, prob: np.ndarray) -> Rows:
    frame = pd.concat([unknown.frame, unknown.frame])
    bad = np.repeat(np.array([1, 0], dtype=np.int8), len(prob))
    groups = None if unknown.groups is None else np.tile(unknown.groups, 2)
    return _joined(known, frame, bad, np.concatenate([prob, 1 - prob]), groups, prob)


def _joined(
    known: Known,
    frame: pd.DataFrame,
    bad: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray | None,
    inferred: np.ndarray,
) -> Rows:
    both = None if known.groups is None or groups is None else np.concatenate([known.groups, groups])
    return Rows(
        pd.concat([known.frame, frame], ignore_index=True),
        np.concatenate([known.bad, bad]),
        np.concatenate([known.weight, weight]),
        both,
        inferred,
    )
