"""A letter that explains one decision to the household it concerns: two printed pages, in both languages.

It answers the four questions that the Personal Information Protection Law gives a person a right to ask (Art. 24, 44,
48): what was decided, why, what would change it, and where to object to a decision made by automated means alone. It
holds that household's own data and nobody else's. Build a `DecisionLetter`, or call `creditlab.decision_letter`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from creditlab.checks import check_date, check_one_of
from creditlab.errors import InputError, message
from creditlab.files import write_text
from creditlab.plots import theme
from creditlab.plots.words import Text
from creditlab.report.page import page_asset, page_environment
from creditlab.results import plain

__all__ = ["DECISIONS", "Contact", "DecisionLetter", "Reason", "render_letter"]

#: what can be decided, and the sentence that says so
DECISIONS: Mapping[str, tuple[Text, Text]] = {
    "approved": (Text("同意", "approved"), Text("您的申请已获同意。", "Your application has been approved.")),
    "declined": (
        Text("暂不同意", "declined"),
        Text("您的申请本次未获同意。", "Your application has not been approved this time."),
    ),
    "referred": (
        Text("转人工审核", "referred to a person"),
        Text(
            "您的申请已转由工作人员审核，尚未作出决定。",
            "Your application is with a member of staff; nothing has been decided yet.",
        ),
    ),
}
#: pixels of the line that shows score and cut-off
WIDTH = 420


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Whom the household can turn to.

    Parameters
    ----------
    bank, office : names. phone, address, hours : as printed. days : days within which an objection is answered.
    """

    bank: Text
    office: Text
    phone: str
    address: Text
    hours: Text
    days: int = 15

    def __post_init__(self) -> None:
        if isinstance(self.days, bool) or not isinstance(self.days, int) or self.days < 1:
            raise InputError(message("a whole number of days", repr(self.days), "days of a Contact", "Such as 15."))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Contact:
        """A contact from plain settings: texts are a string, or a mapping {zh, en}.

        Raises
        ------
        InputError : a setting is missing or unknown.
        """
        names = ("bank", "office", "phone", "address", "hours", "days")
        unknown = sorted(set(settings) - set(names))
        missing = [name for name in names[:-1] if name not in settings]
        if unknown or missing:
            came = f"missing {missing}, unknown {unknown}"
            raise InputError(message(f"the settings {', '.join(names)}", came, "contact", "Fill them in."))
        texts = {name: _text(settings[name]) for name in ("bank", "office", "address", "hours")}
        return cls(phone=str(settings["phone"]), days=settings.get("days", 15), **texts)


def _text(value: Any) -> Text:
    return Text(str(value["zh"]), str(value["en"])) if isinstance(value, Mapping) else Text.same(value)


@dataclass(frozen=True)
class Reason:
    """A reason, or something that would change the outcome: its sentence, and how many points it is worth."""

    sentence: Text
    points: int


@dataclass(frozen=True, kw_only=True)
class DecisionLetter:
    """One decision, explained.

    Parameters
    ----------
    contact : the bank, and where to object.
    household : the pseudonym or reference number of the household.
    product : what was applied for.
    decided_on : date of the decision. decision : one of DECISIONS. automated : nobody but the system decided.
    points, cutoff, low, high : the score, the line, and the ends of the scale.
    baseline : what the reasons are measured against.
    reasons : what cost most points, the first first.
    changes : the smallest change within the household's reach that would lift the score to the line; empty where there
        is none or none is needed.
    reachable : whether `changes` suffice.
    sources : whose data about the household were used. with_village : whether facts of the village count too.
    model : digest of the model.
    """

    contact: Contact
    household: str
    product: Text
    decided_on: str
    decision: str
    automated: bool
    points: int
    cutoff: float
    low: float
    high: float
    baseline: Text
    reasons: Sequence[Reason]
    changes: Sequence[Reason]
    reachable: bool
    sources: Sequence[Text]
    with_village: bool
    model: str

    def __post_init__(self) -> None:
        check_one_of(self.decision, tuple(DECISIONS), "decision of a letter")
        object.__setattr__(self, "decided_on", str(check_date(self.decided_on, "decided_on").date()))
        if not self.low < self.high:
            came = f"{self.low} to {self.high}"
            raise InputError(message("a scale that goes up", came, "low and high of a letter", "Give both ends."))

    def to_dict(self) -> dict[str, Any]:
        """All that the letter says in JSON types."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}

    def to_html(self, path: str | PathLike[str], lang: str = "zh") -> None:
        """Write the letter: one file that opens offline, `lang` shown first."""
        write_text(path, render_letter(self, lang))

    def _repr_html_(self) -> str:
        from html import escape

        page = escape(render_letter(self), quote=True)
        return f'<iframe sandbox style="width:100%;height:760px;border:1px solid #d5dae1" srcdoc="{page}"></iframe>'


def render_letter(letter: DecisionLetter, lang: str = "zh") -> str:
    """The letter as the text of one HTML file; both languages are in it, `lang` is shown first and printed.

    Raises
    ------
    InputError : the language is unknown.
    """
    decision, sentence = DECISIONS[letter.decision]

    def place(value: float) -> float:
        inside = min(max(value, letter.low), letter.high)
        return round(WIDTH * (inside - letter.low) / (letter.high - letter.low), 1)

    return (
        page_environment()
        .get_template("letter.html.j2")
        .render(
            letter=letter,
            lang=check_one_of(lang, ("zh", "en"), "lang of render_letter"),
            decision=decision,
            sentence=sentence,
            place=place,
            width=WIDTH,
            colours={name: pair[0] for name, pair in theme.COLOURS.items()},
            style=page_asset("letter.css"),
        )
    )
