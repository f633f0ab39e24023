"""The study: modelling frame, village panel, the whole county, a flat table. Notebooks and the command line call it."""

from creditlab.study.apply import model_sql, score_table, write_scores
from creditlab.study.collecting import Collection, collect
from creditlab.study.collection import CollectionLedger, collection_ledger
from creditlab.study.comparing import report_diff
from creditlab.study.crosses import CrossSearch, find_crosses
from creditlab.study.crossfit import CrossFit, cross_explain, cross_fit
from creditlab.study.departments import DepartmentValue, department_value
from creditlab.study.frame import ModellingFrame, modelling_frame
from creditlab.study.importance import booster_importance
from creditlab.study.judgement import Judgement, nearer_to_truth, true_pd
from creditlab.study.leakage import LeakHunt, hunt_in_county, hunt_leaks
from creditlab.study.letters import decision_letter, letter_of_table
from creditlab.study.loan_book import LoanStudy, loan_study
from creditlab.study.models import load
from creditlab.study.outcome import StudyResult
from creditlab.study.pair import CardPair, card_pair
from creditlab.study.panel import VillagePanel, village_panel
from creditlab.study.populations import Populations, county_populations
from creditlab.study.portraits import Portrait, portrait
from creditlab.study.rechecking import recheck_report
from creditlab.study.run import run_study
from creditlab.study.truth import definitions_with_truth, with_truth
from creditlab.study.validating import monitoring_report, read_report, validation_report
from creditlab.study.village_leak import VillageRateLeak, village_rate_leak
from creditlab.study.why import VillageWhy, village_why
from creditlab.study.worth import SourceWorth, source_worth

__all__ = [
    "SourceWorth",
    "source_worth",
    "collect",
    "Collection",
    "CollectionLedger",
    "Portrait",
    "VillageRateLeak",
    "collection_ledger",
    "portrait",
    "village_rate_leak",
    "CardPair",
    "CrossFit",
    "CrossSearch",
    "DepartmentValue",
    "Judgement",
    "LeakHunt",
    "LoanStudy",
    "ModellingFrame",
    "Populations",
    "StudyResult",
    "VillagePanel",
    "VillageWhy",
    "booster_importance",
    "card_pair",
    "county_populations",
    "cross_explain",
    "cross_fit",
    "find_crosses",
    "decision_letter",
    "hunt_in_county",
    "hunt_leaks",
    "letter_of_table",
    "definitions_with_truth",
    "department_value",
    "load",
    "loan_study",
    "model_sql",
    "modelling_frame",
    "monitoring_report",
    "read_report",
    "recheck_report",
    "report_diff",
    "nearer_to_truth",
    "run_study",
    "score_table",
    "validation_report",
    "true_pd",
    "village_panel",
    "village_why",
    "with_truth",
    "write_scores",
]
