"""Out of village and time, implementation and papers: known memory, known likeness, parity, edges."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.validation import (
    bin_edges,
    documentation,
    environment,
    forward_chain,
    intraclass_correlation,
    monitor_ready,
    out_of_village,
    reproduced,
    rounding,
    score_parity,
    throughput,
    transfer_calibration,
)


def county(seed=0, villages=60, size=40, shift=1.0):
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(villages), size)
    x = rng.normal(size=len(village))
    eta = -1.2 + 0.7 * x + rng.normal(0, shift, villages)[village]
    return (
        (rng.random(len(village)) < 1 / (1 + np.exp(-eta))).astype(int),
        pd.DataFrame({"x": x, "village": village}),
        village,
    )


def learns_villages_by_heart(y, frame):
    def refit(rows):
        base = y[rows].mean()
        bads = np.bincount(frame["village"].iloc[rows], weights=y[rows], minlength=100)
        n = np.bincount(frame["village"].iloc[rows], minlength=100)
        rate = (bads + 5 * base) / (n + 5)
        return lambda f: rate[f["village"].to_numpy()]

    return refit


def test_memory_of_villages_is_measured():
    y, frame, village = county()
    learned = out_of_village(y, frame, village, learns_villages_by_heart(y, frame))
    assert learned.verdict == "red" and learned.facts["auc_villages"] < 0.52
    honest = out_of_village(y, frame, village, lambda rows: lambda f: 1 / (1 + np.exp(1.2 - 0.7 * f["x"])))
    assert honest.estimate == 0 and "差异方差为零" in honest.reason
    assert "村数不足" in out_of_village(y, frame, np.arange(len(y)) % 4, learns_villages_by_heart(y, frame)).reason


def test_forward_chain_goes_by_value_not_by_text():
    y, frame, _ = county(1)
    period = np.where(np.arange(len(y)) % 3 == 0, 9, np.where(np.arange(len(y)) % 3 == 1, 10, 11))
    seen = []

    def refit(rows):
        seen.append(sorted(set(period[rows])))
        return lambda f: 1 / (1 + np.exp(1.2 - 0.7 * f["x"]))

    table = forward_chain(y, frame, period, refit).tidy()
    assert seen == [[9], [9, 10]] and table["scope"].tolist() == ["10 · AUC", "10 · O/E", "11 · AUC", "11 · O/E"]


def test_likeness_within_a_village_is_that_of_the_truth():
    rng = np.random.default_rng(2)
    values, village = rng.normal(0, 1, 4000) + np.repeat(rng.normal(0, 0.5, 200), 20), np.repeat(np.arange(200), 20)
    test = intraclass_correlation(values, village)
    assert test.lo < 0.2 < test.hi and test.estimate == pytest.approx(0.2, abs=0.05)
    assert test.facts["design_effect"] == pytest.approx(1 + 19 * test.estimate)
    found = [intraclass_correlation(rng.normal(size=200), np.arange(200) % 20).p_value < 0.05 for _ in range(200)]
    assert 0.004 <= np.mean(found) <= 0.097
    assert "至少两村" in intraclass_correlation([1, 2], ["a", "a"]).reason


def test_a_new_village_is_worth_calibrating_only_where_villages_differ():
    y, frame, village = county(3, villages=40, size=80, shift=1.2)
    p = 1 / (1 + np.exp(1.2 - 0.7 * frame["x"]))
    apart = transfer_calibration(y, p, village, [30]).tidy()
    assert apart["hi"].iloc[0] < 0
    rng = np.random.default_rng(4)
    alike = transfer_calibration(rng.random(len(y)) < p, p, village, [30, 60]).tidy()
    assert alike["estimate"].iloc[0] > 0 and "村数不足" in alike["reason"].iloc[1]


def test_parity_edges_and_rounding():
    scores = np.array([1.0, 2.0, np.nan])
    table = score_parity(scores, {"same": scores, "off": scores + 1e-8, "missing": [1.0, np.nan, np.nan]}).tidy()
    assert table["verdict"].tolist() == ["green", "amber", "red"] and table["unmatched"].tolist() == [0, 0, 1]
    cuts = [0.0, 1.5]
    assert bin_edges(cuts, lambda x: np.searchsorted(cuts, x, side="left")).verdict == "green"
    wrong = bin_edges(cuts, lambda x: np.searchsorted(cuts, x, side="right"))
    assert wrong.estimate == 2 and wrong.facts["first"] == 0.0
    assert bin_edges(cuts, lambda x: np.searchsorted(cuts, x, side="right"), closed="left").verdict == "green"
    rng = np.random.default_rng(5)
    score = rng.normal(size=2000)
    y = rng.random(2000) < 1 / (1 + np.exp(-score))
    assert (
        rounding(y, score, np.round(score)).estimate > 0 and rounding(y, score, np.round(score, 6)).verdict == "green"
    )


def test_reproduction_versions_and_papers():
    assert reproduced(np.array([1.0]), np.array([1.0 + 1e-16])).verdict == "green"
    apart = reproduced(np.array([1.0]), np.array([1.1]))
    assert apart.verdict == "red" and apart.estimate == pytest.approx(0.1) and "摘要不同" in apart.reason
    assert environment(["numpy", "no-such-package"]).tidy()["version"].iloc[-1] == "not installed 未安装"
    assert throughput(lambda f: f, pd.DataFrame({"x": [1, 2]})).estimate > 0
    assert monitor_ready({}).verdict == "red" and monitor_ready({"m": {"edges": [0.1], "counts": [1]}}).verdict == "red"
    table = documentation({"purpose": "M-01", "pia": "n.a.: no persons"}).tidy().set_index("scope")
    assert table.loc["purpose", "verdict"] == "green" and table.loc["pia", "verdict"] == "info" and len(table) == 18
    with pytest.raises(InputError, match="items among"):
        documentation({"purpos": "x"})
