"""Renewals: the sound ones are left in peace, those of overdue notes are found, declared or not."""

from __future__ import annotations

import pandas as pd
import pytest

from creditlab.loans import classify, renewals
from creditlab.loans.book import LoanBook
from tests.loans import made


def _book() -> LoanBook:
    def pair(name: str, old: list[int], **new: object) -> tuple[list[dict], list[dict]]:
        home = f"H-{name}"
        notes = [
            made.note(f"{name}-old", home, granted="2023-01-20", due="2023-12-20"),
            made.note(f"{name}-new", home, granted="2023-12-20", due="2024-12-20", **new),
        ]
        rows = [*made.months(f"{name}-old", "2023-01", old), *made.months(f"{name}-new", "2023-12", [0] * 8)]
        return notes, rows

    sound, after = [0] * 11, [0] * 8 + [20, 0, 0]
    troubled, silent = [0] * 10 + [40], [0] * 10 + [40]
    parts = [
        pair("sound", sound, renewed_from="sound-old"),
        pair("after", after, renewed_from="after-old"),
        pair("hidden", troubled, renewed_from="hidden-old"),
        pair("silent", silent),
        pair("small", silent, amount=50.0),
        pair("fresh", sound),
    ]
    return made.book([n for notes, _ in parts for n in notes], [r for _, rows in parts for r in rows])


def test_each_kind_is_told_by_the_months_before() -> None:
    kinds = renewals(_book()).tidy().set_index("note_id")["kind"].to_dict()
    assert kinds == {
        "sound-new": "sound", "after-new": "after arrears", "hidden-new": "refinanced", "silent-new": "undeclared",
    }  # fmt: skip


def test_a_renewal_without_repaying_principal_to_a_sound_borrower_is_no_restructuring() -> None:
    """Notice on renewals of loans to small enterprises, NFRA 2024: farm households' business loans are within it."""
    book = _book()
    result = renewals(book)
    assert result.tidy().set_index("note_id").loc["sound-new", "repaid_share"] == 0.0
    assert result.refinanced == ["hidden-new"]
    rows = classify(book, refinanced=result.refinanced).rows
    note = book.notes["note_id"].to_numpy()[book.months["note"].to_numpy()]
    worst = pd.Series(rows["class5"].to_numpy(), index=note).groupby(level=0).max()
    assert worst["sound-new"] == 0 and worst["after-new"] == 0 and worst["hidden-new"] == 1


def test_the_arrears_go_on_counting_through_a_renewal() -> None:
    npl = renewals(_book()).npl.set_index("month_end")
    # 40 days at the end of November, so over 90 from the end of January on
    assert npl["refinanced_balance"].loc["2023-12-31":"2024-02-29"].tolist() == [0.0, 100.0, 100.0]
    assert npl["suspected_balance"].loc["2024-01-31"] == 100.0
    assert npl.loc["2024-01-31", "ratio_with_suspected"] > npl.loc["2024-01-31", "ratio_with_refinanced"] > 0


def test_chains_and_rings_of_references_end() -> None:
    old = {"A": "C", "B": "A", "C": "B", "D": "gone", "E": "C"}
    notes = [made.note(n, f"H{n}", granted=f"2023-0{i}-10", renewed_from=old[n]) for i, n in enumerate("ABCDE", 1)]
    rows = [r for i, n in enumerate("ABCDE", 1) for r in made.months(n, f"2023-0{i}", [0])]
    result = renewals(made.book(notes, rows))
    # A names a younger note, D one that is not there
    assert result.facts["not usable"] == 2
    assert result.tidy().set_index("note_id")["chain"].to_dict() == {"B": 1, "C": 2, "E": 3}


def test_a_book_without_renewals_has_none() -> None:
    result = renewals(made.book([made.note("A")], made.months("A", "2023-01", [0])))
    assert len(result.tidy()) == 0 and result.refinanced == [] and result.by_kind["n"].tolist() == [1]


def test_renewals_after_arrears_hide_more_than_others_in_the_sample_county(sample_book, sample_folder) -> None:
    """Its truth says which renewals hid arrears; most of them showed none, so only a part can be found from the tape.

    72 of 818 declared renewals hide arrears. Those with arrears in the year before must be richer in them than the
    sound ones by more than chance: Fisher's exact test at 1 %.
    """
    from scipy.stats import fisher_exact

    truth = pd.read_parquet(sample_folder / "truth" / "notes.parquet").set_index("note_id")["hidden_arrears"]
    table = renewals(sample_book).tidy()
    declared = table[table["kind"] != "undeclared"]
    hidden = declared["note_id"].map(truth).astype(bool)
    late = declared["worst_before"] > 0
    assert fisher_exact(pd.crosstab(late, hidden), alternative="greater").pvalue < 0.01


def test_the_kinds_add_up(sample_book) -> None:
    result = renewals(sample_book)
    assert result.by_kind["n"].sum() == len(sample_book.notes)
    assert result.by_kind["amount"].sum() == pytest.approx(sample_book.notes["amount"].sum())
