"""Records without a number linked to the households of the register: name, birth date, village.

A record that carries an identity number is linked by its pseudonym and never comes here. What comes here is scored by
the Fellegi-Sunter model of splink: each comparison adds to the log-odds that record and person are the same. How often
a comparison agrees between strangers (u) is estimated from the register; how often it agrees for one person written
down twice (m) is declared in `AGREEMENT`. A record is linked when one person is far more likely than all others and
than nobody; what is less clear is listed as comparison scores, without names, for a person to decide.

Sources: Fellegi and Sunter (1969), A theory of record linkage, JASA 64; Linacre et al. (2022), Splink, IJPDS 7(1).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from creditlab.checks import check_columns
from creditlab.data.names import folded, readings
from creditlab.errors import MissingExtraError

#: a record is linked from this probability on, and listed for a person to decide from the other
ACCEPT, DOUBT = 0.95, 0.05
#: comparison → level → (SQL, share of true pairs at this level): what clerks do to names, dates and villages
AGREEMENT: Mapping[str, tuple[tuple[str, str, float], ...]] = {
    "name": (
        ("same characters", '"name_l" = "name_r"', 0.86),
        ("read the same", '"spoken_l" = "spoken_r"', 0.07),
        ("read the same but for tones", '"toneless_l" = "toneless_r"', 0.04),
        ("sounds nearly the same", 'jaro_winkler_similarity("toneless_l", "toneless_r") >= 0.93', 0.02),
    ),
    "birth": (
        ("same day", '"birth_l" = "birth_r"', 0.90),
        ("day and month exchanged", '"swapped_l" = "birth_r"', 0.02),
        ("one day off", 'abs(epoch("day_l") - epoch("day_r")) <= 86400', 0.03),
        ("another year, same day", '"monthday_l" = "monthday_r"', 0.02),
        ("same year", '"year_l" = "year_r"', 0.02),
    ),
    "village": (
        ("same village", '"village_l" = "village_r"', 0.95),
        ("same township", '"township_l" = "township_r"', 0.03),
    ),
}
BLOCKS = (("name",), ("spoken",), ("village", "surname"), ("birth",), ("village", "monthday"))
_COLUMNS = (
    "name",
    "spoken",
    "toneless",
    "surname",
    "birth",
    "day",
    "swapped",
    "monthday",
    "year",
    "village",
    "township",
)
PAIRS = ["row", "household_id", "person_id", "probability", "name", "birth", "village"]


@dataclass(frozen=True)
class Links:
    """What became of records without a number.

    `table` has a row per record: row, outcome (`linked`, `doubtful`, `none`), household_id, probability. `pairs` are
    the candidates of the doubtful ones, the most likely first: row, household_id, person_id, probability, and how
    name, birth and village compare, in words. No name is in either.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame

    def doubtful(self) -> pd.DataFrame:
        """The candidates of the records that a person has to decide."""
        return self.pairs.copy(deep=False)


def link(records: pd.DataFrame, register: pd.DataFrame, accept: float = ACCEPT, seed: int = 0) -> Links:
    """Find the household of each record.

    Parameters
    ----------
    records : columns name, birth (a date or text, may be missing), village (a code, may be missing).
    register : persons: person_id, household_id, name, birth, village.
    accept : probability from which a record is linked without a person looking at it.
    seed : of the sample of pairs from which splink estimates how often strangers agree.

    Returns
    -------
    Links, in the order of the records.

    Raises
    ------
    MissingExtraError : when splink or pypinyin is not installed.
    """
    check_columns(records, ["name"], "records to link")
    check_columns(register, ["person_id", "household_id", "name"], "register")
    known, asked = _ready(register), _ready(records)
    different = asked.drop_duplicates(ignore_index=True)
    place = asked.merge(different.assign(record=np.arange(len(different))), how="left")["record"].to_numpy()
    usable = different["name"].fillna("").str.len() > 0
    pairs = _score(different[usable], known, seed) if usable.any() and len(known) else _no_pairs()
    pairs = _judged(pairs, register)
    best = pairs.drop_duplicates("record").set_index("record").reindex(np.arange(len(different)))
    sure = (best["probability"] >= accept).to_numpy()
    open_case = ~sure & (best["probability"] >= DOUBT).to_numpy()
    outcome = np.select([sure, open_case], ["linked", "doubtful"], "none")
    table = pd.DataFrame(
        {
            "row": np.arange(len(records)),
            "outcome": pd.array(outcome[place], dtype="str"),
            "household_id": pd.array(best["household_id"].where(sure).to_numpy()[place], dtype="str"),
            "probability": best["probability"].to_numpy()[place],
        }
    )
    cases = table.loc[table["outcome"] == "doubtful", ["row"]].assign(record=lambda f: place[f["row"]])
    listed = cases.merge(pairs[pairs["probability"] >= DOUBT / 10], on="record")
    listed = listed.groupby("row", sort=True).head(5).reset_index(drop=True)
    return Links(table, listed[PAIRS])


