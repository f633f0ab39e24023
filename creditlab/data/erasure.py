"""What the withdrawal of a consent, or a request to be erased, makes stale.

Nothing is deleted here. The list says what of a person the file holds, what was derived from it, and what must be built
again; whoever is responsible works through it and keeps it as evidence (Personal Information Protection Law, Art. 15,
16 and 47).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.errors import ColumnError, UnreadableError, message
from creditlab.files import read_json

COLUMNS = ["kind", "name", "columns", "rows", "consent", "do", "do_zh"]
#: what must be done with each kind of thing
_DO = {
    "source": ("erase or blank these rows at the source and read the county again", "在源数据中删除或置空后重新读取"),
    "household file": ("build again without the withdrawn columns", "剔除撤回列后重建一户一档"),
    "feature": ("make again: becomes 'not authorised'", "重新计算：记为未授权"),
    "model": ("was made with the person: decide on a refit and note it", "模型含其样本：评估是否重建并记录"),
    "scores": ("score again or erase the row", "重新评分或删除该行"),
    "report": ("rests on the above: make again", "基于以上内容：重新生成"),
}


def stale(
    file: Any, person: str, outputs: Iterable[str | os.PathLike[str]] = (), plan: Iterable[Any] = ()
) -> pd.DataFrame:
    """What holds a person, or was made from what holds it.

    Parameters
    ----------
    file : a `HouseholdFile`.
    person : pseudonym of a person (P…) or of a household (H…). A person stands for the rows of the household when it is
        the head, and for its own rows.
    outputs : folders that `creditlab study` wrote, looked through for models, scores and reports that hold it.
    plan : features (with `name`, `reads`), such as `creditlab.features.PLAN`: those that read a column under consent.

    Returns
    -------
    DataFrame : kind (source, household file, feature, model, scores, report), name, columns (those under consent),
        rows, consent (the sources of consents that cover them), do, do_zh.

    Raises
    ------
    ColumnError : when neither a person nor a household of the file bears the pseudonym.
    UnreadableError : for an output folder that is not there.
    """
    home, who = _household(file, person)
    found = _sources(file, home, who)
    withdrawn = {(name, c) for kind, name, cols, *_ in found for c in cols if kind == "source"}
    found.append(("household file", f"as of {file.as_of.date()}", (), 1, ""))
    for feature in plan:
        read = [r for r in feature.reads if tuple(r.split(".", 1)) in withdrawn]
        if read:
            found.append(("feature", feature.name, tuple(read), 1, ", ".join(sorted({r.split(".")[0] for r in read}))))
    for folder in outputs:
        found += _outputs(Path(folder), home)
    rows = [
        {"kind": k, "name": n, "columns": ", ".join(c), "rows": r, "consent": s, "do": _DO[k][0], "do_zh": _DO[k][1]}
        for k, n, c, r, s in found
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


_Row = tuple[str, str, tuple[str, ...], int, str]


def _household(file: Any, person: str) -> tuple[str, str | None]:
    """The household, and the person where one was named."""
    if person in file.frame.index:
        return person, None
    members = (
        file.tables["members"] if "members" in file.tables else pd.DataFrame(columns=["person_id", "household_id"])
    )
    home = members.loc[members["person_id"] == person, "household_id"]
    if len(home):
        return str(home.iloc[0]), person
    if isinstance(person, str) and f"H{person[1:]}" in file.frame.index:
        return f"H{person[1:]}", person  # the head, by whose number the household is known
    raise ColumnError(message("a person or household of this file", "another", "erase", "Give its pseudonym."))


def _sources(file: Any, home: str, who: str | None) -> list[_Row]:
    found: list[_Row] = []
    head = who is None or f"H{who[1:]}" == home
    for name, rows in file.tables.items():
        mine = rows["household_id"].eq(home) if "household_id" in rows and head else pd.Series(False, rows.index)
        if who is not None and "person_id" in rows:
            mine = rows["person_id"].eq(who) | (mine & head & ("household_id" in rows))
        count = int(mine.sum())
        if count:
            under = tuple(c.name for c in TABLES[name] if c.access == "consent" and c.name in rows)
            found.append(("source", name, under, count, name if under else ""))
    return found


def _outputs(folder: Path, home: str) -> list[_Row]:
    if not folder.is_dir():
        raise UnreadableError(message("a folder of outputs", "none", str(folder), "Check the path."))
    found: list[_Row] = []
    held = 0
    for file in sorted(folder.glob("*.parquet")):
        table = pd.read_parquet(file)
        ids = [c for c in ("household_id", "household", "id") if c in table.columns]
        rows = int(table[ids[0]].astype("str").eq(home).sum()) if ids else 0
        if rows:
            held += rows
            found.append(("scores", f"{folder.name}/{file.name}", (), rows, ""))
    if held:
        for file in sorted(folder.glob("*.json")):
            kind = "report" if file.name.startswith("report") else "model"
            read_json(file)  # a file that cannot be read is no evidence
            found.append((kind, f"{folder.name}/{file.name}", (), held, ""))
        found += [("report", f"{folder.name}/{f.name}", (), held, "") for f in sorted(folder.glob("*.html"))]
    return found
