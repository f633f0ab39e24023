"""The result of one statistical test: the figure, its doubt, the threshold, the verdict, and where the test comes from.

Every test of `creditlab.validation` returns a `TestResult`. What a test does not have, or could not estimate, is a
`NotEstimable` with its reason, never a silent NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from creditlab.results import NotEstimable, Result, Stamp, later
from creditlab.validation.multiplicity import adjust
from creditlab.validation.verdict import AMBER, DEFAULTS, GREEN, INFO, RED, Threshold

COLUMNS = ["id", "test_en", "test_zh", "n", "estimate", "statistic", "df", "p_value", "lo", "hi", "level"]
COLUMNS += ["threshold", "verdict", "reference", "hypothesis", "reason"]
NUMBERS = ["estimate", "statistic", "df", "p_value", "lo", "hi", "level"]
#: from the mildest to the worst
SEVERITY = (INFO, GREEN, AMBER, RED)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TestResult(Result):
    """One test, a single row: estimate statistic df p_value lo hi n threshold verdict reference reason."""

    __test__ = False  # the name begins like a test class, and pytest would collect it
    title: ClassVar[str] = "Test 检验"

    row: Mapping[str, Any] = field(default_factory=dict)

    def _number(self, name: str) -> float | NotEstimable:
        value = float(self.row[name])
        if not math.isnan(value):
            return value
        return NotEstimable(self.reason or f"this test has no {name} 此检验没有该项")

    def _word(self, name: str) -> str:
        return str(self.row[name])

    @property
    def estimate(self) -> float | NotEstimable:
        """What is estimated: the AUC, the ratio O/E, the index."""
        return self._number("estimate")

    @property
    def statistic(self) -> float | NotEstimable:
        """The test statistic."""
        return self._number("statistic")

    @property
    def df(self) -> float | NotEstimable:
        """Degrees of freedom."""
        return self._number("df")

    @property
    def p_value(self) -> float | NotEstimable:
        """The p-value."""
        return self._number("p_value")

    @property
    def lo(self) -> float | NotEstimable:
        """Lower limit of the estimate."""
        return self._number("lo")

    @property
    def hi(self) -> float | NotEstimable:
        """Upper limit of the estimate."""
        return self._number("hi")

    @property
    def n(self) -> int:
        """Observations that the test used."""
        return int(self.row["n"])

    @property
    def threshold(self) -> str:
        """The threshold in words."""
        return self._word("threshold")

    @property
    def verdict(self) -> str:
        """green, amber, red, or info."""
        return self._word("verdict")

    @property
    def reference(self) -> str:
        """Where the test comes from."""
        return self._word("reference")

    @property
    def hypothesis(self) -> str:
        """The hypothesis that a small p-value speaks against; empty for a measure that tests none."""
        return self._word("hypothesis")

    @property
    def reason(self) -> str:
        """Why something could not be estimated; empty otherwise."""
        return self._word("reason")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TestFamily(TestResult):
    """Several tests of one kind, a row per scope, with p-values corrected for their number.

    The table has `scope` and `p_adjusted` beside the columns of a single test. The properties speak of the worst row:
    the worst verdict, and among those the smallest p; `p_value` is the corrected one, a test of all rows together, and
    `n` is the total.
    """

    __test__ = False
    title: ClassVar[str] = "Tests 一组检验"
    plots: ClassVar[str] = "validation"

    def worst(self) -> pd.Series:
        """The row with the worst verdict, and the smallest p among those."""
        table = self.table
        rank = table["verdict"].map(SEVERITY.index)
        worst = table[rank == rank.max()]
        first = worst["p_adjusted"].fillna(2.0).argsort(kind="stable").iloc[0]
        return worst.iloc[int(first)]

    def _number(self, name: str) -> float | NotEstimable:
        row = self.worst()
        value = float(row["p_adjusted" if name == "p_value" else name])
        if not math.isnan(value):
            return value
        return NotEstimable(str(row["reason"]) or f"this test has no {name} 此检验没有该项")

    def _word(self, name: str) -> str:
        return str(self.worst()[name])

    @property
    def n(self) -> int:
        """Observations that the tests used together."""
        return int(self.facts["n"])


@dataclass(frozen=True)
class Kind:
    """What stays the same for all results of one test: id, names, reference, hypothesis, and the function's name."""

    id: str
    en: str
    zh: str
    reference: str
    hypothesis: str = ""
    call: str = ""

    def words(self) -> dict[str, str]:
        """The columns that stay the same for all rows of this test."""
        return {
            "id": self.id,
            "test_en": self.en,
            "test_zh": self.zh,
            "reference": self.reference,
            "hypothesis": self.hypothesis,
        }

    def result(self, *, inputs: Any, n: int, facts: Mapping[str, Any] | None = None, **row: Any) -> TestResult:
        """A result of this test. `row` holds numbers by column name, and may hold threshold, verdict, reason."""
        numbers = {name: float(row.pop(name, math.nan)) for name in NUMBERS}
        threshold = row.pop("threshold", "")
        words = {"threshold": str(threshold), "verdict": row.pop("verdict", INFO), "reason": row.pop("reason", "")}
        if row:
            raise TypeError(f"{self.id}: unknown columns {sorted(row)}")
        whole = {**self.words(), "n": int(n), **numbers, **words}
        shown = {name: value for name, value in numbers.items() if not math.isnan(value)}
        facts = {"test": f"{self.en} {self.zh}", "n": int(n), **shown, "verdict": words["verdict"], **(facts or {})}
        stamp = Stamp.of(inputs, {"id": self.id, "level": numbers["level"]})
        return TestResult(table=later(_one_row, whole), stamp=stamp, facts=facts, row=whole)

    def family(
        self,
        rows: pd.DataFrame | list[dict[str, Any]],
        *,
        inputs: Any,
        n: int | None = None,
        method: str = "holm",
        threshold: Threshold = DEFAULTS["p_value"],
        level: float = math.nan,
        gate: float | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> TestFamily:
        """The results of this test on several scopes. A row without a verdict of its own gets that of its corrected p.

        `rows` hold scope, n and numbers by column name; further columns are kept at the end. `method` is "holm", "bh"
        or "none". With a `gate`, amber and red of a row's own stand only where its corrected p is below it.
        """
        given = pd.DataFrame(rows)
        known = ["scope", *COLUMNS, "p_adjusted"]
        table = given.reindex(columns=[*known, *(name for name in given.columns if name not in known)])
        table[NUMBERS] = table[NUMBERS].astype(float)
        table["level"] = table["level"].fillna(level)
        table["n"] = table["n"].astype(int)
        for name, value in self.words().items():
            table[name] = value
        table["reason"] = given["reason"].fillna("") if "reason" in given else ""
        table["p_adjusted"] = adjust(table["p_value"].to_numpy(), method)
        said = f"p ({method}): {threshold}"
        table["threshold"] = given["threshold"].fillna("").map(str) if "threshold" in given else said
        own = given["verdict"] if "verdict" in given else pd.Series(pd.NA, index=table.index)
        table["verdict"] = own.where(own.notna(), table["p_adjusted"].map(threshold.verdict))
        if gate is not None:
            idle = ~(table["p_adjusted"] < gate) & table["verdict"].isin([AMBER, RED])
            table.loc[idle, "verdict"] = GREEN
            table["threshold"] = table["threshold"].map(
                lambda text: f"{text}; p ({method}) < {gate:g}" if text else text
            )
        colours = table["verdict"].value_counts()
        total = int(table["n"].sum()) if n is None else n
        shown = {colour: int(colours[colour]) for colour in reversed(SEVERITY) if colour in colours}
        facts = {"test": f"{self.en} {self.zh}", "n": total, "rows": len(table), **shown, **(facts or {})}
        return TestFamily(table=table, stamp=Stamp.of(inputs, {"id": self.id, "method": method}), facts=facts)


def _one_row(row: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([row])[COLUMNS]


def rejected(p_value: float, at: Threshold) -> dict[str, str]:
    """Verdict and threshold of a test whose rejection speaks against the model."""
    return {"verdict": at.verdict(p_value), "threshold": f"p: {at}"}


def outside(estimate: float, lo: float, hi: float, at: Threshold) -> dict[str, str]:
    """Verdict of an estimate that should be 1: coloured by its distance only where the interval excludes 1."""
    if math.isnan(lo) or math.isnan(hi):
        verdict = INFO
    else:
        verdict = at.verdict(abs(estimate - 1)) if lo > 1 or hi < 1 else "green"
    return {"verdict": verdict, "threshold": f"interval without 1 and |x-1|: {at}"}
