"""Departments' files as they arrive: Chinese headers, identity numbers and credit codes as typed, names with variants,
birth dates, free-text addresses, and two lists without any number.

Reading them with the sample key gives the rows of the tables. The people are invented, and the numbers stand under an
area code that is assigned to no place. `truth` beside the tables says who is meant on the lists without a number.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.data.world import scribes
from creditlab.data.world.people import People, Register
from creditlab.data.world.streams import SAMPLE_KEY, credit_codes, stream
from creditlab.data.world.villages import Villages
from creditlab.results import digest

#: The raw files hold the first villages only.
VILLAGES = 30
ROSTER, EVENTS = "妇联荣誉名册.csv", "村委会文明积分.csv"


@dataclass(frozen=True)
class RawFiles:
    """The raw files by name, with the bytes they are written as, and who is meant on the lists without a number."""

    content: dict[str, bytes]
    truth: pd.DataFrame

    def digest(self) -> str:
        return digest(self.truth, *(part for name in sorted(self.content) for part in (name, self.content[name])))


@dataclass(frozen=True)
class _Written:
    """What the scribes of the first villages need: the households, their heads, names and addresses."""

    people: People
    register: Register
    villages: Villages
    rows: np.ndarray  # of People
    name: np.ndarray  # of every person of the register
    households: pd.Index

    def head(self, values: np.ndarray) -> pd.Series:
        """A value per person, of the heads of these households."""
        heads = np.flatnonzero(self.register.relation == "head")[self.rows]
        return pd.Series(values[heads], index=self.households)

    def number(self) -> pd.Series:
        return pd.Series(self.register.head_number[self.rows], index=self.households)

    def address(self, village: np.ndarray, rng: np.random.Generator) -> pd.Series:
        """Addresses in a village per household of the county, as `scribes.addresses` writes them."""
        return pd.Series(scribes.addresses(self.villages, village[self.rows], rng), index=self.households)


def make_raw(
    people: People,
    register: Register,
    villages: Villages,
    written: np.ndarray,
    tables: dict[str, pd.DataFrame],
    seed: int,
) -> RawFiles:
    """The files of the first villages: three in GB18030, the others in UTF-8, one of them without a BOM."""
    rng = stream(seed, "raw")
    rows = np.flatnonzero(people.village < VILLAGES)
    name = scribes.names(register, rng)
    w = _Written(people, register, villages, rows, name, pd.Index(register.household_id[rows]))
    roster, meant = _roster(w, tables["programmes"], rng)
    events, seen = _events(w, tables["civility_events"], rng)
    truth = pd.concat([meant.assign(file=ROSTER), seen.assign(file=EVENTS)], ignore_index=True)
    truth = pd.DataFrame({c: pd.array(truth[c], dtype="str") for c in ("file", "household_id")}).assign(
        row=truth["row"].to_numpy()
    )[["file", "row", "household_id"]]
    return RawFiles(
        {
            "sample.key": (SAMPLE_KEY + "\n").encode(),
            "行政区划.csv": _csv(tables["villages"], "villages", "utf-8-sig"),
            "户籍登记.csv": _csv(_register(w, tables["members"]), "members", "utf-8-sig"),
            "农户普查.csv": _csv(_census(w, tables["households"], written, rng), "households", "gb18030"),
            "农业农村局_2024.csv": _csv(_farms(w, tables["agriculture"], rng), "agriculture", "gb18030"),
            "客户台账.csv": _csv(_ledger(w, tables["deposits"], rng), "deposits", "utf-8-sig"),
            "市场监管局_经营主体.csv": _csv(_firms(w, tables["businesses"], rng), "businesses", "gb18030"),
            ROSTER: _csv(roster, "programmes", "utf-8"),
            EVENTS: _csv(events, "civility_events", "utf-8-sig"),
        },
        truth,
    )


def write_raw(raw: RawFiles, folder: Path) -> None:
    """Write the raw files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in raw.content.items():
        (folder / name).write_bytes(content)


# -- one file each -----------------------------------------------------------------------------------------------------


def _of(w: _Written, frame: pd.DataFrame, period: str = "", day: str = "2024-12-31") -> pd.DataFrame:
    """The rows of a table that speak of these households, of one period."""
    inside = frame["household_id"].isin(w.households)
    if period:
        inside &= frame[period] == pd.Timestamp(day)
    return frame[inside].reset_index(drop=True)


def _signed(
    w: _Written, frame: pd.DataFrame, rng: np.random.Generator, header: str, **front: np.ndarray
) -> pd.DataFrame:
    """Name and identity number of the head in place of the household's pseudonym."""
    household = frame["household_id"]
    shown = {
        "户主姓名": scribes.other_hand(w.head(w.name).loc[household].to_numpy(), rng),
        header: scribes.untidy(w.number().loc[household].to_numpy(), rng),
    }
    return pd.concat([pd.DataFrame(shown | front), frame.drop(columns="household_id")], axis=1)


