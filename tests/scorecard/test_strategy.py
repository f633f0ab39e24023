"""Strategy tables: every figure recounted by hand, intervals that hold what they promise, wrong calls refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from creditlab.errors import InputError
from creditlab.results import NotEstimable, digest
from creditlab.scorecard import Economics, cutoff_sweep, gains_table, override_analysis, swap_set

MONEY = Economics(margin=0.12, lgd=0.55, cost=50)
RATIOS = Economics(margin=0.12, lgd=0.55)  # of loans of one yuan each
RATES = ["approval", "bad_rate", "bads_avoided", "goods_refused"]


def applicants(n: int = 3000, seed: int = 0, villages: int = 40, spread: float = 0.5) -> pd.DataFrame:
    """Scores of two cards, PD, amount, outcome; a village effect that the scores do not see."""
    rng = np.random.default_rng(seed)
    village = rng.integers(0, villages, n)
    risk = rng.normal(size=n)
    log_odds = -2.3 + risk + rng.normal(0, spread, villages)[village]
    return pd.DataFrame(
        {
            "points": np.round(600 - 40 * (risk + 0.3 * rng.normal(size=n))),
            "old": np.round(600 - 40 * (risk + 1.2 * rng.normal(size=n))),
            "prob": 1 / (1 + np.exp(2.3 - risk)),
            "bad": (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(float),
            "amount": np.round(np.exp(rng.normal(10, 0.5, n))),
            "village": village,
        }
    )


def test_a_sweep_is_what_a_count_by_hand_gives() -> None:
    rows = applicants()
    rows.loc[rows["old"] < 590, "bad"] = np.nan  # never granted
    sweep = cutoff_sweep(
        rows["points"], rows["bad"], prob=rows["prob"], amount=rows["amount"], groups=rows["village"],
        economics=MONEY, cutoffs=[560, 600.5, 640, 900],
    )  # fmt: skip
    for row in sweep.tidy().to_dict("records"):
        let_in = rows[rows["points"] >= row["cutoff"]]
        seen = let_in[let_in["bad"].notna()]
        chance = let_in["bad"].fillna(let_in["prob"])
        assert row["n"] == len(let_in) and row["known"] == len(seen) and row["bads"] == seen["bad"].sum()
        assert row["approval"] == len(let_in) / len(rows)
        assert row["bads_avoided"] == pytest.approx(1 - seen["bad"].sum() / rows["bad"].sum())
        assert row["goods_refused"] == pytest.approx(1 - (1 - seen["bad"]).sum() / (1 - rows["bad"].dropna()).sum())
        assert row["amount"] == pytest.approx(let_in["amount"].sum())
        assert row["expected_loss"] == pytest.approx((let_in["prob"] * 0.55 * let_in["amount"]).sum())
        assert row["loss"] == pytest.approx((chance * 0.55 * let_in["amount"]).sum())
        earned = (1 - chance) * 0.12 * let_in["amount"] - chance * 0.55 * let_in["amount"] - 50
        assert row["profit"] == pytest.approx(earned.sum(), abs=1e-6)
        if len(seen):
            assert row["bad_rate"] == pytest.approx(seen["bad"].mean())
            assert row["expected_rate"] == pytest.approx(let_in["prob"].mean())
        else:
            assert np.isnan(row["bad_rate"]) and np.isnan(row["lo"]) and row["profit"] == 0
    best = sweep.tidy()["profit"].max()
    assert sweep.facts["best_profit"] == best and (sweep.tidy()["behind"] == best - sweep.tidy()["profit"]).all()


def test_intervals_hold_and_a_paired_difference_is_narrower() -> None:
    rows = applicants()
    table = cutoff_sweep(
        rows["points"], rows["bad"], groups=rows["village"], amount=rows["amount"], economics=MONEY
    ).tidy()
    for name in ("approval", "loss", "profit", "behind"):
        assert (table[f"{name}_lo"] <= table[name] + 1e-9).all() and (table[name] <= table[f"{name}_hi"] + 1e-9).all()
    seen = table[table["known"] > 0]
    assert ((seen["lo"] <= seen["bad_rate"]) & (seen["bad_rate"] <= seen["hi"])).all()
    best = int(table["profit"].idxmax())
    assert 0 < best < len(table) - 1
    assert table.loc[best, ["behind", "behind_lo", "behind_hi"]].tolist() == [0, 0, 0] and table.loc[best, "as_good"]
    beside = table.iloc[[best - 1, best + 1]]
    width = table["profit_hi"] - table["profit_lo"]
    assert ((beside["behind_hi"] - beside["behind_lo"]) < 0.5 * width.iloc[best]).all()


@pytest.mark.parametrize("clustered", [True, False])
def test_nine_of_ten_intervals_hold_the_truth(clustered: bool) -> None:
    # the truth: a sample so large that its own error does not count
    spread = 0.8 if clustered else 0.0
    whole = applicants(400_000, seed=99, villages=20_000, spread=spread)
    options = {"cutoffs": [590, 620], "economics": MONEY, "level": 0.9}
    truth = cutoff_sweep(whole["points"], whole["bad"], amount=whole["amount"], **options).tidy()
    held = []
    for seed in range(250):
        rows = applicants(900, seed=seed, villages=45, spread=spread)
        groups = rows["village"] if clustered else None
        found = cutoff_sweep(rows["points"], rows["bad"], groups=groups, amount=rows["amount"], **options).tidy()
        share = 900 / 400_000
        held.append(
            [
                (found["approval_lo"] <= truth["approval"]) & (truth["approval"] <= found["approval_hi"]),
                (found["lo"] <= truth["bad_rate"]) & (truth["bad_rate"] <= found["hi"]),
                (found["profit_lo"] <= truth["profit"] * share) & (truth["profit"] * share <= found["profit_hi"]),
                (found["loss_lo"] <= truth["loss"] * share) & (truth["loss"] * share <= found["loss_hi"]),
            ]
        )
    coverage = np.array(held).mean(axis=(0, 2))
    # 500 correlated looks at each: four standard errors of 250 independent ones are 0.076
    assert ((coverage > 0.824) & (coverage < 0.976)).all(), coverage


def test_independent_rows_would_promise_too_much_in_villages() -> None:
    rows = applicants(spread=1.2)
    alone = cutoff_sweep(rows["points"], rows["bad"], economics=RATIOS, cutoffs=[580]).tidy().iloc[0]
    shared = cutoff_sweep(rows["points"], rows["bad"], groups=rows["village"], economics=RATIOS, cutoffs=[580])
    one = shared.tidy().iloc[0]
    assert one["hi"] - one["lo"] > 1.3 * (alone["hi"] - alone["lo"])
    assert one["profit"] == pytest.approx(alone["profit"]) and shared.facts["villages"] == 40


@pytest.mark.parametrize("clustered", [True, False])
def test_a_weight_is_so_many_copies_and_order_does_not_matter(clustered: bool) -> None:
    rows = applicants(600)
    weight = np.random.default_rng(1).integers(0, 4, len(rows))
    many = rows.loc[rows.index.repeat(weight)].sample(frac=1, random_state=0)
    groups = (rows["village"], many["village"]) if clustered else (None, None)
    for call, names in ((cutoff_sweep, ["points", "bad"]), (gains_table, ["points", "bad"])):
        extra = {"economics": RATIOS, "cutoffs": [560, 600, 640]} if call is cutoff_sweep else {}
        once = call(*(rows[n] for n in names), weight=weight, groups=groups[0], **extra).tidy()
        copies = call(*(many[n] for n in names), groups=groups[1], **extra).tidy()
        pd.testing.assert_frame_equal(once, copies, rtol=1e-9, atol=1e-9)


def test_gains_add_up_and_ks_is_that_of_scipy() -> None:
    rows = applicants()
    table = gains_table(rows["points"], rows["bad"], groups=rows["village"]).tidy()
    assert len(table) == 10 and table["n"].sum() == len(rows) and table["bads"].sum() == rows["bad"].sum()
    assert table["cum_share"].iloc[-1] == table["cum_bads"].iloc[-1] == table["cum_lift"].iloc[-1] == 1
    assert (table["points_hi"].to_numpy()[:-1] < table["points_lo"].to_numpy()[1:]).all()
    first = rows[rows["points"] <= table["points_hi"].iloc[0]]
    assert table["lift"].iloc[0] == pytest.approx(first["bad"].mean() / rows["bad"].mean())
    assert table["cum_bads"].iloc[0] == pytest.approx(first["bad"].sum() / rows["bad"].sum())
    inner = table.iloc[:-1]
    assert ((inner["cum_bads_lo"] < inner["cum_bads"]) & (inner["cum_bads"] < inner["cum_bads_hi"])).all()
    every = gains_table(rows["points"], rows["bad"], bands=5000)
    assert len(every.tidy()) == rows["points"].nunique()
    bad = rows["bad"] == 1
    assert every.facts["ks"] == pytest.approx(ks_2samp(rows.loc[bad, "points"], rows.loc[~bad, "points"]).statistic)


def test_gains_never_split_equal_points_and_leave_out_unknown_outcomes() -> None:
    points = np.repeat([500, 510, 700], [80, 5, 15])
    bad = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], 20)
    table = gains_table(points, bad).tidy()
    assert table["n"].tolist() == [80, 5, 15]
    bad[:40] = np.nan
    assert gains_table(points, bad).tidy()["n"].tolist() == [40, 5, 15]
    assert len(gains_table(np.ones(50), bad[:50]).tidy()) == 1


def swaps(rows: pd.DataFrame, **options):
    return swap_set(rows["old"], rows["points"], rows["bad"], old_cutoff=600, **options)


def test_a_swap_set_is_what_a_count_by_hand_gives() -> None:
    rows = applicants()
    found = swaps(rows, prob=rows["prob"], amount=rows["amount"], economics=MONEY, groups=rows["village"])
    table, facts = found.tidy().set_index("cell"), found.facts
    old, new = rows["old"] >= 600, rows["points"] >= facts["new_cutoff"]
    for cell, chosen in (
        ("both", old & new),
        ("swap_out", old & ~new),
        ("swap_in", ~old & new),
        ("neither", ~old & ~new),
    ):
        assert table.loc[cell, "n"] == chosen.sum() and table.loc[cell, "bads"] == rows.loc[chosen, "bad"].sum()
    assert abs(facts["new_approval"] - facts["old_approval"]) < 0.02
    assert facts["change"] == pytest.approx(rows.loc[new, "bad"].mean() - rows.loc[old, "bad"].mean())
    assert facts["change_hi"] < 0 and facts["out_less_in_lo"] > 0  # the new card sees more
    change = table.loc["swap_in", "profit"] - table.loc["swap_out", "profit"]
    assert facts["profit_change"] == pytest.approx(change) and facts["profit_change_lo"] < change


@pytest.mark.parametrize("clustered", [True, False])
def test_the_error_of_a_change_is_that_of_drawing_again(clustered: bool) -> None:
    rows = applicants(4000, villages=80, spread=0.8 if clustered else 0.0)
    options = {"new_cutoff": 605.0, "level": 0.9}
    found = swaps(rows, groups=rows["village"] if clustered else None, **options).facts
    rng, drawn = np.random.default_rng(0), []
    by_village = [np.flatnonzero(rows["village"] == v) for v in range(80)]
    for _ in range(400):
        if clustered:
            taken = np.concatenate([by_village[v] for v in rng.integers(0, 80, 80)])
        else:
            taken = rng.integers(0, len(rows), len(rows))
        again = rows.iloc[taken]
        drawn.append(again.loc[again["points"] >= 605, "bad"].mean() - again.loc[again["old"] >= 600, "bad"].mean())
    half = (found["change_hi"] - found["change_lo"]) / 2
    assert half == pytest.approx(1.66 * np.std(drawn), rel=0.2)


def test_the_same_card_swaps_nobody() -> None:
    rows = applicants()
    found = swap_set(rows["old"], 3 * rows["old"] - 1, rows["bad"], old_cutoff=600)
    assert found.tidy()["n"].tolist()[1:3] == [0, 0] and found.facts["new_cutoff"] == 1799
    assert found.facts["change"] == found.facts["change_lo"] == found.facts["change_hi"] == 0
    assert isinstance(found.facts["out_less_in"], NotEstimable)


def test_who_was_never_granted_has_no_outcome_when_swapped_in() -> None:
    rows = applicants()
    rows.loc[rows["old"] < 600, "bad"] = np.nan
    found = swaps(rows, prob=rows["prob"])
    one = found.tidy().set_index("cell").loc["swap_in"]
    assert one["known"] == 0 and np.isnan(one["bad_rate"]) and 0 < one["expected_rate"] < 0.3
    assert "never granted" in found.facts["out_less_in"].reason


def test_overrides_are_counted_and_held_against_their_pd() -> None:
    rng = np.random.default_rng(3)
    rows = applicants(6000, spread=0.0)
    luck = rng.random(len(rows))
    granted = np.where(rows["points"] >= 580, luck > 0.1, luck < 0.25)
    rows.loc[~granted, "bad"] = np.nan
    branch = rng.choice(["east", "west"], len(rows))
    found = override_analysis(rows["points"], granted, rows["bad"], cutoff=580, prob=rows["prob"], by=branch)
    table = found.tidy()
    every = table[table["label"] == "all"].set_index("cell")
    below = rows["points"] < 580
    assert (
        every.loc["low_side", "n"] == (below & granted).sum()
        and every.loc["high_side", "n"] == (~below & ~granted).sum()
    )
    assert found.facts["low_side_rate"] == (below & granted).sum() / below.sum()
    assert found.facts["low_side_lo"] < 0.25 < found.facts["low_side_hi"]
    assert every.loc["high_side", "known"] == 0 and every["share"].sum() == pytest.approx(1)
    # decided by luck, they are as bad as their PD says
    low = every.loc["low_side"]
    assert low["ratio"] == pytest.approx(
        rows.loc[below & granted, "bad"].sum() / rows.loc[below & granted, "prob"].sum()
    )
    assert low["ratio_lo"] < 1 < low["ratio_hi"]
    parts = table[table["label"] != "all"].groupby("cell")[["n", "bads", "expected_bads"]].sum()
    pd.testing.assert_frame_equal(parts.loc[every.index], every[["n", "bads", "expected_bads"]], check_names=False)


def test_results_are_stable_and_carry_their_level() -> None:
    rows = applicants(500)
    for call in (lambda: cutoff_sweep(rows["points"], rows["bad"], economics=RATIOS), lambda: swaps(rows),
                 lambda: gains_table(rows["points"], rows["bad"])):  # fmt: skip
        first, second = call(), call()
        assert digest(first.to_dict()) == digest(second.to_dict()) and first.facts["level"] == 0.9
        assert first.summary() and first._repr_html_()
    wide = cutoff_sweep(rows["points"], rows["bad"], level=0.99).tidy()
    narrow = cutoff_sweep(rows["points"], rows["bad"], level=0.5).tidy()
    assert ((wide["hi"] - wide["lo"]) >= (narrow["hi"] - narrow["lo"])).all()
    assert isinstance(cutoff_sweep(rows["points"], rows["bad"]).facts["best_cutoff"], NotEstimable)


def test_tables_show_themselves_in_both_languages_with_limits_and_whole_yuan() -> None:
    rows = applicants()
    by = np.where(rows["amount"] > rows["amount"].median(), "large <b>", "small")
    options = {"prob": rows["prob"], "amount": rows["amount"], "groups": rows["village"], "economics": MONEY}
    sweep = cutoff_sweep(rows["points"], rows["bad"], cutoffs=[560, 600], **options)
    swap = swaps(rows, **options)
    given = np.where(rows["points"] >= 600, 1, rows["bad"] * 0)
    known = rows["bad"].where(given == 1)
    over = override_analysis(rows["points"], given, known, cutoff=600, prob=rows["prob"], by=by, groups=rows["village"])
    gains = gains_table(rows["points"], rows["bad"])
    pages = {
        name: one._repr_html_() for name, one in (("sweep", sweep), ("swap", swap), ("over", over), ("gains", gains))
    }
    for page in pages.values():
        assert "e+" not in page and "nan" not in page and "inf" not in page
    one = sweep.tidy().iloc[1]
    for text in (f"{one['profit']:,.0f}", f"({one['profit_lo']:,.0f}–{one['profit_hi']:,.0f})", "利润（元）",
                 "profit (yuan)", f"({one['approval_lo']:.1%}–{one['approval_hi']:.1%})", "90% limits, by "
                 "village"):  # fmt: skip
        assert text in pages["sweep"]
    out = swap.tidy().set_index("cell").loc["swap_out"]
    assert out["profit_lo"] < out["profit"] < out["profit_hi"] and f"({out['profit_lo']:,.0f}–" in pages["swap"]
    assert f"{swap.facts['change']:+.2%}" in pages["swap"]
    assert "large &lt;b&gt;" in pages["over"] and "<b>" + "large" not in pages["over"]
    assert "rows taken as independent" in pages["gains"]
    same = swap_set(rows["old"], rows["old"], rows["bad"], old_cutoff=600)
    assert "no outcome is known" in same._repr_html_()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda r: cutoff_sweep([], []), "finite score"),
        (lambda r: cutoff_sweep(r["points"].where(r["points"] > 600), r["bad"]), "finite score"),
        (lambda r: cutoff_sweep(r["points"], r["bad"] + 1), "1 bad, 0 good"),
        (lambda r: cutoff_sweep(r["points"], r["bad"].head(3)), "3 values"),
        (lambda r: cutoff_sweep(r["points"], r["bad"] * np.nan), "known outcome"),
        (lambda r: cutoff_sweep(r["points"], r["bad"], amount=-r["amount"]), "amounts"),
        (lambda r: cutoff_sweep(r["points"], r["bad"], prob=r["points"]), "prob"),
        (lambda r: cutoff_sweep(r["points"], r["bad"], level=2), "level"),
        (lambda r: cutoff_sweep(r["points"], r["bad"], economics=MONEY), "amount of every loan"),
        (lambda r: Economics(margin=0.05, lgd=-1), "lgd"),
        (lambda r: gains_table(r["points"], r["bad"], bands=0), "bands"),
        (lambda r: swap_set(r["old"], r["points"].head(5), r["bad"], old_cutoff=600), "same rows"),
        (lambda r: swap_set(r["old"], r["points"], r["bad"], old_cutoff=9999), "approved rows"),
        (lambda r: override_analysis(r["points"], r["points"], r["bad"], cutoff=600), "granted"),
        (lambda r: override_analysis(r["points"], r["bad"] * 0, r["bad"], cutoff=600), "refused rows"),
    ],
)
def test_wrong_calls_are_refused(call, says: str) -> None:
    with pytest.raises(InputError, match=says):
        call(applicants(50))


def test_awkward_rows() -> None:
    one = cutoff_sweep([600], [0], economics=RATIOS).tidy()
    assert one["approval"].tolist() == [1.0] and one["hi"].iloc[0] < 1
    rows = applicants(60)
    same = cutoff_sweep(np.full(60, 600.0), rows["bad"], groups=np.zeros(60)).tidy()
    assert len(same) == 1 and same["n"].iloc[0] == 60
    assert np.isfinite(same[[*RATES[:2], "lo", "hi"]].to_numpy()).all()
    none = cutoff_sweep(rows["points"], rows["bad"] * 0, groups=rows["village"], economics=RATIOS).tidy()
    assert (none["bad_rate"].dropna() == 0).all() and (none["hi"].dropna() > 0).all()
