"""The loan book's own report: every analysis of `creditlab.loans` in reading order, and the folder that it becomes.

It begins with the reconciliation to the ledger, because every later figure inherits what differs there. What a county's
tables do not allow is left out with its reason; nothing else is hidden.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from creditlab import loans
from creditlab.checks import check_one_of
from creditlab.config import StudyConfig
from creditlab.data import County
from creditlab.errors import CreditlabError, InputError, message
from creditlab.files import whole_folder, write_json, write_text
from creditlab.loans import LoanBook, Policy
from creditlab.loans.book import month_ends
from creditlab.loans.classes import NPL
from creditlab.loans.matrices import Transitions
from creditlab.loans.shares import LEVEL
from creditlab.results import Result, Stamp
from creditlab.study.observation import observation_dates
from creditlab.study.outcome import write_table
from creditlab.study.steps import Progress

#: part → what it is called while it is made
PARTS: Mapping[str, tuple[str, str]] = {
    "reconciliation": ("与总账核对", "reconcile to the ledger"),
    "structure": ("台账结构", "structure of the book"),
    "renewals": ("续贷", "renewals"),
    "extensions": ("展期", "extensions"),
    "classification": ("五级分类", "five-class classification"),
    "ratios": ("不良率", "NPL ratios"),
    "ratios_by_product": ("不良率（产品）", "NPL ratios by product"),
    "ratios_by_village": ("不良率（村）", "NPL ratios by village"),
    "migration": ("迁徙率", "migration rates"),
    "flow": ("不良变动", "flow of non-performing loans"),
    "indicators": ("监管指标", "indicators side by side"),
    "transitions": ("状态转移", "transitions"),
    "transitions_by_product": ("状态转移（产品）", "transitions by product"),
    "transitions_by_channel": ("状态转移（渠道）", "transitions by channel"),
    "transitions_by_cohort": ("状态转移（放款年）", "transitions by cohort"),
    "roll_rates": ("滚动率", "roll rates"),
    "roll_rates_by_channel": ("滚动率（渠道）", "roll rates by channel"),
    "roll_rates_by_cohort": ("滚动率（放款年）", "roll rates by cohort"),
    "roll_rates_by_village": ("滚动率（村）", "roll rates by village"),
    "class_transitions": ("分类转移", "transitions of classes"),
    "village_transitions": ("村级状态转移（收缩）", "village transitions, shrunken"),
    "movement": ("迁移矩阵统计量", "migration statistics"),
    "generator": ("转移强度", "generator"),
    "reached": ("不良累计概率", "chance of NPL by month"),
    "vintages": ("账龄曲线", "vintage curves"),
    "vintages_by_plan": ("账龄曲线（还款方式）", "vintage curves by plan"),
    "vintages_by_product": ("账龄曲线（产品）", "vintage curves by product"),
    "vintages_by_channel": ("账龄曲线（渠道）", "vintage curves by channel"),
    "vintages_by_village": ("账龄曲线（村）", "vintage curves by village"),
    "calendar": ("农时日历", "agricultural calendar"),
    "comparable": ("可比逾期率", "comparable arrears"),
    "definition": ("坏的定义", "definition of bad"),
    "sample": ("好坏样本", "good/bad sample"),
    "hazard": ("风险率模型", "hazard model"),
    "recoveries": ("清收", "recoveries"),
    "recoveries_by_guarantee": ("清收（担保方式）", "recoveries by guarantee"),
    "expected_loss": ("预期损失", "expected loss"),
    "enforcement": ("执行", "enforcement"),
    "enforcement_by_court": ("执行（法院）", "enforcement by court"),
    "enforcement_by_village": ("执行（村）", "enforcement by village"),
    "channels": ("申请渠道", "channels"),
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class LoanStudy(Result):
    """Everything about a loan book. `parts` holds the results by name; `absent` says why a part is missing.

    Its table lists the parts: part zh en made reason.
    """

    title: ClassVar[str] = "The loan book 信贷台账"

    name: str
    parts: Mapping[str, Result]
    absent: Mapping[str, str]
    findings: pd.DataFrame
    level: float = LEVEL
    lang: str = "zh"
    edition: str = "internal"

    def __getitem__(self, name: str) -> Result:
        check_one_of(name, tuple(PARTS), "part of the loan study")
        if name in self.absent:
            raise InputError(message(f"the part '{name}'", "none", "loan study", self.absent[name]))
        return self.parts[name]

    def document(self) -> Any:
        """The report as a document."""
        from creditlab.report import loan_document

        return loan_document(self)

    def write(self, out: str | os.PathLike[str], also: Sequence[str] = ()) -> Path:
        """Write report.html, report.json and the tables as Parquet and CSV; whole or not at all.

        `also` may name 'xlsx' and 'docx': the report as a workbook and as a Word document beside the page.
        """
        from creditlab.report import render
        from creditlab.report.office import write_office

        document = self.document()
        with whole_folder(out) as folder:
            write_office(document, folder, also)
            write_text(folder / "report.html", render(document))
            write_json(folder / "report.json", document.to_dict())
            for name, frame in self.tables().items():
                write_table(folder, name, frame)
        return Path(out) / "report.html"

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables to write: all of them, or in the external edition those of the whole bank."""
        named = {name: part.tidy() for name, part in self.parts.items() if name != "sample"}
        if "sample" in self.parts and self.edition == "internal":
            named["sample"] = self.parts["sample"].tidy()
        if self.edition == "external":
            named = {name: frame for name, frame in named.items() if name in _EXTERNAL}
        return {**named, "findings": self.findings}


