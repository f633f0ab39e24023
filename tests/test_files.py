"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditlab.errors import UnreadableError
from creditlab.files import canonical_json, read_json, whole_file, whole_folder, write_json, write_text


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "a.txt"
    write_text(place, "old\n")
    with pytest.raises(RuntimeError), whole_file(place) as draft:
        draft.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert place.read_text(encoding="utf-8") == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out") as draft:
        (draft / "one.txt").write_text("1", encoding="utf-8")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_filled_and_other_files_stay(tmp_path: Path) -> None:
    write_text(tmp_path / "out" / "mine.txt", "keep")
    with whole_folder(tmp_path / "out") as draft:
        write_text(draft / "sub" / "new.txt", "new")
    assert (tmp_path / "out" / "mine.txt").read_text(encoding="utf-8") == "keep"
    assert (tmp_path / "out" / "sub" / "new.txt").read_text(encoding="utf-8") == "new"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "out", "a file")
    with pytest.raises(UnreadableError, match="a folder for the outputs; got a file"), whole_folder(tmp_path / "out"):
        pass


def test_json_is_canonical_utf8_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "村", "a": 1})
    assert (tmp_path / "a.json").read_bytes() == '{\n "a": 1,\n "b": "村"\n}\n'.encode()
    assert read_json(tmp_path / "a.json") == {"a": 1, "b": "村"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="a JSON file; got no file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableError, match="a readable JSON file; got JSONDecodeError"):
        read_json(tmp_path / "bad.json")
