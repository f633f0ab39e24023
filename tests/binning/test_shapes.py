"""The shape is chosen on held-out counts: a U is found, noise around a line is not turned into one."""

from __future__ import annotations

import numpy as np

from creditlab.binning.cells import Piece, count_column
from creditlab.binning.sample import Sample
from creditlab.binning.search import Limits
from creditlab.binning.shapes import choose_shape


def chosen(log_odds, seed: int, n: int = 3000) -> str:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-log_odds(x)))).astype(int)
    cells = count_column([Piece(x, Sample.of(y, None))]).cells
    limits = Limits(max_bins=8, min_n=0.05 * n, total_goods=float((y == 0).sum()), total_bads=float(y.sum()))
    return choose_shape(cells.goods, cells.bads, limits, seed=0).shape


def test_a_u_is_a_valley_and_an_arch_a_peak():
    assert [chosen(lambda x: x**2 - 2.5, s) for s in range(4)] == ["valley"] * 4
    assert [chosen(lambda x: -(x**2) - 0.5, s) for s in range(4)] == ["peak"] * 4


def test_a_line_with_noise_stays_a_line():
    found = [chosen(lambda x: 0.6 * x - 1.5, s, n=1500) for s in range(20)]
    assert found.count("ascending") >= 17
    assert [chosen(lambda x: -0.8 * x - 1.5, s) for s in range(4)] == ["descending"] * 4


def test_two_turns_are_free():
    assert chosen(lambda x: 1.5 * np.sin(4 * x) - 1, 0, n=6000) == "free"


def test_the_seed_settles_the_choice():
    assert len({chosen(lambda x: 0.1 * x - 1, 3) for _ in range(3)}) == 1
