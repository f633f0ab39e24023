"""Why the villages differ: everything that stands beside the village panel, in one frozen object.

`village_why` is what both studies call: it divides the gaps, sets officers beside villages, places each village on the
criteria, follows the states of the loans, and tests guarantees and drivers. A part whose tables are not there is None
with the reason in `missing`. It estimates nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from creditlab import village as vl
from creditlab.errors import InputError
from creditlab.study import facts as records
from creditlab.study.space import village_space
from creditlab.village.dynamics import CLASSES

#: quarters over which moves to worse states are counted for early warning
WARNING_QUARTERS = 4
#: months after the observation date from which a new guarantee cannot have carried the outcome that was observed
FUTURE_MONTHS = 18
NO_MAP = ("没有坐标、多边形或相邻关系", "no coordinates, polygons or neighbours")
#: times that the households of a village are drawn again for the limits of its composition
RESAMPLED = 300
NO_TABLES = ("缺少所需的表", "the tables it needs are not there")


@dataclass(frozen=True)
class VillageWhy:
    """What explains the villages; parts that could not be made are None, with the reason (zh, en) in `missing`.

    Parameters
    ----------
    gap : rate of each village less the county's, in parts. crossed : officer and branch beside the village.
    criteria : the three criteria. environment : the declared index. enforcement : by village; courts : by court.
    drivers : second stage. contagion : joint guarantees. warning : migration of the last year. news : who is new on the
        warning list this quarter and who has gone. trends, changes : of moves to worse states by quarter.
    quality : conflicts of sources and coverage by village. book : the book now, by village.
    space : do bad villages lie together, and where (a `VillageSpace`).
    """

    gap: Any = None
    crossed: Any = None
    criteria: Any = None
    environment: Any = None
    enforcement: Any = None
    courts: Any = None
    drivers: Any = None
    contagion: Any = None
    warning: Any = None
    news: pd.DataFrame | None = None
    trends: Any = None
    changes: Any = None
    moves: pd.DataFrame | None = None
    quality: Any = None
    book: pd.DataFrame | None = None
    space: Any = None
    missing: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def parts(self) -> dict[str, Any]:
        """The parts that were made, by name."""
        names = [name for name in self.__dataclass_fields__ if name != "missing"]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Sample:
    """The rows behind the panel: outcome, calibrated PD, village, and what may stand beside them, one value per row."""

    y: np.ndarray
    prob: np.ndarray
    village: np.ndarray
    contributions: pd.DataFrame | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    covariance: np.ndarray | None = None
    officer: Any = None
    branch: Any = None
    household: Any = None
    as_of: Any = None


def relative_covariance(card: Any, features: list[str]) -> np.ndarray:
    """Cov(β_j, β_k)/(β_j β_k) of a card's coefficients, 0 for features that are not in it or are clamped."""
    cov, params = card.covariance, card.params
    known = [f in cov.index and np.isfinite(cov.loc[f, f]) and abs(params[f]) > 1e-9 for f in features]
    out = np.zeros((len(features), len(features)))
    used = [f for f, k in zip(features, known, strict=True) if k]
    beta = params[used].to_numpy(dtype=float)
    out[np.ix_(known, known)] = cov.loc[used, used].to_numpy(dtype=float) / np.outer(beta, beta)
    return out


def village_why(
    sample: Sample,
    panel: Any,
    level: float,
    seed: int,
    county: Any = None,
    as_of: Any = None,
    blocks: Any = None,
    graph: Any = None,
    places: pd.DataFrame | None = None,
) -> VillageWhy:
    """Make every part that the data allow.

    Parameters
    ----------
    panel : the `VillagePanel` of the sample.
    county : a `County`; None for a flat table, where only the gap and the first criterion can be had.
    as_of : the last observation date; drivers are read as of that day, the rest as of the end of the book.
    blocks : village → township, for the errors of the drivers.
    graph, places : neighbours, and village x y, for the tests of geography.
    """
    maker = _Maker(level, seed)
    villages = pd.Index(panel.smoothing.tidy()["village"], name="village")
    counts = panel.tidy().set_index("village").loc[villages].reset_index()
    gap = maker.make("gap", lambda: _gap(sample, panel, level, seed))
    crossed = maker.make("crossed", lambda: _crossed(sample, level, seed))
    parts: dict[str, Any] = {"gap": gap, "crossed": crossed}
    parts["space"] = maker.make("space", lambda: village_space(panel, graph, places, seed))
    if graph is None:
        maker.missing["space"] = NO_MAP
    if county is not None:
        parts |= _county_parts(maker, county, sample, counts, panel, as_of, blocks)
    parts["criteria"] = maker.make("criteria", lambda: _criteria(counts, parts, level))
    return VillageWhy(**parts, missing=maker.missing)


