"""Why villages differ, by a second path: criteria, enforcement, officers, contagion, dynamics.

Counts come from the evidence by pandas, posteriors from brute-force grids and sampling, the season from a Poisson
regression of statsmodels, the expected pairs of the contagion test from their exact formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from creditlab import village as vl
from creditlab.study.recheck_crossed import recheck_crossed
from creditlab.study.recheck_dynamics import recheck_dynamics
from creditlab.study.recheck_posteriors import gamma_grid
from creditlab.study.recheck_tables import Shown, proportion_limit
from creditlab.village.enforcement import ENFORCEMENT

#: draws here and there, and the relative allowance for the study's own grid
DRAWS, THEIRS, GRID = 20_000, 4000, 0.01
DAYS_A_MONTH = 365.25 / 12
FUTURE_MONTHS = 18


def recheck_why(
    shown: Shown, tables: Mapping[str, pd.DataFrame], second: pd.DataFrame, county: Any, config: Mapping[str, Any]
) -> None:
    """Every table of the sections on criteria, reasons and dynamics that the evidence allows."""
    level, villages = float(config["level"]), second["village"].astype(str).tolist()
    rng = np.random.default_rng(13)
    levels = {"bad_share": _bad_share(second, level)}
    if "environment" in tables:
        facts = tables["environment"].assign(variance=np.nan)
        levels["environment"] = declared(facts, vl.ENVIRONMENT, villages, level, rng)
        _components(shown, "criteria.environment", facts, vl.ENVIRONMENT)
    if "cases" in tables:
        observed, facts = enforced(tables["cases"], county.last_month())
        levels["enforcement"] = declared(facts, ENFORCEMENT, villages, level, rng)
        _components(shown, "criteria.enforcement", facts, ENFORCEMENT)
        both = levels["enforcement"].merge(observed, on="village", how="left")
        zero = ["cases", "closed"]
        both[zero] = both[zero].fillna(0)
        shown.against("why.enforcement", both, "village", LIMITS)
    _criteria(shown, levels)
    recheck_crossed(shown, tables["rows"], level)
    if "guarantees" in tables:
        _contagion(shown, tables["rows"], tables["guarantees"], level)
    if "moves" in tables:
        recheck_dynamics(shown, tables["moves"], county, level)


LIMITS = {name: ("abs", f"{name}_limit") for name in ("estimate", "lo", "hi", "p_above")}


def _bad_share(second: pd.DataFrame, level: float) -> pd.DataFrame:
    rate = second["bad"].sum() / second["n"].sum()
    hoped = second["n"] * rate
    found = gamma_grid(second["bad"], hoped, hoped * (1 - rate)).table(level)
    return _limited(found.assign(village=second["village"].astype(str).to_numpy()), GRID)


def _limited(table: pd.DataFrame, share: float) -> pd.DataFrame:
    """With what a grid of few nodes may differ by."""
    wide = {
        f"{name}_limit": share * table[name].abs() + share * (table["hi"] - table["lo"])
        for name in ("estimate", "lo", "hi")
    }
    return table.assign(**wide, p_above_limit=share)


def declared(
    facts: pd.DataFrame, spec: Any, villages: list[str], level: float, rng: np.random.Generator
) -> pd.DataFrame:
    """The declared index of each village: weighted geometric mean of components, over draws of their levels.

    Components of one source rise and fall together, as the index declares; sources are independent.
    """
    sums, total = np.zeros((DRAWS, len(villages))), 0.0
    sources: dict[str, list[tuple[float, np.ndarray]]] = {}
    for component in spec.components:
        own = facts[facts["component"] == component.name].set_index(
            facts["village"].astype(str)[facts["component"] == component.name]
        )
        own = own[["observed", "exposure", "variance"]].reindex(villages)
        seen, exposed = own["observed"].fillna(0).to_numpy(), own["exposure"].fillna(0).to_numpy()
        if not (exposed.sum() > 0 and seen.sum() > 0):
            continue
        rate = seen.sum() / exposed.sum()
        hoped = exposed * rate
        spread = hoped * (1 - min(rate, 1.0)) if component.kind == "share" else hoped
        if own["variance"].notna().any():
            spread = np.minimum(own["variance"].fillna(0).to_numpy(), hoped)
        drawn = component.direction * np.log(np.maximum(gamma_grid(seen, hoped, spread).draws(DRAWS, rng), 1e-9))
        drawn -= drawn.mean(axis=1, keepdims=True)
        sources.setdefault(component.source, []).append((component.weight, drawn))
        total += component.weight
    for members in sources.values():
        if len(members) == 1:
            sums += members[0][0] * members[0][1]
        else:
            together = sum(weight * np.sort(drawn, axis=0) for weight, drawn in members)
            sums += rng.permuted(together, axis=0)
    sample = np.exp(sums / max(total, 1e-12))
    return drawn_levels(sample, level).assign(village=villages)


def drawn_levels(sample: np.ndarray, level: float, blocks: int = 20) -> pd.DataFrame:
    """Geometric mean, limits and P(above 1) of draws × villages, with what two runs may differ by.

    The error of a figure comes from its spread between blocks of the draws, scaled to the study's 4,000.
    """
    tail = (1 - level) / 2

    def figures(draws: np.ndarray) -> np.ndarray:
        lo, hi = np.quantile(draws, [tail, 1 - tail], axis=0)
        return np.array([np.exp(np.log(draws).mean(axis=0)), lo, hi])

    own = figures(sample)
    spread = np.std([figures(part) for part in np.array_split(sample, blocks)], axis=0, ddof=1)
    error = spread * np.sqrt(DRAWS / blocks) * np.sqrt(1 / DRAWS + 1 / THEIRS)
    table = pd.DataFrame(dict(zip(("estimate", "lo", "hi"), own, strict=True)))
    for name, value, se, near in zip(table.columns, own, error, (GRID, 4 * GRID, 4 * GRID), strict=True):
        table[f"{name}_limit"] = 4 * se + near * value
    table["p_above"] = (sample > 1).mean(axis=0)
    table["p_above_limit"] = proportion_limit(table["p_above"], THEIRS, DRAWS) + GRID
    return table


def enforced(cases: pd.DataFrame, day: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was observed by village, and the facts of the index, from cases under enforcement on the day."""
    c = cases[cases["enforcement_on"].notna() & (cases["enforcement_on"] <= day)]
    ended = c["closed_on"].le(day).fillna(False)
    until = c["closed_on"].where(ended, day)
    amount, paid = c["amount"].astype(float), c["enforced_amount"].astype(float).where(ended).fillna(0.0)
    got = np.minimum(paid, amount)
    loss = (1 - (paid / amount.where(amount > 0)).clip(0, 1)).where(ended)
    table = pd.DataFrame(
        {
            "village": c["village"].astype(str),
            "cases": 1.0,
            "closed": ended.astype(float),
            "owed": amount.where(ended, 0.0),
            "got": got,
            "months": (until - c["enforcement_on"]).dt.days.clip(lower=1) / DAYS_A_MONTH,
            "none": (ended & c["outcome"].astype(str).eq("no_assets")).astype(float),
            "listed": (ended & c["dishonest_list"].astype(float).eq(1)).astype(float),
            "loss": loss.fillna(0.0),
            "told": loss.notna().astype(float),
        }
    )
    sums = table.groupby("village").sum().reset_index()
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = sums["closed"].where(sums["closed"] > 0)
        sums = sums.assign(
            share_enforced=sums["got"] / sums["owed"].where(sums["owed"] > 0),
            months_to_close=sums["months"] / closed,
            no_assets=sums["none"] / closed,
            dishonest=sums["listed"] / closed,
        )
    pairs = {
        "not_enforced": ("loss", "told"),
        "months_to_close": ("closed", "months"),
        "no_assets": ("none", "closed"),
        "dishonest": ("listed", "closed"),
    }
    facts = [
        pd.DataFrame(
            {
                "village": sums["village"],
                "component": name,
                "observed": sums[a],
                "exposure": sums[b],
                "variance": sums[b] * float(np.var(loss.dropna(), ddof=1)) if name == "not_enforced" else np.nan,
            }
        )
        for name, (a, b) in pairs.items()
    ]
    return sums, pd.concat(facts, ignore_index=True)


