"""What a record is worth: against a known truth, and nothing for a source that tells nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from creditlab.columns import Column, Dictionary
from creditlab.errors import InputError
from creditlab.features import MISSING_CODES
from creditlab.results import Stamp
from creditlab.study.crossfit import MODEL, CrossFit
from creditlab.study.frame import ModellingFrame
from creditlab.study.worth import implied_gain, source_worth

N = 20_000


def made(seed: int = 0, n: int = N) -> tuple[CrossFit, ModellingFrame]:
    """A card that tells the truth: outcomes are drawn from its log-odds; 'noise' moves scores and tells nothing."""
    rng = np.random.default_rng(seed)
    parts = {"debt": rng.choice([-1.0, 1.0], n), "crops": rng.normal(0, 0.7, n), "noise": rng.normal(0, 0.5, n)}
    bad = rng.random(n) < expit(-2 + parts["debt"] + parts["crops"])
    contributions = pd.DataFrame(parts).assign(**{MODEL: 0.0})
    features = pd.DataFrame(parts)
    features.loc[: n // 10, "debt"] = MISSING_CODES["not_authorised"]
    table = pd.DataFrame(
        {"bad": bad.astype(int), "village_id": rng.integers(0, 100, n).astype(str),
         "household_id": [f"H{i // 2}" for i in range(n)],
         "as_of": pd.to_datetime(np.where(np.arange(n) % 2, "2023-12-31", "2022-12-31"))}
    )  # fmt: skip
    sources = {"debt": "credit_reports", "crops": "agriculture", "noise": "third_party"}
    dictionary = Dictionary.of(Column(name, source=source) for name, source in sources.items())
    frame = ModellingFrame(table=table, features=features, dictionary=dictionary, special={}, card="behaviour",
                           stamp=Stamp.of(features, {}), facts={})  # fmt: skip
    prob = pd.Series(expit(-2 + contributions.sum(axis=1)))
    return CrossFit(prob=prob, contributions=contributions, raw=prob), frame


def test_the_implied_gain_is_the_mutual_information() -> None:
    """Against the definition for a record of two values: H(p) - (H(p1) + H(p2)) / 2."""

    def entropy(p: float) -> float:
        return float(-p * np.log(p) - (1 - p) * np.log(1 - p))

    one, two = expit(-2.0 - 1), expit(-2.0 + 1)
    expected = entropy((one + two) / 2) - (entropy(one) + entropy(two)) / 2
    assert implied_gain(np.array([-2.0]), np.array([-1.0, 1.0] * 50))[0] == pytest.approx(expected, rel=1e-12)


def test_a_card_that_tells_the_truth_realises_what_it_promises_and_noise_gains_nothing() -> None:
    rows = source_worth(*made()).tidy().set_index("source")
    for source in ("credit_reports", "agriculture"):
        row = rows.loc[source]
        assert row["gain_lo"] > 0 and row["auc_gain_lo"] > 0
        # the noise in the card's score takes a little of what the source would give
        assert 0.6 < row["realised"] < 1.1
    noise = rows.loc["third_party"]
    assert noise["gain_lo"] <= 0 and noise["auc_gain_hi"] < 0.002  # the score is worse for it


def test_only_borrowers_whose_record_is_there_are_counted() -> None:
    rows = source_worth(*made()).tidy().set_index("source")
    assert rows.loc["credit_reports", "rows"] == N - N // 10 - 1
    assert rows.loc["agriculture", "rows"] == N


def test_intervals_cover_the_gain_over_worlds() -> None:
    """Ninety intervals of a hundred should hold the mean of all; of twenty worlds fourteen is far below that."""
    found = pd.concat([source_worth(*made(seed, 3000)).tidy() for seed in range(20)])
    debt = found[found["source"] == "credit_reports"]
    truth = debt["gain"].mean()
    assert ((debt["gain_lo"] <= truth) & (truth <= debt["gain_hi"])).sum() >= 15


def test_too_few_bads_are_not_estimable_with_a_reason() -> None:
    fit, frame = made(n=300)
    few = frame.table.assign(bad=(np.arange(300) < 5).astype(int))
    table = source_worth(fit, ModellingFrame(**{**vars(frame), "table": few})).tidy()
    assert table["gain"].isna().all() and table["reason"].str.contains("fewer than").all()


def test_a_fit_without_contributions_is_refused() -> None:
    fit, frame = made(n=300)
    with pytest.raises(InputError, match="contributions of the rows of the frame"):
        source_worth(CrossFit(fit.prob, None, fit.raw), frame)
