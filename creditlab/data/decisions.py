"""A person's decisions on doubtful links: the list goes out as CSV, and comes back with a decision beside each pair.

The list (`County.doubtful`, `doubtful.csv` of `creditlab check --out`) has a row per record and candidate: how name,
birth date and village compare, and no name. A person who holds the files writes `same` (相同) or `different` (不同)
into `decision`, and who decided it when. A decision is applied only to the pair it was made on: same file, row, person
and comparison. Decided pairs stay in the list with their decision, so that the next list contains the earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from creditlab.data.linking import PAIRS, Links
from creditlab.data.sources import read_table
from creditlab.errors import InputError, message, some

DECISION_COLUMNS = ["decision", "decided_by", "decided_on"]
SAME, DIFFERENT = "same", "different"
#: what a person may write
WORDS: Mapping[str, str] = {
    "same": SAME, "相同": SAME, "同一人": SAME, "是": SAME,
    "different": DIFFERENT, "不同": DIFFERENT, "非同一人": DIFFERENT, "否": DIFFERENT,
}  # fmt: skip
_FILE = ["table", "file"]
#: what must be as it was when the decision was made
_PAIR = ["row", "household_id", "person_id", "name", "birth", "village"]


def read_decisions(path: str | Path) -> pd.DataFrame:
    """The decided pairs of a list that came back; pairs without a decision are left out.

    Parameters
    ----------
    path : the list of doubtful links as CSV or Excel, with `decision`, `decided_by` and `decided_on` filled in.

    Returns
    -------
    DataFrame : table file row household_id person_id name birth village decision decided_by decided_on.

    Raises
    ------
    UnreadableError : no such file, or one that cannot be read.
    InputError : columns are missing, another word than same or different, a decision without who or when, a pair twice.
    """
    listed = read_table(path)
    needed = [*_FILE, *_PAIR, *DECISION_COLUMNS]
    absent = [c for c in needed if c not in listed]
    if absent:
        raise InputError(
            message("the list of doubtful links", f"no {some(absent)}", str(path), "Take doubtful.csv as it is.")
        )
    words = listed["decision"].astype("str").str.strip().str.lower()
    decided = listed["decision"].notna() & (words != "")
    rows = listed.loc[decided, needed].assign(decision=words[decided].map(WORDS))
    _refuse(rows["decision"].isna(), "same (相同) or different (不同)", "another word", path)
    who = rows["decided_by"].astype("str").str.strip()
    _refuse(rows["decided_by"].isna() | (who == ""), "who decided (decided_by)", "none", path)
    when = pd.to_datetime(rows["decided_on"].astype("str"), errors="coerce", format="mixed")
    _refuse(when.isna(), "a date (decided_on) such as 2026-03-31", "none", path)
    rows = rows.assign(decided_by=who, decided_on=when.dt.strftime("%Y-%m-%d"), row=rows["row"].astype("int64"))
    rows = rows.assign(**{c: rows[c].astype("str").fillna("") for c in _PAIR[1:]})
    _refuse(rows.duplicated([*_FILE, *_PAIR]), "one decision per pair", "two", path)
    return rows.reset_index(drop=True)


def _refuse(wrong: pd.Series, expected: str, came: str, path: str | Path) -> None:
    if wrong.any():
        lines = some([int(i) + 2 for i in wrong.index[wrong]])  # as a spreadsheet counts, below the header
        raise InputError(
            message(expected, f"{came} in {int(wrong.sum())} rows", f"{path}, lines {lines}", "Fill it in.")
        )


def check_decisions(decisions: pd.DataFrame, files: Mapping[str, list[str]]) -> None:
    """Refuse decisions on files that are not in the folder.

    Parameters
    ----------
    files : table → names of its files.
    """
    for (table, file), rows in decisions.groupby(_FILE):
        if file not in files.get(str(table), []):
            raise InputError(
                message("decisions on files of this folder", f"{len(rows)} on '{file}'", f"links of the table {table}",
                        "Give the list that was made from this folder.")
            )  # fmt: skip


def decide(links: Links, decisions: pd.DataFrame) -> tuple[Links, int, int]:
    """Apply the decisions on one file.

    Parameters
    ----------
    links : as found, with the row numbers of the file. decisions : those on this file.

    Returns
    -------
    The links, with the outcomes `decided same` and `decided different`, the pairs with their decisions; how many
    decisions fit no doubtful pair; how many records were said to be the same as persons of two households.
    """
    blank = dict.fromkeys(DECISION_COLUMNS, "")
    if not len(decisions):
        return Links(links.table, links.pairs.assign(**blank)), 0, 0
    pairs = links.pairs.assign(**{c: links.pairs[c].astype("str").fillna("") for c in _PAIR[1:]})
    pairs = pairs.merge(decisions[[*_PAIR, *DECISION_COLUMNS]], on=_PAIR, how="left").fillna(blank)
    unused = len(decisions) - int((pairs["decision"] != "").sum())
    homes = pairs[pairs["decision"] == SAME].groupby("row")["household_id"]
    torn = homes.nunique().loc[lambda n: n > 1].index
    same = homes.first().drop(torn)
    refused = pairs.groupby("row")["decision"].agg(lambda d: bool((d == DIFFERENT).all()))
    table = links.table.set_index("row")
    outcome, household = table["outcome"].astype(object), table["household_id"].astype(object)
    outcome.loc[same.index], household.loc[same.index] = "decided same", same
    outcome.loc[refused.index[refused.to_numpy()]] = "decided different"
    table = table.assign(outcome=outcome.astype("str"), household_id=household.astype("str")).reset_index()
    return Links(table[links.table.columns.tolist()], pairs[[*PAIRS, *DECISION_COLUMNS]]), unused, len(torn)


def numbered(links: Links, rows: np.ndarray) -> Links:
    """The links with the row numbers of their file in place of their own."""
    own = rows[links.pairs["row"].to_numpy(dtype=int)] if len(links.pairs) else links.pairs["row"]
    return Links(links.table.assign(row=rows), links.pairs.assign(row=own))
