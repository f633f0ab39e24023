"""Geography by a second path: dense matrices, exact moments, permutations and scans of its own.

Statistics are compared to rounding; p-values come from other permutations, and may differ by the Monte-Carlo error of
both sides. Adjusted p-values are recomputed from the reported ones by statsmodels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab.study.recheck_tables import Shown, proportion_limit

#: permutations here; the study draws 999 for the county and 9,999 for single villages
OURS, COUNTY, LOCAL = 4999, 999, 9999


def recheck_space(shown: Shown, second: pd.DataFrame, neighbours: pd.DataFrame, county: Any) -> None:
    """Moran's I of rates and O/E, local tests, hot spots, blocks."""
    names = list(second["village"].astype(str))
    B = _matrix(neighbours, names)
    total = B.sum(axis=1)
    W = np.divide(B, total[:, None], out=np.zeros_like(B), where=total[:, None] > 0)
    rate = standard(second["bad"], second["n"], np.ones(len(names)))
    excess = standard(second["bad"], second["expected"], second["variance"] / second["expected"])
    rng = np.random.default_rng(11)
    tests = [{"what": "坏账率", **_moran(rate, W, rng)}, {"what": "O/E（扣除借款人结构）", **_moran(excess, W, rng)}]
    shown.against("space.moran", pd.DataFrame(tests), "what", {"p_value": ("abs", "p_limit")})
    table = pd.DataFrame({"village": names, "value": excess, "lag": np.where(total > 0, W @ excess, np.nan)})
    shown.against("space.scatter", table, "village")
    for id, weights, star in (("space.local", W, False), ("space.hot", (B > 0).astype(float), True)):
        found = table.assign(**_local(excess, weights, star, rng))
        found["q_value"] = _adjusted(shown.frame(id), names)
        within = {"p_value": ("abs", "p_limit"), "z": ("abs", "z_limit")}
        shown.against(id, found, "village", within)
        if id == "space.local":
            shown.against("space.local_table", found, "village", within)
    _blocks(shown, second, county, names)


def _matrix(neighbours: pd.DataFrame, names: list[str]) -> np.ndarray:
    place = {name: i for i, name in enumerate(names)}
    B = np.zeros((len(names), len(names)))
    for a, b, w in neighbours[["village", "neighbour", "weight"]].itertuples(index=False):
        if str(a) in place and str(b) in place:
            B[place[str(a)], place[str(b)]] = w
    return B


def standard(count: Any, size: Any, factor: Any) -> np.ndarray:
    """Assunção and Reis' standardised rates: variance between villages by moments, that of chance times `factor`."""
    count, size, factor = (np.asarray(v, dtype=float) for v in (count, size, factor))
    r, b = count / size, count.sum() / size.sum()
    between = np.average((r - b) ** 2, weights=size) - b * factor.sum() / size.sum()
    chance = b * factor / size
    return (r - b) / np.sqrt(np.where(between + chance > 0, between + chance, chance))


