"""The village panel: a list that the data cannot carry says so, wherever it is shown."""

import numpy as np
import pandas as pd

from creditlab.study import village_panel
from creditlab.village.simulate import village_book


class Rows:
    def __init__(self, book):
        self.y, self.village = book.loans["bad"].to_numpy(), book.loans["village"].to_numpy()


def test_a_panel_says_whether_it_carries_a_ranking():
    chance = village_book(0, villages=60, sd=0.0)
    clear = village_book(0, villages=60, sd=1.5, median=120)
    assert "do not carry a ranking" in village_panel(Rows(chance), chance.loans["pd_origin"]).warning
    assert village_panel(Rows(clear), clear.loans["pd_origin"]).warning == ""


def test_order_of_rows_and_names_of_villages_change_no_figure():
    book = village_book(2, villages=30)
    rows = Rows(book)
    order = np.random.default_rng(0).permutation(len(rows.y))
    names = {v: f"v{(7 * v + 3) % 30:02d}" for v in range(30)}
    other = Rows(book)
    other.y, other.village = rows.y[order], pd.Series(rows.village[order]).map(names).to_numpy()
    prob = book.loans["pd_origin"].to_numpy()
    graph = book.graph.tidy()
    renamed = graph.assign(village=graph["village"].map(names), neighbour=graph["neighbour"].map(names))
    one = village_panel(rows, prob, graph=graph).tidy()
    two = village_panel(other, prob[order], graph=renamed).tidy().set_index("village")
    two = two.loc[one["village"].map(names)].reset_index()
    figures = one.select_dtypes("number").columns.drop("village")
    np.testing.assert_allclose(one[figures], two[figures], atol=1e-9)
