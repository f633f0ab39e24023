"""`validate` with all that can be given, `monitor`, and what changed: sections, details, states."""

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.results import digest
from creditlab.validation import jeffreys, monitor, source_loss, validate, validation_diff, village_funnel


def predict(frame):
    eta = -2.2 + 0.9 * frame["debt"].fillna(0).astype(float) - 0.6 * frame["income"].fillna(0).astype(float)
    return 1 / (1 + np.exp(-eta))


def refit(rows):
    return predict


@pytest.fixture(scope="module")
def book():
    rng = np.random.default_rng(0)
    n = 1600
    frame = pd.DataFrame(
        {"debt": rng.normal(size=n), "income": rng.normal(size=n), "crop": rng.choice(["rice", "tea"], n)}
    )
    village = rng.integers(0, 40, n)
    y = (rng.random(n) < predict(frame)).astype(int)
    return {
        "y": y,
        "frame": frame,
        "groups": np.array([f"V{v:02d}" for v in village]),
        "split": rng.choice(["train", "test", "oot"], n, p=[0.6, 0.2, 0.2]),
        "period": rng.choice(["2023", "2024", "2025"], n),
    }


@pytest.fixture(scope="module")
def whole(book):
    rng = np.random.default_rng(1)
    n = len(book["y"])
    p = predict(book["frame"]).to_numpy()
    worse = np.clip(p * np.exp(rng.normal(0, 0.9, n)), 1e-3, 0.99)
    return validate(
        **book,
        prob={"card": p, "rival": worse},
        predict=predict,
        refit=refit,
        amount=rng.lognormal(9, 1, n),
        segments=pd.DataFrame({"product": rng.choice(["seed", "barn"], n)}),
        protected=pd.DataFrame({"sex": rng.choice(["f", "m"], n)}),
        sources={"bank": ["debt"], "tax": ["income"]},
        documents={"purpose": "M-01 §1"},
        spec={"draws": 20, "refits": 3},
    )


def test_every_section_has_its_tests(whole):
    ids = whole.tidy().groupby("section")["id"].agg(set)
    assert ids["data"] == {"dq.missing", "dq.special_codes", "dq.leak.proxy", "rep.c2st"}
    assert ids["challengers"] == {"bm.models", "cal.redelmeier", "bm.mcnemar", "bm.profit"}
    assert ids["robustness"] == {"rob.noise", "rob.feature_loss", "rob.extreme", "rob.weakspot", "rob.optimism"}
    assert ids["travel"] == {"oot.village", "oot.chain"}
    assert ids["fairness"] == {"fair.air", "fair.smd", "fair.cal_group", "fair.gaps", "fair.proxy"}
    assert {"disc.within_village", "disc.between_village", "disc.h_measure", "disc.lift", "disc.delong_pair"} <= ids[
        "discrimination"
    ]
    assert {"cal.segments", "cal.village_funnel", "cal.normal_multi", "oot.icc", "cal.stukel"} <= ids["calibration"]
    table = whole.tidy()
    reasons = table[table["section"].isin(["robustness", "travel", "fairness"])]["reason"]
    assert not reasons.str.contains("pass ").any()


def test_a_line_of_a_family_is_its_worst_row_and_its_table_is_there(book, whole):
    direct = source_loss(book["y"], book["frame"], predict, {"bank": ["debt"], "tax": ["income"]}, book["groups"])
    line = whole.tidy().query("id == 'rob.feature_loss'").iloc[0]
    assert line["estimate"] == pytest.approx(direct.estimate) and "worst 最差: bank" in line["reason"]
    detail = whole.detail("rob.feature_loss", "card · all")
    assert detail["scope"].tolist() == ["bank", "tax"]
    funnel = whole.tidy().query("id == 'cal.village_funnel'")
    assert not funnel["reason"].str.contains("V0|V1|V2|V3").any(), "no village is named in a line"
    own = village_funnel(book["y"], predict(book["frame"]), book["groups"]).tidy()
    assert whole.detail("cal.village_funnel", "card · all")["estimate"].tolist() == pytest.approx(
        own["estimate"].tolist()
    )
    with pytest.raises(InputError, match="detail"):
        whole.detail("cal.village_funnel", "nowhere")


def test_the_true_model_is_kept_against_a_noisier_rival(whole):
    table = whole.tidy().set_index(["id", "scope"])
    assert table.loc[("bm.models", "card - rival · all"), "verdict"] == "green"
    assert table.loc[("disc.delong_pair", "card - rival · all"), "estimate"] > 0


