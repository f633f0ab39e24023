"""Files of every version load and say what they said; files that are damaged or newer are refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import creditlab as cl
from creditlab.errors import UnreadableError
from creditlab.estimators import SCHEMA_VERSION, seal
from creditlab.files import write_json
from tests.models import KINDS, SINCE, fitted, folders, rows, said

NEWEST = folders()[-1]


def test_every_version_has_its_folder() -> None:
    names = [folder.name for folder in folders()]
    assert names == [f"v{k}" for k in range(1, SCHEMA_VERSION + 1)], (
        "after a change of the schema: python -m tests.models"
    )


STORED = [(f, kind) for f in folders() for kind in KINDS if int(f.name[1:]) >= SINCE.get(kind, 1)]


@pytest.mark.parametrize(("folder", "kind"), STORED, ids=[f"{f.name}-{kind}" for f, kind in STORED])
def test_files_of_every_version_say_what_they_said(folder: Path, kind: str) -> None:
    model = cl.load(folder / f"{kind}.json")
    assert said(model, rows(folder)) == json.loads((folder / f"{kind}_said.json").read_text(encoding="utf-8"))


def test_loading_and_saving_gives_the_same_bytes(tmp_path: Path) -> None:
    models, X = fitted()
    for kind, model in models.items():
        model.to_json(tmp_path / "first.json")
        loaded = cl.load(tmp_path / "first.json")
        loaded.to_json(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "first.json").read_bytes(), kind
        assert said(loaded, X) == said(model, X)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_tells_its_version_digest_and_origin(kind: str) -> None:
    text = (NEWEST / f"{kind}.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    assert stored["schema_version"] == SCHEMA_VERSION and len(stored["sha256"]) == 64
    assert {"inputs", "spec"} <= set(stored["content"]["result"]["stamp"])
    assert "NaN" not in text and "Infinity" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    text = (NEWEST / f"{kind}.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    changes = {
        "readable JSON": text[: len(text) // 2],
        "no JSON": text.replace("null", "NaN", 1) if "null" in text else text.replace("0.", "NaN, 0.", 1),
        "from 1 to": json.dumps(stored | {"schema_version": SCHEMA_VERSION + 1}),
        "got True": json.dumps(stored | {"schema_version": True}),
        "got 0": json.dumps(stored | {"schema_version": 0}),
        "damaged": text.replace('"version": "', '"version": "9', 1),
        "kind 'scorecard', 'challenger', 'boosted_scorecard'": json.dumps(stored | {"kind": "pickle"}),
        "creditlab model file": json.dumps(stored | {"schema": "other"}),
    }
    for says, damaged in changes.items():
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises(UnreadableError, match=says):
            cl.load(path)
    content = {k: v for k, v in stored["content"].items() if k != "result"}
    write_json(path, seal(kind, content))
    with pytest.raises(UnreadableError, match=f"the content of a {kind}"):
        cl.load(path)


def test_a_loaded_card_can_be_fitted_again_with_its_crosses_and_edits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=2000), "b": rng.integers(0, 2, 2000).astype(float)})
    risk = 1 / (1 + np.exp(2 - 1.2 * np.sign(X["a"]) * (2 * X["b"] - 1)))
    y = (rng.random(2000) < risk).astype(int)
    edited = cl.Binner().fit(X, y).edit("a").cuts([0.0], reason="policy", author="x")
    for binner in (cl.Binner(crosses=(cl.Cross("a", "b"),)), edited):
        card = cl.Scorecard(binner).fit(X, y)
        card.to_json(tmp_path / "card.json")
        loaded = cl.load(tmp_path / "card.json")
        assert loaded.binner.crosses == binner.crosses and loaded.binner.edits == binner.edits
        assert clone(loaded).fit(X, y).points(X).equals(card.points(X))
