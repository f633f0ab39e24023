"""SQL and Python say what transform says: for every value, on every edge, to the last bit."""

from __future__ import annotations

import datetime as dt
import sqlite3

import numpy as np
import pandas as pd
import pytest

from creditlab.binning import Binner, BinSpec
from creditlab.binning.code import DIALECTS, identifier, literal, number, python_source, sql_case
from creditlab.errors import InputError

N = 10_000
AWKWARD = ["水稻, 小麦", '"玉米" [%]', "a|b", "it's", "back\\slash", "50 %", "x", "3", "A", "a", "-9", "';--"]


def sample() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    z = rng.normal(size=N)
    y = (rng.random(N) < 1 / (1 + np.exp(1.5 - z))).astype(int)
    return pd.DataFrame(
        {
            "income": np.where(rng.random(N) < 0.1, np.nan, z + rng.normal(size=N)),
            "code": np.where(rng.random(N) < 0.15, -9.0, z.round(1)),
            "tiny": z * 1e-9,
            "huge": np.exp(40 + 10 * z),
            "count": rng.poisson(np.exp(z / 2)),
            "flag": z > 0.5,
            "crop": rng.choice([*AWKWARD, "  x ", "\tA\n", "\u3000a", "", "   "], N),
            "village": np.char.add("37", (1000 + rng.integers(0, 500, N)).astype(str)),
            "day": pd.Timestamp("2022-01-01") + pd.to_timedelta((z * 200).round(), unit="D"),
        }
    ), y  # fmt: skip


X, Y = sample()
FITTED = Binner(
    special={"code": {-9: "refused"}, "crop": {"x": "not asked"}}, nested={"village": 3}, missing={"income": "worst"}
).fit(X, Y)
NUMBERS = ["income", "code", "tiny", "huge", "count"]


def probes(name: str) -> pd.Series:
    """The rows, every edge with its neighbours one bit away, codes, infinities, missing and unseen values."""
    spec, rows = FITTED.result_[name].spec, X[name]
    if name in NUMBERS:
        cuts = np.array(spec.cuts)
        edges = [cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)]
        return pd.Series(np.concatenate([rows, *edges, [-9, 0.0, -0.0, np.inf, -np.inf, 5e-324, 1e308, np.nan]]))
    if name == "flag":
        return pd.Series([True, False, None] * 5, dtype="boolean")
    if name == "day":
        ends = pd.to_datetime([spec.end_text(c) for c in spec.cuts])
        second = pd.Timedelta(seconds=1)
        return pd.concat([rows, pd.Series([*ends, *(ends - second), *(ends + second), pd.NaT])], ignore_index=True)
    extra = ["never seen", None, "X", "x ", "371999", "379", "999", "\u00a0x\u2003", "a\tb"]
    return pd.concat([rows.astype(object), pd.Series(extra, dtype=object)], ignore_index=True)


def expected(name: str, values: pd.Series, what: str) -> list[float]:
    table = FITTED.result_[name]
    return (table.transform(values) if what == "woe" else table.codes(values)).tolist()


