"""A declared index of several village facts: each shrunken towards the county, then weighed together.

Use it for criteria that no single count shows, such as the credit environment. Every component is a count out of an
exposure (cases, households, requests, months); a component's value is its ratio to the average village, and the index
their weighted geometric mean: 1.3 reads "1.3 times the average village". Weights are declared, never fitted, so the
index cannot learn the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_level, check_one_of
from creditlab.errors import InputError, message, some
from creditlab.results import NotEstimable, Result, Stamp
from creditlab.village.counts import draw_count
from creditlab.village.smoothing import PoissonGamma

#: draws behind the interval of an index
DRAWS = 2000
NO_EVENT = "no event in any village 各村均无记录"
ONE_VILLAGE = "one village only: there is nothing to compare it with 仅有一个村，无从比较"
NO_DATA = "no component of the index has data 指数各项均无数据"
COLUMNS = ["village", "component", "observed", "exposure"]


@dataclass(frozen=True)
class Component:
    """One fact of an index.

    Parameters
    ----------
    name, zh, en : its name, and what a reader calls it.
    unit : what is exposed, (zh, en), such as ("次走访", "visits").
    kind : 'share' when one unit of exposure gives an event or none, 'rate' when it may give several (per month).
    source : the records it comes from. Components of one source speak of the same events: their draws move together,
        so that counting a case three times does not narrow the interval.
    weight : its weight in the index.
    direction : +1 when more is worse, -1 when more is better.
    """

    name: str
    zh: str
    en: str
    unit: tuple[str, str]
    source: str
    kind: str = "share"
    weight: float = 1.0
    direction: int = 1

    def __post_init__(self) -> None:
        check_one_of(self.kind, ("share", "rate"), f"kind of component '{self.name}'")
        if not (np.isfinite(self.weight) and self.weight > 0) or self.direction not in (-1, 1):
            came = f"weight {self.weight!r}, direction {self.direction!r}"
            where = f"component '{self.name}'"
            raise InputError(message("a positive weight and a direction of 1 or -1", came, where, "Correct it."))


@dataclass(frozen=True)
class Index:
    """A named set of components with their weights."""

    name: str
    zh: str
    en: str
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        names = [c.name for c in self.components]
        if not names or len(set(names)) < len(names):
            raise InputError(message("components, each once", some(names), f"index '{self.name}'", "Name each once."))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VillageIndex(Result):
    """One row per village: village estimate lo hi p_above weight events reason.

    `estimate` is the level relative to the average village (1 = average, higher is worse), `weight` the share of the
    declared weight that has any record in the village, `events` the exposure behind it. `components` has a row per
    village and component: village component observed exposure rate county_rate estimate lo hi p_above.
    """

    title: ClassVar[str] = "Declared index of village facts 村级指数"
    plots: ClassVar[str] = "village_why"

    components: pd.DataFrame
    spec: Index
    sample: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def draws(self, n: int, seed: int = 0) -> np.ndarray:
        """`n` draws of the villages' levels, n × villages in the order of `tidy()`."""
        rng = np.random.default_rng(seed)
        return self.sample[rng.permutation(np.resize(np.arange(len(self.sample)), n))]


def village_index(
    facts: pd.DataFrame, spec: Index, level: float = 0.9, villages: Any = None, seed: int = 0
) -> VillageIndex:
    """The index of each village with its interval.

    For component c of village v: expected = exposure_v · Σobserved/Σexposure, relative level by `PoissonGamma`; the
    index is exp(Σ w_c d_c (log level_vc - mean over villages) / Σ w_c) over draws. A village without records of a
    component takes the distribution of villages for it, which widens its interval.

    Parameters
    ----------
    facts : village component observed exposure, and `variance` where a unit of exposure gives less than one event of 0
        or 1 (a share between 0 and 1: n times its variance). One row per village and component; absent rows have no
        records.
    spec : the declared index.
    villages : the villages to list, in this order; None takes those of the facts, sorted.

    Returns
    -------
    VillageIndex. Components without any event, or without records, are left out and named in `facts["left_out"]`.

    Raises
    ------
    ColumnError, InputError : columns that are missing, a row twice, observed above 0 where nothing was exposed.

    >>> refusals = Component("refused", "拒访", "refused", ("次", "requests"), "visits")
    >>> rows = {"village": list("ABC"), "component": "refused", "observed": [30, 10, 8], "exposure": [100, 100, 90]}
    >>> index = village_index(pd.DataFrame(rows), Index("visits", "走访", "visits", (refusals,)))
    >>> index.tidy()["estimate"].round(1).tolist()
    [2.1, 0.7, 0.7]
    """
    level = check_level(level)
    rows = _checked(facts, spec)
    names = pd.Index(sorted(rows["village"].unique()) if villages is None else list(villages), name="village")
    if names.has_duplicates or not len(names):
        raise InputError(message("villages, each once", f"{len(names)} names", "villages", "List every village once."))
    stamp = Stamp.of([rows, pd.Series(names)], {"index": spec.name, "level": level}, seed=seed)
    parts, levels, left_out = [], [], {}
    for place, component in enumerate(spec.components):
        table = rows[rows["component"] == component.name].set_index("village").reindex(names)
        if len(names) < 2:
            left_out[component.name] = ONE_VILLAGE
            continue
        if not table["exposure"].sum() > 0 or not table["observed"].sum() > 0:
            left_out[component.name] = NO_EVENT if table["exposure"].sum() > 0 else "no records 无记录"
            continue
        part, draws = _relative(table.reset_index(), component, level, seed + place)
        parts.append(part)
        levels.append((component, part["exposure"].to_numpy(), draws))
    table, sample = _weighed(names, spec, levels, level, seed)
    kept = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_PART)
    note = NotEstimable(NO_DATA) if not levels else ""
    info = {"index": spec.name, "villages": len(names), "components": len(levels), "left_out": left_out, "note": note}
    return VillageIndex(
        table=table, components=kept, spec=spec, sample=sample, stamp=stamp, facts={**info, "level": level}
    )


