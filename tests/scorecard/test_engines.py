"""Exported cards in the engines of others: 0 points of difference on 10,000 rows and every edge.

These tests skip by name where an engine is not installed; `.ci/run` installs all of them and fails when one skips.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from creditlab.binning.code import identifier, literal, number
from creditlab.binning.values import read_numbers
from creditlab.errors import InputError
from creditlab.scorecard import Scorecard
from tests.engines import copy_text, mariadb_server, package_folder, postgres_server, run_engine
from tests.scorecard import parity


def lines(frame: pd.DataFrame, nan: object = None) -> list[list[object]]:
    """The rows as Python values; a missing number is `nan`."""
    given = [nan if dtype == np.float64 else None for dtype in frame.dtypes]
    found = frame.astype(object).itertuples(index=False)
    return [[parity.asked(v, one) for v, one in zip(row, given, strict=True)] for row in found]


@pytest.mark.postgres
def test_postgres() -> None:
    kinds = {"f": "DOUBLE PRECISION", "M": "TIMESTAMP", "i": "BIGINT"}
    frame = parity.rows()
    columns = [
        f"{identifier(c, 'postgres')} {'BOOLEAN' if c == 'flag' else kinds.get(frame[c].dtype.kind, 'TEXT')}"
        for c in frame
    ]
    statement = parity.card().to_sql("postgres", keep=["i d"]) + ' ORDER BY "i d"'
    with postgres_server() as server:
        server.ask(f"CREATE TABLE t ({', '.join(columns)})")
        for nan in (None, np.nan):  # missing numbers as NULL, and as NaN
            server.ask("TRUNCATE t")
            server.ask("COPY t FROM STDIN (FORMAT csv, NULL '\\N')", given=copy_text(lines(frame, nan)))
            found = [line.split("\t") for line in server.ask(statement)]
            assert [int(points) for _, points in found] == parity.expected()


@pytest.mark.mariadb
def test_mysql_in_mariadb() -> None:
    kinds = {"f": "DOUBLE", "M": "DATETIME(6)", "i": "BIGINT"}
    frame = parity.rows()
    finite = ~np.isinf(frame.select_dtypes("float64")).any(axis=1).to_numpy()  # it holds no infinite numbers
    frame, expected = frame[finite], np.array(parity.expected())[finite].tolist()
    columns = [
        f"{identifier(c, 'mysql')} {'BOOLEAN' if c == 'flag' else kinds.get(frame[c].dtype.kind, 'TEXT')}"
        for c in frame
    ]
    statements = ["CREATE DATABASE d CHARACTER SET utf8mb4", "USE d", f"CREATE TABLE t ({', '.join(columns)})"]
    rows = [f"({', '.join(map(written, row))})" for row in lines(frame)]
    statements += [f"INSERT INTO t VALUES {', '.join(rows[k : k + 500])}" for k in range(0, len(rows), 500)]
    statements += [parity.card().to_sql("mysql", keep=["i d"]) + " ORDER BY 1"]
    with mariadb_server() as ask:
        found = [line.split("\t") for line in ask(";\n".join(statements) + ";")]
    assert [int(points) for _, points in found] == expected and len(found) > parity.N


def written(value: object) -> str:
    """A value as a literal of MySQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return number(value, "mysql")
    return literal(str(value), "mysql") if isinstance(value, str) or hasattr(value, "isoformat") else str(value)


