"""The card as a Python module of its own: it scores a row with nothing but Python's own library.

Use it on a machine that may not install anything, or to let someone read what the card does. One row is a mapping of
raw values by column; a value that is not given is missing. Bins, points and effects are those of the card, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from creditlab.binning import BinSpec
from creditlab.binning.code import python_source


def card_module(
    specs: Sequence[BinSpec],
    once: int,
    points: Mapping[str, np.ndarray],
    intercept: float,
    effects: Mapping[str, np.ndarray],
    heading: str = "",
    knots: tuple[Sequence[float], Sequence[float]] | None = None,
) -> str:
    """The source of a module with `bins(row)`, `parts(row)`, `points(row)`, `log_odds(row)` and `pd(row)`.

    Parameters
    ----------
    specs : the bins of each characteristic.
    once, points : points that every row gets, and the integer points per bin.
    intercept, effects : log-odds of bad that every row has, and those that each bin adds.
    heading : a comment above the source.
    knots : log-odds and calibrated log-odds of an isotonic calibration; then `pd` is calibrated, `log_odds` is not.

    >>> spec = BinSpec("age", "number", cuts=(30.0,))
    >>> space = {}
    >>> exec(card_module([spec], 500, {"age": np.array([-5, 7, 0])}, 0.0, {"age": np.array([0.5, -0.5, 0.0])}), space)
    >>> space["points"]({"age": 31}), space["parts"]({"age": "29"}), space["pd"]({})
    (507, {'age': -5}, 0.5)
    """
    functions = [python_source(spec, range(spec.size), f"_bin_{k}") for k, spec in enumerate(specs)]
    calls = "".join(
        f"        {spec.name!r}: _bin_{k}({', '.join(f'row.get({column!r})' for column in spec.columns)}),\n"
        for k, spec in enumerate(specs)
    )
    names = [spec.name for spec in specs]
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    head = (
        f"{comment}BASE = {int(once)!r}\nPOINTS = {_table(points, names, int)}\n"
        f"INTERCEPT = {float(intercept)!r}\nEFFECTS = {_table(effects, names, float)}\n"
    )
    if knots is not None:
        head += "".join(
            f"{name} = {[float(v) for v in line]!r}\n" for name, line in zip(("AT", "TO"), knots, strict=True)
        )
    body = _BODY.replace("__CALLS__", calls)
    if knots is not None:
        body = _BENT + "\n\n" + body.replace("value = log_odds(row)", "value = calibrated(log_odds(row))")
    return "\n\n".join([head, *functions, body])


def _table(by_name: Mapping[str, np.ndarray], names: Sequence[str], kind: type) -> str:
    lines = "".join(f"    {name!r}: {[kind(v) for v in by_name[name].tolist()]!r},\n" for name in names)
    return "{\n" + lines + "}"


_BENT = '''\
def calibrated(value):
    """The log-odds after the isotonic calibration: a rising line, of slope 1 beyond its ends."""
    if value <= AT[0]:
        return TO[0] + (value - AT[0])
    if value >= AT[-1]:
        return TO[-1] + (value - AT[-1])
    k = 1
    while AT[k] < value:
        k += 1
    return TO[k - 1] + (TO[k] - TO[k - 1]) / (AT[k] - AT[k - 1]) * (value - AT[k - 1])
'''

_BODY = '''\
def bins(row):
    """The number of the bin of each characteristic."""
    return {
__CALLS__    }


def parts(row):
    """The points of each characteristic."""
    return {name: POINTS[name][code] for name, code in bins(row).items()}


def points(row):
    """The score: higher is safer."""
    return BASE + sum(parts(row).values())


def log_odds(row):
    """Log-odds of bad."""
    total = INTERCEPT
    for name, code in bins(row).items():
        total = total + EFFECTS[name][code]
    return total


def pd(row):
    """Probability of default."""
    import math

    value = log_odds(row)
    tail = math.exp(-abs(value))
    return (1.0 if value >= 0 else tail) / (1.0 + tail)
'''
