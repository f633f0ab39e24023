"""What a bank declares of the columns of its flat table: read from a dictionary file, enforced as at the door.

A county's columns have their classes in the contracts; a flat table has those of its dictionary file: one row per
column with access, use, level, labels, unit and expected direction. What may not be seen is left out and listed;
nothing is left out of columns that are not declared, and they are listed too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.config import DECLARED, StudyConfig
from creditlab.data.door import BLOCKED
from creditlab.data.findings import finding
from creditlab.data.sources import NO, YES, read_table
from creditlab.errors import InputError, PolicyError, UnreadableError, message, some
from creditlab.features import MISSING_CODES

#: headers of a dictionary in Chinese → settings
_HEADERS: Mapping[str, str] = {
    "列名": "column", "中文名": "zh", "英文名": "en", "单位": "unit", "类型": "kind", "访问": "access",
    "用途": "use", "层级": "level", "方向": "direction", "授权列": "consent", "来源": "source",
}  # fmt: skip
#: words of a dictionary in Chinese → classes
_WORDS: Mapping[str, Mapping[str, str]] = {
    "access": {"公开": "free", "授权": "consent", "禁止": "block"},
    "use": {"模型": "model", "筛查": "screening", "叠加": "overlay", "审计": "audit", "主键": "key", "说明": "meta"},
    "level": {"农户本源": "household-origin", "农户行为": "household-conduct", "村": "village"},
}
#: use class → (Chinese, English) of why such a column is no feature
_USES: Mapping[str, tuple[str, str]] = {
    "screening": ("筛查列", "screening column"),
    "overlay": ("叠加列", "overlay column"),
    "audit": ("审计列：只用于群体检验", "audit column: group tests only"),
    "key": ("主键列", "key column"),
    "meta": ("说明列", "meta column"),
}


@dataclass
class Door:
    """A flat table behind its door: the frame without what may not be seen, audit columns, codes, what was done."""

    frame: pd.DataFrame
    audit: tuple[str, ...]
    out: tuple[str, ...]
    special: dict[str, Any] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)


def read_dictionary(path: str | Path) -> dict[str, dict[str, Any]]:
    """The declared columns of a dictionary file, for `StudyConfig(columns=...)`.

    Parameters
    ----------
    path : TOML with a table per column (`["income"]`, `use = "model"`), or CSV, Excel or Parquet with a row per column
        and the headers column zh en unit kind access use level direction consent source (列名 中文名 英文名 单位 类型
        访问 用途 层级 方向 授权列 来源). Empty cells take the default. `consent` names the column of the table that
        says 1 where consent is on file.

    Raises
    ------
    UnreadableError : no such file, or one that cannot be read.
    InputError : no column of names, a column twice, an unknown header.
    """
    if Path(path).suffix.lower() == ".toml":
        return _of_toml(path)
    frame = read_table(path).rename(columns=lambda c: _HEADERS.get(str(c).strip(), str(c).strip()))
    if "column" not in frame:
        raise InputError(message("a header 'column' (列名)", some(list(frame.columns)), str(path), "Name the columns."))
    strange = [c for c in frame.columns if c not in ("column", *DECLARED)]
    if strange:
        raise InputError(
            message(f"headers among column, {', '.join(DECLARED)}", some(strange), str(path), "Check the spelling.")
        )
    names = frame["column"].astype("str").str.strip()
    twice = names[names.duplicated()].unique().tolist()
    if twice or frame["column"].isna().any():
        came = f"{some(twice)} twice" if twice else f"{int(frame['column'].isna().sum())} rows without"
        raise InputError(message("one row per column", came, str(path), "Declare each column once."))
    rows = frame.drop(columns="column").set_axis(names, axis=0)
    return {str(name): _row(row) for name, row in rows.iterrows()}


def _of_toml(path: str | Path) -> dict[str, dict[str, Any]]:
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableError(message("a TOML file", reason, str(path), "Check the path and the syntax.")) from None
    given = given.get("columns", given) if isinstance(given.get("columns", given), dict) else given
    wrong = [name for name, value in given.items() if not isinstance(value, dict)]
    if wrong:
        raise InputError(
            message("a table per column", f"a bare value for {some(wrong)}", str(path), 'For example ["income"].')
        )
    return {name: {k: _class(k, v) for k, v in value.items()} for name, value in given.items()}


def _row(row: pd.Series) -> dict[str, Any]:
    """The settings of a row: empty cells are left out, a direction is a whole number."""
    settings: dict[str, Any] = {}
    for name, value in row.items():
        if pd.isna(value) or str(value).strip() == "":
            continue
        settings[str(name)] = _class(str(name), value)
    return settings


def _class(name: str, value: Any) -> Any:
    if name == "direction":
        try:
            return int(float({"+": 1, "-": -1, "−": -1}.get(str(value).strip(), value)))
        except ValueError:
            return value  # refused with its column by the config
    text = value.strip() if isinstance(value, str) else value
    return _WORDS.get(name, {}).get(text, text) if isinstance(text, str) else text


def enforce(frame: pd.DataFrame, config: StudyConfig, name: str) -> Door:
    """Keep the declared classes of a flat table: what may not be seen is taken out and listed.

    Raises
    ------
    PolicyError : a column declared as blocked that is named as target, group, date, id, weight or audit column.
    ColumnError : a column of consent that is not in the table.
    """
    declared = config.dictionary()
    door = Door(frame, config.audit, ())
    if not declared:
        return door
    roles = {config.target, config.group, config.date, config.id, config.weight}
    blocked = [c for c in declared if declared[c].access == "block" and c in {*roles, *config.audit}]
    if blocked:
        raise PolicyError(
            message("columns that may be read", f"{some(blocked)}: blocked", f"dictionary of {name}",
                    "A blocked column has no part in a study.")
        )  # fmt: skip
    check_columns(frame, list(config.consents().values()), name)
    out = [_out(frame, c, declared[c], config, name, door) for c in declared if c in frame.columns and c not in roles]
    consent_columns = {c for c in config.consents().values() if c not in roles}
    door.out = tuple(dict.fromkeys([*(c for c in out if c), *consent_columns]))
    _listed(frame, config, {*roles, *config.drop, *config.audit, *door.out}, name, door)
    return door


def _out(frame: pd.DataFrame, column: str, spec: Any, config: StudyConfig, name: str, door: Door) -> str | None:
    """The column's name where it is no feature, with a finding; consent that is not on file is a code of its own."""
    there = frame[column].notna()
    if spec.access == "block":
        rule = ("声明为禁止：整列剔除", "declared as blocked: column left out", "error")
    elif spec.use != "model":
        zh, en = _USES[spec.use]
        if spec.use == "audit":
            door.audit = tuple(dict.fromkeys([*door.audit, column]))
        rule = (f"{zh}：不作特征", f"{en}: no feature", "info")
    elif spec.access == "consent" and column not in config.consents():
        rule = ("须有授权而无授权列：整列剔除", "needs consent, and no column of consent is named: left out", "error")
    else:
        if spec.access == "consent":
            _without_consent(column, config.consents()[column], name, door)
        return None
    door.findings.append(finding(name, column, *rule, there))
    return column