#: tables of the whole bank, without villages, persons or small groups
_EXTERNAL = (
    "reconciliation", "classification", "indicators", "ratios", "migration", "flow", "transitions",
    "calendar", "definition",
)  # fmt: skip


def loan_study(
    county: Any,
    *,
    name: str = "",
    as_of: Any = None,
    policy: Policy | None = None,
    level: float = LEVEL,
    seed: int = 0,
    lang: str = "zh",
    edition: str = "internal",
    progress: Progress | None = None,
) -> LoanStudy:
    """Study a loan book from the reconciliation to the recoveries.

    Parameters
    ----------
    county : a `County` or a mapping of frames; loans and loan_months are needed, the rest is used where it is there.
    name : what the report is called.
    as_of : last observation date of the sample and of the hazard's expected loss; by default the end of the book less
        18 months.
    policy : which classification rule holds when.
    level, seed : of all intervals, and of the resampling.
    lang, edition : 'zh' or 'en' shown first; 'external' suppresses small cells.
    progress : called with the name of each step.

    Raises
    ------
    InputError : the tables loans or loan_months are missing or cannot be used.
    """
    # a household of a village that merged or split counts where it belongs today, as in the study of the county
    county = county.in_villages_of(county.last_known()) if isinstance(county, County) else county
    check_one_of(lang, ("zh", "en"), "lang")
    check_one_of(edition, ("internal", "external"), "edition")
    book = loans.loan_book(county)
    maker = _Maker(county, book, as_of, policy or Policy(), level, seed)
    for part, (zh, en) in PARTS.items():
        if progress is not None:
            progress(zh, en)
        maker.make(part)
    table = pd.DataFrame(
        [{"part": p, "zh": zh, "en": en, "made": p in maker.parts, "reason": maker.absent.get(p, "")}
         for p, (zh, en) in PARTS.items()]
    )  # fmt: skip
    return LoanStudy(
        name=name,
        table=table,
        parts=maker.parts,
        absent=maker.absent,
        findings=maker.findings(),
        level=level,
        lang=lang,
        edition=edition,
        stamp=Stamp(inputs=book.digest, spec=Stamp.of([], {"level": level, "as_of": str(as_of)}).spec, seed=seed),
        facts={
            "notes": len(book.notes),
            "loan-months": len(book.months),
            "parts made": len(maker.parts),
            "parts absent": len(maker.absent),
        },
    )


