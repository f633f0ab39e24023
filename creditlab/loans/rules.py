"""The rules of the five-class classification as versioned, frozen specs, each parameter with what it rests on.

A rule gives floors: the bank may always judge a loan worse. `RULES` holds the Measures of 2023, the guideline of 2007
and the rule for credit cards; `Policy` says which of them holds for which note on which day. A bank with rules of its
own makes them with `dataclasses.replace`.

What could not be read in a primary text is marked 'unverified'; `Rule.parameters()` lists it and the report repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_date, check_one_of
from creditlab.errors import InputError, message
from creditlab.loans.classes import CLASSES

#: how a parameter is known: wording of the article read in a reprint; described by others; neither, or they conflict
EVIDENCE = {
    "reprint": ("条文转载", "wording of the article read in a reprint"),
    "secondary": ("二手资料", "as described by secondary sources"),
    "unverified": ("未核实", "not read in a primary text, or sources conflict"),
    "definition": ("定义", "a definition, no figure of the rule"),
}
Notes = Mapping[str, tuple[str, str]]
_META = ("name", "zh", "en", "in_force", "evidence")


@dataclass(frozen=True)
class Rule:
    """One version of the classification rule.

    Parameters
    ----------
    name, zh, en : what it is called.
    in_force : the day from which it holds for new loans.
    special_mention, substandard, doubtful, loss : the class is at least this one when the days past due are more than
        the number; None where the rule gives no days.
    extended : the floor of a note whose term was extended (展期).
    restructured : the floor of a restructured note (重组) in its observation period.
    restructured_overdue : the floor of a restructured note that is overdue again.
    observation_months : how long a restructured note is observed; one that was non-performing is not classed up in it.
    upgrade_months : months without arrears before a non-performing note may be classed up.
    debtor_share : non-retail only: when more than this share of a debtor's claims at the bank is non-performing, all
        of them are at least substandard.
    elsewhere_share : non-retail only: the same when more than this share of its debt at all banks is over 90 days past
        due.
    debtor_any : non-retail only: the floor of a debtor's claims once any of them is non-performing.
    evidence : parameter → (one of EVIDENCE, the source).

    Raises
    ------
    InputError : for days that do not rise from class to class, an unknown class, or a share outside 0 to 1.

    >>> RULES["2023"].floor([0, 90, 91, 271, 361]).tolist()
    [0, 1, 2, 3, 4]
    >>> "observation_months" in RULES["2023"].unverified
    True
    """

    name: str
    zh: str
    en: str
    in_force: str
    special_mention: int | None = 0
    substandard: int | None = 90
    doubtful: int | None = None
    loss: int | None = None
    extended: str = "normal"
    restructured: str = "special_mention"
    restructured_overdue: str = "special_mention"
    observation_months: int = 0
    upgrade_months: int = 0
    debtor_share: float | None = None
    elsewhere_share: float | None = None
    debtor_any: str = "normal"
    evidence: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self) -> None:
        check_date(self.in_force, "Rule(in_force=...)")
        days = [d for d in self.thresholds if d is not None]
        if (
            not days
            or any(isinstance(d, bool) or not isinstance(d, int) or d < 0 for d in days)
            or days != sorted(days)
        ):
            raise InputError(
                message("days past due that rise from class to class", f"{self.thresholds}", "Rule", "Correct them.")
            )
        for name in ("extended", "restructured", "restructured_overdue", "debtor_any"):
            check_one_of(getattr(self, name), CLASSES, f"Rule({name}=...)")
        for name in ("debtor_share", "elsewhere_share"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise InputError(message("a share between 0 and 1", repr(share), f"Rule({name}=...)", "10 % is 0.1."))
        for _, status, _ in self.evidence:
            check_one_of(status, tuple(EVIDENCE), "evidence of a Rule")

    @property
    def thresholds(self) -> tuple[int | None, ...]:
        """Days past due above which the class is at least special mention, substandard, doubtful, loss."""
        return (self.special_mention, self.substandard, self.doubtful, self.loss)

    @property
    def unverified(self) -> tuple[str, ...]:
        """The parameters that could not be read in a primary text."""
        return tuple(name for name, status, _ in self.evidence if status == "unverified")

    def floor(self, days: Any) -> np.ndarray:
        """The lowest class (code 0 to 4) that the days past due allow."""
        past = np.asarray(days)
        level = np.zeros(past.shape, dtype=np.int8)
        for code, threshold in enumerate(self.thresholds, start=1):
            if threshold is not None:
                level[past > threshold] = code
        return level

    def parameters(self) -> pd.DataFrame:
        """A row per parameter: rule parameter value evidence source, with the words for the evidence."""
        known = {name: (status, source) for name, status, source in self.evidence}
        names = [f.name for f in fields(self) if f.name not in _META]
        rows = []
        for name in names:
            status, source = known.get(name, ("definition", ""))
            zh, en = EVIDENCE[status]
            value = getattr(self, name)
            rows.append(
                {"rule": self.name, "parameter": name, "value": "" if value is None else str(value),
                 "evidence": status, "evidence_zh": zh, "evidence_en": en, "source": source}
            )  # fmt: skip
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """All parameters as JSON types."""
        return {**asdict(self), "evidence": [list(e) for e in self.evidence]}


_MEASURES = (
    "Measures for the Risk Classification of Financial Assets of Commercial Banks, CBIRC and PBoC Order 2023 No. 1"
)
_GUIDELINE = "Guideline on Loan Risk Classification, CBRC [2007] No. 54"
_CARDS = "Measures for the Supervision of Credit Card Business, CBRC Order 2011 No. 2, Art. 92"

RULES: Mapping[str, Rule] = {
    "2023": Rule(
        name="2023",
        zh="2023年办法",
        en="Measures of 2023",
        in_force="2023-07-01",
        special_mention=0,
        substandard=90,
        doubtful=270,
        loss=360,
        extended="special_mention",
        restructured="special_mention",
        restructured_overdue="special_mention",
        observation_months=12,
        upgrade_months=6,
        debtor_share=0.10,
        elsewhere_share=0.20,
        debtor_any="special_mention",
        evidence=(
            ("special_mention", "secondary", f"{_MEASURES}, Art. 10; operational delays of up to 7 days are exempt"),
            ("substandard", "secondary", f"{_MEASURES}, Art. 11"),
            ("doubtful", "secondary", f"{_MEASURES}, Art. 12"),
            ("loss", "secondary", f"{_MEASURES}, Art. 13"),
            ("extended", "unverified",
             f"{_MEASURES}, Art. 17-19: an extension is a restructuring only when the debtor is in financial "
             "difficulty, which a tape does not say; the prudent floor is taken"),
            ("restructured", "secondary", f"{_MEASURES}, Art. 21 (wording read in the draft of April 2019)"),
            ("restructured_overdue", "unverified", "no figure was found; the floor by days past due holds"),
            ("observation_months", "unverified",
             f"{_MEASURES}, Art. 20 as reprinted: two consecutive repayment periods and not less than one year; other "
             "sources say six months, which is the guideline of 2007; the official text was not read"),
            ("upgrade_months", "unverified",
             f"{_MEASURES}, quoted by an examination text: two consecutive repayment periods or six months"),
            ("debtor_share", "reprint", f"{_MEASURES}, Art. 7: non-retail debtors"),
            ("elsewhere_share", "secondary", f"{_MEASURES}, Art. 11: the same non-retail debtor at all banks"),
            ("debtor_any", "secondary", f"{_MEASURES}, Art. 10: the same non-retail debtor"),
        ),
    ),
    "2007": Rule(
        name="2007",
        zh="2007年指引",
        en="guideline of 2007",
        in_force="2007-04-03",
        special_mention=0,
        substandard=90,
        doubtful=None,
        loss=None,
        extended="special_mention",
        restructured="substandard",
        restructured_overdue="doubtful",
        observation_months=6,
        evidence=(
            ("special_mention", "secondary", f"{_GUIDELINE}, Art. 10: principal or interest overdue"),
            ("substandard", "unverified",
             f"{_GUIDELINE}, Art. 11: 'overdue beyond a certain time, interest no longer accrued'; 90 days is usage"),
            ("doubtful", "unverified", f"{_GUIDELINE} gives no days"),
            ("loss", "unverified", f"{_GUIDELINE} gives no days"),
            ("extended", "unverified", f"{_GUIDELINE}: overdue counts after the extension; the prudent floor is taken"),
            ("restructured", "secondary", f"{_GUIDELINE}, Art. 12"),
            ("restructured_overdue", "secondary", f"{_GUIDELINE}, Art. 12"),
            ("observation_months", "secondary", f"{_GUIDELINE}, Art. 12: at least six months"),
        ),
    ),
    "card": Rule(
        name="card",
        zh="信用卡办法",
        en="credit card measures",
        in_force="2011-01-13",
        special_mention=0,
        substandard=90,
        doubtful=120,
        loss=180,
        evidence=tuple((name, "reprint", _CARDS) for name in ("special_mention", "substandard", "doubtful", "loss")),
    ),
}  # fmt: skip

#: the last day on which the book granted before the Measures of 2023 may be under the old rule
LEGACY_LIMIT = "2025-12-31"
_LEGACY = (
    "Measures of 2023, transitional article: assets arisen before 1 July 2023 are reclassified by 31 December 2025"
)


@dataclass(frozen=True)
class Policy:
    """Which rule holds for which note on which day.

    Parameters
    ----------
    old, new, card : the rules of the legacy book, of new loans, of cards.
    reclassified_on : the day from which the legacy book is under the new rule, at latest 2025-12-31.
    cards : products under the card rule.
    non_retail : kinds of borrowers to whom the cross-default tests apply. A farm household is never among them; a
        family farm is counted with its household.

    Raises
    ------
    InputError : a reclassification after 2025-12-31, or 'person' among the non-retail borrowers.

    >>> Policy().reclassified_on
    '2025-12-31'
    """

    old: Rule = RULES["2007"]
    new: Rule = RULES["2023"]
    card: Rule = RULES["card"]
    reclassified_on: str = LEGACY_LIMIT
    cards: tuple[str, ...] = ("credit_card",)
    non_retail: tuple[str, ...] = ("cooperative", "firm", "village_collective")

    def __post_init__(self) -> None:
        day = check_date(self.reclassified_on, "Policy(reclassified_on=...)")
        if day > pd.Timestamp(LEGACY_LIMIT):
            raise InputError(
                message(
                    f"a day no later than {LEGACY_LIMIT}",
                    str(day.date()),
                    "Policy(reclassified_on=...)",
                    "The legacy book must be reclassified by then.",
                )
            )
        object.__setattr__(self, "reclassified_on", str(day.date()))
        if "person" in self.non_retail:
            raise InputError(
                message(
                    "kinds of non-retail borrowers",
                    "'person'",
                    "Policy(non_retail=...)",
                    "The cross-default tests never apply to a household.",
                )
            )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Old, new and card rule, in the order of the codes of `which`."""
        return (self.old, self.new, self.card)

    def which(self, granted_on: Any, product: Any, month_end: Any) -> np.ndarray:
        """The place in `rules` of the rule that holds for each note at each month end.

        >>> Policy().which(["2023-06-30", "2023-07-01", "2023-06-30"], [None] * 3, ["2024-12-31"] * 2 + ["2025-12-31"])
        array([0, 1, 1])
        """
        granted = np.asarray(granted_on, dtype="datetime64[D]")
        ends = np.asarray(month_end, dtype="datetime64[D]")
        new = (granted >= np.datetime64(self.new.in_force)) | (ends >= np.datetime64(self.reclassified_on))
        is_card = np.isin(np.asarray(product, dtype=object), self.cards)
        return np.where(is_card, 2, new.astype(int))

    def parameters(self) -> pd.DataFrame:
        """The parameters of all rules in use, and the transition."""
        transition = {
            "rule": self.new.name,
            "parameter": "reclassified_on",
            "value": self.reclassified_on,
            "evidence": "secondary",
            "evidence_zh": EVIDENCE["secondary"][0],
            "evidence_en": EVIDENCE["secondary"][1],
            "source": _LEGACY,
        }
        return pd.concat([*(r.parameters() for r in self.rules), pd.DataFrame([transition])], ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """All settings as JSON types."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            k: v.to_dict() if isinstance(v, Rule) else list(v) if isinstance(v, tuple) else v for k, v in plain.items()
        }
