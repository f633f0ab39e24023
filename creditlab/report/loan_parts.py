"""What the sections of the loan book's report share: the parts of the study, words, what an outsider may not see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from creditlab.plots.words import WORDS, Text
from creditlab.report.document import Block, Callout
from creditlab.village.suppression import suppress

#: a reason as results carry it: Chinese, a blank, English
_BOTH = re.compile(r"(?s)^(.*[\u3000-\u9fff\uff00-\uffef].*?) ([A-Za-z][^\u3000-\u9fff\uff00-\uffef]*)$")
#: or English first, of two words or more
_LATIN = r"[^\u3000-\u9fff\uff00-\uffef]*"
_TURNED = re.compile(rf"(?s)^([A-Za-z]{_LATIN} {_LATIN}) (\S*[\u3000-\u9fff].*)$")


class Parts:
    """The parts of a study, and the blocks that say why one is absent."""

    def __init__(self, study: Any) -> None:
        self.study, self.external = study, study.edition == "external"

    def __contains__(self, name: str) -> bool:
        return name in self.study.parts

    def __getitem__(self, name: str) -> Any:
        return self.study.parts[name]

    def missing(self, *names: str) -> list[Block]:
        """A note for each of the parts that is absent."""
        rows = self.study.table.set_index("part")
        absent = self.study.absent
        return [
            Callout(
                Text(
                    f"{rows.loc[name, 'zh']}：本次没有。原因：{said(absent[name]).zh}",
                    f"{rows.loc[name, 'en']}: absent here. Reason: {said(absent[name]).en}",
                ),
                "none",
            )
            for name in names
            if name in absent
        ]

    def shown(
        self, frame: pd.DataFrame, n: str, names: Sequence[str] = ("group",), within: Sequence[str] = ()
    ) -> pd.DataFrame:
        """A table of cells with `n` borrowers, notes or loan-months each.

        In the external edition cells under ten are blanked but for their names, with secondary suppression within each
        month, or within the columns `within` whose totals are shown.
        """
        if not self.external or frame.empty:
            return frame
        plain = frame.reset_index(drop=True)
        parts = [plain[c] for c in within or plain.columns.intersection(["month_end"])]
        hidden = pd.Series(False, index=plain.index)
        for _, part in plain.groupby(parts or pd.Series(0, index=plain.index)):
            hidden[part.index] = suppress(part[[n]], n=n)["suppressed"]
        kept = [c for c in plain.columns if c in names or c == "month_end"]
        blanked = plain.drop(columns=kept).mask(hidden, axis=0)
        return pd.concat([plain[kept], blanked], axis=1)[list(plain.columns)]

    def drawn(self, result: Any, n: str, within: Sequence[str] = ()) -> Any:
        """The result for a figure: in the external edition without the rows that `shown` blanks; None if all are."""
        if not self.external:
            return result
        rows = result.tidy()
        kept = self.shown(rows, n, (), within)[n].notna().to_numpy()
        return replace(result, table=rows[kept].reset_index(drop=True)) if kept.any() else None


#: in place of a figure of which no cell may leave the bank
TOO_FEW = Callout(Text("各格均不足 10，外部版不列示。", "Every cell is under ten: not shown outside the bank."), "none")


def words(names: Mapping[str, tuple[str, str]]) -> dict[str, Text]:
    """Column → label from pairs (zh, en)."""
    return {name: Text(*pair) for name, pair in names.items()}


def label(value: Any) -> Text:
    """A word of the glossary, else the value itself."""
    return WORDS.get(str(value)) or Text.same(str(value) or "–")


def labelled(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with the values of these columns as a reader calls them."""
    return frame.assign(**{c: [label(v) for v in frame[c]] for c in columns})


def said(value: Any) -> Text:
    """A reason as results carry it (both languages with a blank between) as a text; another text as it is.

    >>> said("该类无贷款 no loan in the class").en
    'no loan in the class'
    >>> said("the PD is true PD为真").zh, said("needs more: pass frame 需要提供 frame").en
    ('PD为真', 'needs more: pass frame')
    """
    if not isinstance(value, str):
        return Text.same(str(value) or "–")
    if turned := _TURNED.match(value):
        return Text(turned[2], turned[1])
    found = _BOTH.match(value)
    return Text(found[1], found[2]) if found else Text.same(value or "–")


def reasoned(frame: pd.DataFrame, column: str = "reason") -> pd.DataFrame:
    """The frame with its reasons in the reader's language."""
    return frame.assign(**{column: [said(v) for v in frame[column]]})
