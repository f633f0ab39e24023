"""Names made comparable: variant characters, surnames read as surnames."""

from __future__ import annotations

import pytest

from creditlab.data.names import folded, readings, surname_of


@pytest.mark.parametrize(
    ("name", "one_form"),
    [("呂 麗华", "吕丽华"), ("闫国強", "阎国强"), ("付芳", "傅芳"), ("张三（户主）", "张三"),
     ("阿里木·买买提", "阿里木买买提"),
     ("李Ａ", "李A"), ("", "")],
)  # fmt: skip
def test_variant_characters_become_one(name: str, one_form: str) -> None:
    assert folded(name) == one_form


@pytest.mark.parametrize(
    ("name", "spoken"),
    # the readings of the Dictionary of Modern Chinese; pypinyin alone says dan, ceng, chou, cha
    [("单雄信", "shan xiong xin"), ("曾晓", "zeng xiao"), ("仇英", "qiu ying"), ("查良镛", "zha liang yong"),
     ("解缙", "xie jin"), ("任伟", "ren wei"), ("尉迟恭", "yu chi gong"), ("万俟卨", "mo qi xie"),
     ("欧阳修", "ou yang xiu"), ("王伟", "wang wei")],
)  # fmt: skip
def test_surnames_are_read_as_surnames(name: str, spoken: str) -> None:
    assert readings([name], tones=False) == [spoken]


def test_tones_tell_apart_what_sounds_alike() -> None:
    assert readings(["刘伟"]) != readings(["刘微"]) and readings(["刘伟"], tones=False) == readings(
        ["刘微"], tones=False
    )


def test_a_compound_surname_has_two_characters() -> None:
    assert [surname_of(n) for n in ("欧阳春", "欧阳", "司马迁", "马云", "")] == ["欧阳", "欧", "司马", "马", ""]
