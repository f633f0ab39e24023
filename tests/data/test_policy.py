"""The column policy, from the door to the models: each forbidden kind is planted, and nothing of it arrives.

Blocked columns are dropped while reading, consent columns are blank for whom no consent is on file, and overlay, audit
and screening columns reach no feature, no PD model and no expected rate, whichever call is made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.columns import Column, Dictionary
from creditlab.data import read_county, write_county
from creditlab.data.household import household_file
from creditlab.data.schema import TABLES
from creditlab.data.world import World, make_county
from creditlab.errors import ColumnError, PolicyError
from creditlab.features import make_features
from creditlab.features.plan import PLAN
from creditlab.features.spec import Feature
from creditlab.study.frame import CARD_LEVELS, modelling_frame

AS_OF = pd.Timestamp("2023-12-31")
#: one column of each blocked kind, in both languages (Credit Reporting Regulation, Art. 14)
BLOCKED = ["religion", "宗教信仰", "gene_test", "基因检测", "fingerprint", "指纹", "blood_type", "血型", "disease",
           "疾病", "medical_history", "病史", "diagnosis", "诊断结果", "health_status", "健康状况"]  # fmt: skip
USES = ("overlay", "audit", "screening")
ASIDE = [(t.name, c.name, c.use) for t in TABLES.values() for c in t if c.use in USES]


@pytest.fixture(scope="module")
def world() -> World:
    return make_county(12, seed=3, households_per_village=40)


@pytest.fixture(scope="module")
def planted(world: World, tmp_path_factory: pytest.TempPathFactory) -> cl.data.County:
    """A county with every blocked kind, an unknown column and an identity number planted in every table."""
    folder = tmp_path_factory.mktemp("planted")
    write_county(world, folder)
    for name, frame in world.tables.items():
        extra = {c: [f"secret-{i % 7}" for i in range(len(frame))] for c in BLOCKED}
        extra |= {"phone": ["13800000000"] * len(frame), "note": ["secret-note"] * len(frame)}
        frame.assign(**extra).to_parquet(folder / f"{name}.parquet")
    return read_county(folder)


# -- the door ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(TABLES))
def test_every_blocked_kind_is_dropped_from_every_table_and_reported(planted, world: World, name: str) -> None:
    source = planted.tables[name]
    assert set(source.frame.columns) == set(TABLES[name].names)
    rules = {f["column"]: (f["rule"], f["severity"]) for f in source.findings}
    for column in BLOCKED:
        assert rules[column] == ("blocked by law: column dropped", "error"), column
    for column in ("phone", "note"):
        assert rules[column] == ("not in the contract: column dropped", "warning")
    pd.testing.assert_frame_equal(source.frame, world.tables[name])


def test_nothing_planted_is_in_any_output_of_the_county(planted) -> None:
    file = planted.household_file(AS_OF)
    texts = [planted.check().to_csv(), file.frame.to_csv(), repr(planted), planted._repr_html_(), str(file.stamp)]
    texts += [file.tables[name].to_csv() for name in file.tables] + [make_features(file).frame.to_csv()]
    assert not any("secret" in t or "13800000000" in t for t in texts)


# -- consent -----------------------------------------------------------------------------------------------------------


def test_consent_columns_are_blank_for_whom_none_is_valid(world: World) -> None:
    """For every column under consent: with no paper at all it is blank everywhere, with papers only where they are."""
    without = {n: f for n, f in world.tables.items() if n != "consents"}
    none, some = household_file(without, AS_OF), household_file(world.tables, AS_OF)
    for table in TABLES.values():
        for column in (c.name for c in table if c.access == "consent"):
            assert none.tables[table.name][column].isna().all(), (table.name, column)
            rows = some.tables[table.name]
            papers = world.tables["consents"].query("covers == @table.name")
            valid = papers[
                (papers["given_on"] <= AS_OF) & (papers["known_on"] <= AS_OF) & (papers["valid_to"] >= AS_OF)
            ]
            valid = valid[~(valid["withdrawn_on"] <= AS_OF)]
            there = rows[column].notna()
            assert rows.loc[there, "household_id"].isin(valid["household_id"]).all(), (table.name, column)
            assert there.any(), (table.name, column)


def test_a_withdrawal_blanks_every_file_built_after_it_and_the_features_say_why(world: World) -> None:
    papers = world.tables["consents"]
    home = papers.query("covers == 'credit_reports' and withdrawn_on != withdrawn_on and given_on < '2021-01-01'")
    home = home[home["valid_to"] > AS_OF]["household_id"].iloc[0]
    gone = papers.assign(withdrawn_on=papers["withdrawn_on"].mask(papers["household_id"] == home, AS_OF))
    tables = world.tables | {"consents": gone}
    before = make_features(household_file(tables, AS_OF - pd.Timedelta(days=1)))
    after = make_features(household_file(tables, AS_OF))
    assert before.frame.loc[home, "outside_debt"] >= 0
    code = after.frame.loc[home, "outside_debt"]
    assert "not authorised" in after.special["outside_debt"][code]


# -- features ----------------------------------------------------------------------------------------------------------


def _feature(reads: str, level: str = "household-conduct", measure=None, source: str | None = None) -> Feature:
    table = source or reads.partition(".")[0]
    column = Column("f", zh="甲", en="f", level=level, source=table)  # type: ignore[arg-type]
    return Feature(column=column, reads=(reads,), measure=measure or (lambda view: pd.Series(dtype=float)))


@pytest.mark.parametrize(("table", "column", "use"), ASIDE, ids=lambda v: str(v))
def test_no_feature_can_read_an_overlay_audit_or_screening_column(
    world: World, table: str, column: str, use: str
) -> None:
    file = household_file(world.tables, AS_OF)
    for level in ("household-origin", "household-conduct", "village"):
        with pytest.raises(PolicyError):
            make_features(file, plan=[_feature(f"{table}.{column}", level)])

    def peek(view):  # reads a harmless column and looks at another
        frame = view.census() if table == "households" else view.rows(table)
        return frame.set_index("household")[column]

    allowed = next((c.name for c in TABLES[table] if c.use == "model"), None)
    if allowed is None:  # that somebody is in this table is itself forbidden
        with pytest.raises(PolicyError):
            make_features(file, plan=[_feature(f"{table}.household_id")])
    else:
        with pytest.raises(PolicyError):
            make_features(file, plan=[_feature(f"{table}.{allowed}", TABLES[table][allowed].level, peek)])


def test_no_feature_of_the_plan_moves_when_these_columns_do(world: World) -> None:
    """Every overlay, audit and screening value is changed, and their tables emptied: not one feature changes."""
    before = make_features(household_file(world.tables, AS_OF)).frame
    rng = np.random.default_rng(0)
    changed = dict(world.tables)
    for name, frame in world.tables.items():
        aside = [c.name for c in TABLES[name] if c.use in ("overlay", "audit", "screening")]
        for column in (c for c in aside if c not in TABLES[name].keys):
            order = rng.permutation(len(frame))
            changed[name] = changed[name].assign(**{column: frame[column].to_numpy()[order]})
    for name in ("programmes", "civility_events", "medical_arrears"):
        changed[name] = world.tables[name].iloc[:0]
    pd.testing.assert_frame_equal(make_features(household_file(changed, AS_OF)).frame, before)


def test_every_feature_of_the_plan_is_a_model_column_of_a_level_it_may_have() -> None:
    for feature in PLAN:
        assert feature.column.use == "model" and feature.column.access != "block"
        for reads in feature.reads:
            table, _, column = reads.partition(".")
            assert TABLES[table][column].use in ("model", "key", "meta"), reads


# -- models and expected rates -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def declared() -> tuple[pd.DataFrame, np.ndarray, np.ndarray, Dictionary]:
    rng = np.random.default_rng(1)
    n = 400
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "max_dpd": rng.poisson(3, n).astype(float),
            "honours": rng.integers(0, 2, n).astype(float),
            "sex": rng.choice(["male", "female"], n),
            "unpaid_bills": rng.poisson(1, n).astype(float),
            "religion": rng.choice(["a", "b"], n),
        }
    )
    bad = (rng.random(n) < 1 / (1 + np.exp(1.5 + frame["income"] - 2 * frame["honours"]))).astype(int).to_numpy()
    dictionary = Dictionary.of(
        [
            Column("income", level="household-origin"),
            Column("max_dpd", level="household-conduct"),
            Column("honours", use="overlay"),
            Column("sex", "text", use="audit"),
            Column("unpaid_bills", use="screening", access="consent"),
            Column("religion", "text", access="block"),
        ]
    )
    return frame, bad, rng.integers(0, 8, n), dictionary


FORBIDDEN = ["honours", "sex", "unpaid_bills", "religion"]


@pytest.mark.parametrize("column", FORBIDDEN)
@pytest.mark.parametrize("model", [cl.Scorecard, cl.Challenger])
def test_no_model_takes_a_forbidden_column_of_a_declared_frame(declared, model: type, column: str) -> None:
    frame, bad, village, dictionary = declared
    X = frame[["income", column]]
    with pytest.raises(PolicyError, match=column):
        model(dictionary=dictionary).fit(X, bad)
    with pytest.raises(PolicyError, match=column):
        cl.cross_fit(model(dictionary=dictionary), X, bad, village)


@pytest.mark.parametrize("column", FORBIDDEN)
def test_not_by_a_cross_an_edit_or_a_challengers_binner_either(declared, column: str) -> None:
    frame, bad, _, dictionary = declared
    X = frame[["income", column]]
    crossed = cl.Binner(crosses=(cl.Cross("income", column),))
    for model in (
        cl.Scorecard(binner=crossed, dictionary=dictionary),
        cl.Challenger(binner=crossed, dictionary=dictionary),
    ):
        with pytest.raises(PolicyError, match=column):
            model.fit(X, bad)


def test_a_scored_frame_may_hold_them_and_they_change_no_pd(declared) -> None:
    frame, bad, _, dictionary = declared
    card = cl.Scorecard(dictionary=dictionary).fit(frame[["income", "max_dpd"]], bad)
    whole = card.predict_proba(frame[["income", "max_dpd"]].assign(sex=frame["sex"], honours=1.0))
    assert np.array_equal(whole, card.predict_proba(frame[["income", "max_dpd"]]))
    assert set(card.feature_names_in_) == {"income", "max_dpd"}


@pytest.fixture(scope="module")
def sampled(world: World) -> tuple[cl.data.County, cl.PerformanceSample]:
    county = cl.data.County({n: cl.data.SourceTable(n, f, n, "") for n, f in world.tables.items()})
    return county, cl.performance_sample(county, as_of="2023-12-31")


@pytest.mark.parametrize("card", ["entry", "behaviour", "composition"])
def test_the_frames_of_a_county_hold_only_the_levels_of_their_card(sampled, card: str) -> None:
    county, sample = sampled
    data = modelling_frame(county, sample, card=card)
    levels = {data.dictionary[name].level for name in data.X.columns}
    assert levels <= set(CARD_LEVELS[card])
    assert card != "composition" or levels == {"household-origin"}
    aside = {c for _, c, _ in ASIDE}
    assert not aside & set(data.X.columns)
    with pytest.raises((AttributeError, ColumnError, KeyError)):
        _ = data.head_sex


def test_a_flat_table_keeps_its_declared_audit_columns_out(tmp_path: Path, declared) -> None:
    from creditlab.config import StudyConfig
    from creditlab.study.flat import flat_table

    frame, bad, _, _ = declared
    config = StudyConfig(target="bad", audit=("sex",), drop=("religion", "honours"))
    table = flat_table(frame.assign(bad=bad), config, "t")
    assert not {"sex", "religion", "honours"} & set(table.X.columns) and list(table.audit.columns) == ["sex"]