def _components(shown: Shown, id: str, facts: pd.DataFrame, spec: Any) -> None:
    sums = facts.groupby("component")[["observed", "exposure"]].sum()
    rows = [
        {
            "component": c.zh,
            "weight": c.weight,
            "observed": sums.at[c.name, "observed"],
            "exposure": sums.at[c.name, "exposure"],
            "rate": sums.at[c.name, "observed"] / sums.at[c.name, "exposure"],
        }
        for c in spec.components
        if c.name in sums.index
    ]
    shown.against(id, pd.DataFrame(rows), "component")


def _criteria(shown: Shown, levels: Mapping[str, pd.DataFrame]) -> None:
    long = pd.concat([table.assign(criterion=name) for name, table in levels.items()], ignore_index=True)
    shown.against("criteria.figure", long, ["criterion", "village"], LIMITS)
    wide = levels["bad_share"][["village"]]
    for name, table in levels.items():
        wide = wide.merge(table.set_index("village").add_prefix(f"{name}_").reset_index(), on="village")
    within = {
        f"{name}_{end}": ("abs", f"{name}_{end}_limit")
        for name in levels
        for end in ("estimate", "lo", "hi", "p_above")
    }
    shown.against("criteria.table", wide, "village", within)


def _contagion(shown: Shown, rows: pd.DataFrame, links: pd.DataFrame, level: float) -> None:
    """Pairs of guarantee on each date; the expected pairs of bads by the exact formula of a permutation."""
    key = {f"{h}@{d:%Y-%m-%d}": i for i, (h, d) in enumerate(zip(rows["household_id"], rows["as_of"], strict=True))}
    held, later = set[tuple[int, int]](), set[tuple[int, int]]()
    for day in sorted(rows["as_of"].unique()):
        now = links[(links["from"] <= day) & ~(links["to"] < day)]
        after = links[links["from"] > pd.Timestamp(day) + pd.DateOffset(months=FUTURE_MONTHS)]
        for found, part in ((held, now), (later, after)):
            for a, b in zip(part["household"], part["partner"], strict=True):
                i, j = key.get(f"{a}@{day:%Y-%m-%d}"), key.get(f"{b}@{day:%Y-%m-%d}")
                if i is not None and j is not None and i != j:
                    found.add((min(i, j), max(i, j)))
    y = rows["bad"].to_numpy(dtype=float)
    x = special.logit(rows["pd_expected"].to_numpy(dtype=float))
    from scipy.optimize import brentq

    p = special.expit(x + brentq(lambda c: float(special.expit(x + c).sum() - y.sum()), -5, 5))
    village = pd.factorize(rows["village_id"].astype(str), sort=True)[0]
    tests = [("现有担保", held), ("未来担保（安慰剂）", later - held)]
    table = pd.DataFrame([{"test": name, **_pairs(y, p, village, sorted(pairs), level)} for name, pairs in tests])
    within = {name: ("abs", f"{name}_limit") for name in ("both_expected", "ratio", "lo", "hi", "p_value")}
    shown.against("why.contagion", table, "test", within)
    _chains(shown, rows, y, p, sorted(held))


