"""Results of explanations as figures take them, written down, not computed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.columns import Column, Dictionary
from creditlab.explanation import Comparison, Effects, Explanation, JointEffect, Missed
from creditlab.explanation.explanation import Meaning, Shown, wrapped
from creditlab.plots import challenger, explanation, explanation_effects, explanation_pair
from creditlab.results import Stamp
from creditlab.study import DepartmentValue
from tests.plots import made

ROWS = 400
STAMP = Stamp.of([np.zeros(1)], {})


def full() -> Explanation:
    """Four features: numbers with a code and missing values, text, a hostile name, and one told by its bins."""
    rng = np.random.default_rng(0)
    x = np.round(rng.gamma(2.0, 1000, ROWS))
    x[:40], x[40:60] = -9, np.nan
    data = pd.DataFrame({"deposit": x, "crop": rng.choice(["小麦", made.HOSTILE], ROWS), made.HOSTILE: 1.0, "bin": 0})
    values = pd.DataFrame(rng.normal(size=(ROWS, 4)) * [1, 0.5, 0.1, 0.3], columns=data.columns)
    labels = Dictionary.of([Column("deposit", zh="存款", en="deposit", source="bank"), Column("crop", source="farm")])
    shown = {"bin": Shown(np.arange(ROWS) % 3, ("低", "中", "高"), ("low", "middle", "high"))}
    meaning = Meaning(-2.0, "exact", ("全部", "all"), ("平均", "the average"), "digest")
    codes = {"deposit": {-9.0: made.HOSTILE}}
    return wrapped(values, meaning, STAMP, data=data, shown=shown, labels=labels, codes=codes)


def villages() -> np.ndarray:
    return np.array(["V1", made.HOSTILE, "V3"], dtype=object)[np.arange(ROWS) % 3]


def comparison() -> Comparison:
    e = full()
    households = pd.DataFrame({"log_odds_1": e.log_odds, "log_odds_2": e.log_odds + 0.1})
    places = pd.DataFrame(
        {"n": [3, 30], "gap_1": [0.1, -0.2], "gap_2": [0.3, -0.1], "driver_1": ["a", made.HOSTILE],
         "driver_2": ["a", "b"]}, index=pd.Index(["V1", made.HOSTILE], name="group"),
    )  # fmt: skip
    return Comparison(table=pd.DataFrame({"measure": ["x"], "value": [1.0]}), stamp=STAMP, names=("card", made.HOSTILE),
                      first=e, second=e, households=households, villages=places)  # fmt: skip


def departments() -> DepartmentValue:
    rows = [
        (source, metric, v, v - 0.01, v + 0.01, v / 2)
        for metric in ("auc", "caught")
        for source, v in (("bank", 0.05), (made.HOSTILE, 0.01), ("idle", 0.0))
    ]
    table = pd.DataFrame(rows, columns=["source", "metric", "shapley", "shapley_lo", "shapley_hi", "drop"])
    return DepartmentValue(table=table, stamp=STAMP, facts={"rows": 400, "level": 0.9})


def effects(kind: str = "ice") -> Effects:
    table = pd.DataFrame(
        {
            "feature": ["deposit"] * 3 + [made.HOSTILE] * 2,
            "value": ["1", "2", "3", "a", "b"], "label": ["1", "2", made.HOSTILE, "a", "b"],
            "n": [10, 20, 30, 5, 5], "effect": [0.1, 0.0, -0.1, 0.2, -0.2], "lo": [0.0] * 5, "hi": [0.2] * 5,
        }
    )  # fmt: skip
    own = pd.DataFrame(
        {"feature": ["deposit"] * 3, "row": ["H1"] * 3, "value": ["1", "2", "3"], "effect": [0.2, 0.1, 0.0]}
    )
    return Effects(table=table, stamp=STAMP, facts={"rows": 10}, kind=kind,
                   curves=own if kind == "ice" else pd.DataFrame())  # fmt: skip


def joint() -> JointEffect:
    table = pd.DataFrame(
        {"first": ["1", "1", "2", "2"], "second": ["a", made.HOSTILE] * 2, "joint": [0.1, -0.1, -0.1, 0.1]}
    )
    return JointEffect(table=table, stamp=STAMP, facts={"h2": 0.1, "rows": 10}, names=("deposit", made.HOSTILE))


def missed() -> Missed:
    table = pd.DataFrame(
        {
            "kind": ["cross", "bin"], "feature": ["deposit", made.HOSTILE], "other": [made.HOSTILE, ""],
            "z": [3.0, -0.5], "p_holm": [0.003, 1.0], "cut": [np.nan, 5.0],
        }
    )  # fmt: skip
    return Missed(table=table, stamp=STAMP, facts={"rows": 10})


def gains() -> pd.DataFrame:
    return pd.DataFrame({"feature": ["deposit", made.HOSTILE], "share": [0.7, 0.3], "direction": [-1, 0]})


DRAWN = {
    "challenger.importance": lambda: challenger.importance(gains()),
    "challenger.points": lambda: challenger.points(made.points()),
    "explanation.dependence": lambda: explanation.dependence(full(), "deposit"),
    "explanation.villages": lambda: explanation.villages(full(), villages()),
    "explanation_pair.households": lambda: explanation_pair.households(comparison()),
    "explanation_pair.villages": lambda: explanation_pair.villages(comparison()),
    "explanation_pair.departments": lambda: explanation_pair.departments(departments()),
    "explanation_effects.curves": lambda: explanation_effects.curves(effects()),
    "explanation_effects.joint": lambda: explanation_effects.joint(joint()),
    "explanation_effects.proposals": lambda: explanation_effects.proposals(missed()),
}
