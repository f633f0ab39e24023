"""The crosswalk between pseudonyms and the bank's customer numbers, and the one way back.

Whoever holds the key makes the crosswalk once from the customer ledger and keeps it apart from data, models and
reports. `reveal` puts customer numbers onto a contact list, for whoever holds the crosswalk, and writes down who did so
and when. No report and no model is ever opened for it.
"""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from creditlab.data.door import HEAD_HEADERS, PERSON_HEADERS
from creditlab.data.identity import check_key, looks_like_identity, pseudonyms, valid_identity
from creditlab.data.sources import read_table
from creditlab.errors import InputError, UnreadableError, message, some
from creditlab.files import canonical_json, whole_file
from creditlab.results import digest

#: headers under which a bank writes its customer number
CUSTOMER_HEADERS = ("customer_no", "客户号", "客户编号", "客户号码")
#: columns of a list that bear pseudonyms
PSEUDONYM_COLUMNS = ("household_id", "person_id", "household", "id")
#: endings of what is a report or a model, never a contact list
_NEVER = {".html", ".htm", ".json", ".toml", ".pmml", ".onnx", ".sql", ".py", ".docx", ".xml"}
LIST_ENDINGS = (".csv", ".parquet", ".xlsx")


def make_crosswalk(ledger: str | os.PathLike[str], out: str | os.PathLike[str], id_key: str | bytes) -> int:
    """Write the crosswalk of a customer ledger: household_id, person_id, customer_no.

    Parameters
    ----------
    ledger : a table with the customer's identity number and customer number.
    out : CSV file, written so that only its owner can read it where the system knows such a thing.
    id_key : the key of the pseudonyms.

    Returns
    -------
    int : the number of customers written.

    Raises
    ------
    InputError : when a column is not there, or identity numbers do not hold.
    """
    frame, key, where = read_table(Path(ledger)), check_key(id_key), str(ledger)
    number = _column(frame, (*PERSON_HEADERS, *HEAD_HEADERS), "identity number", where)
    customer = _column(frame, CUSTOMER_HEADERS, "customer number", where)
    wrong = looks_like_identity(frame[number]) & ~valid_identity(frame[number])
    none = ~looks_like_identity(frame[number])
    if none.any():
        rows = some([int(i) for i in none.nonzero()[0]])
        raise InputError(
            message(
                "an identity number in every row", f"others in {int(none.sum())} rows ({rows})", where, "Mend them."
            )
        )
    known = pd.DataFrame(
        {
            "household_id": pseudonyms(frame[number], key, "H"),
            "person_id": pseudonyms(frame[number], key, "P"),
            "customer_no": frame[customer].astype("str"),
        }
    )[~wrong].drop_duplicates(ignore_index=True)
    twice = known["person_id"].duplicated(keep=False)
    if twice.any():
        came = f"{int(known.loc[twice, 'person_id'].nunique())} persons with several"
        raise InputError(message("one customer number per person", came, where, "Keep the number that is in use."))
    with whole_file(out) as place:
        known.to_csv(place, index=False, encoding="utf-8", lineterminator="\n")
        os.chmod(place, 0o600)
    return len(known)


def reveal(
    contact_list: str | os.PathLike[str],
    crosswalk: str | os.PathLike[str],
    out: str | os.PathLike[str],
    log: str | os.PathLike[str] | None = None,
    reason: str = "",
) -> pd.DataFrame:
    """Put customer numbers onto a contact list, and write down that it was done.

    Parameters
    ----------
    contact_list : CSV, Parquet or Excel with a column of pseudonyms (household_id, person_id, household or id). A
        report or a model is refused.
    crosswalk : the file that `make_crosswalk` wrote.
    out : CSV file: `customer_no`, then the columns of the list. It may not be one of the inputs.
    log : access log, one JSON line per access; default: beside the crosswalk, with the ending `.access.jsonl`.
    reason : why; kept in the log.

    Returns
    -------
    DataFrame : one row: the entry of the log.

    Raises
    ------
    InputError : for a list without pseudonyms, a report or model, or an output that would overwrite an input.
    UnreadableError : for a file that cannot be read.
    """
    given, cross, target = Path(contact_list), Path(crosswalk), Path(out)
    _allowed(given, cross, target)
    listed, known = read_table(given), read_table(cross)
    column = _column(listed, PSEUDONYM_COLUMNS, "pseudonym", str(given))
    where = "person_id" if listed[column].astype("str").str.startswith("P").all() else "household_id"
    if not {where, "customer_no"} <= set(known.columns):
        fix = "Make it with creditlab crosswalk."
        raise InputError(message("a crosswalk: household_id, person_id, customer_no", some(known), str(cross), fix))
    number = (
        listed[column].astype("str").map(known.astype("str").drop_duplicates(where).set_index(where)["customer_no"])
    )
    shown = listed.drop(columns="customer_no", errors="ignore")
    shown.insert(0, "customer_no", number)
    entry = {
        "at": _now(),
        "by": getpass.getuser(),
        "list": given.name,
        "list_digest": digest(listed),
        "crosswalk_digest": digest(known),
        "rows": len(listed),
        "revealed": int(number.notna().sum()),
        "out": target.name,
        "reason": reason,
    }
    # the entry first: what is revealed without an entry must not exist
    place = Path(log) if log is not None else cross.with_suffix(".access.jsonl")
    _append(place, canonical_json(entry))
    with whole_file(target) as draft:
        _harmless(shown).to_csv(draft, index=False, encoding="utf-8-sig", lineterminator="\n")
    return pd.DataFrame([entry])


def _allowed(given: Path, cross: Path, target: Path) -> None:
    if given.suffix.lower() not in LIST_ENDINGS:
        came = "a report or a model" if given.suffix.lower() in _NEVER else repr(given.suffix)
        raise InputError(
            message(
                f"a contact list ({', '.join(LIST_ENDINGS)})",
                came,
                str(given),
                "Customer numbers are put onto contact lists only, never onto reports or models.",
            )
        )
    if target.suffix.lower() != ".csv":
        raise InputError(message("an output ending in .csv", repr(target.suffix), str(target), "Name a CSV file."))
    for other in (given, cross):
        if target.resolve() == other.resolve():
            raise InputError(message("a new file for the output", "an input", str(target), "Name another file."))
    beside = target.resolve().parent
    if (beside / "report.json").is_file() or (beside / "model.json").is_file():
        raise InputError(
            message(
                "a folder of its own for customer numbers",
                "the folder of a report or model",
                str(target),
                "Write it where reports are not kept.",
            )
        )


def _column(frame: pd.DataFrame, names: tuple[str, ...], what: str, where: str) -> str:
    there = [n for n in names if n in frame.columns]
    if not there:
        raise InputError(message(f"a column with the {what} ({some(names, 4)})", some(frame.columns, 8), where,
                                 "Name the column so."))  # fmt: skip
    return there[0]


def _append(place: Path, line: str) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="utf-8", newline="\n") as log:
            log.write(line + "\n")
    except OSError as error:
        raise UnreadableError(
            message("an access log that can be written", type(error).__name__, str(place), "Nothing was revealed.")
        ) from None


def _now() -> str:
    """The time of the access, in UTC: a log of who looked is about when, so no build date stands for it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would run as a formula, behind an apostrophe."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value

    text = frame.select_dtypes(["object", "str"]).columns
    return frame.assign(**{c: frame[c].map(safe) for c in text})
