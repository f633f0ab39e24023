"""The hazard of going bad: a simulated county whose hazard is known, and the sample county's truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.errors import InputError
from creditlab.loans import Bad, hazard_model, loan_book
from creditlab.loans.book import month_ends
from tests.loans import made

VILLAGES, NOTES, START, LENGTH = 80, 6000, 2020 * 12, 48
EARLY, DUE, SIGMA = 0.004, 0.07, 0.6


@pytest.fixture(scope="module")
def simulated() -> dict:
    """Notes with monthly interest, paid at the end: a hazard of 0.4 % a month while interest can show 90 days, 7 % when
    the principal first can, times e^u of the village and 1.6 for product B; each month is a draw of its own."""
    rng = np.random.default_rng(11)
    u = rng.normal(0, SIGMA, VILLAGES)
    village, product = rng.integers(0, VILLAGES, NOTES), rng.random(NOTES) < 0.3
    granted = rng.integers(0, LENGTH - 2, NOTES)
    term = rng.choice([6, 12, 18], NOTES)
    due = granted + term
    factor = np.exp(u[village]) * np.where(product, 1.6, 1.0)
    event = np.full(NOTES, 9999)
    # granted and due on the 10th, interest on the 21st: 90 days show first in month 4 and, of the principal, in due + 3
    for month in range(LENGTH):
        alive = event == 9999
        early = alive & (month >= granted + 4) & (month < due + 3)
        last = alive & (month == due + 3)
        hazard = np.where(early, -np.expm1(-EARLY * factor), np.where(last, -np.expm1(-DUE * factor), 0.0))
        event[rng.random(NOTES) < hazard] = month
    end = np.minimum(np.where(event < 9999, event + 3, due - 1), LENGTH - 1)
    rows = np.repeat(np.arange(NOTES), np.maximum(end - granted + 1, 0))
    month = np.concatenate([np.arange(g, e + 1) for g, e in zip(granted, end, strict=True) if e >= g])
    late = event[rows] - month
    dpd = np.where(late <= 0, 92 + -late * 30, np.where(late <= 3, 92 - late * 30, 0))
    names = np.array([f"N{i:05d}" for i in range(NOTES)])
    day = np.datetime64("2020-01-10")
    loans = pd.DataFrame(
        {
            "note_id": names,
            "household_id": [f"H{i:05d}" for i in range(NOTES)],
            "granted_on": [(day.astype("datetime64[M]") + int(g)).astype("datetime64[D]") + 9 for g in granted],
            "due_on": [(day.astype("datetime64[M]") + int(d)).astype("datetime64[D]") + 9 for d in due],
            "plan": "monthly_interest",
            "product": np.where(product, "B", "A"),
            "amount": 1.0,
        }
    )
    months = pd.DataFrame({"note_id": names[rows], "month_end": month_ends(START + month), "balance": 1.0, "dpd": dpd})
    homes = pd.DataFrame({"household_id": loans["household_id"], "village_id": [f"V{v:02d}" for v in village]})
    book = loan_book({"loans": loans, "loan_months": months, "households": homes})
    return {"book": book, "u": u, "village": village, "factor": factor, "granted": granted, "due": due, "event": event}


def test_the_hazard_is_found_again(simulated) -> None:
    """Baseline, product and spread within four standard errors; 90 % intervals of the villages cover 80 to 99 %."""
    model = hazard_model(simulated["book"], covariates=["product"])
    table = model.tidy().set_index(["term", "level"])
    truth = {
        ("baseline", "interest · before"): np.log(EARLY),
        ("baseline", "interest · first"): np.log(DUE),
        ("product", "B"): np.log(1.6),
    }
    for key, value in truth.items():
        assert abs(table.loc[key, "estimate"] - value) < 4 * table.loc[key, "se"], key
    assert abs(model.facts["sigma"] - SIGMA) < 0.3 and model.facts["p_value of villages"] < 1e-6
    villages = model.villages.set_index("village_id")
    true = pd.Series(simulated["u"], index=[f"V{v:02d}" for v in range(VILLAGES)]).loc[villages.index]
    covered = (villages["lo"] <= true) & (true <= villages["hi"])
    assert 0.80 <= covered.mean() <= 0.99  # four standard errors of a share of 80 below 0.9 would be 0.77
    assert np.corrcoef(villages["effect"], true)[0, 1] > 0.75


@pytest.mark.parametrize("horizon", [6, 12, "maturity"])
def test_the_pd_at_any_horizon_is_the_true_one(simulated, horizon) -> None:
    """PDs from a model that saw the book up to the date, against the true PD of the same notes: the mean within a
    fifth, four standard errors of the level of a model with some 400 events, and a correlation above 0.75."""
    at = 35  # December 2022
    model = hazard_model(simulated["book"], until="2022-12-31", covariates=["product"])
    got = model.predict(simulated["book"], "2022-12-31", horizon).set_index("note_id")["pd"]
    s = simulated
    last = at + horizon if isinstance(horizon, int) else 9999
    first, due = np.maximum(s["granted"] + 4, at + 1), s["due"] + 3
    early = np.maximum(np.minimum(due - 1, last) - first + 1, 0)
    final = (due > at) & (due <= last)
    truth = -np.expm1(-(EARLY * early + DUE * final) * s["factor"])
    # of the notes that are not due yet nobody has paid; an open note after that is one that will fail
    true = pd.Series(truth, index=s["book"].notes["note_id"])[s["due"] > at].reindex(got.index).dropna()
    assert len(true) > 800
    assert got.loc[true.index].mean() == pytest.approx(true.mean(), rel=0.2)
    assert np.corrcoef(got.loc[true.index], true)[0, 1] > 0.75
    overdue = got.drop(index=true.index)
    assert overdue.mean() > 0.6


def test_the_window_changes_nothing_that_was_known_and_censoring_does_not_bias(simulated) -> None:
    """A book cut off two years early gives the same hazards within four standard errors of the shorter one."""
    short = hazard_model(simulated["book"], until="2021-12-31", covariates=["product"]).tidy().set_index("level")
    whole = hazard_model(simulated["book"], covariates=["product"]).tidy().set_index("level")
    for level in ("interest · before", "interest · first", "B"):
        assert abs(short.loc[level, "estimate"] - whole.loc[level, "estimate"]) < 4 * short.loc[level, "se"]


def test_the_future_changes_no_pd(sample_book) -> None:
    early = sample_book.until("2023-12-31")
    one, other = (hazard_model(b, until="2023-12-31") for b in (sample_book, early))
    pd.testing.assert_frame_equal(one.predict(sample_book, "2023-12-31"), other.predict(early, "2023-12-31"))


def test_the_longer_the_horizon_the_higher_the_pd_and_each_lies_in_its_interval(sample_book) -> None:
    model = hazard_model(sample_book, until="2023-12-31")
    tables = [model.predict(sample_book, "2023-12-31", h).set_index("note_id") for h in (3, 12, 24, "maturity")]
    for shorter, longer in zip(tables, tables[1:], strict=False):
        assert (longer["pd"] >= shorter["pd"].reindex(longer.index) - 1e-12).all()
    last = tables[-1]
    assert ((last["lo"] <= last["pd"]) & (last["pd"] <= last["hi"]) & (last["hi"] <= 1)).all()


def test_against_the_truth_of_the_sample_county(sample_county, sample_book, sample_folder) -> None:
    """Three cohorts predicted from what was known: the mean PD is within a tenth of the true one over the three years.

    A single year may be a third off: the true risk has a year of its own (drought, and 0.3 in log-odds from 2024 on),
    which nobody knows in advance. Villages: the fitted ratios rank like the true mean PD of the village's notes.
    """
    truth = pd.read_parquet(sample_folder / "truth" / "performance.parquet")
    means = []
    for day in ("2021-12-31", "2022-12-31", "2023-12-31"):
        model = hazard_model(sample_book, until=day)
        got = model.predict_households(sample_book, day).set_index("household_id")["pd"]
        true = truth[truth["as_of"] == day].set_index("household_id")["pd"]
        both = got.index.intersection(true.index)
        means.append((got.loc[both].mean(), true.loc[both].mean()))
        assert 0.65 < means[-1][0] / means[-1][1] < 1.5
    total = np.array(means).mean(axis=0)
    assert total[0] == pytest.approx(total[1], rel=0.1)
    notes = pd.read_parquet(sample_folder / "truth" / "notes.parquet").set_index("note_id")["pd"]
    by_village = (
        sample_book.notes.assign(true=sample_book.notes["note_id"].map(notes)).groupby("village_id")["true"].mean()
    )
    villages = hazard_model(sample_book).villages.set_index("village_id")["ratio"]
    ranks = pd.concat([villages, by_village], axis=1).dropna().corr("spearman").iloc[0, 1]
    assert ranks > 0.5


def test_rare_levels_share_one_and_columns_that_say_nothing_new_are_left_out(sample_book) -> None:
    model = hazard_model(sample_book, until="2023-12-31")
    levels = model.levels
    few = levels[(levels["events"] < 10) & (levels["kind"] != "")]
    assert few["level"].str.startswith("other plans").all()
    dropped = model.tidy().query("reason != ''")
    assert dropped["level"].tolist() == ["startup"] and np.isnan(dropped["estimate"].iloc[0])


def test_numbers_as_covariates_by_note(simulated) -> None:
    book = simulated["book"]
    score = pd.DataFrame({"score": np.log(simulated["factor"])}, index=book.notes["note_id"])
    table = hazard_model(book, covariates=score).tidy().set_index("term")
    # the whole risk is in the score now: its slope is its standard deviation
    assert table.loc["score", "estimate"] == pytest.approx(
        float(score["score"].std()), abs=4 * table.loc["score", "se"]
    )


def test_a_village_and_a_plan_never_seen_have_the_average(simulated) -> None:
    model = hazard_model(simulated["book"], covariates=["product"])
    homes = pd.DataFrame({"household_id": ["H1"], "village_id": ["new"]})
    for plan in ("monthly_interest", "unheard of"):
        book = made.book(
            [made.note("N1", granted="2023-12-10", due="2024-12-10", plan=plan, product="?")],
            made.months("N1", "2023-12", [0]),
            homes,
        )
        row = model.predict(book, "2023-12-31").iloc[0]
        assert 0.01 < row["lo"] < row["pd"] < row["hi"] < 0.5


def test_wrong_calls_are_refused(simulated) -> None:
    book = simulated["book"]
    with pytest.raises(InputError, match="a window by maturity"):
        hazard_model(book, bad=Bad(window="12m"))
    with pytest.raises(InputError, match="at least one bad note"):
        hazard_model(book, until="2020-03-31")
    with pytest.raises(InputError, match="the column 'colour'"):
        hazard_model(book, covariates=["colour"])
    with pytest.raises(InputError, match="no note that matches"):
        hazard_model(book, covariates=pd.DataFrame({"x": [1.0]}, index=["?"]))
    with pytest.raises(InputError, match="months from 1 on"):
        hazard_model(book, covariates=[]).predict(book, "2022-12-31", horizon=0)