def _without_consent(column: str, consent: str, name: str, door: Door) -> None:
    """Values without consent on file are 'not authorised', in a bin of their own."""
    refused = ~_agreed(door.frame[consent])
    if not refused.any():
        return
    number = pd.api.types.is_numeric_dtype(door.frame[column].dtype)
    code: Any = MISSING_CODES["not_authorised"] if number else "not_authorised"
    values = door.frame[column].astype("float64") if number else door.frame[column].astype(object)
    door.frame = door.frame.assign(**{column: values.mask(refused, code)})
    door.special[column] = code
    rule = ("无授权：记为未授权", "no consent on file: taken as not authorised")
    door.findings.append(finding(name, column, *rule, "info", refused))


def _agreed(values: pd.Series) -> np.ndarray:
    words = values.astype("str").str.strip().str.lower()
    said = words.map(dict.fromkeys(YES, True) | dict.fromkeys(NO, False) | {"1": True, "1.0": True})
    return np.asarray(said.eq(True).to_numpy(dtype=bool))


def _listed(frame: pd.DataFrame, config: StudyConfig, taken: set[str | None], name: str, door: Door) -> None:
    """Columns that nobody declared, and declared ones that the table does not have."""
    declared = config.dictionary()
    for column in frame.columns:
        if column in taken or column in declared:
            continue
        rule = ("未声明：保留为特征，请在字典中声明", "not declared: kept as a feature; declare it", "warning")
        if BLOCKED.search(str(column).lower()):
            rule = ("名称似为禁止采集的信息且未声明：请声明或剔除", "sounds like a blocked fact and is not declared: "
                    "declare or drop it", "error")  # fmt: skip
        door.findings.append(finding(name, str(column), *rule, frame[column].notna()))
    for column in declared:
        if column not in frame.columns:
            door.findings.append(finding(name, column, "字典中有而表中无", "declared, not in the table", "info", ()))