class _Maker:
    """The parts, made one after the other; some need earlier ones."""

    def __init__(self, county: Any, book: LoanBook, as_of: Any, policy: Policy, level: float, seed: int) -> None:
        self.county, self.book, self.policy, self.level, self.seed = county, book, policy, level, seed
        self.as_of = as_of
        self.parts: dict[str, Result] = {}
        self.absent: dict[str, str] = {}

    def make(self, part: str) -> None:
        """Make a part; one that these tables do not allow is absent, with the message that says why."""
        try:
            found = self._calls()[part]()
        except CreditlabError as error:
            self.absent[part] = str(error)
            return
        if found.tidy().empty:
            self.absent[part] = "表中没有可用的行 no row of the tables serves it"
        else:
            self.parts[part] = found

    def part(self, name: str) -> Any:
        """An earlier part that this one needs."""
        if name not in self.parts:
            raise InputError(
                message(f"the part '{name}'", "none", "loan study", self.absent.get(name, "Make it first."))
            )
        return self.parts[name]

    def dates(self) -> list[str]:
        return observation_dates(month_ends([self.book.first, self.book.last]), StudyConfig(as_of=self.as_of))

    def findings(self) -> pd.DataFrame:
        """What was imperfect, from the book and from the parts that look for it."""
        frames = [self.book.findings]
        for part in ("reconciliation", "structure", "classification"):
            if part in self.parts:
                frames.append(self.part(part).findings)
        return pd.concat(frames, ignore_index=True)

    def _calls(self) -> dict[str, Callable[[], Result]]:
        book, level = self.book, self.level
        return {
            "reconciliation": lambda: loans.reconcile(self.county),
            "structure": lambda: loans.book_structure(book),
            "renewals": lambda: loans.renewals(book, level=level),
            "extensions": lambda: loans.extensions(book, level=level),
            "classification": self._classification,
            "ratios": lambda: loans.npl_ratios(book, level=level),
            "ratios_by_product": lambda: loans.npl_ratios(book, "product", level=level),
            "ratios_by_village": lambda: loans.npl_ratios(book, "village_id", level=level),
            "migration": lambda: loans.migration(book, level=level),
            "flow": lambda: loans.npl_flow(book, level=level),
            "indicators": lambda: loans.indicators(self.part("ratios"), self.part("migration"), self.part("flow")),
            "transitions": lambda: loans.transitions(book, level=level),
            "transitions_by_product": lambda: loans.transitions(book, "product", level=level),
            "transitions_by_channel": lambda: loans.transitions(book, "channel", level=level),
            "transitions_by_cohort": lambda: loans.transitions(book, "cohort_year", level=level),
            "roll_rates": lambda: loans.roll_rates(self.part("transitions_by_product")),
            "roll_rates_by_channel": lambda: loans.roll_rates(self.part("transitions_by_channel")),
            "roll_rates_by_cohort": lambda: loans.roll_rates(self.part("transitions_by_cohort")),
            "roll_rates_by_village": lambda: loans.roll_rates(self._by_village()),
            "class_transitions": lambda: loans.transitions(book, states="class5", level=level),
            "village_transitions": lambda: loans.shrink(self._by_village()),
            "movement": self._movement,
            "generator": lambda: loans.generator(self._classes_by_village(), level=level),
            "reached": lambda: self.part("generator").reached((*NPL, "written_off")),
            "vintages": lambda: loans.vintage_curves(book, cohort="cohort_year", level=level),
            "vintages_by_plan": lambda: self._vintages("plan", clock="due", longest=12),
            "vintages_by_product": lambda: self._vintages("product"),
            "vintages_by_channel": lambda: self._vintages("channel"),
            "vintages_by_village": lambda: self._vintages("village_id", longest=24),
            "calendar": lambda: loans.calendar(book, level=level),
            "comparable": lambda: loans.comparable_arrears(book, level=level),
            "definition": lambda: loans.definition_lab(book, self.dates(), level=level),
            "sample": self._sample,
            "hazard": lambda: loans.hazard_model(book, level=level),
            "recoveries": lambda: loans.recoveries(book, level=level, seed=self.seed),
            "recoveries_by_guarantee": lambda: loans.recoveries(book, "guarantee", level=level, seed=self.seed),
            "expected_loss": self._expected_loss,
            "enforcement": lambda: loans.enforcement(self.county, level=level),
            "enforcement_by_court": lambda: loans.enforcement(self.county, "court", level=level),
            "enforcement_by_village": lambda: loans.enforcement(self.county, "village_id", level=level),
            "channels": lambda: loans.channel_funnel(self.county, level=level),
        }

    def _classification(self) -> Result:
        return loans.classify(self.book, self.policy, refinanced=self.part("renewals").refinanced)

    def _by_village(self) -> Transitions:
        return loans.transitions(self.book, "village_id", level=self.level)

    def _vintages(self, by: str, **settings: Any) -> Result:
        return loans.vintage_curves(self.book, by, cohort="cohort_year", level=self.level, **settings)

    def _sample(self) -> Result:
        """By the definition that the laboratory recommends; by the usual one where it recommends none."""
        bad = self.part("definition").choice if "definition" in self.parts else None
        return loans.performance_sample(self.book, self.dates(), bad, seed=self.seed)

    def _movement(self) -> Result:
        """Of the five classes from month to month, without exits."""
        return loans.migration_statistics(self._classes_by_village(), level=self.level)

    def _classes_by_village(self) -> Transitions:
        """Intervals of the generator and the statistics are as wide as the villages differ."""
        return loans.transitions(self.book, "village_id", states="class5", level=self.level)

    def _expected_loss(self) -> Result:
        day = month_ends([self.book.last])[0]
        by_guarantee = "recoveries_by_guarantee" in self.parts
        losses = self.part("recoveries_by_guarantee" if by_guarantee else "recoveries")
        return loans.expected_loss(self.part("hazard"), losses, self.book, day)
