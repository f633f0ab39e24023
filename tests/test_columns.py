"""Columns, their classes, and the policy that keeps some of them out of a PD model."""

from __future__ import annotations

import pytest

from creditlab.columns import Column, Dictionary, check_use
from creditlab.errors import ColumnError, InputError, PolicyError


@pytest.fixture
def dictionary() -> Dictionary:
    return Dictionary.of(
        [
            Column("income", zh="收入", en="income", unit="yuan", level="household-origin"),
            Column("max_dpd", use="model", level="household-conduct"),
            Column("honours", use="overlay"),
            Column("sex", use="audit", kind="text"),
            Column("religion", access="block", kind="text"),
        ]
    )


def test_labels_carry_units(dictionary: Dictionary) -> None:
    assert dictionary.label("income", "zh") == "收入（元）"
    assert dictionary.label("income", "en") == "income (yuan)"
    assert dictionary.label("undeclared") == "undeclared"


def test_a_model_column_passes_and_an_undeclared_one_too(dictionary: Dictionary) -> None:
    check_use(["income", "max_dpd", "undeclared"], dictionary, purpose="PD model")
    check_use(["honours"], None, purpose="PD model")


@pytest.mark.parametrize("name", ["honours", "sex", "religion"])
def test_overlay_audit_and_blocked_columns_are_refused(dictionary: Dictionary, name: str) -> None:
    with pytest.raises(PolicyError, match=f"columns of the use class 'model'; got '{name}"):
        check_use(["income", name], dictionary, purpose="PD model")


def test_conduct_is_refused_in_an_expected_rate(dictionary: Dictionary) -> None:
    with pytest.raises(PolicyError, match="household-origin; got 'max_dpd"):
        check_use(["income", "max_dpd"], dictionary, purpose="expected rate", levels=["household-origin"])


def test_wrong_declarations_raise(dictionary: Dictionary) -> None:
    with pytest.raises(InputError, match="use of column 'x'"):
        Column("x", use="fun")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="-1, 0 or 1"):
        Column("x", direction=2)
    with pytest.raises(InputError, match="'a' twice"):
        Dictionary.of([Column("a"), Column("a")])
    with pytest.raises(ColumnError, match="a declared column; got 'none'"):
        _ = dictionary["none"]


def test_selection_by_class(dictionary: Dictionary) -> None:
    assert dictionary.names(use="model", level="household-origin") == ["income"]
    assert list(dictionary.only(["max_dpd", "income"])) == ["max_dpd", "income"]
    assert dictionary.to_frame()["name"].tolist() == list(dictionary)


def test_what_was_added_later_is_written_only_where_it_says_something() -> None:
    columns = Dictionary.of([Column("age"), Column("deposit", action="up"), Column("friend", told=False)])
    written = columns.to_dict()
    assert not {"action", "told"} & set(written["age"])
    assert written["deposit"]["action"] == "up" and written["friend"]["told"] is False
    assert Dictionary.of(Column(name=name, **column) for name, column in written.items()) == columns
    with pytest.raises(InputError, match="action of column 'age'"):
        Column("age", action="left")  # type: ignore[arg-type]
