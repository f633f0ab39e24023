"""What validation holds a model to: levels, least counts and thresholds, the bank's own where it has them.

A `ValidationSpec` is read from a mapping (a section of a TOML file); its thresholds turn a figure into a colour: green,
amber, red, or info where no threshold applies. The defaults are conventions with their sources beside them, not law.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from creditlab.checks import check_level
from creditlab.errors import InputError, UnreadableError, message, some

GREEN, AMBER, RED, INFO = "green", "amber", "red", "info"


@dataclass(frozen=True)
class Threshold:
    """Where a figure turns amber and red. `better` says which way is good: "higher" or "lower".

    >>> Threshold(0.70, 0.65, "higher").verdict(0.68)
    'amber'
    """

    amber: float
    red: float
    better: str = "lower"

    def __post_init__(self) -> None:
        numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (self.amber, self.red)]
        if not all(numbers):
            raise InputError(message("numbers", str(asdict(self)), "Threshold", "Give amber and red, such as 0.05."))
        ordered = self.red <= self.amber if self.better == "higher" else self.amber <= self.red
        if self.better not in ("higher", "lower") or not ordered:
            fix = "For better='higher' red is at most amber, for 'lower' at least amber."
            raise InputError(message("thresholds in order", str(asdict(self)), "Threshold", fix))

    def verdict(self, value: float) -> str:
        """The colour of a value; info where there is none."""
        if not np.isfinite(value):
            return INFO
        sign = -1 if self.better == "higher" else 1
        if sign * value > sign * self.red:
            return RED
        return AMBER if sign * value > sign * self.amber else GREEN

    def __str__(self) -> str:
        side = "<" if self.better == "higher" else ">"
        return f"amber {side} {self.amber:g}, red {side} {self.red:g}"


#: figure → threshold. p-values turn below; deviations and indices turn above.
DEFAULTS: Mapping[str, Threshold] = {
    # application scorecards by custom of the trade; a bank sets its own
    "auc": Threshold(0.70, 0.65, "higher"),
    "ks": Threshold(0.30, 0.20, "higher"),
    # p-values of tests whose rejection speaks against the model (ECB 2019 instructions use 5 %)
    "p_value": Threshold(0.05, 0.01, "higher"),
    # |O/E - 1| where the interval excludes 1
    "oe": Threshold(0.05, 0.25, "lower"),
    # |slope - 1| where the interval excludes 1
    "slope": Threshold(0.10, 0.25, "lower"),
    # population stability index (Siddiqi 2006), and above its critical value (Yurdakul 2018)
    "psi": Threshold(0.10, 0.25, "lower"),
    # prediction accuracy index (Taplin, Hunt 2019)
    "pai": Threshold(1.1, 1.5, "lower"),
    # shift of the mean points of a characteristic
    "csi_points": Threshold(5.0, 10.0, "lower"),
    # Cramér's V: .1 small, .3 medium (Cohen 1988); at large n an effect size says more than p
    "cramers_v": Threshold(0.10, 0.30, "lower"),
    # AUC of telling two samples apart
    "c2st": Threshold(0.60, 0.75, "lower"),
    # share missing in a column
    "missing": Threshold(0.05, 0.20, "lower"),
    # a count that should be zero
    "none": Threshold(0.0, 0.0, "lower"),
    # share of equal values between two sources
    "agreement": Threshold(0.95, 0.80, "higher"),
    # households reached over households registered
    "coverage": Threshold(0.90, 0.70, "higher"),
    # share of the applicants scored where no outcomes are
    "extrapolated": Threshold(0.05, 0.20, "lower"),
    # AUC of a single feature: too good to be true
    "leak_auc": Threshold(0.90, 0.95, "lower"),
    # IV of a single feature: too good to be true
    "leak_iv": Threshold(0.50, 1.00, "lower"),
    # |rank correlation| of row order or identifier with the outcome
    "order": Threshold(0.01, 0.05, "lower"),
    # share of one village, grade or joint-guarantee group
    "share": Threshold(0.10, 0.25, "lower"),
    # share of decisions that change, or that lie within one standard error of the cut-off
    "flips": Threshold(0.05, 0.10, "lower"),
    # relative loss of AUC - 1/2 under noise or without a source
    "decay": Threshold(0.05, 0.20, "lower"),
    # relative standard deviation of a PD over refits
    "refit": Threshold(0.10, 0.20, "lower"),
    # variance inflation factor
    "vif": Threshold(5.0, 10.0, "lower"),
    # four-fifths rule (EEOC 1978), where the interval excludes 1
    "air": Threshold(0.90, 0.80, "higher"),
    # standardised mean difference
    "smd": Threshold(0.20, 0.50, "lower"),
    # AUC of predicting a protected attribute from the features
    "proxy": Threshold(0.75, 0.85, "lower"),
    # difference of rates or AUCs between groups where the interval excludes 0
    "gap": Threshold(0.05, 0.10, "lower"),
    # largest difference of two implementations, log-odds
    "parity": Threshold(1e-9, 1e-6, "lower"),
    # AUC lost by rounding
    "rounding": Threshold(0.001, 0.005, "lower"),
    # largest gap between the sum of an explanation and the model, log-odds
    "additivity": Threshold(1e-8, 1e-6, "lower"),
    # largest change of a contribution between two backgrounds, log-odds
    "background": Threshold(0.05, 0.20, "lower"),
    # rank agreement of explanations over refits
    "rank_agreement": Threshold(0.80, 0.60, "higher"),
    # Jaccard overlap of the reasons over refits
    "reasons": Threshold(0.60, 0.40, "higher"),
    # share of attribution that lies in interactions
    "interactions": Threshold(0.20, 0.40, "lower"),
    # share of segments that go against a declared direction
    "violations": Threshold(0.0, 0.01, "lower"),
    # AUC of telling the explainer's hybrids from real rows
    "hybrids": Threshold(0.80, 0.95, "lower"),
    # loss of AUC from random folds to folds by village
    "memory": Threshold(0.02, 0.05, "lower"),
}


@dataclass(frozen=True)
class ValidationSpec:
    """What a validation is held to.

    Parameters
    ----------
    level : of all intervals.
    min_bads, min_goods : least number of each in a scope; below, discrimination and slope are refused with a reason.
    min_expected : least expected bads (and goods) in a scope for normal approximations (Spiegelhalter, grade χ²).
    grades : number of PD grades: quantiles of the scope for calibration, of the development sample for stability.
    correlation : of the borrowers' assets in the binomial test that takes a common shock into account.
    development : the value of `split` that is the development sample; None takes "train", "development" or "dev".
    widest_auc : an AUC of a period is refused where its interval could be wider (BCBS WP14 p. 42).
    min_slice : least rows of a weak slice. draws, seed : of bootstraps. refits : of the optimism.
    approval, margin, lgd : share approved, yearly margin and loss given default, for decisions and profit.
    thresholds : figure → Threshold; figures are those of `DEFAULTS`.
    """

    level: float = 0.95
    min_bads: int = 10
    min_goods: int = 10
    min_expected: float = 5.0
    grades: int = 10
    correlation: float = 0.05
    development: Any = None
    widest_auc: float = 0.3
    min_slice: int = 50
    draws: int = 100
    seed: int = 0
    refits: int = 20
    approval: float = 0.7
    margin: float = 0.03
    lgd: float = 0.5
    thresholds: Mapping[str, Threshold] = field(default_factory=lambda: dict(DEFAULTS))

    def __post_init__(self) -> None:
        check_level(self.level)
        if not all(isinstance(v, int) for v in (self.grades, self.min_bads, self.min_goods)) or self.grades < 2:
            came = f"grades={self.grades!r}, min_bads={self.min_bads!r}, min_goods={self.min_goods!r}"
            raise InputError(message("whole numbers, and two grades or more", came, "ValidationSpec", "Ten is usual."))
        if self.min_bads < 2 or self.min_goods < 2:
            came = f"grades={self.grades}, min_bads={self.min_bads}, min_goods={self.min_goods}"
            raise InputError(message("two or more of each", came, "ValidationSpec", "Ten is usual."))

    @classmethod
    def of(cls, spec: ValidationSpec | Mapping[str, Any] | str | Path | None) -> ValidationSpec:
        """A spec from nothing, from a spec, from a mapping, or from the path of a TOML file; unknown names raise.

        >>> ValidationSpec.of({"grades": 5, "thresholds": {"auc": {"amber": 0.75, "red": 0.7}}}).thresholds["auc"].amber
        0.75
        """
        if isinstance(spec, ValidationSpec):
            return spec
        if isinstance(spec, str | Path):
            return cls.from_toml(spec)
        given = dict(spec or {})
        _known(given, list(cls.__dataclass_fields__), "spec")
        own = dict(given.pop("thresholds", {}))
        _known(own, list(DEFAULTS), "spec, thresholds")
        return cls(**given, thresholds={name: _threshold(own.get(name), at) for name, at in DEFAULTS.items()})

    @classmethod
    def from_toml(cls, path: str | Path) -> ValidationSpec:
        """Read a spec from a TOML file; what it does not set stays at its default.

        Raises
        ------
        UnreadableError : no such file, or no TOML. InputError : an unknown name or a wrong value.
        """
        try:
            given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UnreadableError(
                message("a TOML file", f"{type(error).__name__}", str(path), "Check the path and the file.")
            ) from error
        return cls.of(given)

    def to_toml(self) -> str:
        """The spec as a TOML file that `from_toml` reads back, thresholds with their better side.

        >>> ValidationSpec().to_toml().splitlines()[1]
        'level = 0.95'
        """
        plain = {name: value for name, value in self.to_dict().items() if name != "thresholds" and value is not None}
        lines = [
            "# creditlab validation",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()),
        ]
        for name, at in self.thresholds.items():
            lines += [
                "",
                f"[thresholds.{name}]",
                f"amber = {float(at.amber)}",
                f"red = {float(at.red)}",
                f'better = "{at.better}"',
            ]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON types."""
        return asdict(self)


def _known(given: Mapping[str, Any], allowed: list[str], where: str) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise InputError(message(f"names among {some(allowed, 12)}", some(unknown), where, "Check the spelling."))


def _threshold(own: Any, default: Threshold) -> Threshold:
    if own is None:
        return default
    if isinstance(own, Threshold):
        return own
    if not isinstance(own, Mapping):
        raise InputError(message("amber and red", repr(own), "spec, a threshold", "Such as {amber = 0.7, red = 0.65}."))
    _known(own, ["amber", "red", "better"], "spec, a threshold")
    return Threshold(**{**asdict(default), **own})