def _pairs(
    y: np.ndarray, p: np.ndarray, village: np.ndarray, pairs: list[tuple[int, int]], level: float
) -> dict[str, float]:
    nodes = sorted({i for pair in pairs for i in pair})
    row: dict[str, float] = {"links": float(len(pairs)), "households": float(len(nodes))}
    if len(pairs) < 2 or y[nodes].sum() < 2:
        return row
    block = pd.Series(village[nodes], index=nodes)
    size, bads = block.value_counts(), pd.Series(y[nodes], index=nodes).groupby(block).sum()
    hoped = 0.0
    for i, j in pairs:
        a, b = block[i], block[j]
        both = bads[a] * (bads[a] - 1) / max(size[a] * (size[a] - 1), 1)
        hoped += both if a == b else bads[a] / size[a] * bads[b] / size[b]
    scale = bads / pd.Series(p[nodes], index=nodes).groupby(block).sum()
    left = pd.Series(y[nodes] - np.minimum(p[nodes] * block.map(scale).to_numpy(), 1), index=nodes)
    place = pd.Series(range(len(nodes)), index=nodes)
    ends = np.array([[place[i], place[j]] for i, j in pairs])
    rng, members = np.random.default_rng(14), [np.flatnonzero(block.to_numpy() == b) for b in size.index]
    value, bad, times = left.to_numpy(), y[nodes], 1999
    joint, statistic = np.empty(times), np.empty(times)
    for t in range(times):
        moved = np.arange(len(nodes))
        for own in members:
            moved[own] = rng.permutation(own)
        statistic[t] = (value[moved[ends[:, 0]]] * value[moved[ends[:, 1]]]).sum()
        joint[t] = (bad[moved[ends[:, 0]]] * bad[moved[ends[:, 1]]]).sum()
    seen, both = (value[ends[:, 0]] * value[ends[:, 1]]).sum(), (bad[ends[:, 0]] * bad[ends[:, 1]]).sum()
    tail, error = (1 - level) / 2, 4 * float(joint.std()) / np.sqrt(999)
    q = float((1 + (statistic >= seen - 1e-9).sum()) / (times + 1))
    ends_of = np.quantile(joint, [tail, 1 - tail]) / hoped
    return row | {
        "both_bad": float(both),
        "both_expected": hoped,
        "both_expected_limit": error,
        "ratio": both / hoped,
        "ratio_limit": both / hoped * error / hoped * 1.1,
        "lo": ends_of[0],
        "hi": ends_of[1],
        "lo_limit": 1.01 / hoped + error / hoped,
        "hi_limit": 1.01 / hoped + error / hoped,
        "p_value": q,
        "p_value_limit": float(proportion_limit(q, 999, times)),
    }


