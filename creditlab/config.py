"""The study's configuration: one frozen spec, to and from TOML.

Use it to run the same study again: `StudyConfig.from_toml("study.toml")`. Unknown settings and wrong values are
refused; nothing is replaced by a default in silence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from creditlab.checks import check_date, check_level, check_one_of
from creditlab.columns import Column, Dictionary
from creditlab.errors import InputError, UnreadableError, message, some
from creditlab.files import write_text
from creditlab.loans import Bad

#: what a flat table's dictionary may say of a column
DECLARED = ("zh", "en", "unit", "kind", "access", "use", "level", "direction", "consent", "source")


@dataclass(frozen=True)
class StudyConfig:
    """What a study does. Times are dates, money is yuan, shares lie between 0 and 1.

    Parameters
    ----------
    as_of : last observation date of the borrowers; None takes the last month of the book less 18 months, so that a loan
        of a year and the 120 days after it lie inside the book.
    observations : how many yearly observation dates are pooled; the last one is held out as out-of-time.
    bad_dpd, bad_of, bad_unit, bad_window : the definition of bad, see `creditlab.loans.Bad`.
    trend, max_bins, min_share : binning, see `creditlab.Binner`.
    special : column → codes with their meaning that are no quantities, for flat tables; '*' stands for every column.
    target, group, date, id, weight, drop, audit : the columns of a flat table; `drop` also names features of a county
        that are left out.
    columns : column of a flat table → what is declared of it (zh en unit kind access use level direction consent
        source), see `creditlab.study.declared.read_dictionary`; empty declares nothing.
    test_share : share of the development rows (or groups) that a flat table holds back.
    top : how many villages may be called the worst; None takes a tenth of them, at least 5.
    level : level of all intervals.
    folds : folds of the cross-fitting by village.
    seed, lang, edition : seed of everything random; 'zh' or 'en' shown first; 'internal' or 'external'.

    >>> StudyConfig(level=0.95).to_toml().splitlines()[:2]
    ['# creditlab study', 'observations = 3']
    """

    as_of: str | None = None
    observations: int = 3
    bad_dpd: int = 90
    bad_of: str = "principal or interest"
    bad_unit: str = "household"
    bad_window: str = "maturity+120d"
    trend: str = "auto"
    max_bins: int = 8
    min_share: float = 0.05
    target: str | None = None
    group: str | None = None
    date: str | None = None
    id: str | None = None
    weight: str | None = None
    drop: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()
    special: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    test_share: float = 0.3
    top: int | None = None
    level: float = 0.9
    folds: int = 5
    seed: int = 0
    lang: str = "zh"
    edition: str = "internal"

    def __post_init__(self) -> None:
        check_one_of(self.lang, ("zh", "en"), "lang")
        check_one_of(self.edition, ("internal", "external"), "edition")
        check_level(self.level)
        check_level(self.test_share, "test_share")
        if self.as_of is not None:
            object.__setattr__(self, "as_of", str(check_date(self.as_of, "as_of").date()))
        for name, least in (("observations", 1), ("folds", 2), ("seed", 0)):
            _check_whole(name, getattr(self, name), least)
        if self.top is not None:
            _check_whole("top", self.top, 1)
        for name in ("drop", "audit"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "special", {k: tuple(v) for k, v in dict(self.special).items()})
        object.__setattr__(self, "columns", {str(k): dict(v) for k, v in dict(self.columns).items()})
        self.dictionary()  # a wrong class is refused here, with its column
        self.bad()  # a wrong definition of bad is refused here, not in the middle of a study

    def dictionary(self) -> Dictionary:
        """The declared columns of a flat table."""
        for name, given in self.columns.items():
            unknown = sorted(set(given) - set(DECLARED))
            if unknown:
                raise InputError(
                    message(f"{', '.join(DECLARED)}", some(unknown), f"column '{name}' of the dictionary",
                            "Check the spelling.")
                )  # fmt: skip
        listed = {n: {k: v for k, v in given.items() if k != "consent"} for n, given in self.columns.items()}
        return Dictionary.of(Column(name, **given) for name, given in listed.items())

    def consents(self) -> dict[str, str]:
        """Declared column → the column of the table that says where consent is on file."""
        return {name: str(given["consent"]) for name, given in self.columns.items() if given.get("consent")}

    def bad(self) -> Bad:
        """The definition of bad as its own spec."""
        return Bad(dpd=self.bad_dpd, of=self.bad_of, unit=self.bad_unit, window=self.bad_window)

    def binning(self) -> dict[str, Any]:
        """The settings of the binner."""
        return {"trend": self.trend, "max_bins": self.max_bins, "min_share": self.min_share}

    def to_dict(self) -> dict[str, Any]:
        """All settings as JSON types."""
        settings = asdict(self)
        settings["special"] = {k: list(v) for k, v in self.special.items()}
        settings["columns"] = {k: dict(v) for k, v in self.columns.items()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}

    def to_toml(self) -> str:
        """The settings as TOML text; what is None is left out."""
        settings = {k: v for k, v in self.to_dict().items() if v is not None and k not in ("special", "columns")}
        lines = ["# creditlab study", *(f"{name} = {_toml(value)}" for name, value in settings.items())]
        if self.special:
            lines += ["", "[special]", *(f"{_toml(name)} = {_toml(list(v))}" for name, v in self.special.items())]
        for name, given in self.columns.items():
            lines += ["", f"[columns.{_toml(name)}]", *(f"{key} = {_toml(value)}" for key, value in given.items())]
        return "\n".join(lines) + "\n"

    def write(self, path: str | Path) -> None:
        """Write the TOML file, whole or not at all."""
        write_text(path, self.to_toml())

    @classmethod
    def from_toml(cls, path: str | Path) -> StudyConfig:
        """Read a TOML file.

        Raises
        ------
        UnreadableError : when the file is absent or is not TOML.
        InputError : for a setting that does not exist or has a wrong value.
        """
        try:
            settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UnreadableError(message("a TOML file", reason, str(path), "Check the path and the syntax.")) from None
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise InputError(
                message(f"settings among {some(sorted(known), 30)}", some(unknown), str(path), "Check the spelling.")
            )
        return cls(**settings)


def _check_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(message(f"a whole number of at least {least}", repr(value), name, "Give a whole number."))


def _toml(value: Any) -> str:
    """A TOML value; JSON strings are TOML basic strings, and dates are given as strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(_toml(v) for v in value)}]"
    return repr(value)
