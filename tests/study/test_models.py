"""What was saved loads again, gives the same numbers, and is refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.errors import UnreadableError
from creditlab.files import write_json


@pytest.fixture(scope="module")
def rows() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"收入": rng.normal(size=800), "crop": rng.choice(["小麦", "玉米"], 800)})
    X.loc[::9, "收入"] = -9
    return X, (rng.random(800) < 1 / (1 + np.exp(1.5 + X["收入"].clip(-3)))).astype(int)


@pytest.mark.parametrize("kind", ["Binner", "Scorecard", "Challenger"])
def test_a_saved_model_is_the_same_model(rows: tuple[pd.DataFrame, np.ndarray], kind: str, tmp_path: Path) -> None:
    X, y = rows
    special = {"收入": {-9: "未接入 not connected"}}
    made = {
        "Binner": lambda: cl.Binner(special=special),
        "Scorecard": lambda: cl.Scorecard(cl.Binner(special=special)),
        "Challenger": lambda: cl.Challenger(special=special),
    }[kind]().fit(X, y)
    made.to_json(tmp_path / "m.json")
    back = cl.load(tmp_path / "m.json")
    use = (lambda m: m.transform(X)) if kind == "Binner" else (lambda m: m.points(X))
    assert use(back).equals(use(made))
    back.to_json(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "m.json").read_bytes()


def test_a_damaged_a_newer_and_a_foreign_file_are_refused(
    rows: tuple[pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    X, y = rows
    stored = cl.Scorecard().fit(X, y).to_dict()
    for change, says in (
        ({"content": {**stored["content"], "name": "other"}}, "damaged|digest|sha256"),
        ({"schema_version": 99}, "newer"),
        ({"kind": "horoscope"}, "kind 'scorecard', 'challenger'"),
    ):
        write_json(tmp_path / "m.json", {**stored, **change})
        with pytest.raises(UnreadableError, match=says):
            cl.load(tmp_path / "m.json")
