"""What each village calls for: the facts of a study side by side, the pattern, the action, and what is at stake.

The rules are those of `creditlab.village.pattern`; this module brings the facts together and adds the expected bads and
the yuan of the book as it is now.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from creditlab import village as vl

#: draws behind the interval of what is at stake
DRAWS = 4000
TEXTS = ["pattern", "pattern_zh", "pattern_en", "action", "action_zh", "action_en", "also"]
EVIDENCE = ["evidence_zh", "evidence_en"]
STAKES = ["borrowers", "performing_balance", "bads_ahead", "bads_lo", "bads_hi", "yuan_ahead", "yuan_excess"]


def actions(panel: Any, why: Any = None) -> pd.DataFrame:
    """A row per village that needs something, the most yuan (or bads) beyond expectation first.

    Parameters
    ----------
    panel : a `VillagePanel`.
    why : the `VillageWhy` of the same villages; None leaves the pattern to O/E, composition and size.

    Returns
    -------
    DataFrame : village name township, pattern and action with texts in both languages, `also` and evidence, n bad
        expected excess estimate lo hi p_above p_top, and where the book is there what is at stake in it now:
        `bads_ahead` are the performing borrowers that a village of this O/E turns bad by maturity, with limits,
        `yuan_ahead` the performing balance that goes with them, `yuan_excess` the part beyond what the borrowers
        explain. Villages that call for nothing are left out.
    """
    villages = panel.tidy()
    found = vl.patterns(pattern_facts(panel, why)).tidy()
    table = villages.merge(found, on="village", validate="1:1")
    table = _with_stakes(table, panel, None if why is None else why.book)
    ends = ["n", "bad", "expected", "excess", "estimate", "lo", "hi", "p_above", "p_top"]
    kept = [c for c in ("village", "name", "township", *TEXTS, *ends, *STAKES, *EVIDENCE) if c in table]
    table = table[table["pattern"] != "routine"]
    order = "yuan_excess" if "yuan_excess" in table else "excess"
    return table.sort_values([order, "village"], ascending=[False, True], ignore_index=True)[kept]


def pattern_facts(panel: Any, why: Any = None) -> pd.DataFrame:
    """The facts of every village that the rules ask for, one row per village; see `creditlab.village.pattern`."""
    villages = panel.tidy()
    overall = villages["bad"].sum() / villages["n"].sum()
    facts = villages[["village", "n", "bad", "expected", "excess", "estimate", "lo", "hi"]].assign(
        p_context=villages["p_above"],
        composition=villages["expected"] / villages["n"] / overall if overall > 0 else np.nan,
    )
    if why is None:
        return facts
    for part in (_officers(why.crossed), _criteria(why.criteria), _slipping(why.warning), _chains(why.contagion),
                 _quality(why.quality), _composition(why.gap, overall)):  # fmt: skip
        if part is not None:
            facts = facts.merge(part, on="village", how="left", validate="1:1")
    return facts.assign(verdict=facts["verdict"].fillna("")) if "verdict" in facts else facts


def _officers(crossed: Any) -> pd.DataFrame | None:
    if crossed is None:
        return None
    columns = ["village", "verdict", "main_officer", "main_share", "p_beside", "separable"]
    return crossed.villages[columns].assign(main_officer=lambda f: f["main_officer"].astype(str))


def _criteria(criteria: Any) -> pd.DataFrame | None:
    """Estimate, limits and probability of environment and enforcement, where a village has records of its own."""
    if criteria is None:
        return None
    wide = criteria.wide()
    parts = {"village": wide["village"], "p_bad_share": wide["bad_share_p_above"]}
    for name in ("environment", "enforcement"):
        known = wide[f"{name}_state"] != "no data"
        parts[name] = wide[f"{name}_estimate"].where(known)
        parts |= {f"{name}_{end}": wide[f"{name}_{end}"].where(known) for end in ("lo", "hi")}
        parts[f"p_{name}"] = wide[f"{name}_p_above"].where(known)
    return pd.DataFrame(parts)


def _slipping(warning: Any) -> pd.DataFrame | None:
    if warning is None:
        return None
    names = {"estimate": "slipping", "lo": "slipping_lo", "hi": "slipping_hi", "p_above": "p_slipping"}
    return warning.tidy()[["village", *names]].rename(columns=names)


def _chains(contagion: Any) -> pd.DataFrame | None:
    """The guarantee chain of each village that holds the most excess bads, where links carry bads at all."""
    if contagion is None or contagion.verdict not in ("contagion", "unplaced") or not len(contagion.groups):
        return None
    worst = contagion.groups.sort_values(["excess", "group"], ascending=[False, True], kind="stable")
    names = {"excess": "chain_excess", "p_value": "chain_p", "bad": "chain_bad", "households": "chain_households"}
    return worst.drop_duplicates("village")[["village", *names]].rename(columns=names)


def _quality(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None:
        return None
    return quality[["village", "coverage"]].assign(conflict=quality["estimate"], p_conflict=quality["p_above"])


def _composition(gap: Any, overall: float) -> pd.DataFrame | None:
    """The probability that the borrowers of a village are riskier than the county's, from the doubt about the card."""
    if gap is None or gap.tidy()["composition"].isna().all():
        return None
    from scipy.special import ndtr, ndtri

    table = gap.tidy()
    reach = (table["composition_hi"] - table["composition_lo"]) / 2 / ndtri((1 + gap.facts["level"]) / 2)
    if not (reach > 0).any():
        return None
    return pd.DataFrame(
        {"village": table["village"], "p_composition": ndtr(table["composition"] / reach.clip(lower=1e-12))}
    )


def _with_stakes(table: pd.DataFrame, panel: Any, book: pd.DataFrame | None) -> pd.DataFrame:
    """Expected bads and yuan in the book now: performing borrowers times expected rate times O/E of the village."""
    if book is None:
        return table
    known = table[["village"]].merge(book, on="village", how="left").fillna(
        dict.fromkeys(["borrowers", "performing", "performing_balance"], 0)
    )  # fmt: skip
    rate = (table["expected"] / table["n"]).to_numpy()
    draws = panel.draws(DRAWS)[table["village"].tolist()].to_numpy()
    share = np.minimum(draws * rate, 1.0)
    tail = (1 - panel.facts["level"]) / 2
    lo, hi = np.quantile(share, [tail, 1 - tail], axis=0) * known["performing"].to_numpy()
    balance = known["performing_balance"].to_numpy()
    return table.assign(
        borrowers=known["borrowers"].astype(int).to_numpy(),
        performing_balance=balance,
        bads_ahead=share.mean(axis=0) * known["performing"].to_numpy(),
        bads_lo=lo,
        bads_hi=hi,
        yuan_ahead=share.mean(axis=0) * balance,
        yuan_excess=np.maximum(share - rate, 0).mean(axis=0) * balance,
    )
