"""Where missing values, special codes and unseen levels go: a bin of their own, or a declared other one.

The options are `own`, `nearest_risk` (the regular bin whose bad rate is nearest to that of the rows, shrunken towards
the rate of the column with as many pseudo-rows as the bin table adds), `worst` (the regular bin of lowest WOE before
the rows join it), or a named bin (its number or its label). Rows that join a bin are counted in it and have its WOE
everywhere; its WOE is then that of all its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from creditlab.binning.spec import BinSpec
from creditlab.binning.values import level_text
from creditlab.errors import InputError, message

OPTIONS = ("own", "nearest_risk", "worst")


@dataclass(frozen=True)
class Policy:
    """What one column's rows outside the regular bins do.

    Parameters
    ----------
    missing : an option, or the number or label of a bin.
    special : the same for each special code; codes that are not named have a bin of their own.
    unseen : the same for levels that training did not have; 'own' is a bin without rows, of WOE 0.
    """

    missing: str | int = "own"
    special: Mapping[Any, str | int] = field(default_factory=dict)
    unseen: str | int = "own"

    def option(self, spec: BinSpec, code: int) -> str | int:
        """The option of a bin that is not regular."""
        role = spec.role(code)
        if role == "missing":
            return self.missing
        if role == "unseen":
            return self.unseen
        value = spec.special[code - spec.regular][0]
        wanted = {level_text(k): v for k, v in self.special.items()}
        return wanted.get(level_text(value), "own")


def policy_of(name: str, missing: Any, special_as: Any, unseen: Any) -> Policy:
    """The policy of one column from the settings, each one option for all columns or {column: option, '*': option}."""

    def of(given: Any, default: Any) -> Any:
        return given.get(name, given.get("*", default)) if isinstance(given, Mapping) else given

    special = of(special_as or {}, {}) or {}
    if not isinstance(special, Mapping):
        raise InputError(
            message("{code: option}", repr(special), f"special_as of column '{name}'", "Write {-9: 'worst'}.")
        )
    return Policy(of(missing, "own"), dict(special), of(unseen, "own"))


def joined_spec(spec: BinSpec, both: np.ndarray, woe: np.ndarray, pseudo: np.ndarray, policy: Policy) -> BinSpec:
    """The spec with the joins that the policy makes of these counts (2, bins) and WOE."""
    joins = []
    for code in range(spec.regular, spec.size):
        option = policy.option(spec, code)
        if option == "own" or (option == "nearest_risk" and not both[:, code].sum()):
            continue
        joins.append((code, _target(spec, code, option, both, woe, pseudo)))
    return replace(spec, joins=tuple(joins))


def _target(spec: BinSpec, code: int, option: str | int, both: np.ndarray, woe: np.ndarray, pseudo: np.ndarray) -> int:
    if option == "worst":
        return int(np.argmin(woe[: spec.regular]))
    if option == "nearest_risk":
        n = both.sum(axis=0)
        mean = both[1].sum() / n.sum()
        there = n + pseudo > 0
        rate = np.divide(both[1] + pseudo * mean, n + pseudo, out=np.full(spec.size, np.inf), where=there)
        return int(np.argmin(np.abs(rate[: spec.regular] - rate[code])))
    names = {spec.label(k, lang): k for k in range(spec.regular) for lang in ("both", "zh", "en")}
    text = str(option)
    found = names.get(text, int(text) if text.isdigit() else None)
    if found is None or not 0 <= int(found) < spec.regular:
        bins = "; ".join(f"{k}: {spec.label(k, 'en')}" for k in range(spec.regular))
        raise InputError(
            message(
                f"one of {', '.join(OPTIONS)}, or the number or label of a regular bin ({bins})",
                repr(option),
                f"what '{spec.label(code, 'en')}' of column '{spec.name}' joins",
                "Correct missing=, special_as= or unseen=.",
            )
        )
    return int(found)


def moved(spec: BinSpec, values: np.ndarray) -> np.ndarray:
    """Counts (…, bins) with those of joined bins moved to the bin they join."""
    out = values.copy()
    for source, target in spec.joins:
        out[..., target] += out[..., source]
        out[..., source] = 0
    return out


def notes_of(spec: BinSpec, both: np.ndarray) -> list[str]:
    """What joined what, with how many rows (`both` before they moved)."""
    found = []
    for source, target in spec.joins:
        n = float(both[:, source].sum())
        found.append(
            f"{spec.label(source, 'zh')}并入“{spec.label(target, 'zh')}” "
            f"{spec.label(source, 'en')} joined '{spec.label(target, 'en')}': {n:g}"
        )
    return found