class _Maker:
    """Makes one part after the other, and keeps the reasons of those that cannot be made."""

    def __init__(self, level: float, seed: int) -> None:
        self.level, self.seed = level, seed
        self.missing: dict[str, tuple[str, str]] = {}

    def make(self, name: str, part: Callable[[], Any]) -> Any:
        try:
            made = part()
        except InputError as reason:  # what the data do not carry is said, and the study goes on
            self.missing[name] = (str(reason), str(reason))
            return None
        if made is None:
            self.missing[name] = NO_TABLES
        return made


def _gap(sample: Sample, panel: Any, level: float, seed: int) -> Any:
    return vl.village_gap(
        sample.y, sample.prob, sample.village, sample.contributions, sample.sources, sample.covariance,
        smoothing=panel.smoothing, level=level, seed=seed, households=sample.household, resample=RESAMPLED,
    )  # fmt: skip


def _crossed(sample: Sample, level: float, seed: int) -> Any:
    beside = {"officer": sample.officer, "branch": sample.branch}
    several = {
        name: labels for name, labels in beside.items() if labels is not None and pd.Series(labels).nunique() > 1
    }
    if not several:
        return None
    return vl.crossed_effects(sample.y, sample.prob, sample.village, several, level=level, seed=seed)


def _criteria(counts: pd.DataFrame, parts: Mapping[str, Any], level: float) -> Any:
    levels = {"bad_share": vl.bad_share(counts["bad"], counts["n"], counts["village"], level)}
    if parts.get("environment") is not None:
        levels["environment"] = parts["environment"].tidy()
    if parts.get("enforcement") is not None:
        levels["enforcement"] = parts["enforcement"].index.tidy()
    return vl.three_criteria(levels, villages=counts["village"], level=level)


def _county_parts(
    maker: _Maker, county: Any, sample: Sample, counts: pd.DataFrame, panel: Any, as_of: Any, blocks: Any
) -> dict[str, Any]:
    last = county.last_month()
    now, then = county.household_file(last), county.household_file(as_of)
    level, seed, villages = maker.level, maker.seed, counts["village"]
    cases = records.court_cases(now)
    parts: dict[str, Any] = {"book": maker.make("book", lambda: records.book_now(now))}
    parts["environment"] = maker.make(
        "environment",
        lambda: vl.village_index(records.environment_facts(now), vl.ENVIRONMENT, level, villages, seed),
    )
    if cases is not None:
        parts["enforcement"] = maker.make(
            "enforcement", lambda: vl.enforcement_outcomes(cases, cases["village"], last, level, villages, seed)
        )
        parts["courts"] = maker.make("courts", lambda: _courts(cases, last, level, seed))
    else:
        maker.missing["enforcement"] = NO_TABLES
    parts["drivers"] = maker.make("drivers", lambda: _drivers(then, counts, panel, blocks, level, seed))
    links = records.guarantee_links(now)
    parts["contagion"] = maker.make("contagion", lambda: _contagion(sample, links, level, seed))
    moves = records.quarter_moves(now)
    parts["moves"] = maker.make("moves", lambda: _quarters(moves, now))
    if parts["moves"] is not None and moves is not None:
        parts |= _dynamics(maker, moves, parts["moves"])
    parts["quality"] = maker.make(
        "quality", lambda: _quality(records.quality_facts(now, county.conflicts(last)), level)
    )
    return parts


def _courts(cases: pd.DataFrame, last: pd.Timestamp, level: float, seed: int) -> Any:
    if "court" not in cases or cases["court"].nunique() < 1:
        return None
    known = cases[cases["court"].notna()]
    return vl.enforcement_outcomes(known, known["court"], last, level, seed=seed)


def _drivers(then: Any, counts: pd.DataFrame, panel: Any, blocks: Any, level: float, seed: int) -> Any:
    known = records.driver_facts(then).set_index("village").reindex(counts["village"]).reset_index(drop=True)
    if not known.shape[1]:
        return None
    townships = None if blocks is None else counts["village"].map(blocks).fillna("-")
    smoothed = panel.smoothing.tidy()
    observed = pd.Series(smoothed["observed"].to_numpy(), index=pd.Index(counts["village"]))
    labels = {name: (zh, en) for name, (zh, en, _) in records.DRIVERS.items()}
    return vl.context_drivers(
        observed, smoothed["expected"], known, panel.variance, townships, level=level, seed=seed, labels=labels
    )


