"""Explanations: rows × features in log-odds of bad, in one form for card and booster, for household and village.

Use `explain(model, X)` to see what moved each score, and `.by_group(village)` to see what moves a village's. Every
explanation adds up to the model's log-odds on all rows, or there is none. What it says depends on the value function,
which is always stated; it says what the model did, not what would happen if a household changed.

`routes` computes contributions (`shapley` exactly for trees, `correlated` as a diagnostic of cards, `peers` through
shap and woodelf-explainer), `explanation` is the object, `players` explains whole sources as one, `comparison` sets
two models side by side, `quality` tests explanations, `dependence` shows what a model does along one or two features,
`missed` finds what a card cannot follow. What a department's data are worth is in `study.departments`.
"""

from creditlab.explanation.comparison import Comparison, compare
from creditlab.explanation.dependence import Effects, JointEffect, effects, interaction_strength, joint_effect
from creditlab.explanation.explanation import Explanation, check_additive
from creditlab.explanation.missed import Missed, what_the_card_misses
from creditlab.explanation.players import PlayerValues, explain_players
from creditlab.explanation.quality import Quality, explanation_quality
from creditlab.explanation.routes import explain, linear_contributions

__all__ = [
    "Comparison",
    "Effects",
    "Explanation",
    "JointEffect",
    "Missed",
    "PlayerValues",
    "Quality",
    "check_additive",
    "compare",
    "effects",
    "explain",
    "explain_players",
    "explanation_quality",
    "interaction_strength",
    "joint_effect",
    "linear_contributions",
    "what_the_card_misses",
]
