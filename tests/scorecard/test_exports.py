"""The card elsewhere gives the points that it gives here: 0 points of difference on 10,000 rows and every edge."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from creditlab.binning.code import DIALECTS, identifier
from creditlab.errors import InputError, NotFittedError
from creditlab.scorecard import Scorecard
from creditlab.scorecard.statement import ALIASES
from tests.scorecard import parity


def test_every_kind_of_column_scores_and_the_rows_reach_every_bin() -> None:
    card, frame = parity.card(), parity.rows()
    assert card.result_.features == [*parity.sample(10)[0].columns, "crop × flag", "count × day"]
    assert card.points(frame).nunique() > 50 and min(parity.expected()) < 0 < max(parity.expected())
    for name, codes in card.result_.codes(frame).items():
        spec = card.result_.bins[name].spec
        joined = {source for source, _ in spec.joins}
        if not spec.sides:
            assert set(range(spec.size)) - joined == set(codes.tolist()), name


def test_duckdb() -> None:
    import duckdb

    con = duckdb.connect()
    con.register("t", parity.rows())
    found = con.execute(parity.card().to_sql(keep=["i d"]) + ' ORDER BY "i d"').fetchall()
    assert [points for _, points in found] == parity.expected()


def test_duckdb_with_nan_that_is_not_null() -> None:
    import duckdb
    import pyarrow as pa

    frame = parity.rows()
    arrays = {c: pa.array(frame[c], from_pandas=frame[c].dtype != np.float64) for c in frame}
    con = duckdb.connect()
    con.register("t", pa.table(arrays))
    assert con.execute('SELECT count(*) FROM t WHERE isnan("income")').fetchone()[0] > 100
    found = con.execute(parity.card().to_sql(keep=["i d"]) + ' ORDER BY "i d"').fetchall()
    assert [points for _, points in found] == parity.expected()


def test_sqlite() -> None:
    frame, con = parity.rows(), sqlite3.connect(":memory:")
    con.execute(f"CREATE TABLE t ({', '.join(identifier(c, 'sqlite') for c in frame)})")
    lines = [[parity.asked(v) for v in row] for row in frame.astype(object).itertuples(index=False)]
    lines = [[v.isoformat(sep=" ") if hasattr(v, "isoformat") else v for v in line] for line in lines]
    con.executemany(f"INSERT INTO t VALUES ({', '.join('?' * frame.shape[1])})", lines)
    found = con.execute(parity.card().to_sql("sqlite", keep=["i d"]) + ' ORDER BY "i d"').fetchall()
    assert [points for _, points in found] == parity.expected()


def test_parts_add_up_to_the_points() -> None:
    import duckdb

    con = duckdb.connect()
    con.register("t", parity.rows())
    found = con.execute(parity.card().to_sql(parts=True)).fetchdf()
    names = [f"points_{name}" for name in parity.card().result_.features]
    assert list(found.columns) == ["points", *names]
    once, points = parity.card().result_.integer_points()
    assert (found[names].sum(axis=1) + once == found["points"]).all()
    codes = parity.card().result_.codes(parity.rows())
    for name in points:
        assert found[f"points_{name}"].tolist() == points[name][codes[name]].tolist()


def module() -> dict:
    space: dict = {}
    exec(parity.card().to_python(), space)
    return space


def test_python_gives_points_parts_and_pd() -> None:
    card, frame, space = parity.card(), parity.rows(), module()
    lines = [{k: parity.asked(v, np.nan) for k, v in row.items()} for row in frame.astype(object).to_dict("records")]
    assert [space["points"](line) for line in lines] == parity.expected()
    # the sum runs in the same order, so log-odds are the same to the bit; exp differs in its last bit at most
    assert [space["log_odds"](line) for line in lines] == card.decision_function(frame).tolist()
    np.testing.assert_allclose([space["pd"](x) for x in lines], card.predict_proba(frame)[:, 1], rtol=1e-15, atol=0)
    assert all(sum(space["parts"](x).values()) + space["BASE"] == space["points"](x) for x in lines[:50])
    assert space["points"]({}) == parity.expected()[-1]  # nothing given: everything is missing


def test_python_needs_nothing_but_python(tmp_path) -> None:
    path = tmp_path / "card.py"
    ask = (
        "\nimport sys\nprint(points({'income': 1.0}), sorted(m for m in sys.modules if m in ('numpy', 'creditlab')))\n"
    )
    path.write_text(parity.card().to_python() + ask, encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-S", str(path)], capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.split() == [str(module()["points"]({"income": 1.0})), "[]"], done.stderr


@pytest.mark.parametrize("dialect", [*DIALECTS, *ALIASES])
def test_every_dialect_writes_whole_points_and_escapes_names(dialect) -> None:
    sql = parity.card().to_sql(dialect, table=("risk", "t'a\"b"), keep="i d")
    known = ALIASES.get(dialect, dialect)
    assert f"FROM {identifier('risk', known)}.{identifier(chr(116) + chr(39) + 'a' + chr(34) + 'b', known)}" in sql
    assert identifier("性别 \"'`]", known) in sql and sql.startswith("-- creditlab ")
    once, points = parity.card().result_.integer_points()
    for name, values in points.items():
        assert f"THEN {values[0]}" in sql, name
    assert f"  {once} + s1 + s2" in sql


@pytest.mark.parametrize(("dialect", "grammar"), [("sqlserver", "tsql"), ("oracle", "oracle"), ("mysql", "mysql")])
def test_statements_for_engines_that_are_not_at_hand_are_grammatical(dialect: str, grammar: str) -> None:
    sqlglot = pytest.importorskip("sqlglot")
    sql = parity.card().to_sql(dialect, keep=["i d"], parts=True)
    if dialect == "oracle":  # BINARY_DOUBLE literals end in d (Oracle SQL Language Reference, Numeric Literals)
        sql = re.sub(r"(?<=e[0-9])d\b|(?<=[0-9]e[+-][0-9]{2})d\b|(?<=[0-9]e[0-9]{2})d\b", "", sql)
    tree = sqlglot.parse_one(sql, read=grammar)
    read = {column.name for column in tree.find_all(sqlglot.exp.Column)}
    assert set(parity.sample(10)[0].columns) | {"i d"} <= read
    given = [one.alias for one in tree.expressions]
    assert given == ["i d", "points", *(f"points_{name}" for name in parity.card().result_.features)]
    cases = [one for one in tree.find_all(sqlglot.exp.Case) if not one.find_ancestor(sqlglot.exp.Case)]
    assert len(cases) == len(parity.card().result_.features)


def test_digests_tell_which_card_a_copy_came_from() -> None:
    stamp = parity.card().result_.stamp
    for copy in (parity.card().to_sql(), parity.card().to_python()):
        assert stamp.inputs in copy.splitlines()[0] and stamp.spec in copy.splitlines()[0]


def test_pmml_holds_every_characteristic_with_its_points_and_reason_code(tmp_path) -> None:
    card, path = parity.card(), tmp_path / "卡.pmml"
    card.to_pmml(path)
    root = ElementTree.parse(path).getroot()
    space = {"p": "http://www.dmg.org/PMML-4_4"}
    model = root.find("p:Scorecard", space)
    once, points = card.result_.integer_points()
    assert root.get("version") == "4.4" and model.get("initialScore") == str(once)
    listed = {c.get("reasonCode"): c for c in model.findall("p:Characteristics/p:Characteristic", space)}
    assert list(listed) == card.result_.features
    for name, one in listed.items():
        given = {int(a.get("partialScore")) for a in one.findall("p:Attribute", space)}
        assert given <= set(points[name].tolist()) and len(given) > 1
        assert float(one.get("baselineScore")) == card.result_.mean_points()[name]
    stamp = card.result_.stamp
    assert stamp.inputs in root.find("p:Header", space).get("description")
    first = path.read_bytes()
    card.to_pmml(path)
    assert path.read_bytes() == first


def test_pmml_refuses_what_xml_cannot_hold_and_writes_nothing(tmp_path) -> None:
    X, y = parity.sample(2000)
    X["crop"] = X["crop"].replace({"a": "a\x1fb"})
    card = Scorecard(min_iv=0, min_z=0).fit(X[["crop"]], y)
    with pytest.raises(InputError, match="x1f"):
        card.to_pmml(tmp_path / "card.pmml")
    assert not list(tmp_path.iterdir())


def test_onnx_names_the_extra_that_is_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"creditlab\[export\]"):
        parity.card().to_onnx(tmp_path / "card.onnx")
    assert not list(tmp_path.iterdir())


def test_a_card_without_a_feature_is_its_base() -> None:
    import duckdb

    card = Scorecard().fit(pd.DataFrame({"a": np.zeros(100)}), np.arange(100) % 4 == 0)
    con = duckdb.connect()
    con.register("t", pd.DataFrame({"a": [1.0, 2.0]}))
    assert [r[0] for r in con.execute(card.to_sql()).fetchall()] == card.points(pd.DataFrame({"a": [1, 2]})).tolist()
    space: dict = {}
    exec(card.to_python(), space)
    assert space["points"]({}) == card.points(pd.DataFrame({"a": [1]})).iloc[0]
    assert space["pd"]({}) == pytest.approx(0.25)


def test_wrong_calls_are_refused() -> None:
    card = parity.card()
    for call, says in (
        (lambda: card.to_sql("access"), "dialect"),
        (lambda: card.to_sql(table=""), "name of a table"),
        (lambda: card.to_sql(keep=["id", "ID"]), "id"),
        (lambda: card.to_sql(keep=["Points"]), "points"),
    ):
        with pytest.raises(InputError, match=says):
            call()
    for call in (Scorecard().to_sql, Scorecard().to_python, lambda: Scorecard().to_pmml("card.pmml")):
        with pytest.raises(NotFittedError):
            call()