def _register(w: _Written, members: pd.DataFrame) -> pd.DataFrame:
    register = w.register
    rows = np.flatnonzero(np.isin(register.member_household, w.rows))
    rows = rows[pd.Index(members["person_id"]).get_indexer(register.person_id[rows]) >= 0]
    known = members.set_index("person_id").loc[register.person_id[rows]]
    words = {"head": "户主", "spouse": "配偶", "child": "子女", "parent": "父母"}
    made = pd.DataFrame(
        {
            "姓名": w.name[rows],
            "身份证号": register.member_number[rows],
            "户主身份证号": register.head_number[register.member_household[rows]],
            "relation": [words[r] for r in register.relation[rows]],
            "出生日期": _dates(register.birth[rows]),
            "sex": np.where(register.male[rows], "男", "女"),
        }
    )
    return pd.concat([made, known[["observed_on", "known_on"]].reset_index(drop=True)], axis=1)


def _census(w: _Written, households: pd.DataFrame, written: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """The census with the address under which each household was registered, and no village code."""
    frame = _of(w, households)
    address = w.address(written, rng).loc[frame["household_id"]].to_numpy()
    signed = _signed(w, frame.drop(columns="village_id"), rng, "户主身份证号", 住址=address)
    return signed.assign(head_sex=signed["head_sex"].map({"male": "男", "female": "女"}))


def _farms(w: _Written, agriculture: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return _signed(w, _of(w, agriculture, "year_end"), rng, "身份证号")


def _ledger(w: _Written, deposits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The bank's customers, with the address where they live and the customer number."""
    frame = _of(w, deposits, "month_end")
    customer = pd.Series([f"62{v:08d}" for v in 10_000_019 + 37 * w.rows], index=w.households)
    front = {
        "住址": w.address(w.people.village, rng).loc[frame["household_id"]].to_numpy(),
        "客户号": customer.loc[frame["household_id"]].to_numpy(),
    }
    return _signed(w, frame, rng, "身份证号", **front)


def _firms(w: _Written, businesses: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame = _of(w, businesses)
    place = w.households.get_indexer(frame["household_id"])
    code = credit_codes(w.rows)[place]
    shown = np.where(rng.random(len(code)) < 0.1, [scribes.full_width(c) for c in code], code)
    signed = _signed(w, frame.drop(columns="business_id"), rng, "户主身份证号", 统一社会信用代码=shown)
    return signed.rename(columns={"户主身份证号": "经营者身份证号", "户主姓名": "经营者姓名"})


def _roster(w: _Written, programmes: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Honours without identity numbers: name, birth date, address; and a few people whom nobody here knows."""
    frame = _of(w, programmes)
    household = frame["household_id"]
    shown = {
        "姓名": scribes.other_hand(w.head(w.name).loc[household].to_numpy(), rng, wrong=0.08),
        "出生日期": scribes.heard_dates(w.head(w.register.birth).loc[household].to_numpy(), rng),
        "住址": w.address(w.people.village, rng).loc[household].to_numpy(),
    }
    known = pd.concat([pd.DataFrame(shown), frame.drop(columns="household_id")], axis=1)
    strangers = known.sample(max(2, len(known) // 12), random_state=int(rng.integers(1, 2**31)))
    strangers = strangers.assign(姓名=scribes.invented(len(strangers), rng))
    day = pd.to_datetime(strangers["出生日期"]) + pd.to_timedelta(rng.integers(-4000, 4000, len(strangers)), unit="D")
    strangers["出生日期"] = day.dt.strftime("%Y-%m-%d")
    listed = pd.concat([known, strangers], ignore_index=True)
    meant = pd.DataFrame({"household_id": [*household, *[None] * len(strangers)], "row": np.arange(len(listed))})
    return listed, meant


def _events(w: _Written, events: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Civility points without numbers and birth dates: the name of a head and the village."""
    frame = _of(w, events)
    household = frame["household_id"]
    shown = {
        "姓名": scribes.other_hand(w.head(w.name).loc[household].to_numpy(), rng, wrong=0.05),
        "住址": w.address(w.people.village, rng).loc[household].to_numpy(),
    }
    listed = pd.concat([pd.DataFrame(shown), frame.drop(columns="household_id")], axis=1)
    return listed, pd.DataFrame({"household_id": household, "row": np.arange(len(listed))})


def _dates(days: np.ndarray) -> np.ndarray:
    return pd.Series(days.astype("datetime64[us]")).dt.strftime("%Y-%m-%d").to_numpy(dtype=object)


def _csv(frame: pd.DataFrame, table: str, encoding: str) -> bytes:
    """CSV bytes with the Chinese labels of the contract as headers; source and port are the file's own."""
    labels = {c.name: c.zh for c in TABLES[table].columns}
    shown = frame.drop(columns=["source", "port"], errors="ignore").rename(columns=labels)
    buffer = io.StringIO()
    shown.to_csv(buffer, index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return buffer.getvalue().encode(encoding)