def _checked(facts: pd.DataFrame, spec: Index) -> pd.DataFrame:
    check_columns(facts, COLUMNS, f"facts of index '{spec.name}'")
    rows = facts[facts["component"].isin([c.name for c in spec.components])].reset_index(drop=True)
    numbers = rows[["observed", "exposure"]].to_numpy(dtype=float)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0)).all(axis=1) | ((numbers[:, 1] == 0) & (numbers[:, 0] > 0))
    shares = rows["component"].isin([c.name for c in spec.components if c.kind == "share"]).to_numpy()
    wrong |= shares & (numbers[:, 0] > numbers[:, 1])
    if wrong.any():
        where = f"facts of index '{spec.name}', rows {some(np.flatnonzero(wrong).tolist())}"
        raise InputError(
            message(
                "counts out of a positive exposure, no share above 1",
                f"{int(wrong.sum())} other rows",
                where,
                "Correct them.",
            )
        )
    if rows.duplicated(["village", "component"]).any():
        twice = int(rows.duplicated(["village", "component"]).sum())
        where = f"facts of index '{spec.name}'"
        raise InputError(message("one row per village and component", f"{twice} more", where, "Sum them first."))
    return rows


_PART = ["village", "component", "observed", "exposure", "rate", "county_rate", "estimate", "lo", "hi", "p_above"]


def _relative(table: pd.DataFrame, component: Component, level: float, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The level of each village in a component, higher = worse, and draws of it."""
    observed, exposure = (table[c].fillna(0).to_numpy(dtype=float) for c in ("observed", "exposure"))
    county = observed.sum() / exposure.sum()
    expected = exposure * county
    variance = expected * (1 - min(county, 1.0)) if component.kind == "share" else expected
    if "variance" in table and table["variance"].notna().any():
        variance = table["variance"].fillna(0).to_numpy(dtype=float)
    fit = PoissonGamma(level=level).fit(observed, expected, np.minimum(variance, expected), table["village"])
    draws = fit.result_.draws(draw_count(DRAWS, len(table)), seed)
    log_level = component.direction * np.log(np.maximum(draws, 1e-9))
    # against the mean village of the same draw: the mean of a logarithm lies below the logarithm of the mean
    draws = np.exp(log_level - log_level.mean(axis=1, keepdims=True))
    tail = (1 - level) / 2
    lo, hi = np.quantile(draws, [tail, 1 - tail], axis=0)
    part = pd.DataFrame(
        {
            "village": table["village"],
            "component": component.name,
            "observed": observed,
            "exposure": exposure,
            "rate": observed / np.where(exposure > 0, exposure, np.nan),
            "county_rate": county,
            "estimate": np.exp(np.log(draws).mean(axis=0)),
            "lo": lo,
            "hi": hi,
            "p_above": (draws > 1).mean(axis=0),
        }
    )
    return part, draws


def _weighed(
    names: pd.Index, spec: Index, levels: list[tuple[Component, np.ndarray, np.ndarray]], level: float, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The weighted geometric mean of the components over draws."""
    if not levels:
        empty = dict.fromkeys(["estimate", "lo", "hi", "p_above"], np.nan)
        return pd.DataFrame({"village": names, **empty, "weight": 0.0, "events": 0.0, "reason": NO_DATA}), np.empty(
            (0, len(names))
        )
    total = sum(c.weight for c, _, _ in levels)
    count = draw_count(DRAWS, len(names))
    log_level = np.zeros((count, len(names)))
    for source in dict.fromkeys(c.source for c, _, _ in levels):
        members = [(c, draws) for c, _, draws in levels if c.source == source]
        together = sum(c.weight * np.log(_together(draws, len(members))) for c, draws in members)
        order = np.random.default_rng([seed, len(members), len(source)]).permuted(
            np.tile(np.arange(count)[:, None], (1, len(names))), axis=0
        )
        log_level += np.take_along_axis(together, order, axis=0) / total if len(members) > 1 else together / total
    sample = np.exp(log_level)
    tail = (1 - level) / 2
    lo, hi = np.quantile(sample, [tail, 1 - tail], axis=0)
    seen = sum(np.where(exposure > 0, c.weight, 0.0) for c, exposure, _ in levels) / total
    table = pd.DataFrame(
        {
            "village": names,
            "estimate": np.exp(log_level.mean(axis=0)),
            "lo": lo,
            "hi": hi,
            "p_above": (sample > 1).mean(axis=0),
            "weight": seen,
            "events": sum(exposure for _, exposure, _ in levels),
            "reason": np.where(seen > 0, "", "no records in this village 该村无记录"),
        }
    )
    return table, sample


def _together(draws: np.ndarray, members: int) -> np.ndarray:
    """Draws in ascending order per village where several components share their events: they rise and fall as one."""
    return np.sort(draws, axis=0) if members > 1 else draws


def describe(spec: Index) -> pd.DataFrame:
    """The declaration as a table: component zh en unit_zh unit_en source weight direction."""
    rows: list[Mapping[str, Any]] = [
        {
            "component": c.name, "zh": c.zh, "en": c.en, "unit_zh": c.unit[0], "unit_en": c.unit[1],
            "source": c.source, "weight": c.weight, "direction": c.direction,
        }
        for c in spec.components
    ]  # fmt: skip
    return pd.DataFrame(rows)
