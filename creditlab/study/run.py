"""`run_study`: the whole study of a county, or of one flat table. What the command line runs."""

from __future__ import annotations

import pandas as pd

from creditlab.config import StudyConfig
from creditlab.data import County
from creditlab.errors import InputError, message
from creditlab.study.county import study_county
from creditlab.study.groups import study_table
from creditlab.study.outcome import StudyResult
from creditlab.study.steps import Progress, silent


def run_study(
    source: County | pd.DataFrame,
    config: StudyConfig | None = None,
    *,
    name: str | None = None,
    progress: Progress = silent,
) -> StudyResult:
    """Study a county (household files to villages) or a flat table (scorecard to groups).

    Parameters
    ----------
    source : what `read_county` returned, or a table with a 0/1 target.
    config : the settings; for a table at least the target.
    name : what is studied, for titles.
    progress : called with (zh, en) before each step; silent by default.

    Returns
    -------
    StudyResult : `.villages`, `.actions`, `.models`, `.validation`, `.plot.funnel()`, `.to_html(path)`, `.write(out)`.

    Raises
    ------
    InputError : when the source or a setting cannot be used; the message says what to do.
    """
    config = config or StudyConfig()
    if isinstance(source, County):
        return study_county(source, config, name=name or "county", progress=progress)
    if isinstance(source, pd.DataFrame):
        return study_table(source, config, name=name or "table", progress=progress)
    raise InputError(
        message("a County or a DataFrame", type(source).__name__, "run_study", "Read it first: cl.read_county(folder).")
    )