def _moran(x: np.ndarray, W: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    z, n = x - x.mean(), int((W.sum(axis=1) > 0).sum())
    S0 = W.sum()

    def index(z: np.ndarray) -> float:
        return float(n / S0 * (z @ W @ z) / (z @ z))

    S1 = ((W + W.T) ** 2).sum() / 2
    S2 = ((W.sum(axis=1) + W.sum(axis=0)) ** 2).sum()
    k = len(z) * (z**4).sum() / (z**2).sum() ** 2
    mean = -1 / (n - 1)
    top = n * ((n * n - 3 * n + 3) * S1 - n * S2 + 3 * S0**2) - k * ((n * n - n) * S1 - 2 * n * S2 + 6 * S0**2)
    variance = top / ((n - 1) * (n - 2) * (n - 3) * S0**2) - mean**2
    own = index(z)
    drawn = np.array([index(rng.permutation(z)) for _ in range(OURS)])
    p = float((1 + (drawn >= own - 1e-12).sum()) / (OURS + 1))
    limit = float(proportion_limit(p, COUNTY, OURS))
    return {
        "statistic": own,
        "expectation": mean,
        "z": (own - mean) / np.sqrt(variance),
        "p_value": p,
        "p_limit": limit,
        "islands": float((W.sum(axis=1) == 0).sum()),
    }


def _local(x: np.ndarray, W: np.ndarray, star: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Statistic, score with the exact moments of a permutation of the others, two-sided p of other permutations."""
    z, n = x - x.mean(), len(x)
    second = (z**2).mean()
    lag, p = W @ z, np.full(n, np.nan)
    others = n - 1
    mean = -z / others * W.sum(axis=1)
    spread = (z @ z - z**2) / others - (z / others) ** 2
    exact = spread * ((W**2).sum(axis=1) - W.sum(axis=1) ** 2 / others) * others / (others - 1)
    known = W.sum(axis=1) > 0
    score = np.where(known, (lag - mean) / np.sqrt(np.where(known, exact, 1)), np.nan)
    for i in np.flatnonzero(known):
        rest, own = np.delete(z, i), np.delete(W[i], i)
        own = own[own > 0]
        dealt = rng.permuted(np.broadcast_to(rest, (LOCAL, others)), axis=1)[:, : len(own)] @ own
        slack = 1e-9 * max(abs(lag[i]), float(np.abs(dealt).max()))
        tails = ((dealt >= lag[i] - slack).sum(), (dealt <= lag[i] + slack).sum())
        p[i] = min(1.0, 2 * (1 + min(tails)) / (LOCAL + 1))
    if star:
        size = W.sum(axis=1) + 1
        statistic = (lag + z) / np.sqrt(second * (n * size - size**2) / (n - 1))
        sign = np.ones(n)
    else:
        statistic, sign = z * lag / second, np.sign(z)
    return {
        "statistic": statistic,
        "z": score * sign,
        "p_value": p,
        "p_limit": 2 * proportion_limit(p / 2, LOCAL, LOCAL),
        "z_limit": 0.05 * np.sqrt(1 + score**2 / 2),
    }


def _adjusted(shown: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Benjamini-Hochberg of the reported p-values."""
    from statsmodels.stats.multitest import multipletests

    if not len(shown):
        return np.full(len(names), np.nan)
    p = pd.to_numeric(shown.set_index("village")["p_value"].reindex(names)).to_numpy(dtype=float)
    q, known = np.full(len(names), np.nan), np.isfinite(p)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def _blocks(shown: Shown, second: pd.DataFrame, county: Any, names: list[str]) -> None:
    """The circles with the highest likelihood ratio among all circles of two villages or more."""
    if not shown.rows("space.scan"):
        return
    places = county.tables["villages"].frame.drop_duplicates("village_id", keep="last")
    places = places.assign(village=places["village_id"].astype(str)).set_index("village").reindex(names)
    there = (places["longitude"].notna() & places["latitude"].notna()).to_numpy() & (second["expected"] > 0).to_numpy()
    rows = second[there].reset_index(drop=True)
    points = _points(places.loc[there, ["longitude", "latitude"]].to_numpy(dtype=float))
    found = _circles(rows["bad"].to_numpy(), rows["expected"].to_numpy(), points)
    highest = _chance(rows, points)
    label = places.loc[there, "name"].astype(str).to_numpy()
    clusters = []
    for place, circle in enumerate(found, start=1):
        p = float((1 + (highest >= circle["llr"] - 1e-9).sum()) / (1 + len(highest)))
        clusters.append(
            {
                **circle,
                "cluster": place,
                "centre": label[circle["at"]],
                "p_value": p,
                "p_limit": float(proportion_limit(p, COUNTY, len(highest))),
            }
        )
    table = pd.DataFrame(clusters)
    for id in ("space.scan", "space.blocks"):
        shown.against(id, table, "cluster", {"p_value": ("abs", "p_limit")})


def _points(degrees: np.ndarray) -> np.ndarray:
    """Kilometres: on a sphere as chords where these are degrees, else as they are."""
    if np.abs(degrees[:, 0]).max() > 180 or np.abs(degrees[:, 1]).max() > 90:
        return degrees
    a, b = np.radians(degrees).T
    return 6371.0088 * np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


def _ratio(c: float, e: float, total: float) -> float:
    if c <= e * (1 + 1e-12):
        return 0.0
    rest = (total - c) * np.log((total - c) / (total - e)) if total > c else 0.0
    return float(c * np.log(c / e) + rest)


def _circles(O: np.ndarray, E: np.ndarray, points: np.ndarray) -> list[dict[str, float]]:
    """Every circle of two villages or more with at most half of the expected bads, then those that share no village."""
    E, total = E * O.sum() / E.sum(), float(O.sum())
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    every = []
    for i, away in enumerate(apart):
        for r in np.unique(np.round(away, 9)):
            inside = away <= r + 1e-8
            e = float(E[inside].sum())
            if inside.sum() >= 2 and e <= total / 2 * (1 + 1e-12):
                every.append((_ratio(float(O[inside].sum()), e, total), i, float(away[inside].max()), inside))
    taken, found = np.zeros(len(O), dtype=bool), list[dict[str, float]]()
    for llr, i, radius, inside in sorted(every, key=lambda row: (-round(row[0], 9), round(row[2], 9))):
        if llr <= 0 or (taken & inside).any():
            continue
        taken |= inside
        c, e = float(O[inside].sum()), float(E[inside].sum())
        found.append(
            {
                "at": i,
                "radius": radius,
                "villages": float(inside.sum()),
                "observed": c,
                "expected": e,
                "ratio": c / e,
                "relative_risk": c / e / ((total - c) / (total - e)),
                "llr": llr,
            }
        )
    return found


def _chance(rows: pd.DataFrame, points: np.ndarray, times: int = 999) -> np.ndarray:
    """The highest likelihood ratio of counties of chance: binomial bads with each village's mean and variance."""
    rng = np.random.default_rng(12)
    E = rows["expected"].to_numpy() * rows["bad"].sum() / rows["expected"].sum()
    trials = np.maximum(np.round(E / np.maximum(1 - rows["variance"] / rows["expected"], 1e-9)), np.ceil(E))
    trials = np.maximum(trials.to_numpy(), 1).astype(int)
    order = np.argsort(np.linalg.norm(points[:, None] - points[None], axis=2), axis=1, kind="stable")
    inside = np.cumsum(E[order], axis=1)
    good = (inside <= E.sum() / 2 * (1 + 1e-12)) & (np.arange(len(E)) >= 1)
    highest = np.zeros(times)
    for i in range(times):
        bads = rng.binomial(trials, np.minimum(E / trials, 1))
        T, c = float(bads.sum()), np.cumsum(bads[order], axis=1)[good].astype(float)
        e = inside[good] * T / E.sum()
        more = c > e
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = np.where(c < T, (T - c) * np.log((T - c) / (T - e)), 0.0)
            highest[i] = np.where(more, c * np.log(c / e) + rest, 0.0).max(initial=0.0)
    return highest
