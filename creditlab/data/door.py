"""The door of the house: what of a department's file may come in, and under which name.

Chinese headers get the names of the contract; blocked columns and columns of no contract are dropped and listed;
identity numbers and credit codes are replaced by pseudonyms. Names, birth dates and addresses come in as `clues`: they
serve to find the household or the village of a row while the county is read, and are kept nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.data.findings import finding
from creditlab.data.identity import (
    looks_like_credit_code,
    looks_like_identity,
    pseudonyms,
    valid_credit_code,
    valid_identity,
)
from creditlab.data.schema import TABLES, Table
from creditlab.errors import IdentityError, message

#: words in a column's name that mark what may never be kept (Credit Reporting Regulation, Art. 14)
BLOCKED = re.compile(
    r"(?:^|[^a-z])(?:religion|religious|faith|belief|genes?|genetic|genome|dna|fingerprints?|blood|diseases?|illness"
    r"|diagnos\w*|medical_(?:history|records?)|health)(?:[^a-z]|$)|宗教|信仰|基因|指纹|血型|疾病|病史|病历|诊断|健康"
)
#: headers under which offices write the identity number of a person or of the household's head
PERSON_HEADERS = ("身份证号", "身份证号码", "公民身份号码", "证件号码", "身份证", "借款人身份证号", "参保人身份证号")
HEAD_HEADERS = ("户主身份证号", "户主身份证号码", "户主证件号码", "经营者身份证号", "法定代表人身份证号")
CODE_HEADERS = ("统一社会信用代码", "社会信用代码", "信用代码", "营业执照号")
#: headers of what helps to find a household or a village and is kept nowhere
CLUES = {
    "name": ("姓名", "户主姓名", "客户姓名", "经营者姓名", "借款人姓名", "name_of_person"),
    "birth": ("出生日期", "出生年月日", "出生年月", "date_of_birth"),
    "address": ("住址", "家庭住址", "家庭地址", "地址", "户籍地址", "居住地址", "所在村", "address"),
}
#: share of the columns of a contract that a file of another name must have to be taken for it
RECOGNISED = 0.6


@dataclass
class Draft:
    """A file at the door: the columns of its contract with pseudonyms, the clues beside them, and what was found."""

    table: Table
    file: str
    frame: pd.DataFrame
    clues: pd.DataFrame
    findings: list[dict[str, Any]] = field(default_factory=list)


def draft(frame: pd.DataFrame, table: Table, key: bytes | None, path: Path) -> Draft:
    """A file's frame as it may come in.

    Raises
    ------
    IdentityError : identity numbers or credit codes without a key.
    """
    findings: list[dict[str, Any]] = []
    named = frame.rename(columns=headers(frame.columns, table))
    named = _once(named, table, findings)
    clues = _clues(named, table, findings)
    kept = _without_strangers(named, table, findings)
    return Draft(table, path.name, _hidden(kept, table, key, path, findings), clues, findings)


def headers(columns: Any, table: Table) -> dict[Any, str]:
    """The names of the contract for a file's headers; an identity number stands for the key that it replaces."""
    names: dict[Any, str] = {c.zh: c.name for c in table.columns}
    person = "person_id" if "person_id" in table.names else "household_id"
    for listed, name in ((PERSON_HEADERS, person), (HEAD_HEADERS, "household_id"), (CODE_HEADERS, "business_id")):
        for header in listed:
            taken = {names.get(c, c) for c in columns if c != header}
            if header in columns and name in table.names and name not in taken:
                names[header] = name
    return {c: names[c] for c in columns if c in names}


def recognise(columns: Any) -> Table | None:
    """The table whose contract a file's headers fit, where its name says nothing; None where none fits, or two do."""
    clues = {clue for clue, listed in CLUES.items() if set(listed) & set(columns)}
    scores = {}
    for name, table in TABLES.items():
        there = set(headers(columns, table).values()) | (set(columns) & set(table.names))
        found = there | ({"household_id", "person_id"} if "name" in clues else set())
        found |= {"village_id"} if "address" in clues else set()
        own = [n for n in table.names[:-4] if n not in ("household_id", "person_id", "village_id", "business_id")]
        share = sum(n in there for n in own) / max(len(own), 1)
        if set(table.keys) <= found and share >= RECOGNISED:
            scores[name] = share
    best = sorted(scores, key=lambda n: scores[n], reverse=True)
    if not best or (len(best) > 1 and scores[best[0]] == scores[best[1]]):
        return None
    return TABLES[best[0]]