@pytest.mark.spark
def test_spark(tmp_path: Path) -> None:
    frame = parity.rows().rename(columns={"i d": "id"})
    frame["day"] = frame["day"].astype("datetime64[us]")
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    (tmp_path / "card.sql").write_text(parity.card().to_sql("spark", keep=["id"]) + " ORDER BY id", encoding="utf-8")
    run_engine("spark_points.py", tmp_path / "t.parquet", tmp_path / "card.sql", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [points for _, points in found] == parity.expected()


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The rows as JSON types; dates as ISO text."""
    found = [dict(zip(frame.columns, row, strict=True)) for row in lines(frame)]
    return [{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()} for row in found]


def check_reasons(card: Scorecard, frame: pd.DataFrame, found: list[dict[str, object]]) -> None:
    """Every reason is the characteristic of the next greatest loss; equal losses may come in any order."""
    result = card.result_
    (_, points), means, codes = result.integer_points(), result.mean_points(), result.codes(frame)
    loss = np.column_stack([means[name] - points[name][codes[name]] for name in result.features])
    ranked = -np.sort(-loss, axis=1)
    place = {name: k for k, name in enumerate(result.features)}
    for row, one in enumerate(found):
        named = [one.get(f"reason_{rank}") for rank in range(1, 5)]
        costly = int((ranked[row, :4] > 0).sum())
        # what gained points is no reason: engines differ in what they list there
        np.testing.assert_allclose([loss[row, place[name]] for name in named[:costly]], ranked[row, :costly], atol=1e-9)


@pytest.mark.pmml
def test_pmml_in_jpmml(tmp_path: Path) -> None:
    card, frame = parity.card(), parity.rows()
    card.to_pmml(tmp_path / "card.pmml")
    (tmp_path / "rows.json").write_text(json.dumps(records(frame)), encoding="utf-8")
    run_engine("jpmml_points.py", tmp_path / "card.pmml", tmp_path / "rows.json", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [row["points"] for row in found] == parity.expected()
    check_reasons(card, frame, found)


@pytest.mark.pmml
def test_pmml_in_pmml4s(tmp_path: Path) -> None:
    """A second engine, which takes no dates from outside and wants missing values left out."""
    card, frame = parity.card_without_dates(), parity.rows()
    card.to_pmml(tmp_path / "card.pmml")
    given = [{k: v for k, v in row.items() if v is not None} for row in records(frame.drop(columns="day"))]
    text = json.dumps(given).replace(": Infinity", ": 1e999").replace(": -Infinity", ": -1e999")
    (tmp_path / "rows.json").write_text(text, encoding="utf-8")
    run_engine("pmml4s_points.py", tmp_path / "card.pmml", tmp_path / "rows.json", tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [row["points"] for row in found] == card.points(frame).tolist()
    check_reasons(card, frame, found)


@pytest.fixture
def onnx():
    """The onnx of the engines' environment; what creditlab needs still comes from its own."""
    folder = str(package_folder("onnx"))
    sys.path.append(folder)
    yield pytest.importorskip("onnx")
    sys.path.remove(folder)


@pytest.mark.onnx
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx(tmp_path: Path, onnx) -> None:
    card, frame = parity.card(), parity.rows()
    card.to_onnx(tmp_path / "card.onnx")
    first = (tmp_path / "card.onnx").read_bytes()
    card.to_onnx(tmp_path / "card.onnx")
    assert (tmp_path / "card.onnx").read_bytes() == first
    given: dict[str, list[object]] = {}
    for name in frame:
        form = card.result_.bins[name].spec.form if name in card.result_.bins else ""
        values = frame[name]
        given[name] = [v or "" for v in values.where(values.notna(), None)] if form == "text" else (
            read_numbers(values, form).tolist() if form else []
        )  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(given), encoding="utf-8")
    run_engine("onnx_points.py", tmp_path / "card.onnx", tmp_path / "rows.json", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == parity.expected()


@pytest.mark.onnx
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_needs_a_characteristic_and_its_own_name(tmp_path: Path, onnx) -> None:
    empty = Scorecard().fit(pd.DataFrame({"a": np.zeros(100)}), np.arange(100) % 4 == 0)
    X, y = parity.sample(2000)
    clash = Scorecard().fit(X[["income", "tiny"]].set_axis(["points", "tiny"], axis=1), y)
    for card, says in ((empty, "characteristic"), (clash, "'points'")):
        with pytest.raises(InputError, match=says):
            card.to_onnx(tmp_path / "card.onnx")
    assert not list(tmp_path.iterdir())