def _contagion(sample: Sample, links: pd.DataFrame | None, level: float, seed: int) -> Any:
    """Links that held on each observation date, and those formed only after its outcome, over all dates."""
    if links is None or sample.household is None:
        return None
    held, later = [], []
    days = pd.to_datetime(pd.Series(sample.as_of))
    for day in sorted(days.unique()):
        mark = f"@{day:%Y-%m-%d}"
        here = links[(links["from"] <= day) & (links["to"].isna() | (links["to"] >= day))]
        after = links[links["from"] > day + pd.DateOffset(months=FUTURE_MONTHS)]
        held.append(here[["household", "partner"]].astype(str) + mark)
        later.append(after[["household", "partner"]].astype(str) + mark)
    names = pd.Series(sample.household).astype(str).to_numpy() + days.dt.strftime("@%Y-%m-%d").to_numpy()
    return vl.contagion_test(
        sample.y, sample.prob, sample.village, names, pd.concat(held), pd.concat(later), level=level, seed=seed
    )


def _quarters(moves: pd.DataFrame | None, now: Any) -> pd.DataFrame | None:
    """Moves to worse states by village and quarter, with what level and season lead one to expect.

    Columns: village quarter n worse expected. Villages share a season with those of the same main crop.
    """
    if moves is None or not len(moves):
        return None
    rank = {state: place for place, state in enumerate(CLASSES)}
    worse = moves["end"].map(rank) > moves["start"].map(rank)
    table = moves.assign(worse=worse).groupby(["village", "quarter"], as_index=False).agg(
        n=("worse", "size"), worse=("worse", "sum")
    )  # fmt: skip
    places = now.tables.get("villages")
    crop = None
    if places is not None and "main_crop" in places:
        crop = table["village"].map(
            places.drop_duplicates("village_id", keep="last").set_index("village_id")["main_crop"]
        )
        crop = crop.fillna("-")
    season = table["quarter"].dt.quarter
    table["expected"] = vl.seasonal_expected(table["worse"], table["n"], table["quarter"], season, crop)
    return table


def _dynamics(maker: _Maker, moves: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    level, seed = maker.level, maker.seed
    quarters = sorted(moves["quarter"].unique())
    known = moves[moves["start"].isin(CLASSES) & moves["end"].isin(CLASSES)]
    years = table["quarter"].dt.year + (table["quarter"].dt.quarter - 1) / 4
    parts: dict[str, Any] = {
        "warning": maker.make("warning", lambda: _warning(known, quarters, level)),
        "trends": maker.make(
            "trends", lambda: vl.trends(table["worse"], table["expected"], table["village"], years, level)
        ),
        "changes": maker.make(
            "changes",
            lambda: vl.change_points(
                table["worse"], table["expected"], table["village"], table["quarter"], 4, level, seed
            ),
        ),
    }
    before = maker.make("news", lambda: _warning(known, quarters[:-1], level)) if len(quarters) > 1 else None
    if parts["warning"] is not None and before is not None:
        parts["news"] = vl.new_and_gone(parts["warning"].tidy(), before.tidy())
    return parts


def _warning(moves: pd.DataFrame, quarters: list[Any], level: float) -> Any:
    recent = moves[moves["quarter"].isin(quarters[-WARNING_QUARTERS:])]
    return vl.early_warning(recent["start"], recent["end"], recent["village"], level=level) if len(recent) else None


def _quality(table: pd.DataFrame, level: float) -> pd.DataFrame | None:
    """Conflicts of sources by village, with `estimate lo hi p_above` against the county."""
    if not table["conflicts"].sum():
        return table.assign(estimate=np.nan, lo=np.nan, hi=np.nan, p_above=np.nan)
    rate = table["conflicts"].sum() / table["households"].sum()
    hoped = table["households"] * rate
    fit = vl.PoissonGamma(level=level).fit(table["conflicts"], hoped, hoped * (1 - min(rate, 1)), table["village"])
    return table.merge(fit.result_.tidy()[["village", "estimate", "lo", "hi", "p_above"]], on="village")
