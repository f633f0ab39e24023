"""Cross-verification: how far sources agree, which value holds, where it comes from, and how sure it is.

`cross_check` takes the statements of a household file. Conflicts are resolved by a declared rule; the default weighs
every source by its reliability, which is estimated without the truth. Where the truth is known, as in the sample
county, `error` measures rule and sources against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from creditlab.data.reliability import dawid_skene, grubbs
from creditlab.data.statements import FACTS, SOURCES, Fact, statements
from creditlab.errors import InputError, message
from creditlab.results import Result, Stamp

#: rule → (Chinese, English)
RULES: Mapping[str, tuple[str, str]] = {
    "weighted": ("按实测可靠度加权", "weighted by measured reliability"),
    "majority": ("多数来源，平局取最可信", "majority, ties by trust"),
    "most_trusted": ("最可信来源", "most trusted source"),
    "most_recent": ("最新来源，平局取最可信", "most recent, ties by trust"),
}
#: a number that errs by a little is called sure when it lies within this relative distance of the truth
CLOSE = 0.2
CONFLICT_COLUMNS = ["household_id", "fact", "source_a", "value_a", "source_b", "value_b", "resolved", "resolved_from",
                    "rule", "confidence"]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CrossCheck(Result):
    """The resolved facts by household: household_id fact value provenance sources agree confidence rule.

    `provenance` names the sources that state the value (for a weighted mean all that went into it), `sources` counts
    those that state the fact and `agree` those that agree with the value; `confidence` is the probability that the
    value is right (of a noisy number: that it lies within 20 % of the truth).
    """

    title: ClassVar[str] = "Cross-verification 交叉验证"

    statements: pd.DataFrame
    agreement: pd.DataFrame
    reliability: pd.DataFrame
    rule: str

    def conflicts(self) -> pd.DataFrame:
        """Pairs of sources that state a fact differently, with the value that holds; see `County.conflicts`."""
        return _conflicts(self.statements, self.table, self.rule)

    def error(self, truth: pd.DataFrame) -> pd.DataFrame:
        """Measured against the truth: how often each source and the resolved value are wrong.

        Parameters
        ----------
        truth : household_id and a column per fact.

        Returns
        -------
        DataFrame : fact source n error resolved_error. `error` is the share of wrong statements of a source and
            `resolved_error` that of the resolved value on the same households; of a noisy number both are the root
            mean square of the log ratio. The row with the source `all` counts every household with a resolved value.
        """
        return _errors(self.statements, self.table, truth)


def cross_check(file: Any, rule: str = "weighted", facts: Sequence[str] = tuple(FACTS)) -> CrossCheck:
    """Cross-verify the facts of a household file.

    Parameters
    ----------
    file : a `HouseholdFile`.
    rule : one of `RULES`.
    facts : some of `FACTS`.

    Raises
    ------
    InputError : for a rule or fact that does not exist.

    >>> from creditlab.data.household import household_file
    >>> from creditlab.data.world import make_county
    >>> county = make_county(12, seed=1, households_per_village=20)
    >>> check = cross_check(household_file(county.tables, pd.Timestamp("2024-12-31")))
    >>> bool((check.table["confidence"] > 0.5).mean() > 0.9)
    True
    """
    for given, allowed, where in ((rule, RULES, "rule"), *((f, FACTS, "facts") for f in facts)):
        if given not in allowed:
            raise InputError(message(f"one of {', '.join(allowed)}", repr(given), where, "Use one of these words."))
    stated = statements(file)
    stated = _written(stated[stated["fact"].isin(facts)].reset_index(drop=True))
    resolved, reliability, agreement = [], [], []
    for name in facts:
        rows = stated[stated["fact"] == name].reset_index(drop=True)
        if len(rows):
            one = _noisy(rows, FACTS[name], rule) if FACTS[name].kind == "noisy" else _right(rows, FACTS[name], rule)
            resolved.append(one[0].assign(fact=name))
            reliability.append(one[1].assign(fact=name))
            agreement.append(_agreement(rows, FACTS[name]).assign(fact=name))
    columns = ["household_id", "fact", "value", "provenance", "sources", "agree", "confidence"]
    table = _joined(resolved, columns).assign(rule=rule)
    return CrossCheck(
        table=table,
        statements=stated,
        agreement=_joined(agreement, ["fact", "source_a", "source_b", "n", "agree", "expected", "kappa", "se"]),
        reliability=_joined(reliability, ["fact", "source", "n", "accuracy", "bias", "sd", "identified"]),
        rule=rule,
        stamp=Stamp.of(stated.astype({"value": "str"}), {"rule": rule, "facts": list(facts)}),
        facts={"as_of": str(file.as_of.date()), "rule": rule, "households": int(table["household_id"].nunique())},
    )


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


# -- agreement ---------------------------------------------------------------------------------------------------------


def agree(a: ArrayLike, b: ArrayLike, fact: Fact) -> np.ndarray:
    """Whether values agree: equal, or numbers within the fact's tolerance."""
    if fact.kind == "category":
        return np.asarray(a, dtype=object) == np.asarray(b, dtype=object)
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return np.abs(x - y) <= fact.tolerance * np.maximum(np.abs(x), np.abs(y)) + 1e-9


