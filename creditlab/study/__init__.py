"""The study: modelling frame, village panel, the whole county, a flat table. Notebooks and the command line call it."""

from creditlab.study.apply import score_table, validation_report, write_scores
from creditlab.study.crossfit import calibrate_in_the_large, cross_fit
from creditlab.study.frame import ModellingFrame, modelling_frame
from creditlab.study.models import load
from creditlab.study.outcome import StudyResult
from creditlab.study.panel import VillagePanel, village_panel
from creditlab.study.run import run_study

__all__ = [
    "ModellingFrame",
    "StudyResult",
    "VillagePanel",
    "calibrate_in_the_large",
    "cross_fit",
    "load",
    "modelling_frame",
    "run_study",
    "score_table",
    "validation_report",
    "village_panel",
    "write_scores",
]
