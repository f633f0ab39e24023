"""From the pattern of a village to what it calls for: a first, open rule on three facts.

The facts are the shrunken O/E with its interval (context), the expected rate against the county's (composition) and
the number of loans (certainty). Credit environment and enforcement are not weighed here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: context is called bad when P(O/E above 1) reaches this
CLEAR = 0.9
#: composition is called bad when the expected rate is this multiple of the overall rate
RISKY_BORROWERS = 1.25
#: fewer rows than this carry no statement about a village
FEW = 10

PATTERNS = {
    "context": (
        "高于借款人结构所能解释",
        "worse than its borrowers explain",
        "驻村走访，抽查经办人档案，核对担保链与执行进度",
        "send a cadre, audit the officers' files, check guarantee chains and enforcement",
    ),
    "context+composition": (
        "借款人结构偏弱，且高于结构所能解释",
        "risky borrowers, and worse than they explain",
        "驻村走访并抽查档案；同时收紧产品与额度",
        "send a cadre and audit files; review product and limits as well",
    ),
    "composition": (
        "坏账可由借款人结构解释",
        "bad loans explained by who borrows",
        "不派驻；复核准入、产品与额度",
        "no cadre; review admission, product and limits",
    ),
    "too few": ("样本过少，不能下结论", "too few loans to say", "等待并补充采集数据", "wait, and collect data"),
    "unclear": ("证据不足", "not clear", "继续观察，下季度复核", "watch, and look again next quarter"),
    "routine": ("与预期相符", "as expected", "常规管理", "routine"),
}


def actions(villages: pd.DataFrame) -> pd.DataFrame:
    """A row per village that needs a look, in the order of the panel, with the pattern and what it calls for.

    Parameters
    ----------
    villages : the table of a `VillagePanel`.

    Returns
    -------
    DataFrame : village pattern pattern_zh pattern_en action_zh action_en n bad expected excess estimate lo hi p_above
        p_top. Villages that are as expected are left out.
    """
    pattern = village_pattern(villages)
    table = villages.assign(pattern=pattern)
    for place, name in enumerate(("pattern_zh", "pattern_en", "action_zh", "action_en")):
        table[name] = table["pattern"].map({word: texts[place] for word, texts in PATTERNS.items()})
    kept = [c for c in ("village", "name", "township") if c in table] + [
        "pattern",
        "pattern_zh",
        "pattern_en",
        "action_zh",
        "action_en",
        "n",
        "bad",
        "expected",
        "excess",
        "estimate",
        "lo",
        "hi",
        "p_above",
        "p_top",
    ]
    return table.loc[table["pattern"] != "routine", kept].reset_index(drop=True)


def village_pattern(villages: pd.DataFrame) -> pd.Series:
    """The pattern of each village: one of the keys of `PATTERNS`."""
    overall = villages["bad"].sum() / villages["n"].sum()
    risky = villages["expected"] / villages["n"] >= RISKY_BORROWERS * overall
    context = villages["p_above"] >= CLEAR
    few = villages["n"] < FEW
    unclear = (villages["estimate"] > 1) & (villages["p_above"] >= 0.75)
    words = np.select(
        [context & risky, context, risky & ~few, few & (villages["estimate"] > 1), unclear],
        ["context+composition", "context", "composition", "too few", "unclear"],
        default="routine",
    )
    return pd.Series(words, index=villages.index)