def _written(stated: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers of a category as whole numbers, whichever form a source keeps them in."""
    count = (stated["fact"] == "members").to_numpy()
    values = stated["value"].to_numpy(dtype=object).copy()
    values[count] = [int(v) for v in values[count]]
    return stated.assign(value=pd.Series(values, index=stated.index, dtype=object))


def _agreement(rows: pd.DataFrame, fact: Fact) -> pd.DataFrame:
    """Each pair of sources: how many households both state, the share that agrees, and Cohen's kappa.

    Kappa (Cohen 1960, A coefficient of agreement for nominal scales) counts agreement on categories, of numbers on the
    fifths of all statements; `expected` is what chance would give.
    """
    wide = _wide(rows)
    classes = wide if fact.kind == "category" else _fifths(wide)
    found = []
    for a, b in combinations([s for s in fact.trust if s in wide], 2):
        both = (wide[a].notna() & wide[b].notna()).to_numpy()
        n = int(both.sum())
        if n:
            share = float(agree(wide[a][both], wide[b][both], fact).mean())
            kappa, expected, se = cohen_kappa(classes[a][both], classes[b][both])
            found.append(
                {"source_a": a, "source_b": b, "n": n, "agree": share, "expected": expected, "kappa": kappa, "se": se}
            )
    columns = ["source_a", "source_b", "n", "agree", "expected", "kappa", "se"]
    return pd.DataFrame(found, columns=columns)


def cohen_kappa(a: pd.Series, b: pd.Series) -> tuple[float, float, float]:
    """Cohen's kappa of two ratings, the agreement that chance would give, and the standard error of kappa.

    The error is the large-sample formula of Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72, eq. 13.

    >>> cohen_kappa(pd.Series(["y", "y", "n", "n"]), pd.Series(["y", "n", "n", "n"]))[0]
    0.5
    """
    code, names = pd.factorize(np.concatenate([np.asarray(a, dtype=object), np.asarray(b, dtype=object)]))
    k, n = len(names), len(a)
    p = np.bincount(code[:n] * k + code[n:], minlength=k * k).reshape(k, k) / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    seen, chance = float(np.trace(p)), float(row @ column)
    if chance >= 1:  # one category: nothing to agree on
        return float("nan"), chance, float("nan")
    kappa = (seen - chance) / (1 - chance)
    own = np.diag(p) @ (1 - (row + column) * (1 - kappa)) ** 2
    cross = (column[:, None] + row[None, :]) ** 2 * p
    off = (1 - kappa) ** 2 * (cross.sum() - np.trace(cross))
    variance = (own + off - (kappa - chance * (1 - kappa)) ** 2) / ((1 - chance) ** 2 * n)
    return float(kappa), chance, float(np.sqrt(max(variance, 0.0)))


def _fifths(wide: pd.DataFrame) -> pd.DataFrame:
    cuts = np.unique(np.nanpercentile(wide.to_numpy(dtype=float), [20, 40, 60, 80]))
    return wide.apply(lambda v: pd.Series(np.searchsorted(cuts, v.astype(float)), index=v.index).where(v.notna()))


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.pivot(index="household_id", columns="source", values="value")


# -- facts that are stated right or wrong ------------------------------------------------------------------------------


def _right(rows: pd.DataFrame, fact: Fact, rule: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    rank = {s: i for i, s in enumerate(fact.trust)}
    rows = rows.assign(rank=rows["source"].map(rank)).sort_values(["household_id", "rank"], ignore_index=True)
    item = rows.groupby("household_id", sort=True).ngroup().to_numpy()
    candidate = _candidates(rows, item, fact)
    posterior, known = _measured(rows, item, candidate, fact)
    identified = bool(known["identified"].iloc[0])
    grouped = rows.groupby(candidate)
    first = np.unique(candidate, return_index=True)[1]
    options = rows.take(first)[["household_id", "value"]].reset_index(drop=True)  # as the most trusted source says it
    options = options.assign(
        posterior=posterior,
        agree=np.bincount(candidate),
        rank=grouped["rank"].min().to_numpy(),
        stated_on=grouped["stated_on"].max().to_numpy(),
        provenance=_listed(candidate, rows["rank"].to_numpy(), fact.trust),
        sources=np.bincount(item)[item[first]],
        confidence=np.round(posterior, 4),
    )
    order = {
        "weighted": ["posterior", "rank"] if identified else ["agree", "rank"],
        "majority": ["agree", "rank"],
        "most_trusted": ["rank"],
        "most_recent": ["stated_on", "rank"],
    }[rule]
    up = [c == "rank" for c in order]
    best = options.sort_values(["household_id", *order], ascending=[True, *up], kind="stable")
    return best.drop_duplicates("household_id").reset_index(drop=True), known


def _listed(candidate: np.ndarray, rank: np.ndarray, trust: Sequence[str]) -> np.ndarray:
    """The sources that state each candidate, in the order of trust."""
    marks = np.bincount(candidate, 2.0**rank).astype(int)
    different, place = np.unique(marks, return_inverse=True)
    words = [" + ".join(s for i, s in enumerate(trust) if mark >> i & 1) for mark in different]
    return np.array(words, dtype=object)[place]


def _measured(
    rows: pd.DataFrame, item: np.ndarray, candidate: np.ndarray, fact: Fact
) -> tuple[np.ndarray, pd.DataFrame]:
    """The probability of each stated value, and how reliable each source is found to be."""
    names = [s for s in fact.trust if s in set(rows["source"])]
    source = rows["source"].map({s: i for i, s in enumerate(names)}).to_numpy()
    coins = dawid_skene(item, source, candidate, float(np.clip(_different(rows, fact) - 1, 1, 10)))
    known = pd.DataFrame({"source": names, "n": coins.n.astype(int), "accuracy": coins.accuracy})
    return coins.posterior, known.assign(bias=np.nan, sd=np.nan, identified=coins.identified)


def _different(rows: pd.DataFrame, fact: Fact) -> int:
    """How many different values are stated of a fact, numbers counted by their size class."""
    if fact.kind == "category":
        return int(rows["value"].nunique())
    return int(np.log(rows["value"].astype(float).clip(lower=1e-9)).mul(4).round().nunique())


def _candidates(rows: pd.DataFrame, item: np.ndarray, fact: Fact) -> np.ndarray:
    """A number per different value of an item; numbers agree with the first, more trusted, within the tolerance."""
    if fact.kind == "category":
        return pd.Series(item).groupby([item, rows["value"].to_numpy()], sort=False).ngroup().to_numpy()
    number = np.empty(len(rows), dtype=int)
    seen: list[float] = []
    last, start = -1, 0
    for i, (h, value) in enumerate(zip(item.tolist(), rows["value"].astype(float).tolist(), strict=True)):
        if h != last:
            last, start = h, len(seen)
        for k in range(start, len(seen)):
            if abs(seen[k] - value) <= fact.tolerance * max(abs(seen[k]), abs(value)) + 1e-9:
                number[i] = k
                break
        else:
            number[i] = len(seen)
            seen.append(value)
    return number


# -- numbers that every source states with an error of its own ---------------------------------------------------------


def _noisy(rows: pd.DataFrame, fact: Fact, rule: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = rows[rows["value"].astype(float) > 0]
    wide = _wide(rows)
    names = [s for s in fact.trust if s in wide]
    logs = np.log(wide[names].astype(float).to_numpy())
    noise = grubbs(logs)
    plain = logs - noise.bias
    sd = np.where(np.isfinite(noise.sd), noise.sd, 1.0)
    said = np.isfinite(logs)
    if rule == "weighted":
        weight = np.where(said, 1 / sd**2, 0.0)
    elif rule == "majority":  # of numbers that all differ: their mean
        weight = said.astype(float)
    else:
        weight = np.zeros_like(logs)
        day = rows.pivot(index="household_id", columns="source", values="stated_on")[names].to_numpy()
        weight[np.arange(len(logs)), _chosen(said, day, rule)] = 1.0
    weight = weight / weight.sum(axis=1, keepdims=True)
    value = np.exp((np.where(said, plain, 0.0) * weight).sum(axis=1))
    error = np.sqrt((weight**2) @ (sd**2))
    near = said & (np.abs(np.where(said, plain, 0.0) - np.log(value)[:, None]) <= np.log1p(fact.tolerance))
    resolved = pd.DataFrame(
        {
            "household_id": wide.index,
            "value": np.round(value, -1).astype(object),
            "provenance": [" + ".join(n for n, w in zip(names, ws, strict=True) if w > 0) for ws in weight],
            "sources": said.sum(axis=1),
            "agree": near.sum(axis=1),
            "confidence": np.round(_within(error), 4),
        }
    )
    known = pd.DataFrame({"source": names, "n": noise.n, "accuracy": np.nan, "bias": noise.bias, "sd": noise.sd})
    return resolved, known.assign(identified=noise.identified)


def _chosen(said: np.ndarray, day: np.ndarray, rule: str) -> np.ndarray:
    if rule == "most_trusted":
        return said.argmax(axis=1)
    return np.where(said, day.astype("datetime64[D]").astype("int64"), np.iinfo("int64").min).argmax(axis=1)


def _within(error: np.ndarray) -> np.ndarray:
    from scipy.stats import norm

    return norm.cdf(np.log1p(CLOSE) / error) - norm.cdf(np.log1p(-CLOSE) / error)


# -- conflicts and errors ----------------------------------------------------------------------------------------------


def _conflicts(stated: pd.DataFrame, resolved: pd.DataFrame, rule: str) -> pd.DataFrame:
    parts = []
    for name, rows in stated.groupby("fact", sort=True):
        fact, wide = FACTS[str(name)], _wide(rows)
        for a, b in combinations([s for s in fact.trust if s in wide], 2):
            both = wide[wide[a].notna() & wide[b].notna()]
            differ = both[~agree(both[a], both[b], fact)] if len(both) else both
            pairs = pd.DataFrame({"household_id": differ.index, "value_a": differ[a], "value_b": differ[b]})
            parts.append(pairs.assign(fact=name, source_a=a, source_b=b))
    if not parts:
        return pd.DataFrame(columns=CONFLICT_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    held = resolved.rename(columns={"value": "resolved", "provenance": "resolved_from"}).drop(columns="rule")
    table = table.merge(held, on=["household_id", "fact"], how="left")
    table["rule"] = " ".join(reversed(RULES[rule]))
    order = ["fact", "household_id", "source_a", "source_b"]
    return table[CONFLICT_COLUMNS].sort_values(order, ignore_index=True)


def _errors(stated: pd.DataFrame, resolved: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    known = truth.set_index("household_id")
    found = []
    for name, rows in stated.groupby("fact", sort=True):
        if name not in known:
            continue
        fact = FACTS[str(name)]
        held = resolved[resolved["fact"] == name].set_index("household_id")["value"]
        held = held[held.index.isin(known.index)]
        groups = [(s, rows[rows["source"] == s].set_index("household_id")["value"]) for s in fact.trust]
        for source, values in [*groups, ("all", held)]:
            values = values[values.index.isin(held.index)]
            if len(values):
                true = known.loc[values.index, name].astype(object)
                found.append(
                    {
                        "fact": name,
                        "source": source,
                        "n": len(values),
                        "error": _error(values, true, fact),
                        "resolved_error": _error(held.loc[values.index], true, fact),
                    }
                )
    return pd.DataFrame(found, columns=["fact", "source", "n", "error", "resolved_error"])


def _error(values: pd.Series, true: pd.Series, fact: Fact) -> float:
    if fact.kind == "noisy":
        return float(np.sqrt(np.mean(np.log(values.astype(float).to_numpy() / true.astype(float).to_numpy()) ** 2)))
    return float(1 - agree(values, true, fact).mean())


def source_label(source: str, lang: str = "zh") -> str:
    """What a reader calls a source of statements."""
    return SOURCES[source][0 if lang == "zh" else 1] if source in SOURCES else source
