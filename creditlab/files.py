"""Files that appear whole or not at all, and the canonical JSON that digests are taken of.

Use it wherever the package writes. A file is first written beside its place and then moved there; a folder of outputs
is built beside its place and then moved file by file, so that a run that stops half-way leaves nothing half-written.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from creditlab.errors import UnreadableError, message


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the same folder that becomes `path` when the block ends without an error."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # a folder of its own, so that the file is created by the writer, with the usual permissions
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    draft = aside / target.name
    try:
        yield draft
        os.replace(draft, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder whose files move into `path` when the block ends without an error.

    Files of other names that are in `path` already stay; files of the same name are replaced.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise UnreadableError(
            message("a folder for the outputs", "a file", str(target), "Name a folder that is new or may be filled.")
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield draft
        for source in sorted(p for p in draft.rglob("*") if p.is_file()):
            place = target / source.relative_to(draft)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text with `\\n` line ends, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def canonical_json(value: Any, indent: int | None = None) -> str:
    """JSON with sorted keys and no NaN: the same value gives the same text.

    >>> canonical_json({"b": 1, "a": [0.1, None]})
    '{"a":[0.1,null],"b":1}'
    """
    separators = (",", ": ") if indent else (",", ":")
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, indent=indent, separators=separators)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write canonical JSON, indented by one for reading and for diffs."""
    write_text(path, canonical_json(value, indent=1) + "\n")


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file, with one clear message where that fails."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        raise UnreadableError(
            message("a JSON file", "no file", str(path), "Check the path; the file may not be written yet.")
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(
            message("a readable JSON file", f"{type(error).__name__}: {error}", str(path), "Write the file again.")
        ) from None