def test_periods_are_judged_together(whole):
    rows = whole.tidy().query("id == 'cal.portfolio' and model == 'card'")
    periods = rows[rows["scope"].str.contains("20")]
    assert len(periods) == 3 and (periods["p_adjusted"] >= periods["p_value"]).all()


def test_frames_must_have_a_row_per_outcome(book):
    p = predict(book["frame"])
    with pytest.raises(InputError, match=r"1600 rows; got 10 \(protected\)"):
        validate(book["y"], p, protected=pd.DataFrame({"sex": ["f"] * 10}))


def test_small_periods_are_refused_with_the_width_they_would_have(book):
    few = book["period"].copy()
    few[:90] = "2022"
    rows = validate(book["y"], predict(book["frame"]), period=few, spec={"min_bads": 5, "min_goods": 5}).tidy()
    row = rows.query("id == 'disc.auc' and scope == '2022'").iloc[0]
    assert np.isnan(row["estimate"]) and "AUC区间过宽" in row["reason"]


def test_what_changed_is_told_with_its_chance(book):
    p = predict(book["frame"]).to_numpy()
    first = validate(book["y"], p, groups=book["groups"], spec={"draws": 20})
    rng = np.random.default_rng(3)
    worse = (rng.random(len(p)) < np.clip(2.2 * p, 0, 1)).astype(int)
    second = validate(worse, p, groups=book["groups"], spec={"draws": 20})
    diff = second.diff(first)
    table = diff.tidy().set_index(["id", "scope"])
    assert (
        table.loc[("cal.portfolio", "all"), "state"] == "worse"
        and table.loc[("cal.portfolio", "all"), "p_value"] < 1e-6
    )
    assert table.loc[("disc.auc", "all"), "state"] in ("same", "better", "worse") and diff.facts["worse"] >= 2
    assert len(diff.changes()) == len(diff.tidy()) - diff.facts["same"]
    back = validation_diff(second, first).tidy().set_index(["id", "scope"])
    assert back.loc[("cal.portfolio", "all"), "state"] == "better"
    assert back.loc[("cal.portfolio", "all"), "change"] == pytest.approx(-table.loc[("cal.portfolio", "all"), "change"])
    assert digest(validation_diff(first.to_dict(), second.to_dict()).to_dict()) == digest(diff.to_dict())


def test_new_and_gone_lines_are_told(book, whole):
    p = predict(book["frame"]).to_numpy()
    small = validate(book["y"], {"card": p}, spec={"draws": 20})
    states = validation_diff(whole, small).tidy()["state"]
    assert {"gone", "new"} <= set(states)
    with pytest.raises(InputError, match="a ValidationResult or its to_dict"):
        validation_diff(jeffreys, small)


def test_equal_books_change_in_nothing_most_of_the_time():
    """20 pairs of books of the same model: any significant change of a figure in at most .05 + .146."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pair = []
        for _ in range(2):
            p = rng.beta(2, 10, 800)
            pair.append(validate(rng.random(800) < p, p, spec={"draws": 20}))
        found.append((validation_diff(*pair).tidy()["p_adjusted"] < 0.05).any())
    assert np.mean(found) <= 0.196  # .05 + 3·√(.05·.95/20)


def test_monitoring_reads_the_stored_bins_and_the_order_of_time(book):
    p = predict(book["frame"]).to_numpy()
    first = validate(book["y"], p, split=book["split"], spec={"draws": 20})
    rng = np.random.default_rng(5)
    q = rng.beta(2, 16, 500)
    y = (rng.random(500) < q).astype(int)
    day = rng.permutation(500)
    result = monitor(y, q, first, groups=np.arange(500) % 25, order=day, spec={"draws": 20})
    other = monitor(y, q, first.reference, groups=np.arange(500) % 25, order=np.arange(500), spec={"draws": 20})
    one, two = (r.section("monitoring").set_index("id")["statistic"] for r in (result, other))
    assert one["mon.exact"] == two["mon.exact"] and one["mon.cusum"] != two["mon.cusum"]
    assert (result.tidy()["id"] == "stab.psi").sum() == 1
    none = monitor(np.zeros(500, dtype=int), q, first, spec={"draws": 20})
    assert none.section("monitoring").set_index("id").loc["mon.exact", "p_value"] == 1
    with pytest.raises(InputError, match="500 dates or numbers"):
        monitor(y, q, first, order=[1, 2])
