"""Records without a number: who is linked, who is listed for a person, and that no name is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from creditlab.data.linking import link
from creditlab.data.world import scribes
from creditlab.errors import ColumnError

VILLAGE = [f"999999{t:03d}{200 + v}" for t in range(3) for v in range(4)]


@pytest.fixture(scope="module")
def register() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 900
    day = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 18_000, n), unit="D")
    return pd.DataFrame(
        {
            "person_id": [f"P{i:04d}" for i in range(n)],
            "household_id": [f"H{i // 3:04d}" for i in range(n)],
            "name": scribes.invented(n, rng),
            "birth": day.strftime("%Y-%m-%d"),
            "village": np.repeat(VILLAGE, n // len(VILLAGE)),
        }
    )


@pytest.fixture(scope="module")
def written(register: pd.DataFrame) -> pd.DataFrame:
    """Every third person as another office writes them, then ten people whom the register does not know."""
    rng = np.random.default_rng(6)
    known = register.iloc[::3].reset_index(drop=True)
    known["name"] = scribes.other_hand(known["name"].to_numpy(), rng, wrong=0.1)
    known["birth"] = scribes.heard_dates(pd.to_datetime(known["birth"]).to_numpy(), rng)
    strangers = known.sample(10, random_state=1).assign(name=scribes.invented(10, rng), birth="1931-05-05")
    return pd.concat([known, strangers.assign(household_id=None, person_id=None)], ignore_index=True)


def test_true_pairs_are_found_and_strangers_are_not(register: pd.DataFrame, written: pd.DataFrame) -> None:
    links = link(written[["name", "birth", "village"]], register)
    linked = links.table["outcome"] == "linked"
    meant = written["household_id"]
    assert (links.table.loc[linked, "household_id"] == meant[linked]).all()
    assert linked[meant.notna()].mean() > 0.95
    assert not linked[meant.isna()].any()
    assert links.table["row"].tolist() == list(range(len(written)))


def test_without_birth_dates_less_is_sure_and_nothing_is_guessed(register: pd.DataFrame, written: pd.DataFrame) -> None:
    links = link(written[["name", "village"]], register)
    linked = links.table["outcome"] == "linked"
    meant = written["household_id"]
    assert (links.table.loc[linked, "household_id"] == meant[linked]).mean() > 0.98
    doubtful = links.doubtful()
    assert set(doubtful["row"]) == set(links.table.loc[links.table["outcome"] == "doubtful", "row"])


def test_the_list_for_a_person_holds_scores_and_no_name(register: pd.DataFrame, written: pd.DataFrame) -> None:
    twins = register.iloc[:2].assign(name="王伟", birth=None, village=VILLAGE[0], household_id=["H0000", "H0001"])
    links = link(pd.DataFrame({"name": ["王 伟"], "village": [VILLAGE[0]]}), pd.concat([register.iloc[6:], twins]))
    assert links.table["outcome"].tolist() == ["doubtful"] and links.table["household_id"].isna().all()
    assert links.pairs["household_id"].tolist()[:2] == ["H0000", "H0001"]
    assert links.pairs["name"].tolist()[:2] == ["same characters"] * 2
    shown = links.pairs.to_csv() + links.table.to_csv()
    assert "王伟" not in shown and not any(n in shown for n in written["name"])


def test_the_order_of_records_and_register_does_not_matter(register: pd.DataFrame, written: pd.DataFrame) -> None:
    asked = written[["name", "birth", "village"]].iloc[:60]
    one = link(asked, register).table
    other = link(asked.iloc[::-1], register.sample(frac=1, random_state=3)).table.iloc[::-1]
    assert one["household_id"].equals(other["household_id"].reset_index(drop=True))


def test_nothing_to_compare_links_nothing(register: pd.DataFrame) -> None:
    links = link(pd.DataFrame({"name": [None, "  "]}), register)
    assert links.table["outcome"].tolist() == ["none", "none"] and len(links.pairs) == 0
    with pytest.raises(ColumnError, match="the column"):
        link(pd.DataFrame({"who": ["王伟"]}), register)
