"""The programme equals brute force on every shape, and respects every constraint."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy
from scipy.stats import chi2_contingency

from creditlab.binning.counts import merge_cells
from creditlab.binning.search import SHAPES, Limits, best_cuts, programme, solve, woe_of


def has_shape(rates: np.ndarray, shape: str) -> bool:
    steps = np.sign(np.diff(rates))
    if shape == "free":
        return True
    if (steps == 0).any():
        return False
    if shape in ("ascending", "descending"):
        return bool((steps == (1 if shape == "ascending" else -1)).all())
    turned = steps if shape == "peak" else -steps
    return bool((np.diff(turned) <= 0).all())


def value_of(goods: np.ndarray, bads: np.ndarray, limits: Limits) -> float:
    if limits.objective == "likelihood":
        n, total = goods + bads, limits.total_goods + limits.total_bads
        each = xlogy(goods, goods / n) + xlogy(bads, bads / n)
        each -= xlogy(goods, limits.total_goods / total) + xlogy(bads, limits.total_bads / total)
        return float(each.sum())
    share = goods / limits.total_goods - bads / limits.total_bads
    pure = np.where((goods == 0) | (bads == 0), limits.prior, 0.0)
    return float((share * woe_of(goods, bads, limits.total_goods, limits.total_bads, pure)).sum())


def told_apart(goods: np.ndarray, bads: np.ndarray, max_pvalue: float) -> bool:
    for k in range(len(goods) - 1):
        table = np.array([goods[k : k + 2], bads[k : k + 2]])
        if (table.sum(axis=1) == 0).any() or chi2_contingency(table, correction=False).pvalue > max_pvalue * (1 + 1e-9):
            return False
    return True


def steady(goods: np.ndarray, bads: np.ndarray, parts: np.ndarray, limits: Limits) -> bool:
    share = limits.total_bads / (limits.total_goods + limits.total_bads)
    whole = np.diff(bads / (goods + bads))
    for g, b in parts:
        n = g + b
        for k in range(len(goods) - 1):
            if min(n[k], n[k + 1]) * min(share, 1 - share) < 5:
                continue
            if (b[k + 1] / n[k + 1] - b[k] / n[k]) * np.sign(whole[k]) < 0:
                return False
    return True


def allowed(goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits) -> bool:
    n = goods + bads
    if limits.prior == 0 and ((goods == 0) | (bads == 0)).any():
        return False
    sizes = (n > 0) & (n >= limits.min_n) & (goods >= limits.min_goods) & (bads >= limits.min_bads)
    if not sizes.all() or not has_shape(bads / n, shape):
        return False
    if limits.min_rate_gap and (np.abs(np.diff(bads / n)) < limits.min_rate_gap - 1e-12).any():
        return False
    return limits.max_pvalue == 1 or told_apart(goods, bads, limits.max_pvalue)


def brute_force(
    goods: np.ndarray, bads: np.ndarray, shape: str, limits: Limits, parts: np.ndarray | None = None
) -> tuple[float, tuple[int, ...]] | None:
    found = []
    for k in range(limits.max_bins):
        for cuts in combinations(range(1, len(goods)), k):
            at = np.array(cuts, dtype=int)
            g, b = (merge_cells(c, at) for c in (goods, bads))
            if allowed(g, b, shape, limits) and (parts is None or steady(g, b, merge_cells(parts, at), limits)):
                found.append((value_of(g, b, limits), cuts))
    if not found:
        return None
    top = max(value for value, _ in found)
    best = [f for f in found if f[0] >= top - 1e-12]
    return min(best, key=lambda f: (len(f[1]), f[1]))


counts = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8)), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    cells=counts,
    shape=st.sampled_from(SHAPES),
    max_bins=st.integers(1, 5),
    min_n=st.integers(0, 12),
    min_goods=st.integers(0, 2),
    min_bads=st.integers(0, 2),
    objective=st.sampled_from(["iv", "likelihood"]),
    min_rate_gap=st.sampled_from([0.0, 0.1, 0.3]),
    max_pvalue=st.sampled_from([1.0, 0.5, 0.1]),
    prior=st.sampled_from([1.0, 0.0]),
)
def test_the_programme_equals_brute_force(
    cells, shape, max_bins, min_n, min_goods, min_bads, objective, min_rate_gap, max_pvalue, prior
):
    goods, bads = np.array(cells, dtype=float).T
    limits = Limits(
        max_bins=max_bins,
        min_n=min_n,
        total_goods=goods.sum() + 3,
        total_bads=bads.sum() + 2,
        min_goods=min_goods,
        min_bads=min_bads,
        objective=objective,
        min_rate_gap=min_rate_gap,
        max_pvalue=max_pvalue,
        prior=prior,
    )
    expected = brute_force(goods, bads, shape, limits)
    found = solve(goods, bads, shape, limits)
    if expected is None:
        assert len(found.boundaries) == 0
    else:
        assert found.iv == pytest.approx(expected[0], abs=1e-9)
        assert len(found.boundaries) == len(expected[1])


@settings(max_examples=100, deadline=None)
@given(
    cells=st.lists(st.tuples(*[st.integers(0, 30), st.integers(0, 20)] * 2), min_size=2, max_size=7),
    shape=st.sampled_from(SHAPES),
)
def test_bins_hold_in_every_part_as_brute_force_says(cells, shape):
    parts = np.array(cells, dtype=float).T.reshape(2, 2, -1)
    goods, bads = parts.sum(axis=0)
    if goods.sum() == 0 or bads.sum() == 0:
        return
    limits = Limits(max_bins=4, min_n=1, total_goods=goods.sum(), total_bads=bads.sum())
    expected = brute_force(goods, bads, shape, limits, parts)
    found = solve(goods, bads, shape, limits, parts)
    assert (len(found.boundaries) == 0) if expected is None else found.iv == pytest.approx(expected[0], abs=1e-9)


@pytest.mark.parametrize("max_pvalue", [1.0, 0.01])
@pytest.mark.parametrize("min_rate_gap", [0.0, 0.02])
def test_constraints_hold_over_many_cells(max_pvalue, min_rate_gap):
    rng = np.random.default_rng(6)
    n = rng.integers(5, 20, 3000)
    bads = rng.binomial(n, 1 / (1 + np.exp(1.5 - np.linspace(-1, 1, 3000)))).astype(float)
    goods = n - bads
    limits = Limits(8, 0.05 * n.sum(), goods.sum(), bads.sum(), min_rate_gap=min_rate_gap, max_pvalue=max_pvalue)
    found = best_cuts(goods, bads, "ascending", limits)
    g, b = merge_cells(goods, found.boundaries), merge_cells(bads, found.boundaries)
    assert len(found.boundaries) >= 3 and allowed(g, b, "ascending", limits)


@pytest.mark.parametrize("shape", SHAPES)
def test_cuts_over_many_cells_reach_the_global_optimum(shape):
    rng = np.random.default_rng(5)
    x = np.linspace(-1, 1, 400)
    truth = {"ascending": x, "descending": -x, "peak": -3 * x**2, "valley": 3 * x**2, "free": np.sin(4 * x)}[shape]
    n = rng.integers(20, 60, 400)
    bads = rng.binomial(n, 1 / (1 + np.exp(2 - truth))).astype(float)
    goods = n - bads
    limits = Limits(max_bins=6, min_n=0.05 * n.sum(), total_goods=goods.sum(), total_bads=bads.sum())
    exact = solve(goods, bads, shape, limits)
    refined = best_cuts(goods, bads, shape, limits)
    assert refined.iv >= exact.iv * 0.9995
    g, b = merge_cells(goods, refined.boundaries), merge_cells(bads, refined.boundaries)
    assert allowed(g, b, shape, limits)
    assert value_of(g, b, limits) == pytest.approx(refined.iv, rel=1e-12)


@pytest.mark.parametrize("max_pvalue", [1.0, 0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_problems_solved_together_are_solved_as_each_alone(shape, max_pvalue):
    rng = np.random.default_rng(11)
    goods, bads = rng.integers(5, 60, (4, 20)).astype(float), rng.integers(0, 20, (4, 20)).astype(float)
    limits = Limits(5, 40, goods.sum() / 4, bads.sum() / 4, max_pvalue=max_pvalue)
    together = programme(goods, bads, limits).best(shape)
    for g, b, found in zip(goods, bads, together, strict=True):
        alone = solve(g, b, shape, limits)
        assert found.iv == alone.iv and found.boundaries.tolist() == alone.boundaries.tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_rates_that_only_rounding_tells_apart_are_equal(shape):
    rng = np.random.default_rng(1)
    for _ in range(20):
        w = rng.random(12) * 7
        rate = rng.choice([0.1, 0.2, 0.3], 12)
        goods, bads = w * (1 - rate), w * rate
        limits = Limits(8, 0.0, goods.sum(), bads.sum())
        g, b = (merge_cells(c, solve(goods, bads, shape, limits).boundaries) for c in (goods, bads))
        steps = np.diff(b / (g + b))
        assert (np.abs(steps) > 1e-6).all() if shape != "free" else np.isfinite(steps).all()


def test_few_events_over_many_cells_reach_the_global_optimum():
    rng = np.random.default_rng(5)
    ratios = []
    for shape in SHAPES:
        for bend in (0.0, 3.0):
            n = rng.integers(1, 4, 450)
            p = 1 / (1 + np.exp(1.5 - bend * np.abs(np.linspace(-0.5, 0.5, 450))))
            bads = rng.binomial(n, p).astype(float)
            goods = n - bads
            limits = Limits(8, 0.05 * n.sum(), goods.sum(), bads.sum(), min_bads=10)
            exact = solve(goods, bads, shape, limits)
            found = best_cuts(goods, bads, shape, limits)
            assert len(found.boundaries) or not len(exact.boundaries)
            ratios.append(found.iv / exact.iv if len(exact.boundaries) else 1.0)
    assert min(ratios) >= 0.999 and np.median(ratios) >= 1 - 1e-9


def test_equal_neighbours_are_one_bin_and_ties_go_left():
    goods, bads = np.array([8.0, 8.0, 4.0, 4.0]), np.array([2.0, 2.0, 1.0, 1.0])
    limits = Limits(max_bins=4, min_n=1, total_goods=24, total_bads=6)
    assert solve(goods, bads, "ascending", limits).boundaries.tolist() == []
    goods, bads = np.array([4.0, 2.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0, 0.0])
    limits = Limits(max_bins=2, min_n=1, total_goods=12, total_bads=4)
    assert solve(goods, bads, "free", limits).boundaries.tolist() == [1]  # [1] and [3] are mirror images


def test_more_freedom_never_costs_iv():
    rng = np.random.default_rng(2)
    goods, bads = rng.integers(5, 40, 60).astype(float), rng.integers(0, 12, 60).astype(float)
    limits = Limits(max_bins=6, min_n=30, total_goods=goods.sum(), total_bads=bads.sum())
    iv = {shape: solve(goods, bads, shape, limits).iv for shape in SHAPES}
    for monotone in ("ascending", "descending"):
        assert iv[monotone] <= min(iv["peak"], iv["valley"]) + 1e-12
    assert iv["free"] >= max(iv.values()) - 1e-12


def test_woe_is_the_log_ratio_of_shares_and_shrinks_to_zero_with_the_prior():
    assert float(woe_of(np.array(80.0), np.array(5.0), 160, 40, 0.0)) == pytest.approx(np.log((80 / 160) / (5 / 40)))
    pure = [float(woe_of(np.array(0.0), np.array(3.0), 160, 40, p)) for p in (0.5, 5, 50, 1e9)]
    assert pure == sorted(pure) and pure[0] < -1 and abs(pure[-1]) < 1e-6
