"""From the pattern of a village to the action that it calls for, with the evidence in words.

Use it on the facts of a study laid side by side. The action follows from the pattern of several facts, each with its
certainty, and never from one rank: a village high on O/E because of its officer needs an audit, one high because of who
borrows there needs another product. The rules are listed in `RULES`, in the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.results import Result, Stamp

#: a fact is clear when its probability reaches CLEAR, and leans that way from LEAN on
CLEAR, LEAN = 0.9, 0.75
#: what is as likely as not
EVEN = 0.5
#: a village of which the survey has reached less than this share of the households is not known well enough
LEAST_COVERAGE = 0.5
#: borrowers are risky when their expected rate is this multiple of the overall rate
RISKY_BORROWERS = 1.25
#: fewer loans than this carry no statement about a village
FEW = 10
#: a guarantee chain is what is wrong when it holds this share of the village's excess bads, at this p-value
CHAIN_SHARE, CHAIN_P = 0.5, 0.01

#: action → (zh, en)
ACTIONS: Mapping[str, tuple[str, str]] = {
    "recollect": ("先补采、核实数据，再下结论", "collect the data again before anything is concluded"),
    "wait": ("等待：样本过少", "wait: too few loans to say"),
    "audit": ("抽查经办人档案，不派驻", "audit the officer's files, no cadre"),
    "unwind": ("拆解联保链，逐户核实担保", "unwind the guarantee chain, check every guarantor"),
    "cadre": ("派驻挂职干部", "second a cadre"),
    "look": ("实地查明原因：缺少环境与执行记录", "find out why on the spot: no records of environment or enforcement"),
    "enforcement": ("开展执行攻坚，与法院会商", "enforcement drive with the court"),
    "education": ("金融知识与信用宣传进村", "financial education in the village"),
    "product": ("复核产品、额度与准入，不派驻", "review product, limit and admission, no cadre"),
    "visit": ("提前走访出现迁徙的贷款", "visit the loans that are slipping"),
    "watch": ("观察，下季度复核", "watch, and look again next quarter"),
    "routine": ("常规管理", "routine"),
}


@dataclass(frozen=True)
class Rule:
    """A pattern, when it holds, the action that it calls for, and what may be done besides."""

    pattern: str
    zh: str
    en: str
    action: str
    holds: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Patterns(Result):
    """One row per village: village pattern action also, with texts in both languages, and the evidence.

    Columns: village pattern pattern_zh pattern_en action action_zh action_en also evidence_zh evidence_en. `also` lists
    further actions that hold, in the order of the rules, separated by commas.
    """

    title: ClassVar[str] = "Pattern and action of each village 各村格局与行动"
    plots: ClassVar[str] = "village_why"


def _at_least(facts: pd.DataFrame, column: str, limit: float) -> pd.Series:
    return facts[column].ge(limit) & facts[column].notna()


def _context(facts: pd.DataFrame) -> pd.Series:
    """Worse than its borrowers explain, or the village itself is high beside its officers."""
    return _at_least(facts, "p_context", CLEAR) | facts["verdict"].eq("village")


def _risky(facts: pd.DataFrame) -> pd.Series:
    return _at_least(facts, "composition", RISKY_BORROWERS) & ~(facts["p_composition"] < CLEAR)


def _explained(facts: pd.DataFrame) -> pd.Series:
    """Risky borrowers, and loans that are as bad as that."""
    return _risky(facts) & ~(facts["p_bad_share"] < EVEN) & ~(facts["p_context"] <= 1 - CLEAR)


def _doubtful(facts: pd.DataFrame) -> pd.Series:
    """Records that cannot be trusted, in a village of which something would be concluded from them."""
    poor = _at_least(facts, "p_conflict", CLEAR) | (facts["coverage"] < LEAST_COVERAGE)
    return poor & (_at_least(facts, "p_context", LEAN) | _explained(facts))


def _chain(facts: pd.DataFrame) -> pd.Series:
    share = facts["chain_excess"] / facts["excess"].where(facts["excess"] > 0)
    return share.ge(CHAIN_SHARE) & facts["chain_p"].le(CHAIN_P)


#: asked in this order; the first that holds gives pattern and action, the later ones go to `also`
RULES: tuple[Rule, ...] = (
    Rule("data", "数据冲突或覆盖不足", "sources disagree or are missing", "recollect", _doubtful),
    Rule("too few", "样本过少，不能下结论", "too few loans to say", "wait",
         lambda f: f["n"].lt(FEW) & ~f["bad"].eq(0) & ~_context(f)),
    Rule("officer", "偏高来自经办人，或与村无法区分", "what is high comes with the officer, or cannot be told apart",
         "audit", lambda f: f["verdict"].isin(["officer", "not told apart"])),
    Rule("chain", "联保链一同倒下", "a guarantee chain fell together", "unwind",
         lambda f: _chain(f) & _at_least(f, "p_context", LEAN)),
    Rule("context+enforcement", "高于借款人结构，且执行难", "worse than its borrowers explain, and hard to enforce",
         "enforcement", lambda f: _context(f) & _at_least(f, "p_enforcement", LEAN) & ~(f["p_environment"] >= LEAN)),
    Rule("context+environment", "高于借款人结构，且信用环境差", "worse than its borrowers explain, poor environment",
         "cadre", lambda f: _context(f) & _at_least(f, "p_environment", LEAN)),
    Rule("context, cause not known", "高于借款人结构，原因无记录", "worse than its borrowers explain, cause not known",
         "look", lambda f: _context(f) & f["p_environment"].isna() & f["p_enforcement"].isna()),
    Rule("context", "高于借款人结构所能解释", "worse than its borrowers explain", "cadre", _context),
    Rule("composition", "坏账可由借款人结构解释", "bad loans explained by who borrows", "product", _explained),
    Rule("environment", "坏账尚可而信用环境差", "loans still good, poor credit environment", "education",
         lambda f: _at_least(f, "p_environment", CLEAR)),
    Rule("enforcement", "坏账尚可而执行难", "loans still good, hard to enforce", "enforcement",
         lambda f: _at_least(f, "p_enforcement", CLEAR)),
    Rule("slipping", "贷款状态迁徙加快", "loans are slipping faster than elsewhere", "visit",
         lambda f: _at_least(f, "p_slipping", CLEAR)),
    Rule("unclear", "证据不足", "not clear", "watch", lambda f: _at_least(f, "p_context", LEAN)),
)  # fmt: skip
#: what a village may lack; absent columns are taken as not known
FACTS: Mapping[str, Any] = {
    **dict.fromkeys(("n", "bad", "expected", "excess", "estimate", "lo", "hi", "p_context", "p_bad_share"), np.nan),
    **dict.fromkeys(("composition", "p_composition", "main_share", "p_beside", "separable"), np.nan),
    **dict.fromkeys(("environment", "environment_lo", "environment_hi", "p_environment"), np.nan),
    **dict.fromkeys(("enforcement", "enforcement_lo", "enforcement_hi", "p_enforcement"), np.nan),
    **dict.fromkeys(("slipping", "slipping_lo", "slipping_hi", "p_slipping"), np.nan),
    **dict.fromkeys(("chain_excess", "chain_p", "chain_bad", "chain_households"), np.nan),
    **dict.fromkeys(("conflict", "p_conflict", "coverage"), np.nan),
    **dict.fromkeys(("verdict", "main_officer"), ""),
}


def patterns(facts: pd.DataFrame) -> Patterns:
    """The pattern of each village, the action that follows from it, and the evidence for it in two languages.

    Parameters
    ----------
    facts : a row per village with `village` and any columns of `FACTS`: counts (n bad expected excess), shrunken O/E
        (estimate lo hi p_context), composition (expected rate over the overall rate) and p_composition, the verdict on
        village and officer (`crossed`), the criteria (environment, enforcement with limits and probability), slipping
        (migration), the guarantee chain, conflicts of sources and coverage. What is not there is not asked.

    Returns
    -------
    Patterns, a row per village in the order given.

    Raises
    ------
    ColumnError : no column `village`.

    >>> facts = pd.DataFrame({"village": ["A", "B", "C"], "n": [60, 50, 4], "p_context": [0.99, 0.4, 0.6],
    ...                       "composition": [1.0, 1.6, 1.0], "p_environment": [0.8, 0.3, 0.5]})
    >>> patterns(facts).tidy()["action"].tolist()
    ['cadre', 'product', 'wait']
    """
    check_columns(facts, ["village"], "facts of patterns")
    known = facts.reset_index(drop=True)
    known = known.assign(**{name: value for name, value in FACTS.items() if name not in known})
    holds = np.column_stack([rule.holds(known).to_numpy(dtype=bool) for rule in RULES])
    first = np.where(holds.any(axis=1), holds.argmax(axis=1), len(RULES))
    chosen = [RULES[i] if i < len(RULES) else _ROUTINE for i in first]
    table = pd.DataFrame(
        {
            "village": known["village"],
            "pattern": [rule.pattern for rule in chosen],
            "pattern_zh": [rule.zh for rule in chosen],
            "pattern_en": [rule.en for rule in chosen],
            "action": [rule.action for rule in chosen],
            "action_zh": [ACTIONS[rule.action][0] for rule in chosen],
            "action_en": [ACTIONS[rule.action][1] for rule in chosen],
            "also": [_also(row, int(i)) for row, i in zip(holds, first, strict=True)],
        }
    )
    evidence = [_evidence(row) for row in known.to_dict("records")]
    table["evidence_zh"], table["evidence_en"] = ([pair[i] for pair in evidence] for i in (0, 1))
    counts = table["action"].value_counts()
    found = {name: int(counts.get(name, 0)) for name in ACTIONS}
    return Patterns(table=table, stamp=Stamp.of(known, {"rules": [r.pattern for r in RULES]}), facts=found)


_ROUTINE = Rule("routine", "与预期相符", "as expected", "routine", lambda f: f["village"].notna())


def _also(holds: np.ndarray, first: int) -> str:
    """Further actions of the rules that hold; where nothing may be concluded yet there are none."""
    if first >= len(RULES) or RULES[first].action in ("recollect", "wait"):
        return ""
    own = RULES[first].action
    blocked = {"cadre", "watch"} if own in ("audit", "unwind", "look") else {"watch"}
    more = [RULES[i].action for i in np.flatnonzero(holds) if i > first]
    return ",".join(dict.fromkeys(a for a in more if a != own and a not in blocked))


def _evidence(row: Mapping[str, Any]) -> tuple[str, str]:
    """What is known of the village, fact by fact, as two sentences."""
    zh, en = zip(*[pair for make in _FACTS for pair in [make(row)] if pair], strict=True) if row else ((), ())
    return "；".join(zh), "; ".join(en)


def _known(*values: Any) -> bool:
    return all(isinstance(v, str) or (v is not None and np.isfinite(v)) for v in values)


def percent(p: float) -> str:
    """A probability as text; never 0 % or 100 %, which it is not."""
    return ">99%" if p > 0.995 else "<1%" if p < 0.005 else f"{p:.0%}"


def _size(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["n"]):
        return ("样本数未知", "number of loans not known")
    if not _known(row["bad"], row["expected"]):
        return (f"{row['n']:.0f} 户次", f"{row['n']:.0f} rows")
    return (
        f"{row['n']:.0f} 户次，坏 {row['bad']:.0f}，预期 {row['expected']:.1f}",
        f"{row['bad']:.0f} bad of {row['n']:.0f}, {row['expected']:.1f} expected",
    )


def _over(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["estimate"], row["lo"], row["hi"], row["p_context"]):
        return None
    zh = f"收缩 O/E {row['estimate']:.2f}（{row['lo']:.2f}–{row['hi']:.2f}），高于 1 的概率 {percent(row['p_context'])}"
    en = f"shrunken O/E {row['estimate']:.2f} ({row['lo']:.2f}–{row['hi']:.2f}), P(above 1) {percent(row['p_context'])}"
    return zh, en


def _borrowers(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["composition"]):
        return None
    return (
        f"借款人结构的预期坏账率为全县的 {row['composition']:.2f} 倍",
        f"its borrowers lead one to expect {row['composition']:.2f} times the county's rate",
    )


def _level(name: str, zh: str, en: str) -> Callable[[Mapping[str, Any]], tuple[str, str] | None]:
    def sentence(row: Mapping[str, Any]) -> tuple[str, str] | None:
        value, lo, hi, p = (row[c] for c in (name, f"{name}_lo", f"{name}_hi", f"p_{name}"))
        if not _known(value, lo, hi, p):
            return None
        text = f"{value:.2f} ({lo:.2f}–{hi:.2f}), {p:.0%}"
        return f"{zh} {text.replace(' (', '（').replace('), ', '），偏差概率 ')}", f"{en} {text} to be worse"

    return sentence


def _officer(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if row["verdict"] not in ("officer", "not told apart") or not _known(row["main_share"]):
        return None
    share, name = row["main_share"], row["main_officer"]
    if row["verdict"] == "officer":
        return (
            f"经办人 {name} 经办 {share:.0%}，其与支行的效应偏高概率 {row['p_beside']:.0%}",
            f"officer {name} granted {share:.0%} here; officer and branch are high with {row['p_beside']:.0%}",
        )
    return (
        f"经办人 {name} 经办 {share:.0%}，数据不能区分村与经办人（可区分信息 {row['separable']:.0%}）",
        f"officer {name} granted {share:.0%} here; the data cannot tell village and officer apart "
        f"({row['separable']:.0%} of the information separates them)",
    )


def _guarantees(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["chain_bad"], row["chain_p"]) or not row["chain_p"] <= CHAIN_P:
        return None
    bad, size = row["chain_bad"], row["chain_households"]
    return f"一条联保链 {size:.0f} 户中 {bad:.0f} 户坏", f"a guarantee chain: {bad:.0f} of {size:.0f} households bad"


def _sources(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["conflict"], row["p_conflict"]) or not row["p_conflict"] >= LEAN:
        return None
    return f"来源冲突为平均的 {row['conflict']:.1f} 倍", f"sources disagree {row['conflict']:.1f} times as often"


def _reach(row: Mapping[str, Any]) -> tuple[str, str] | None:
    if not _known(row["coverage"]) or row["coverage"] >= LEAST_COVERAGE:
        return None
    return f"采集覆盖 {row['coverage']:.0%}", f"data collection reached {row['coverage']:.0%}"


_FACTS: tuple[Callable[[Mapping[str, Any]], tuple[str, str] | None], ...] = (
    _size, _over, _borrowers, _officer, _guarantees,
    _level("environment", "信用环境指数", "credit environment"),
    _level("enforcement", "执行难度指数", "enforcement"),
    _level("slipping", "状态迁徙", "migration to worse states"),
    _sources, _reach,
)  # fmt: skip
