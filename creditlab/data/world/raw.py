"""Three departments' files as they arrive: Chinese headers, identity numbers, names with variants, free-text addresses.

Reading them with the sample key gives the pseudonyms of the tables. The people are invented, and the identity numbers
stand under an area code that is assigned to no place.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from creditlab.data.schema import TABLES
from creditlab.data.world.people import People, Register
from creditlab.data.world.streams import SAMPLE_KEY, stream
from creditlab.data.world.villages import Villages
from creditlab.results import digest

#: The raw files hold the first villages only.
VILLAGES = 3
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰春梅建国志文海燕红波辉玲桃"
#: Characters that offices write in more than one way.
VARIANTS = {"吕": "呂", "阎": "闫", "萧": "肖", "傅": "付", "丽": "麗", "国": "囯", "强": "強"}


@dataclass(frozen=True)
class RawFiles:
    """The raw files by name, with the bytes they are written as."""

    content: dict[str, bytes]

    def digest(self) -> str:
        return digest(*(part for name in sorted(self.content) for part in (name, self.content[name])))


def make_raw(
    people: People, register: Register, villages: Villages, tables: dict[str, pd.DataFrame], seed: int
) -> RawFiles:
    """The files of the first villages: agriculture in GB18030, the bank's customer ledger and the register in UTF-8."""
    rng = stream(seed, "raw")
    first = np.flatnonzero(people.village < VILLAGES)
    name = _names(rng, len(register.member_number))
    heads = np.flatnonzero(register.relation == "head")[first]
    number = pd.Series(register.head_number[first], index=register.household_id[first])
    called = pd.Series(name[heads], index=number.index)
    address = pd.Series(_addresses(people, villages, first, rng), index=number.index)
    farms = _of(tables["agriculture"], number.index, "2024-12-31")
    ledger = _of(tables["deposits"], number.index, "2024-12-31")
    return RawFiles(
        {
            "sample.key": (SAMPLE_KEY + "\n").encode(),
            "农业农村局_2024.csv": _csv(_with_identity(farms, number, called, None, rng), "agriculture", "gb18030"),
            "客户台账.csv": _csv(_with_identity(ledger, number, called, address, rng), "deposits", "utf-8-sig"),
            "户籍登记.csv": _csv(_register(register, name, first, tables["members"]), "members", "utf-8-sig"),
        }
    )


def write_raw(raw: RawFiles, folder: Path) -> None:
    """Write the raw files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in raw.content.items():
        (folder / name).write_bytes(content)


def _of(frame: pd.DataFrame, households: pd.Index, day: str) -> pd.DataFrame:
    period = "year_end" if "year_end" in frame.columns else "month_end"
    return frame[frame["household_id"].isin(households) & (frame[period] == pd.Timestamp(day))].reset_index(drop=True)


def _with_identity(
    frame: pd.DataFrame, number: pd.Series, name: pd.Series, address: pd.Series | None, rng: np.random.Generator
) -> pd.DataFrame:
    """Name, identity number and address in place of the household's pseudonym."""
    household = frame["household_id"]
    shown = _variants(name.loc[household].to_numpy(), rng)
    written = _untidy(number.loc[household].to_numpy(), rng)
    front = {"户主姓名": shown, "身份证号": written}
    if address is not None:
        front["住址"] = address.loc[household].to_numpy()
    return pd.concat([pd.DataFrame(front), frame.drop(columns="household_id")], axis=1)


def _register(register: Register, name: np.ndarray, first: np.ndarray, members: pd.DataFrame) -> pd.DataFrame:
    rows = np.flatnonzero(np.isin(register.member_household, first))
    known = members.set_index("person_id").reindex(register.person_id[rows])
    words = {"head": "户主", "spouse": "配偶", "child": "子女", "parent": "父母"}
    made = pd.DataFrame(
        {
            "姓名": name[rows],
            "身份证号": register.member_number[rows],
            "户主身份证号": register.head_number[register.member_household[rows]],
            "relation": [words[r] for r in register.relation[rows]],
            "出生日期": pd.Series(register.birth[rows].astype("datetime64[us]")).dt.strftime("%Y-%m-%d"),
            "sex": np.where(register.male[rows], "男", "女"),
        }
    )
    dates = known[["observed_on", "known_on"]].reset_index(drop=True)
    return pd.concat([made, dates], axis=1)


def _csv(frame: pd.DataFrame, table: str, encoding: str) -> bytes:
    """CSV bytes with the Chinese labels of the contract as headers; the provenance is the file's own."""
    labels = {c.name: c.zh for c in TABLES[table].columns}
    shown = frame.drop(columns=["source", "port"], errors="ignore").rename(columns=labels)
    buffer = io.StringIO()
    shown.to_csv(buffer, index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return buffer.getvalue().encode(encoding)


def _names(rng: np.random.Generator, n: int) -> np.ndarray:
    surname = rng.choice(list(SURNAMES), n)
    given = rng.choice(list(GIVEN), (n, 2))
    second = np.where(rng.random(n) < 0.25, "", given[:, 1])
    return np.array([a + b + c for a, b, c in zip(surname, given[:, 0], second, strict=True)], dtype=object)


def _variants(name: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Names as another office writes them: variant characters, a blank between the characters."""
    table = str.maketrans(VARIANTS)
    u = rng.random(len(name))
    spaced = [" ".join(n) if len(n) == 2 else n for n in name]
    other = [n.translate(table) for n in name]
    return np.select([u < 0.1, u < 0.4], [np.array(spaced, dtype=object), np.array(other, dtype=object)], name)


def _untidy(number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Identity numbers as typed: a small x, a blank at the end."""
    u = rng.random(len(number))
    small = np.array([n.lower() for n in number], dtype=object)
    blank = np.array([n + " " for n in number], dtype=object)
    return np.select([u < 0.5, u < 0.55], [small, blank], number)


def _addresses(people: People, villages: Villages, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    v = people.village[rows]
    house = rng.integers(1, 400, len(rows))
    form = rng.integers(0, 3, len(rows))
    town, village = villages.township[v], villages.name[v]
    texts = zip(town, village, house, form, strict=True)
    return np.array([(f"{t}{n}{h}号", f"{n}{h}", f"{t} {n} 第{h % 9 + 1}组")[f] for t, n, h, f in texts], dtype=object)
