"""Linking, addresses and cross-verification measured against the truth of the sample county.

Prints, in one run: precision and recall of the links of records without a number, the share of addresses placed and
placed rightly, and for each fact the error of every source, of every rule, and the reliability that was estimated
without the truth.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from creditlab.data import County, cross_check, read_county, read_key
from creditlab.data.verification import RULES

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
AS_OF = "2025-06-30"


def main(arguments: list[str]) -> int:
    """Measure on data/sample, or on another folder written by `creditlab world`."""
    folder = Path(arguments[0]) if arguments else SAMPLE
    raw = read_county(folder / "raw", id_key=read_key(folder / "raw" / "sample.key"))
    print("Records without a number: links against the truth")
    print(links(raw, pd.read_parquet(folder / "truth" / "links.parquet")).to_string(index=False, float_format="%.4f"))
    print("\nAddresses of the census: villages against the committed codes")
    print(addresses(raw, pd.read_parquet(folder / "households.parquet")).to_string(index=False, float_format="%.4f"))
    error = errors(read_county(folder), pd.read_parquet(folder / "truth" / "facts.parquet"))
    print("\nCross-verification: share of wrong values (income: root mean square of the log ratio)")
    print(error.to_string(index=False, float_format="%.4f", na_rep=""))
    return 0


def links(raw: County, truth: pd.DataFrame) -> pd.DataFrame:
    """Precision and recall by file; `doubtful` is the share that is listed for a person."""
    both = raw.links.merge(truth, on=["file", "row"], suffixes=("", "_true"))
    both = both.assign(
        linked=both["household_id"].notna(),
        meant=both["household_id_true"].notna(),
        right=both["household_id"] == both["household_id_true"],
    )
    rows = [
        {
            "file": file,
            "n": len(f),
            "precision": f.loc[f["linked"], "right"].mean(),
            "recall": f.loc[f["meant"], "right"].mean(),
            "doubtful": (f["outcome"] == "doubtful").mean(),
            "strangers_linked": int((f["linked"] & ~f["meant"]).sum()),
        }
        for file, f in both.groupby("file")
    ]
    return pd.DataFrame(rows)


def addresses(raw: County, households: pd.DataFrame) -> pd.DataFrame:
    """Share of the addresses that were placed, and of these that bear the code of the committed table."""
    read = raw.tables["households"].frame.set_index("household_id")["village_id"]
    true = households.set_index("household_id")["village_id"].loc[read.index]
    placed = read.notna()
    return pd.DataFrame([{"n": len(read), "placed": placed.mean(), "right": (read[placed] == true[placed]).mean()}])


def errors(county: County, truth: pd.DataFrame) -> pd.DataFrame:
    """The error of each source and of every rule on the same households, and the reliability found without truth."""
    closed = (truth["business"] == "open") & (truth["business_closed_on"] <= AS_OF)
    known = truth.assign(business=truth["business"].mask(closed, "closed"))
    file = county.household_file(AS_OF)
    table = pd.DataFrame()
    for rule in RULES:
        check = cross_check(file, rule)
        one = check.error(known).rename(columns={"resolved_error": rule})
        table = one if table.empty else table.assign(**{rule: one[rule]})
        if rule == "weighted":
            found = check.reliability.assign(
                estimated=(1 - check.reliability["accuracy"]).fillna(check.reliability["sd"])
            )
            table = table.merge(found[["fact", "source", "estimated"]], on=["fact", "source"], how="left")
    return table


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
