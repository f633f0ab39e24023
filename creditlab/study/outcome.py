"""The study's result: everything that was found, frozen, and the folder that it becomes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from creditlab.checks import check_one_of
from creditlab.config import StudyConfig
from creditlab.files import whole_folder, write_json, write_text
from creditlab.results import Result
from creditlab.study.collecting import Collection
from creditlab.study.evidence import FOLDER
from creditlab.study.leakage import LeakHunt
from creditlab.study.why import VillageWhy


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StudyResult(Result):
    """What a study found. `villages` is its table; `plot.funnel()`, `plot.caterpillar()`, `plot.map()` draw it.

    Parameters
    ----------
    name : what was studied, for titles.
    config : the settings, complete: the same settings on the same data give the same bytes.
    unit : what a group is called, (zh, en).
    panel : the village panel.
    sample : the good/bad sample of a county; None for a flat table.
    why : what explains the villages: gaps in parts, officers, criteria, drivers, dynamics; None without groups.
    actions : a row per village that needs attention, with the pattern and what it calls for.
    models : 'card', 'challenger' and, where a policy of columns is declared, 'composition'; all fitted.
    validation : tests by split; explanations : per model; scores : a row per scored household.
    opinion : two models side by side, the quality of explanations, what the card misses, what departments' data are
        worth, by name (see `second_opinion`).
    reconciliation : the book against the bank's control totals; None for a flat table.
    leaks : features that may know the outcome, see `hunt_leaks`.
    collection : coverage, and what to collect next (county).
    links : rows without a number, how they were linked and by whom (county).
    evidence : the tables from which `creditlab recheck` computes the report again, by name (see `study.evidence`).
    findings : what was imperfect in the data and what was done (table column rule severity rows first_rows).
    splits : rows and bads per split; waterfall : how the sample came about; sources : what was read.
    """

    title: ClassVar[str] = "Study 研究"
    plots: ClassVar[str] = "village"

    name: str
    config: StudyConfig
    unit: tuple[str, str] = ("村", "village")
    panel: Any
    sample: Result | None = None
    why: VillageWhy | None = None
    actions: pd.DataFrame
    models: Mapping[str, Any]
    validation: Result
    leaks: LeakHunt | None = None
    collection: Collection | None = None
    links: pd.DataFrame = field(default_factory=pd.DataFrame)
    explanations: Mapping[str, Result]
    opinion: Mapping[str, Result] = field(default_factory=dict)
    scores: pd.DataFrame
    findings: pd.DataFrame
    splits: pd.DataFrame
    sources: pd.DataFrame
    waterfall: pd.DataFrame | None = None
    reconciliation: Result | None = None
    geojson: Mapping[str, Any] | None = None
    dictionary: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def villages(self) -> pd.DataFrame:
        """One row per village (or group), the most probable among the worst first; empty without groups."""
        return self.table

    def document(self, lang: str | None = None, edition: str | None = None) -> Any:
        """The report as a document: sections, tables and figures before they become a page."""
        from creditlab.report import study_document

        edition = check_one_of(edition or self.config.edition, ("internal", "external"), "edition")
        return study_document(self, lang=check_one_of(lang or self.config.lang, ("zh", "en"), "lang"), edition=edition)

    def to_html(self, path: str | os.PathLike[str], lang: str | None = None, edition: str | None = None) -> None:
        """Write the report: one HTML file that opens offline, in both languages, `lang` shown first."""
        from creditlab.report import render

        write_text(path, render(self.document(lang, edition)))

    def to_cards(
        self, path: str | os.PathLike[str], villages: Sequence[Any] | None = None, lang: str | None = None
    ) -> None:
        """Write the villages' cards: one HTML file, a printed page per village, both languages; internal.

        `villages` are codes; None takes those of the action list.
        """
        from creditlab.report.village_cards import render_cards

        write_text(path, render_cards(self, villages, lang))

    def to_excel(self, path: str | os.PathLike[str], lang: str | None = None, edition: str | None = None) -> None:
        """Write all tables of the report as one .xlsx file, in one language."""
        from creditlab.report import write_workbook

        write_workbook(self.document(lang, edition), path)

    def to_word(self, path: str | os.PathLike[str], lang: str | None = None, edition: str | None = None) -> None:
        """Write the report's text, tables and static figures as a .docx file (extras `word` and `static`)."""
        from creditlab.report import write_word

        write_word(self.document(lang, edition), path)

    def write(self, out: str | os.PathLike[str], also: Sequence[str] = ()) -> Path:
        """Write report.html, cards.html, report.json, the models, study.toml and the tables; whole or not at all.

        The internal edition has the folder `evidence` too: the rows from which `creditlab recheck` computes again.
        `also` may name 'xlsx' and 'docx': the report as a workbook and as a Word document beside the page.
        Returns the path of the report.
        """
        from creditlab.report import render
        from creditlab.report.office import write_office

        document = self.document()
        with whole_folder(out) as folder:
            write_office(document, folder, also)
            write_text(folder / "report.html", render(document))
            if len(self.villages) and document.edition == "internal":
                self.to_cards(folder / "cards.html")
            write_json(folder / "report.json", document.to_dict())
            self.models["card"].to_json(folder / "model.json")
            self.models["challenger"].to_json(folder / "challenger.json")
            if "composition" in self.models:
                self.models["composition"].to_json(folder / "composition.json")
            self.config.write(folder / "study.toml")
            for name, frame in self._tables(document.edition).items():
                write_table(folder, name, frame)
            if document.edition == "internal" and self.evidence:
                (folder / FOLDER).mkdir()
                for name, frame in self.evidence.items():
                    frame.to_parquet(folder / FOLDER / f"{name}.parquet", index=False)
        return Path(out) / "report.html"

    def _tables(self, edition: str) -> dict[str, pd.DataFrame]:
        from creditlab.report import suppress

        hidden = edition == "external"
        named = {
            "villages" if self.unit[1] == "village" else "groups": suppress(self.villages) if hidden else self.villages,
            "findings": self.findings,
            "validation": self.validation.tidy(),
        }
        if not hidden:  # rows of persons and of small villages stay inside the bank
            named |= {"scores": self.scores, "actions": self.actions}
            named |= {} if self.collection is None else self.collection.tables()
        return {name: frame for name, frame in named.items() if len(frame.columns)}


def write_table(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """A table as Parquet and as CSV for Excel (UTF-8 with BOM, text that could be a formula made harmless)."""
    flat = frame.reset_index(drop=True)
    flat.to_parquet(folder / f"{name}.parquet", index=False)
    harmless(flat).to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet would run as a formula.

    >>> harmless(pd.DataFrame({"x": ["=1+1", "甲村"]}))["x"].tolist()
    ["'=1+1", '甲村']
    """
    safe = frame.rename(columns=lambda name: _harmless_text(name))
    for place, name in enumerate(frame.columns):
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            safe = safe.assign(**{safe.columns[place]: column.map(_harmless_text)})
    return safe


def _harmless_text(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