def _ready(people: pd.DataFrame) -> pd.DataFrame:
    """Names folded and read, birth dates in the forms that are compared."""
    name = people["name"].astype("str").map(folded, na_action="ignore").fillna("")
    birth = pd.to_datetime(people.get("birth"), errors="coerce", format="mixed") if "birth" in people else None
    day = pd.Series(pd.NaT, index=people.index, dtype="datetime64[us]") if birth is None else birth.dt.as_unit("us")
    village = people["village"].astype("str") if "village" in people else pd.Series(None, people.index, dtype="str")
    spoken = readings(name.tolist())
    toneless = ["".join(c for c in s if not c.isdigit()) for s in spoken]
    return pd.DataFrame(
        {
            "name": name.where(name.str.len() > 0),
            "spoken": spoken,
            "toneless": toneless,
            "surname": [s.split(" ")[0] for s in toneless],
            "birth": day.dt.strftime("%Y-%m-%d"),
            "day": day,
            "swapped": day.dt.strftime("%Y-%d-%m"),
            "monthday": day.dt.strftime("%m-%d"),
            "year": day.dt.strftime("%Y"),
            "village": village,
            "township": village.str[:9],
        }
    ).reset_index(drop=True)


def _no_pairs() -> pd.DataFrame:
    return pd.DataFrame({c: pd.Series(dtype=float) for c in ("record", "person", "odds", *AGREEMENT)})


def _score(records: pd.DataFrame, known: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The pairs that share a block, with the odds that splink gives them: record person odds, and the levels."""
    try:
        from splink import DuckDBAPI, Linker
    except ImportError:
        raise MissingExtraError("splink", "link", "Linking records without a number") from None
    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI()
    tables = {
        name: database.register(frame.reset_index(drop=True).assign(number=frame.index)[["number", *_COLUMNS]])
        for name, frame in (("known", known), ("asked", records))
    }
    calm: dict[str, Any] = {"log_level": logging.ERROR, "validate_settings": False}
    # how often strangers agree is a fact of the register, whatever few records are to be linked to it
    trainer = Linker([tables["known"]], _settings("dedupe_only", len(known)), **calm)
    trainer.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed, min_count_per_level=None)
    settings = trainer.misc.save_model_to_json() | {"link_type": "link_only"}
    found = Linker([tables["known"], tables["asked"]], settings, **calm).inference.predict().as_pandas_dataframe()
    pairs = pd.DataFrame(
        {
            "record": found["number_r"],
            "person": found["number_l"],
            "odds": np.exp2(found["match_weight"].clip(-60, 60)),
            **{name: found[f"gamma_{name}"].map(_words(levels)) for name, levels in AGREEMENT.items()},
        }
    )
    return pairs.sort_values(["record", "person"], ignore_index=True)


def _words(levels: tuple[tuple[str, str, float], ...]) -> dict[int, str]:
    """The level of a comparison as splink counts it, in words."""
    return {-1: "missing", 0: "different"} | {len(levels) - i: label for i, (label, _, _) in enumerate(levels)}


def _judged(pairs: pd.DataFrame, register: pd.DataFrame) -> pd.DataFrame:
    """The pairs with the probability that the record is this household, most likely first.

    A record is one person of the register or nobody: the odds of its candidates are weighed against each other and
    against 1 for nobody.
    """
    people = register.reset_index(drop=True)
    place = pairs["person"].to_numpy(dtype=np.intp)
    known = people[["household_id", "person_id"]].take(place).reset_index(drop=True)
    judged = pd.concat([pairs.reset_index(drop=True), known], axis=1)
    total = judged.groupby("record")["odds"].transform("sum") + 1
    same = judged.groupby(["record", "household_id"])["odds"].transform("sum")
    judged["probability"] = (same / total).round(6)
    order = ["record", "probability", "odds", "person_id"]
    judged = judged.sort_values(order, ascending=[True, False, False, True], kind="stable")
    return judged.drop_duplicates(["record", "household_id"], ignore_index=True)


def _settings(link_type: str, people: int) -> dict[str, Any]:
    from splink import block_on

    return {
        "link_type": link_type,
        "unique_id_column_name": "number",
        "probability_two_random_records_match": 1 / (people + 1),
        "blocking_rules_to_generate_predictions": [block_on(*names) for names in BLOCKS],
        "comparisons": [_comparison(name, levels) for name, levels in AGREEMENT.items()],
        "retain_matching_columns": True,
    }


def _comparison(name: str, levels: tuple[tuple[str, str, float], ...]) -> dict[str, Any]:
    """One comparison as splink takes it: missing first, the declared levels, all else last."""
    column = {"name": "name", "birth": "birth", "village": "village"}[name]
    rest = 1 - sum(m for _, _, m in levels)
    listed = [
        {"sql_condition": f'"{column}_l" IS NULL OR "{column}_r" IS NULL', "label_for_charts": "missing",
         "is_null_level": True},
        *({"sql_condition": sql, "label_for_charts": label, "m_probability": m, "fix_m_probability": True}
          for label, sql, m in levels),
        {"sql_condition": "ELSE", "label_for_charts": "different", "m_probability": rest, "fix_m_probability": True},
    ]  # fmt: skip
    return {"output_column_name": name, "comparison_levels": listed}