def _chains(shown: Shown, rows: pd.DataFrame, y: np.ndarray, p: np.ndarray, pairs: list[tuple[int, int]]) -> None:
    """Chains by union of pairs: bads, expected bads, and P(as many or more) of a Poisson number."""
    head = list(range(len(y)))

    def root(i: int) -> int:
        while head[i] != i:
            head[i] = head[head[i]]
            i = head[i]
        return i

    for i, j in pairs:
        a, b = root(i), root(j)
        head[max(a, b)] = min(a, b)
    linked = sorted({i for pair in pairs for i in pair})
    data = pd.DataFrame(
        {
            "first": [root(i) for i in linked],
            "y": y[linked],
            "p": p[linked],
            "village": rows["village_id"].astype(str).to_numpy()[linked],
        }
    )
    found = (
        data.groupby("first")
        .agg(
            households=("y", "size"),
            bad=("y", "sum"),
            expected=("p", "sum"),
            village=("village", lambda v: v.mode().iloc[0]),
        )
        .reset_index()
    )
    found["group"] = np.arange(1, len(found) + 1)
    found["excess"] = found["bad"] - found["expected"]
    found["p_value"] = stats.poisson.sf(found["bad"] - 1, found["expected"])
    shown.against("why.chains", found.rename(columns={"group": "group_no"}), ["group_no", "village"])
