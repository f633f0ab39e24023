"""The action follows from the pattern: each rule, its order, and evidence in both languages."""

import pandas as pd
import pytest

from creditlab.errors import ColumnError
from creditlab.village import ACTIONS, RULES, patterns

CALM = {"n": 50, "bad": 4, "expected": 4.0, "excess": 0.0, "estimate": 1.0, "lo": 0.6, "hi": 1.6, "p_context": 0.5,
        "composition": 1.0, "p_composition": 0.5, "verdict": "not clear", "p_environment": 0.5, "p_enforcement": 0.5,
        "p_slipping": 0.5, "coverage": 0.9, "p_conflict": 0.4}  # fmt: skip


def action_of(**change):
    return patterns(pd.DataFrame([{"village": "A", **CALM, **change}])).tidy().iloc[0]


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ({}, "routine"),
        ({"p_context": 0.95}, "cadre"),
        ({"p_context": 0.95, "p_environment": float("nan"), "p_enforcement": float("nan")}, "look"),
        ({"verdict": "village", "p_context": 0.88}, "cadre"),
        ({"p_context": 0.95, "p_environment": 0.8}, "cadre"),
        ({"p_context": 0.95, "p_enforcement": 0.8}, "enforcement"),
        ({"p_context": 0.99, "verdict": "officer"}, "audit"),
        ({"p_context": 0.99, "verdict": "not told apart"}, "audit"),
        ({"composition": 1.5, "p_composition": 0.97}, "product"),
        ({"composition": 1.5, "p_composition": 0.6}, "routine"),
        ({"p_environment": 0.95}, "education"),
        ({"p_enforcement": 0.95}, "enforcement"),
        ({"p_slipping": 0.95}, "visit"),
        ({"p_conflict": 0.95, "p_context": 0.99}, "recollect"),
        ({"coverage": 0.3, "p_context": 0.8}, "recollect"),
        ({"coverage": 0.3, "p_conflict": 0.95}, "routine"),
        ({"composition": 1.5, "p_composition": 0.97, "p_bad_share": 0.2}, "routine"),
        ({"composition": 1.5, "p_composition": 0.97, "p_context": 0.02}, "routine"),
        ({"n": 4, "p_context": 0.8}, "wait"),
        ({"n": 4, "p_context": 0.95}, "cadre"),
        ({"p_context": 0.8}, "watch"),
        ({"p_context": 0.85, "excess": 6.0, "chain_excess": 4.0, "chain_p": 0.001}, "unwind"),
        ({"p_context": 0.85, "excess": 20.0, "chain_excess": 4.0, "chain_p": 0.001}, "watch"),
    ],
)  # fmt: skip
def test_each_pattern_calls_for_its_action(change, action):
    row = action_of(**change)
    assert row["action"] == action and (row["action_zh"], row["action_en"]) == ACTIONS[action]


def test_further_actions_are_listed_and_an_officer_s_village_gets_no_cadre():
    row = action_of(p_context=0.99, p_environment=0.8, p_enforcement=0.95, composition=1.5, p_composition=0.99)
    assert row["action"] == "cadre" and row["also"].split(",") == ["product", "enforcement"]
    row = action_of(p_context=0.99, verdict="officer", p_enforcement=0.95)
    assert row["action"] == "audit" and row["also"] == "enforcement"
    assert action_of(n=3, p_environment=0.95)["also"] == ""


def test_evidence_names_every_fact_in_both_languages():
    row = action_of(
        p_context=0.97, verdict="officer", main_officer="O031", main_share=0.6, p_beside=0.95, environment=1.3,
        environment_lo=0.9, environment_hi=1.8, chain_bad=5, chain_households=6, chain_p=0.001, coverage=0.3,
        conflict=2.0, p_conflict=0.95,
    )  # fmt: skip
    for text in (row["evidence_zh"], row["evidence_en"]):
        for part in ("1.00", "97%", "O031", "60%", "1.30", "0.90–1.80", "2.0", "30%"):
            assert part in text, part
    assert "联保" in row["evidence_zh"] and "5 of 6" in row["evidence_en"]


def test_unknown_facts_are_not_asked_and_not_shown():
    table = patterns(pd.DataFrame({"village": ["A"], "n": [30.0]})).tidy()
    assert table["action"][0] == "routine" and "nan" not in table["evidence_en"][0]
    bare = patterns(pd.DataFrame({"village": ["A", "B"]})).tidy()
    assert (bare["action"] == "routine").all() and bare["evidence_zh"].str.len().min() > 0
    with pytest.raises(ColumnError, match="village"):
        patterns(pd.DataFrame({"n": [1]}))


def test_every_rule_has_texts_and_an_action_that_exists():
    assert all(rule.action in ACTIONS and rule.zh and rule.en for rule in RULES)
    assert len({rule.pattern for rule in RULES}) == len(RULES)