def asked(value: object) -> object:
    """A value as a database driver takes it."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize("what", ["woe", "bin"])
@pytest.mark.parametrize("name", X.columns)
def test_duckdb_gives_what_transform_gives(name, what):
    import duckdb

    values = probes(name)
    frame = pd.DataFrame({"i": np.arange(len(values)), "v": values})
    con = duckdb.connect()
    con.register("t", frame)
    found = con.execute(f"SELECT {FITTED.result_[name].to_sql('v', 'duckdb', what)} FROM t ORDER BY i").fetchall()
    assert [row[0] for row in found] == expected(name, values, what)


@pytest.mark.parametrize("what", ["woe", "bin"])
@pytest.mark.parametrize("name", X.columns)
def test_sqlite_gives_what_transform_gives(name, what):
    values = probes(name)
    con = sqlite3.connect(":memory:")
    con.execute("CREATE TABLE t (i INTEGER, v)")
    rows = [(i, v.isoformat(sep=" ") if isinstance(v, pd.Timestamp) and v is not pd.NaT else asked(v)) for i, v in
            enumerate(values)]  # fmt: skip
    con.executemany("INSERT INTO t VALUES (?, ?)", rows)
    found = con.execute(f"SELECT {FITTED.result_[name].to_sql('v', 'sqlite', what)} FROM t ORDER BY i").fetchall()
    assert [row[0] for row in found] == expected(name, values, what)


@pytest.mark.parametrize("what", ["woe", "bin"])
@pytest.mark.parametrize("name", X.columns)
def test_python_gives_what_transform_gives(name, what):
    space: dict = {}
    exec(FITTED.result_[name].to_python(what), space)
    function, values = space[f"{what}_of_value"], probes(name)
    found = [
        function(v.to_pydatetime() if isinstance(v, pd.Timestamp) and v is not pd.NaT else asked(v)) for v in values
    ]
    assert found == expected(name, values, what)


def test_python_reads_what_people_write():
    space: dict = {}
    exec(FITTED.result_["day"].to_python(), space)
    exec(FITTED.result_["count"].to_python("bin"), space)
    day, woe = space["woe_of_value"], FITTED.result_["day"]
    for value in ("2022-03-01", dt.date(2022, 3, 1), dt.datetime(2022, 3, 1)):
        assert day(value) == woe.transform(pd.Series([pd.Timestamp("2022-03-01")]))[0]
    assert day("no date") == woe.transform(pd.Series([pd.NaT]))[0]
    assert space["bin_of_value"]("2") == space["bin_of_value"](2.0) == FITTED.result_["count"].codes(pd.Series([2]))[0]
    assert space["bin_of_value"]("two") == FITTED.result_["count"].spec.missing


def test_the_whole_binner_as_one_statement_and_one_module():
    import duckdb

    con = duckdb.connect()
    con.register("people", X.head(500).assign(**{'a "b"': 1}))
    found = con.execute(FITTED.to_sql("people", keep=('a "b"',))).fetchdf()
    assert list(found.columns) == ['a "b"', *X.columns]
    assert np.array_equal(found[list(X.columns)].to_numpy(), FITTED.transform(X.head(500)).to_numpy())
    space: dict = {}
    exec(FITTED.to_python(), space)
    row = {name: asked(X[name].iloc[3]) for name in X}
    row["day"] = X["day"].iloc[3].to_pydatetime()
    assert space["transform"](row) == FITTED.transform(X.iloc[[3]]).iloc[0].to_dict()
    assert set(space["transform"]({})) == set(X.columns)  # a value that is not given is missing


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_escapes_names_and_texts(dialect):
    spec = BinSpec("na\"m`e]'", "text", groups=(("it's", 'q"', "b\\", "水稻"), ("';--",)))
    sql = sql_case(spec, np.array([0.1, -1 / 3, 0.0, 0.0]), None, dialect)
    opening, closing = DIALECTS[dialect].quotes
    assert opening + spec.name.replace(closing, closing * 2) + closing in sql
    for level in ("it's", "';--"):
        assert literal(level, dialect) in sql
    assert ("'b\\\\'" in sql) == (dialect in ("mysql", "hive"))
    assert sql.startswith("CASE") and sql.endswith("END") and sql.count("'") % 2 == 0
    assert "0.1e0" in sql


def test_literals_read_back_to_the_same_bits():
    import duckdb

    rng = np.random.default_rng(1)
    values = [
        *rng.normal(size=300),
        *np.exp(rng.normal(size=300) * 30),
        1e-300,
        5e-324,
        1.7976931348623157e308,
        1e22,
        1 / 3,
    ]
    con, lite = duckdb.connect(), sqlite3.connect(":memory:")
    assert [con.execute(f"SELECT {number(v, 'duckdb')}").fetchone()[0] for v in values] == values
    moderate = [v for v in values if 1e-5 < abs(v) < 1e15]
    assert [lite.execute(f"SELECT {number(v, 'sqlite')}").fetchone()[0] for v in moderate] == moderate


def test_names_that_would_break_out_are_harmless():
    spec = BinSpec('x"""\nimport os', "number", cuts=(1.0,))
    space: dict = {}
    exec(python_source(spec, [1.0, 2.0, 0.0], "f"), space)
    assert space["f"](0) == 1.0 and "os" not in space
    assert identifier('t"; DROP TABLE t; --', "postgres") == '"t""; DROP TABLE t; --"'


def test_wrong_words_are_refused():
    with pytest.raises(InputError, match="dialect"):
        FITTED.result_["income"].to_sql(dialect="access")
    with pytest.raises(InputError, match="what"):
        FITTED.result_["income"].to_python("points")
