"""Flat tables with awkward groups: clear results, or clear words, never a traceback from deep inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.errors import InputError
from creditlab.study import village_panel
from creditlab.study.flat import UNKNOWN_GROUP


def _table(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    income = rng.normal(size=n)
    bad = (rng.random(n) < 1 / (1 + np.exp(1.5 + income))).astype(int)
    return pd.DataFrame({"income": income, "area": rng.gamma(2, 3, n), "bad": bad})


def _study(frame: pd.DataFrame, **more: object) -> object:
    return cl.run_study(frame, cl.StudyConfig(target="bad", group="village", **more))  # type: ignore[arg-type]


GROUPS = {
    "two groups": lambda n: np.where(np.arange(n) % 2, "A", "B"),
    "groups of one loan": lambda n: [f"v{i:04d}" for i in range(n)],
    "one giant group": lambda n: np.where(np.arange(n) < n - 12, "giant", [f"s{i}" for i in range(n)]),
    "unknown codes": lambda n: np.where(np.arange(n) % 5 == 0, None, np.array([f"v{i % 9}" for i in range(n)])),
    "numbers and text": lambda n: [i % 7 if i % 2 else f"村{i % 7}" for i in range(n)],
}


@pytest.mark.parametrize("name", GROUPS)
def test_awkward_groups_give_a_study(name: str, tmp_path: Path) -> None:
    frame = _table()
    frame["village"] = pd.Series(list(GROUPS[name](len(frame))), dtype=object)
    study = _study(frame)
    villages = study.villages  # type: ignore[attr-defined]
    assert villages["n"].sum() == len(frame) and villages["bad"].sum() == frame["bad"].sum()
    assert np.isfinite(villages[["estimate", "lo", "hi", "p_top"]].to_numpy()).all()
    gap = study.why.gap.tidy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(gap[["composition", "context", "noise"]].sum(axis=1), gap["gap"], atol=1e-10)
    assert not study.why.missing.get("gap")  # type: ignore[attr-defined]
    study.write(tmp_path / "out")  # type: ignore[attr-defined]
    assert (tmp_path / "out" / "cards.html").is_file()
    if name == "unknown codes":
        assert UNKNOWN_GROUP in villages["village"].tolist()
    if name == "groups of one loan":
        # nothing is said about a village of one good loan; bad ones are asked to wait
        assert set(study.actions["action"]) <= {"wait"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("bad", "says"), [(0, "both goods and bads"), (1, "both goods and bads")])
def test_one_outcome_is_refused_in_words(bad: int, says: str) -> None:
    frame = _table().assign(bad=bad, village="A")
    with pytest.raises(InputError, match=says):
        _study(frame)


def test_one_group_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="at least two groups"):
        _study(_table().assign(village="A"))


def test_villages_listed_twice_in_the_facts_are_refused_and_one_outcome_of_a_panel_too() -> None:
    rows = type("Rows", (), {"y": [0, 1, 0, 1], "village": list("AABB"), "amount": None})()
    facts = pd.DataFrame({"village": ["A", "A", "B"], "name": ["x", "y", "z"]})
    with pytest.raises(InputError, match="one row per village"):
        village_panel(rows, [0.2, 0.3, 0.2, 0.4], villages=facts)
    with pytest.raises(InputError, match="both goods and bads"):
        village_panel(type("Rows", (), {"y": [0, 0], "village": list("AB")})(), [0.1, 0.2])


def test_a_county_without_places_courts_or_guarantees_is_studied_and_says_what_is_missing(
    sample_folder: Path, tmp_path: Path
) -> None:
    """Only the four tables that a study needs, and no coordinates: no map, no environment, no enforcement."""
    for table in ("households", "loans", "loan_months", "villages", "deposits"):
        frame = pd.read_parquet(sample_folder / f"{table}.parquet")
        if table == "villages":
            frame = frame.drop(columns=["longitude", "latitude"])
        frame.to_parquet(tmp_path / f"{table}.parquet")
    study = cl.run_study(cl.read_county(tmp_path), cl.StudyConfig(observations=1))
    why = study.why
    assert why is not None and {"enforcement", "contagion", "space"} <= set(why.missing)
    assert why.environment is None or why.environment.tidy()["estimate"].isna().all()
    states = why.criteria.wide()
    assert (states["environment_state"] == "no data").all() and (states["enforcement_state"] == "no data").all()
    assert why.crossed is not None and why.drivers is not None
    ids = [b.id for b in study.document().blocks()]
    assert "why.missing" in ids and "villages.map" not in ids and not any(i.startswith("space.m") for i in ids)
