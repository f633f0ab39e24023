"""One household's score becomes the letter that explains the decision on it.

It asks the card for reasons and for the smallest change that would reach the line, in both languages, and hands them to
`creditlab.report.letter`. Features that speak of other persons (guarantors) are not told.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from creditlab.checks import check_columns
from creditlab.data import read_table
from creditlab.data.schema import TABLES
from creditlab.errors import ColumnError, InputError, UnreadableError, message
from creditlab.plots.words import Text
from creditlab.report.letter import Contact, DecisionLetter, Reason
from creditlab.results import digest
from creditlab.scorecard import Scorecard
from creditlab.scorecard.counterfactual import declared_ways
from creditlab.scorecard.telling import BASELINES
from creditlab.study.models import load

#: tables whose features speak of other persons too
OTHERS = ("guarantees",)


def decision_letter(
    card: Scorecard,
    X: pd.DataFrame,
    household: Any,
    *,
    cutoff: float,
    contact: Contact | Mapping[str, Any],
    decided_on: Any,
    decision: str | None = None,
    automated: bool = True,
    product: Text | tuple[str, str] = ("贷款", "a loan"),
    k: int = 4,
    baseline: str = "cutoff",
    reference: pd.DataFrame | None = None,
    hide: Collection[str] = (),
    permitted: Iterable[str] | Mapping[str, str] | None = None,
) -> DecisionLetter:
    """The letter that explains the decision on one household.

    Parameters
    ----------
    card : a fitted card.
    X : raw rows with the households in the index; only the row of `household` is read.
    household : which row; printed as the reference, so it must be a pseudonym.
    cutoff : points to reach.
    contact : whom the household can turn to, a `Contact` or its settings (bank, office, phone, address, hours, days).
    decided_on : date of the decision.
    decision : 'approved', 'declined' or 'referred'; None follows the line.
    automated : whether the system decided alone.
    product : what was applied for, in both languages.
    k : reasons at most. baseline, reference : what they are measured against, see `Scorecard.reasons`.
    hide : further features that may not be told.
    permitted : features that the household can change; None takes the actions that the dictionary declares.

    Raises
    ------
    ColumnError : the household is not in the index. InputError : it is there more than once, or an argument is wrong.
    """
    row = _row(X, household)
    labels = card.result_.labels
    hidden = {*hide, *(n for n in labels if labels[n].source in OTHERS or not labels[n].told)}
    settings: dict[str, Any] = {"baseline": baseline, "cutoff": cutoff, "reference": reference, "hide": hidden}
    told = {lang: card.reason_details(row, k, lang, **settings) for lang in ("zh", "en")}
    points = int(card.points(row).iloc[0])
    way = _permitted(card, permitted, hidden)
    changes = {lang: card.counterfactual(row, cutoff, permitted=way, lang=lang) for lang in ("zh", "en")}
    low, high = _ends(card)
    return DecisionLetter(
        contact=contact if isinstance(contact, Contact) else Contact.of(contact),
        household=str(household),
        product=product if isinstance(product, Text) else Text(*product),
        decided_on=decided_on,
        decision=decision or ("approved" if points >= cutoff else "declined"),
        automated=automated,
        points=points,
        cutoff=cutoff,
        low=low,
        high=high,
        baseline=Text(*BASELINES[baseline]),
        reasons=_reasons(told),
        changes=_changes(card, changes),
        reachable=bool(changes["en"]["reachable"].all()),
        sources=_sources(card),
        with_village=any(labels[n].level == "village" for n in card.result_.features if n in labels),
        model=digest(card.to_dict()),
    )


def letter_of_table(
    model: str | Path, table: str | Path, *, id: str, household: str, contact: str | Path, **more: Any
) -> DecisionLetter:
    """The letter for one row of a file, with the contact from a TOML file; what the command line calls.

    Parameters
    ----------
    model : model.json of a scorecard. table : a file with its columns and the column `id` of pseudonyms.
    more : as in `decision_letter`.
    """
    card = load(model)
    if not isinstance(card, Scorecard):
        came = type(card).__name__
        raise InputError(message("a scorecard", came, str(model), "Reasons and changes of a letter come from a card."))
    frame = read_table(table)
    check_columns(frame, [id], str(table))
    try:
        settings = tomllib.loads(Path(contact).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableError(message("a TOML file", reason, str(contact), "Check the path and the syntax.")) from None
    X = frame.drop(columns=id).set_axis(pd.Index(frame[id].astype("str")), axis=0)
    return decision_letter(card, X, household, contact=settings, **more)


def _row(X: pd.DataFrame, household: Any) -> pd.DataFrame:
    found = X.index == household
    if not found.any():
        raise ColumnError(message("a household of the index", repr(household), "X", "Check the pseudonym."))
    if found.sum() > 1:
        raise InputError(message("one row", f"{int(found.sum())} rows", f"household {household}", "Choose one date."))
    return X[found]


def _permitted(card: Scorecard, permitted: Any, hidden: set[str]) -> Any:
    if permitted is not None:
        return permitted
    return {name: way for name, way in declared_ways(card.result_).items() if name not in hidden}


def _ends(card: Scorecard) -> tuple[float, float]:
    """The lowest and the highest points that the card can give."""
    once, points = card.result_.integer_points()
    return once + sum(int(p.min()) for p in points.values()), once + sum(int(p.max()) for p in points.values())


def _reasons(told: Mapping[str, pd.DataFrame]) -> list[Reason]:
    rows = zip(told["zh"]["reason"], told["en"]["reason"], told["en"]["loss"], strict=True)
    return [Reason(Text(in_words(zh, "zh"), in_words(en, "en")), round(float(loss))) for zh, en, loss in rows]


def _changes(card: Scorecard, changes: Mapping[str, pd.DataFrame]) -> list[Reason]:
    listed = []
    for zh, en in zip(changes["zh"].itertuples(), changes["en"].itertuples(), strict=True):
        if not en.reachable:
            return []
        labels = card.result_.labels
        name = (
            (labels.label(en.feature, "zh"), labels.label(en.feature, "en"))
            if en.feature in labels
            else (en.feature,) * 2
        )
        sentence = Text(
            f"{name[0]}：由「{zh.from_bin}」变为「{zh.to_bin}」（加 {en.gain:.0f} 分）",
            f"{name[1]}: from '{en.from_bin}' to '{en.to_bin}' ({en.gain:.0f} points more)",
        )
        words = Text(in_words(sentence.zh, "zh"), in_words(sentence.en, "en"))
        listed.append(Reason(words, round(float(en.gain))))
    return listed


#: how a bin is written on the card, and how a letter says it: zh, en
RANGES = (
    (re.compile(r"\[([^\s,\]]+), ([^\s)]+)\)"), (r"\1 至不足 \2", r"\1 to under \2")),
    (re.compile(r"(?<![<>=])< ?(-?[\d.,e+]+)"), (r"不足 \1", r"under \1")),
    (re.compile(r"≥ ?(-?[\d.,e+]+)"), (r"\1 及以上", r"\1 or more")),
)


def in_words(sentence: str, lang: str) -> str:
    """The sentence with the ranges of bins in words.

    >>> in_words("deposit: [1560, 2310)", "en"), in_words("逾期月数：≥ 4", "zh")
    ('deposit: 1560 to under 2310', '逾期月数：4 及以上')
    """
    for found, (zh, en) in RANGES:
        sentence = found.sub(zh if lang == "zh" else en, sentence)
    return sentence


def _sources(card: Scorecard) -> list[Text]:
    """Whose data the card reads, in the order of its features; undeclared columns are named as they are."""
    labels, seen = card.result_.labels, dict[str, Text]()
    for name in card.result_.features:
        source = labels[name].source if name in labels else ""
        if source in TABLES:
            seen.setdefault(source, Text(TABLES[source].zh, TABLES[source].en))
        else:
            seen.setdefault(source or name, Text.same(source or name))
    return list(seen.values())
