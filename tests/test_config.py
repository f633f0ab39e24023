"""The study's configuration: refused when wrong, the same after a trip through TOML."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditlab.config import StudyConfig
from creditlab.errors import InputError, UnreadableError


def test_a_trip_through_toml(tmp_path: Path) -> None:
    config = StudyConfig(
        as_of="2023-12-31",
        target='a "quoted" column',
        special={"*": (-9, -8.5), "甲": ("无",)},
        drop=("x",),
        level=0.95,
    )
    config.write(tmp_path / "study.toml")
    assert StudyConfig.from_toml(tmp_path / "study.toml") == config


@pytest.mark.parametrize(
    "wrong",
    [{"lang": "fr"}, {"edition": "secret"}, {"level": 90}, {"as_of": "soon"}, {"folds": 1}, {"seed": 1.5}, {"top": 0},
     {"bad_window": "a while"}, {"bad_dpd": -1}],
)  # fmt: skip
def test_a_wrong_setting_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError):
        StudyConfig(**wrong)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="a TOML file; got FileNotFoundError"):
        StudyConfig.from_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= 1", encoding="utf-8")
    with pytest.raises(UnreadableError, match="a TOML file; got TOMLDecodeError"):
        StudyConfig.from_toml(tmp_path / "bad.toml")
    (tmp_path / "odd.toml").write_text("wrong_word = 1", encoding="utf-8")
    with pytest.raises(InputError, match="got 'wrong_word'"):
        StudyConfig.from_toml(tmp_path / "odd.toml")
