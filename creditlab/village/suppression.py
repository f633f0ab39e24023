"""Cells under ten borrowers are blanked, and no total gives them back.

Use `suppress` on every table of villages that leaves the bank. It blanks whole rows; tables inside the bank stay.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from creditlab.checks import check_columns, check_frame

#: fewest borrowers in a cell that may leave the bank
MINIMUM = 10
#: columns that name a village or a cell and are kept
NAMES = ("village", "name", "township", "vintage", "x", "y")


def suppress(frame: pd.DataFrame, n: str = "n", minimum: int = MINIMUM) -> pd.DataFrame:
    """The rows with fewer than `minimum` borrowers blanked except for their names, with secondary suppression.

    Where the blanked rows together hold fewer than `minimum` borrowers, or are a single one, the smallest other row is
    blanked too, so that the difference between a printed total and the printed rows tells of no group under `minimum`.
    A column 'suppressed' says which rows these are.

    >>> t = pd.DataFrame({"village": list("abc"), "n": [3, 12, 40], "bad": [1, 2, 3]})
    >>> suppress(t)["suppressed"].tolist()
    [True, True, False]
    """
    check_columns(check_frame(frame, "suppress"), [n], "suppress")
    counts = frame[n].to_numpy(dtype=float)
    hidden = ~(counts >= minimum)
    for place in np.argsort(counts, kind="stable"):
        if not hidden.any() or (hidden.sum() > 1 and np.nansum(counts[hidden]) >= minimum):
            break
        hidden[place] = True
    kept = [c for c in frame.columns if c in NAMES]
    blanked = frame.drop(columns=kept).mask(pd.Series(hidden, index=frame.index), axis=0)
    return pd.concat([frame[kept], blanked], axis=1)[list(frame.columns)].assign(suppressed=hidden)
