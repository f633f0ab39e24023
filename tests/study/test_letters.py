"""The letter to one household: exact on the card, in both languages, with nobody else's data, safe and on two pages."""

import re

import numpy as np
import pandas as pd
import pytest

import creditlab as cl
from creditlab.cli import main
from creditlab.columns import Column, Dictionary
from creditlab.errors import ColumnError, InputError
from creditlab.report import Contact, render_letter
from creditlab.study import decision_letter
from creditlab.study.letters import in_words
from tests.plots.made import HOSTILE

CONTACT = {
    "bank": {"zh": "示例农商银行", "en": "Example Rural Bank"},
    "office": {"zh": "权益保护岗", "en": "Customer desk"},
    "phone": "0000-1234567",
    "address": "1 Middle Street",
    "hours": {"zh": "周一至周五", "en": "Monday to Friday"},
    "days": 15,
}
LABELS = Dictionary.of(
    [
        Column("late", zh="逾期天数", en="days late", level="household-conduct", source="loan_months", direction=1),
        Column("area", zh="面积", en="area", unit="mu", level="household-origin", source="agriculture"),
        Column("friends", zh="担保人逾期", en="guarantor late", level="household-conduct", source="guarantees"),
        Column("km", zh="距支行", en="distance", level="village", source="villages"),
    ]
)


@pytest.fixture(scope="module")
def book():
    rng = np.random.default_rng(3)
    n = 3000
    X = pd.DataFrame(
        {
            "late": rng.integers(0, 60, n).astype(float),
            "area": rng.gamma(4, 3, n),
            "friends": rng.integers(0, 60, n).astype(float),
            "km": rng.gamma(3, 3, n),
        },
        index=[f"H{i:04d}" for i in range(n)],
    )
    risk = -3 + X["late"] / 25 - X["area"] / 12 + X["friends"] / 30 + X["km"] / 15
    y = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(int)
    return X, y


@pytest.fixture(scope="module")
def card(book):
    return cl.Scorecard(dictionary=LABELS).fit(*book)


def letter(card, X, household, cutoff, **more):
    return decision_letter(card, X, household, cutoff=cutoff, contact=CONTACT, decided_on="2024-05-01", **more)


def test_points_decision_and_reasons_are_those_of_the_card(card, book):
    X, _ = book
    points = card.points(X)
    cutoff = float(points.median())
    for household in (points.idxmin(), points.idxmax()):
        found = letter(card, X, household, cutoff)
        assert found.points == points[household]
        assert found.decision == ("approved" if points[household] >= cutoff else "declined")
        told = card.reason_details(X.loc[[household]], 4, "en", baseline="cutoff", cutoff=cutoff, hide={"friends"})
        assert [r.sentence.en for r in found.reasons] == [in_words(t, "en") for t in told["reason"]]
        assert found.low <= points.min() and points.max() <= found.high


def test_the_changes_lift_the_score_to_the_line_exactly(card, book):
    X, _ = book
    points = card.points(X)
    cutoff = float(points.quantile(0.6))
    below = points[(points < cutoff) & (X["late"] > 30)].index[:12]
    reached = 0
    for household in below:
        found = letter(card, X, household, cutoff)
        if found.reachable:
            reached += 1
            assert found.points + sum(change.points for change in found.changes) >= cutoff
            assert all(change.sentence.en.startswith("days late") for change in found.changes)
        else:
            assert found.changes == []
    assert 0 < reached < len(below)


def test_other_persons_are_not_spoken_of(card, book):
    X, _ = book
    worst = (card.points(X) - X["friends"]).idxmin()
    found = letter(card, X, worst, 600.0)
    page = render_letter(found)
    assert "guarantor" not in str([r.sentence for r in [*found.reasons, *found.changes]]) and "担保人" not in page
    assert not re.search("H(?!" + worst[1:] + r")\d{4}", page), "no other household is named"
    other = X.drop(index=worst) * 2
    assert render_letter(letter(card, pd.concat([X.loc[[worst]], other]), worst, 600.0)) == page


def test_two_pages_in_two_languages_that_load_nothing(card, book):
    X, _ = book
    found = letter(card, X, X.index[0], 600.0)
    zh, en = render_letter(found), render_letter(found, "en")
    assert zh.count('<article class="sheet">') == 2 and 'lang="zh-CN"' in zh and '<html lang="en">' in en
    assert "default-src 'none'" in zh and "<script" not in zh and "http" not in zh.replace("http-equiv", "")
    for words in ("第二十四条", "Art. 24", "0000-1234567", "示例农商银行", "2024-05-01"):
        assert words in zh
    assert "public facts of your village" in zh
    assert zh == render_letter(letter(card, X, X.index[0], 600.0))


def test_text_from_outside_is_escaped(card, book):
    X, _ = book
    contact = {**CONTACT, "office": HOSTILE}
    row = X.iloc[[0]].set_axis([HOSTILE])
    page = render_letter(
        decision_letter(
            card, row, HOSTILE, cutoff=600, contact=contact, decided_on="2024-05-01", product=(HOSTILE, "x")
        )
    )
    assert "<script" not in page and "<img" not in page and "&lt;script&gt;" in page


def test_wrong_calls_are_answered_in_words(card, book):
    X, _ = book
    with pytest.raises(ColumnError, match="a household of the index"):
        letter(card, X, "nobody", 600)
    with pytest.raises(InputError, match="one row"):
        letter(card, pd.concat([X.iloc[:1]] * 2), X.index[0], 600)
    with pytest.raises(InputError, match=r"missing \['phone'\], unknown \['telephone'\]"):
        Contact.of({("telephone" if k == "phone" else k): v for k, v in CONTACT.items()})
    with pytest.raises(InputError, match="decision of a letter"):
        letter(card, X, X.index[0], 600, decision="maybe")


def test_the_command_writes_the_letter_whole_or_not_at_all(card, book, tmp_path, capsys):
    X, _ = book
    card.to_json(tmp_path / "model.json")
    X.rename_axis("household").reset_index().to_csv(tmp_path / "rows.csv", index=False, encoding="utf-8")
    lines = ['phone = "1"', 'bank = "b"', 'office = "o"', 'address = "a"', 'hours = "h"']
    (tmp_path / "contact.toml").write_text("\n".join(lines), encoding="utf-8")
    call = ["letter", str(tmp_path / "model.json"), str(tmp_path / "rows.csv"), "--id", "household", "--household"]
    more = ["--cutoff", "600", "--contact", str(tmp_path / "contact.toml"), "--decided-on", "2024-05-01"]
    assert main([*call, "H0007", *more, "--out", str(tmp_path / "letter.html"), "--lang", "en"]) == 0
    assert str(card.points(X.loc[["H0007"]]).iloc[0]) in (tmp_path / "letter.html").read_text(encoding="utf-8")
    assert main([*call, "H9999", *more, "--out", str(tmp_path / "no.html")]) == 2
    assert not (tmp_path / "no.html").exists() and "a household of the index" in capsys.readouterr().err
