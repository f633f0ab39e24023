"""What the contract of a table is, and the calls that write one down readably.

A table has columns, keys, an event date and a department. In a table of a month, quarter or year the period is written
as its last day. A row counts from its `known_on`: what the bank received after a date does not exist on that date. Some
columns of a row come later than the row itself (the end of a lawsuit, the withdrawal of a consent); `Table.later` names
the date on which they are known, and before that date they are blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from creditlab.columns import Access, Column, Kind, Level, Use
from creditlab.errors import ColumnError, message

ORIGIN: Level = "household-origin"
CONDUCT: Level = "household-conduct"
VILLAGE: Level = "village"

#: A code list: code → (Chinese, English).
Codes = Mapping[str, tuple[str, str]]

#: Who brings a record in: government collector, bank officer, enterprise, or the household itself.
PORTS: Mapping[str, tuple[str, str]] = {
    "government": ("政府端", "government collector"),
    "bank": ("银行端", "bank officer"),
    "enterprise": ("企业端", "enterprise"),
    "self": ("自主更新", "self-update"),
}

#: The five classes of a loan, from best to worst; the last three are non-performing.
CLASSES: Mapping[str, tuple[str, str]] = {
    "normal": ("正常", "normal"),
    "special_mention": ("关注", "special mention"),
    "substandard": ("次级", "substandard"),
    "doubtful": ("可疑", "doubtful"),
    "loss": ("损失", "loss"),
}


@dataclass(frozen=True)
class Table:
    """The contract of one table.

    Parameters
    ----------
    name : the table's name, which is also its file name.
    zh, en : what a Chinese and an English reader call it.
    source : the department that keeps it, in English; `source_zh` the same in Chinese.
    system : the system of the source document it belongs to, S1 to S15.
    row : what one row is.
    keys : the columns that name a row once.
    event : the column with the day the row speaks of; 'observed_on' where it has no other.
    columns : all columns, the four of provenance last.
    later : date column -> the columns that are known only from that date on (blank before it, and where it is blank).
    port : who usually brings the rows in, a code of `PORTS`; taken where a file does not say.
    lag_days : days from the event to the day the bank knows it; taken where a file has no known_on.

    >>> from creditlab.data.schema import TABLES
    >>> TABLES["deposits"].keys
    ('household_id', 'month_end')
    >>> TABLES["deposits"]["inflow"].label("en")
    'money in (yuan)'
    """

    name: str
    zh: str
    en: str
    source: str
    source_zh: str
    system: str
    row: str
    keys: tuple[str, ...]
    event: str
    columns: tuple[Column, ...]
    later: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    port: str = "government"
    lag_days: int = 60

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise ColumnError(
            message(f"a column of '{self.name}'", repr(name), "schema", "See creditlab.data.schema.TABLES.")
        )

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


# -- one call is one column: what keeps the contracts readable -------------------------------------------------------


def key(name: str, zh: str, en: str, kind: Kind = "id") -> Column:
    return Column(name, kind, zh=zh, en=en, use="key", required=True)


def link(name: str, zh: str, en: str, kind: Kind = "id") -> Column:
    """A reference to another row that may be blank."""
    return Column(name, kind, zh=zh, en=en, use="key")


def meta(name: str, zh: str, en: str, kind: Kind = "text", unit: str = "", required: bool = False) -> Column:
    return Column(name, kind, zh=zh, en=en, unit=unit, use="meta", required=required)


def day(name: str, zh: str, en: str, required: bool = False) -> Column:
    return meta(name, zh, en, "date", required=required)


def amount(
    name: str, zh: str, en: str, level: Level, direction: int = 0, access: Access = "free", unit: str = "yuan"
) -> Column:
    return Column(name, "number", zh=zh, en=en, unit=unit, access=access, level=level, direction=direction)


def text(name: str, zh: str, en: str, level: Level, access: Access = "free") -> Column:
    return Column(name, "text", zh=zh, en=en, access=access, level=level)


def flag(name: str, zh: str, en: str, level: Level, direction: int = 0, access: Access = "free") -> Column:
    return Column(name, "flag", zh=zh, en=en, access=access, level=level, direction=direction)


def aside(name: str, kind: Kind, zh: str, en: str, use: Use, unit: str = "", access: Access = "free") -> Column:
    """A column that no PD model may see: overlay, audit or screening."""
    return Column(name, kind, zh=zh, en=en, unit=unit, use=use, access=access)


PROVENANCE: tuple[Column, ...] = (
    meta("source", "来源部门", "source", required=True),
    meta("port", "采集端口", "port", required=True),
    day("observed_on", "事实日期", "observed on", required=True),
    day("known_on", "获知日期", "known on", required=True),
)

HOUSEHOLD = key("household_id", "户编号", "household")
VILLAGE_ID = key("village_id", "村编码", "village", "code")
NOTE = key("note_id", "借据号", "note")
PERSON = key("person_id", "人员编号", "person")
YEAR_END = key("year_end", "年度末", "end of the year", "date")
MONTH_END = key("month_end", "月末", "month end", "date")


def contract(
    name: str,
    zh: str,
    en: str,
    department: tuple[str, str],
    system: str,
    row: str,
    keys: tuple[str, ...],
    event: str,
    columns: tuple[Column, ...],
    later: Mapping[str, tuple[str, ...]] | None = None,
    port: str | None = None,
    lag_days: int | None = None,
) -> Table:
    """A table with its four columns of provenance; each column bears the table's name as its source."""
    source, source_zh = department
    owned = tuple(replace(column, source=name) for column in (*columns, *PROVENANCE))
    own = department == BANK  # the bank's own records: its port, and known within days
    return Table(
        name, zh, en, source, source_zh, system, row, keys, event, owned, dict(later or {}),
        port or ("bank" if own else "government"), lag_days if lag_days is not None else 10 if own else 60,
    )  # fmt: skip


CIVIL = ("civil affairs", "民政局")
REGISTER = ("household register", "户籍")
BANK = ("bank", "农商行")
PLATFORM = ("platform", "信用平台")
COURT = ("court", "法院")
COMMITTEE = ("village committee", "村委会")