def _once(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """One column per name: the first is kept."""
    twice = frame.columns.duplicated()
    for column in frame.columns[twice].unique():
        findings.append(
            finding(table.name, str(column), "列名重复：取第一列", "column twice: the first is kept", "warning", ())
        )
    return frame.loc[:, ~twice] if twice.any() else frame


def _clues(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """Names, birth dates and addresses of a file, by the words of `CLUES`; each is listed as not kept."""
    clues = pd.DataFrame(index=frame.index)
    for clue, listed in CLUES.items():
        there = [c for c in listed if c in frame.columns and c not in table.names]
        if there:
            clues[clue] = frame[there[0]]
        for column in there:
            rule = ("仅用于匹配：不保留", "serves to find household or village: not kept")
            findings.append(finding(table.name, column, *rule, "info", frame[column].notna()))
    return clues


def _without_strangers(frame: pd.DataFrame, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """The columns of the contract; what the law blocks or no contract names is dropped and listed."""
    known = set(table.names)
    clues = {c for listed in CLUES.values() for c in listed}
    strange = [c for c in frame.columns if c not in known]
    for column in strange:
        if BLOCKED.search(str(column).lower()):
            rule = ("法律禁止采集：整列剔除", "blocked by law: column dropped", "error")
        elif column in clues:
            continue
        else:
            rule = ("契约之外的列：剔除", "not in the contract: column dropped", "warning")
        findings.append(finding(table.name, str(column), *rule, frame[column].notna()))
    return frame.drop(columns=strange) if strange else frame


def _hidden(
    frame: pd.DataFrame, table: Table, key: bytes | None, path: Path, findings: list[dict[str, Any]]
) -> pd.DataFrame:
    """The frame with every identity number and credit code replaced by its pseudonym, in whichever column it stands."""
    for name in frame.columns:
        frame = _without_cut(frame, name, table, findings)
        person, code = looks_like_identity(frame[name]), looks_like_credit_code(frame[name])
        person &= ~code
        if not (person | code).any():
            continue
        if key is None:
            many = f"{'identity numbers' if person.any() else 'credit codes'} in {int((person | code).sum())} rows"
            raise IdentityError(
                message(
                    "pseudonyms, or a key to make them",
                    many,
                    f"column '{name}' of {path.name}",
                    "Give the key: id_key=..., or --id-key FILE.",
                )
            )
        findings += _mistyped(frame[name], person, code, table.name, name)
        shown = frame[name].astype(object)
        for rows, prefix in ((person, "H" if name == "household_id" else "P"), (code, "E")):
            shown = shown.where(~rows, pseudonyms(frame[name].where(rows), key, prefix))
        frame = frame.assign(**{name: shown})
    return frame


def _mistyped(values: pd.Series, person: np.ndarray, code: np.ndarray, table: str, column: str) -> list[dict[str, Any]]:
    found = []
    for rows, valid, zh, en in (
        (person, valid_identity, "身份证校验码不符", "identity number with a wrong check digit"),
        (code, valid_credit_code, "统一社会信用代码校验不符", "credit code with a wrong check character"),
    ):
        wrong = rows.copy()
        wrong[rows] = ~valid(values[rows])
        if wrong.any():
            rule = (f"{zh}：仍作假名处理", f"{en}: pseudonym made all the same")
            found.append(finding(table, column, *rule, "warning", wrong))
    return found


def _without_cut(frame: pd.DataFrame, name: str, table: Table, findings: list[dict[str, Any]]) -> pd.DataFrame:
    """Long numbers that a spreadsheet has rounded are no numbers of anybody: taken as missing, and listed."""
    values = frame[name]
    if pd.api.types.is_float_dtype(values.dtype):
        cut = values.abs().ge(1e15).to_numpy()
    elif pd.api.types.is_object_dtype(values.dtype):  # a sheet with numbers and text in one column
        cut = np.array([isinstance(v, int | float) and abs(v) >= 1e15 for v in values], dtype=bool)
    else:
        return frame
    if not cut.any():
        return frame
    rule = ("长号码被表格软件截断：视为缺失", "long number cut by a spreadsheet: taken as missing")
    findings.append(finding(table.name, name, *rule, "error", cut))
    return frame.assign(**{name: values.mask(cut)})
