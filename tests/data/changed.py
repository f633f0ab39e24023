"""A county whose villages merge and split: what the sample county, whose villages only change their names, has not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

MERGED, SPLIT = "999999990001", ("999999990011", "999999990012")


def changed_county(tables: dict[str, pd.DataFrame], day: str = "2022-07-01") -> tuple[dict[str, Any], pd.Series]:
    """The tables after two villages merged and one split, and the true village of each household after that day.

    Half of the households of the split village are registered again; of the others those that were visited since state
    where they live. Records of later months bear the new codes.
    """
    on = pd.Timestamp(day)
    homes = tables["households"]
    size = homes["village_id"].value_counts()
    a, b, d = sorted(size.index[size >= 20])[:3]
    true = homes.set_index("household_id")["village_id"].copy()
    members = true.index[true == d]
    half = pd.Series(np.where(np.arange(len(members)) % 2, SPLIT[1], SPLIT[0]), index=members)
    true[true.isin([a, b])] = MERGED
    true[members] = half
    made = dict(tables)
    again = homes[homes["household_id"].isin(members[::2])]
    again = again.assign(
        village_id=again["household_id"].map(half), observed_on=on, known_on=on + pd.Timedelta(days=40)
    )
    made["households"] = pd.concat([homes, again], ignore_index=True)
    visits = tables["collection_log"].copy()
    since = (visits["requested_on"] >= on) & visits["stated_village_id"].notna()
    visits.loc[since, "stated_village_id"] = visits.loc[since, "household_id"].map(true)
    made["collection_log"] = visits
    receipts = tables["village_receipts"].copy()
    late = receipts["paid_on"] >= on
    new = receipts["village_id"].replace({a: MERGED, b: MERGED, d: SPLIT[0]})
    made["village_receipts"] = receipts.assign(village_id=receipts["village_id"].where(~late, new))
    made["villages"] = _villages(tables["villages"], (a, b, d), on)
    row = {"changed_on": on, "source": "civil affairs", "port": "government", "observed_on": on,
           "known_on": on + pd.Timedelta(days=20)}  # fmt: skip
    steps = [(a, MERGED, "merge"), (b, MERGED, "merge"), *((d, s, "split") for s in SPLIT)]
    changes = pd.DataFrame([{"village_id": o, "successor_id": n, "kind": k, **row} for o, n, k in steps])
    made["village_changes"] = pd.concat([tables["village_changes"], changes], ignore_index=True)
    return made, true


def _villages(villages: pd.DataFrame, old: tuple[str, str, str], on: pd.Timestamp) -> pd.DataFrame:
    last = villages.drop_duplicates("village_id", keep="last").set_index("village_id")
    ended = villages["village_id"].isin(old) & villages["valid_to"].isna()
    closed = villages.assign(valid_to=villages["valid_to"].mask(ended, on - pd.Timedelta(days=1)))
    rows = []
    for code, parent in ((MERGED, old[0]), *((s, old[2]) for s in SPLIT)):
        rows.append(last.loc[parent].to_dict() | {"village_id": code, "name": f"新{code[-2:]}村"})
    fresh = pd.DataFrame(rows).assign(valid_from=on, valid_to=pd.NaT, observed_on=on)
    fresh["known_on"] = on + pd.Timedelta(days=30)
    return pd.concat([closed, fresh], ignore_index=True)
