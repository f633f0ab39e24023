"""Who writes the raw files: names with variants, numbers as typed, birth dates as heard, addresses as told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.data.world.people import Register
from creditlab.data.world.villages import Villages

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎单解任仇查"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰春梅建国志文海燕红波辉玲桃"
#: Characters that offices write in more than one way.
VARIANTS = dict(zip("吕阎萧傅丽国强华兰", "呂闫肖付麗囯強華蘭", strict=True))
#: Characters that a scribe who only hears the name writes instead.
HEARD = dict(zip("伟静丽勇军梅芳志辉玲", "玮敬莉永君玫方智晖灵", strict=True))


def names(register: Register, rng: np.random.Generator) -> np.ndarray:
    """A name for every person of the register: children and parents bear the surname of the head, spouses their own."""
    n = len(register.member_number)
    own = rng.choice(list(SURNAMES), n)
    family = own[np.flatnonzero(register.relation == "head")][register.member_household]
    surname = np.where(register.relation == "spouse", own, family)
    return _joined(surname, rng)


def invented(n: int, rng: np.random.Generator) -> np.ndarray:
    """Names of people who are in no register."""
    return _joined(rng.choice(list(SURNAMES), n), rng)


def _joined(surname: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    given = rng.choice(list(GIVEN), (len(surname), 2))
    second = np.where(rng.random(len(surname)) < 0.2, "", given[:, 1])
    return np.array([a + b + c for a, b, c in zip(surname, given[:, 0], second, strict=True)], dtype=object)


def other_hand(name: np.ndarray, rng: np.random.Generator, wrong: float = 0.0) -> np.ndarray:
    """Names as another office writes them: variant characters, a blank between the characters, a character misheard."""
    variant, heard = str.maketrans(VARIANTS), str.maketrans(HEARD)
    u = rng.random(len(name))
    spaced = [" ".join(n) if len(n) == 2 else n for n in name]
    other = [n.translate(variant) for n in name]
    misheard = [n[0] + n[1:].translate(heard) for n in name]
    choices = [np.array(hand, dtype=object) for hand in (spaced, other, misheard)]
    return np.select([u < 0.1, u < 0.4, u < 0.4 + wrong], choices, name)


def untidy(number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Identity numbers as typed: a small x, a blank at the end, full-width digits, the 15 digits of before 1999."""
    u = rng.random(len(number))
    small = np.array([n.lower() for n in number], dtype=object)
    blank = np.array([n + " " for n in number], dtype=object)
    wide = np.array([full_width(n) for n in number], dtype=object)
    short = np.array([n[:6] + n[8:17] if n[6:8] == "19" else n for n in number], dtype=object)
    return np.select([u < 0.5, u < 0.55, u < 0.6, u < 0.64], [small, blank, wide, short], number)


def full_width(text: str) -> str:
    """ASCII letters and digits as an input method for Chinese writes them.

    >>> full_width("12X")
    '１２Ｘ'
    """
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def heard_dates(birth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Birth dates as told: one in twelve with day and month exchanged, a day off, or the year off by one."""
    day = pd.Series(birth.astype("datetime64[us]"))
    u = rng.random(len(day))
    swapped = pd.to_datetime(
        pd.DataFrame({"year": day.dt.year, "month": day.dt.day.clip(upper=12), "day": day.dt.month}), errors="coerce"
    )
    shown = day.where(u >= 0.03, swapped.fillna(day))
    shown = shown.where(~((u >= 0.03) & (u < 0.06)), day + pd.Timedelta(days=1))
    shown = shown.where(~((u >= 0.06) & (u < 0.085)), day + pd.DateOffset(years=1))
    return shown.dt.strftime("%Y-%m-%d").to_numpy(dtype=object)


def addresses(villages: Villages, village: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Addresses in these villages: with and without county and township, without 村, with the committee, full-width
    house numbers, a misspelt village, and one in a hundred that names no village."""
    house = rng.integers(1, 400, len(village))
    form = rng.choice(9, len(village), p=(0.24, 0.2, 0.16, 0.12, 0.08, 0.08, 0.08, 0.03, 0.01))
    town, name = villages.township[village], villages.name[village]
    texts = zip(town, name, house, form, strict=True)
    return np.array([_address(t, n, int(h), int(f)) for t, n, h, f in texts], dtype=object)


def _address(town: str, name: str, house: int, form: int) -> str:
    forms = (
        f"{town}{name}{house}号",
        f"{name}{house}",
        f"{town} {name} 第{house % 9 + 1}组",
        f"样例县{town}{name}{full_width(str(house))}号",
        f"{town}{name.removesuffix('村')}{house}号",
        f"样例县{town}{name}村委会",
        f"{town}{name.replace('村', '新村')}{house}号",
        f"{town}{name.translate(str.maketrans('湾岭坡塘', '弯峰波糖'))}{house}号",
        f"{town}幸福路{house}号",
    )
    return forms[form]
