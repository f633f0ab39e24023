"""The villages of the sample county: where they lie, how large they are, and what each does to repayment.

A village's effect on the log-odds of default has a spatial part (a ridge across the county) and a part of its own,
which leans on its distance to the court and its collective income. A few villages carry a part written for them, so
that a study meets the mistakes that mislead it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from creditlab.data.world.streams import AREA, late, stream, table

CROPS = ("wheat", "maize", "apple", "vegetable")
#: The hexagon of a village: half its width in degrees. The county lies in the open ocean, on no real place.
SIZE, WEST, SOUTH = 0.02, 150.0, 30.0


@dataclass(frozen=True)
class Villages:
    """The villages as arrays, one value per village, in the order of their codes."""

    code: np.ndarray
    name: np.ndarray
    township: np.ndarray
    branch: np.ndarray
    x: np.ndarray
    y: np.ndarray
    households: np.ndarray
    crop: np.ndarray  # index into CROPS
    wealth: np.ndarray
    spatial: np.ndarray
    own: np.ndarray
    part: np.ndarray
    km_to_branch: np.ndarray
    km_to_court: np.ndarray
    collective_income: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        return self.spatial + self.own

    def __len__(self) -> int:
        return len(self.code)


def make_villages(n: int, per_village: int, seed: int) -> Villages:
    """The villages of a county of `n` villages with `per_village` households on average."""
    rng = stream(seed, "villages")
    x, y = _centres(n)
    spatial = _ridge(x, y)
    township = np.arange(n) // 10
    km_court = np.round(np.hypot(x - x.mean(), y - y.mean()) * 100 + rng.gamma(2, 2, n), 1)
    income = np.round(np.exp(rng.normal(11.5, 0.7, n)), -2)
    own = 0.12 * _z(km_court) - 0.15 * _z(np.log(income)) + rng.normal(0, 0.3, n)
    wealth = rng.normal(0, 0.4, n)
    size = _sizes(n, per_village, rng)
    part = _parts(size, spatial, township)
    wealth = np.select([part == "poor_only", part == "rich_only"], [-1.6, 1.6], wealth)
    # poor people and no effect; rich people and a strong effect; a village whose trouble is its officer
    target = np.select([part == "poor_only", part == "rich_only", part == "officer"], [0.0, 0.9, -0.2], np.nan)
    own = np.where(np.isnan(target), own - own.mean(), target - spatial)
    return Villages(
        code=np.array([f"{AREA}{t:03d}{200 + i % 10}" for i, t in enumerate(township)], dtype=object),
        name=_names(n, rng),
        township=np.array([f"第{t + 1}乡" for t in township], dtype=object),
        branch=np.array([f"B{1 + t // 2:02d}" for t in township], dtype=object),
        x=x,
        y=y,
        households=size,
        crop=rng.choice(4, n, p=(0.35, 0.35, 0.18, 0.12)),
        wealth=wealth,
        spatial=spatial,
        own=own,
        part=part,
        km_to_branch=np.round(rng.gamma(2.5, 2.5, n), 1),
        km_to_court=km_court,
        collective_income=income,
    )


#: The day on which a few villages took a new name.
RENAMED_ON = np.datetime64("2022-07-01", "D")


def _renamed(villages: Villages, rng: np.random.Generator) -> np.ndarray:
    n = len(villages)
    renamed = np.zeros(n, dtype=bool)
    renamed[rng.choice(n, max(1, n // 60), replace=False)] = True
    return renamed


def villages_table(villages: Villages, people: np.ndarray, seed: int) -> pd.DataFrame:
    """The table `villages`: a row per village, two for those that were renamed on 2022-07-01."""
    rng = stream(seed, "villages_table")
    n = len(villages)
    renamed = _renamed(villages, rng)
    rows = np.concatenate([np.arange(n), np.flatnonzero(renamed)])
    new = np.arange(len(rows)) >= n
    order = np.lexsort((new, rows))
    rows, new = rows[order], new[order]
    changed = RENAMED_ON
    start = np.where(new, changed, np.datetime64("2015-01-01"))
    name = np.where(new, np.char.add(villages.name[rows].astype(str), "新村"), villages.name[rows].astype(str))
    observed = np.where(new, changed, np.datetime64("2019-11-01"))
    columns = {
        "village_id": villages.code[rows],
        "valid_from": start,
        "valid_to": np.where(renamed[rows] & ~new, changed - 1, np.datetime64("NaT")),
        "name": name,
        "township": villages.township[rows],
        "branch": villages.branch[rows],
        "longitude": np.round(WEST + villages.x[rows], 5),
        "latitude": np.round(SOUTH + villages.y[rows], 5),
        "census_households": villages.households[rows],
        "census_people": people[rows],
        "main_crop": np.array(CROPS, dtype=object)[villages.crop[rows]],
        "km_to_branch": villages.km_to_branch[rows],
        "km_to_court": villages.km_to_court[rows],
        "collective_income": villages.collective_income[rows],
    }
    return table("villages", columns, observed, late(rng, observed, (20, 40), 0))


def village_changes_table(villages: Villages, seed: int) -> pd.DataFrame:
    """The table `village_changes`: the villages that were renamed. Merges and splits come with `change_villages`."""
    renamed = _renamed(villages, stream(seed, "villages_table"))
    day = np.full(int(renamed.sum()), RENAMED_ON)
    columns = {
        "village_id": villages.code[renamed],
        "successor_id": villages.code[renamed],
        "changed_on": day,
        "kind": np.full(len(day), "rename", dtype=object),
    }
    return table("village_changes", columns, day, day + 25)


def geojson(villages: Villages) -> dict:
    """The polygons of the villages: hexagons that share their corners exactly."""
    turn = np.deg2rad(60 * np.arange(7) + 30)
    radius = SIZE * 2 / np.sqrt(3)
    features = []
    for code, name, x, y in zip(villages.code, villages.name, villages.x, villages.y, strict=True):
        ring = [
            [round(float(WEST + x + radius * np.cos(t)), 4), round(float(SOUTH + y + radius * np.sin(t)), 4)]
            for t in turn
        ]
        features.append(
            {
                "type": "Feature",
                "properties": {"village_id": code, "name": name},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _centres(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of a hexagonal grid, row by row, about as wide as high."""
    wide = int(np.ceil(np.sqrt(n)))
    row, column = np.divmod(np.arange(n), wide)
    return SIZE * (2 * column + row % 2), row * SIZE * np.sqrt(3)


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A ridge of bad credit environment across the county from corner to corner, with mean zero."""
    u, v = (x - x.min()) / np.ptp(x), (y - y.min()) / np.ptp(y)
    height = 1.6 * np.exp(-(((u - v) / 0.22) ** 2) / 2)
    return height - height.mean()


def _sizes(n: int, mean: int, rng: np.random.Generator) -> np.ndarray:
    """Lognormal numbers of households with the given mean; the smallest villages have a dozen."""
    raw = np.exp(rng.normal(0, 0.55, n))
    raw[np.argmax(raw)] = 5.5 * raw.mean()  # one very large village
    size = np.round(raw / raw.mean() * mean).astype(int)
    return np.maximum(size, 12)


def _parts(size: np.ndarray, spatial: np.ndarray, township: np.ndarray) -> np.ndarray:
    """Which village plays which part: tiny, poor_only, rich_only, officer, chain, ring, or none."""
    n = len(size)
    part = np.full(n, "none", dtype=object)
    few = max(1, n // 40)
    part[np.argsort(size, kind="stable")[: max(1, n // 20)]] = "tiny"
    # away from the ridge and of a fair size, so that the part shows
    free = [i for i in np.lexsort((np.arange(n), spatial)) if part[i] == "none" and size[i] >= np.median(size) * 0.8]
    part[free[:few]] = "poor_only"
    part[free[few : 2 * few]] = "rich_only"
    rest = free[2 * few :]
    home = max(set(township[rest] // 2), key=lambda b: (np.sum(township[rest] // 2 == b), -b))
    part[[i for i in rest if township[i] // 2 == home][:3]] = "officer"
    return part


def _names(n: int, rng: np.random.Generator) -> np.ndarray:
    """Invented village names, all different."""
    first = list("东西南北上下前后大小新老青红白")
    second = list("山河湾岭坡泉柳槐桥井庄屯沟塘台")
    pairs = [a + b + "村" for a in first for b in second]
    more = [p.replace("村", f"{i}村") for i in range(2, 2 + n // len(pairs)) for p in pairs]
    names = pairs + more
    return np.array([names[i] for i in rng.permutation(len(names))[:n]], dtype=object)


def _z(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()
