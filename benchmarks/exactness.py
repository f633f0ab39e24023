"""Information value on the real tables: ours against optbinning, on its own terms and on the same fine bins.

For every numeric column of each table, the bin count and the least bin that optbinning's result has are given to ours,
and the information value of both lists of cuts is taken by one function over the rows that are neither missing nor a
special code. Three comparisons: its trend fixed to ascending or descending (ours the same); its default `auto`, ours
fixed to the shape that it chose; and both on the same 30 quantiles as the only possible cuts, for each shape that both
offer. Run it as `python -m benchmarks exactness FOLDER`.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._peers import peer_path

TABLES = ("german", "heloc", "taiwan", "lendingclub_2007_2011")
QUANTILES = 30
#: shapes that both offer; what is free here has no monotonic_trend there
SHAPES = ("ascending", "descending", "peak", "valley", "free")


def columns_of(folder: Path, name: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Each numeric column of a table with its target, regular rows only."""
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(folder / f"{name}.parquet")
    y = frame[facts["target"]].to_numpy()
    for column in facts["numeric"]:
        x = frame[column].to_numpy(dtype=float)
        kept = ~np.isnan(x) & ~np.isin(x, facts["special_codes"].get(column, []))
        yield f"{name}.{column}", x[kept], y[kept]


def counts(x: np.ndarray, y: np.ndarray, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Goods and bads of the ranges between cuts."""
    code = np.searchsorted(cuts, x, side="right")
    bads = np.bincount(code, weights=y, minlength=len(cuts) + 1)
    return np.bincount(code, minlength=len(cuts) + 1) - bads, bads


def information(goods: np.ndarray, bads: np.ndarray) -> float:
    """Plain IV; bins without goods or bads add nothing."""
    g, b = goods / goods.sum(), bads / bads.sum()
    both = (g > 0) & (b > 0)
    return float(((g - b)[both] * np.log(g[both] / b[both])).sum())


def shape_of(goods: np.ndarray, bads: np.ndarray) -> str:
    """The shape of the bad rate along bins."""
    up = np.diff(bads / (goods + bads)) > 0
    turns = np.count_nonzero(up[1:] != up[:-1])
    if turns == 0:
        return "ascending" if up[0] else "descending"
    return ("peak" if up[0] else "valley") if turns == 1 else "free"


def ours(x: np.ndarray, y: np.ndarray, shape: str, bins: int, least: float) -> tuple[np.ndarray, float]:
    """Our cuts under the same bin count and least bin, and CPU seconds."""
    from creditlab.binning import Binner

    start = time.process_time()
    share = least / len(x) * (1 - 1e-12)  # the same number of rows after division and multiplication
    binner = Binner(trend=shape, max_bins=bins, min_share=share, min_expected=0).fit(pd.DataFrame({"x": x}), y)
    return np.array(binner.result_["x"].spec.cuts), time.process_time() - start


def compared(name: str, x: np.ndarray, y: np.ndarray) -> Iterator[dict[str, Any]]:
    """A row per trend, and per shape on the same fine bins, where optbinning makes two bins or more."""
    fine = np.unique(np.quantile(x, np.arange(1, QUANTILES) / QUANTILES))
    place = np.searchsorted(fine, x, side="right").astype(float)
    for trend in ("ascending", "descending", "auto"):
        yield from _pair({"column": name, "trend": trend}, x, y, {"monotonic_trend": trend})
    for shape in SHAPES:
        given = {
            "user_splits": np.arange(1, len(fine) + 1) - 0.5,
            "monotonic_trend": shape if shape != "free" else None,
        }
        yield from _pair({"column": name, "trend": f"same {shape}"}, place, y, given)


def _pair(row: dict[str, Any], x: np.ndarray, y: np.ndarray, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """optbinning with these settings, and ours with the shape, bin count and least bin of its result."""
    from optbinning import OptimalBinning

    start = time.process_time()
    peer = OptimalBinning(**given).fit(x, y)
    seconds = time.process_time() - start
    if not len(peer.splits):
        return
    goods, bads = counts(x, y, np.asarray(peer.splits, dtype=float))
    asked = given["monotonic_trend"] or "free"
    shape = shape_of(goods, bads) if asked == "auto" else asked
    cuts, own = ours(x, y, shape, len(goods), float((goods + bads).min()))
    ratio = information(*counts(x, y, cuts)) / information(goods, bads)
    yield row | {"shape": shape, "ratio": ratio, "peer_s": seconds, "our_s": own}


def main(arguments: list[str]) -> int:
    """Print a row per comparison and the columns where optbinning has more."""
    given = Path(arguments[0]) if arguments else None
    folder = given or Path(__file__).resolve().parents[1].parent / "shared" / "data" / "real"
    found = [name for name in TABLES if (folder / f"{name}.parquet").exists()]
    path = peer_path("optbinning")
    if not found or path is None:
        print(f"No table in {folder}, or optbinning could not be installed: nothing measured.")
        return 2 if given else 0
    sys.path.insert(1, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peer
        rows = [row for name in found for column in columns_of(folder, name) for row in compared(*column)]
    table = pd.DataFrame(rows)
    table["fixed"] = table["trend"].replace({"ascending": "fixed trend", "descending": "fixed trend"})
    print("IV of creditlab / IV of optbinning, same bin count and least bin")
    for kind, part in table.groupby("fixed"):
        r = part["ratio"]
        print(
            f"{kind:16s} pairs {len(r):3d}  >= 1: {(r >= 1 - 1e-12).sum():3d}  >= .999: {(r >= 0.999).sum():3d}  "
            f">= .99: {(r >= 0.99).sum():3d}  least {r.min():.4f}  median {r.median():.4f}  most {r.max():.3f}  "
            f"CPU {part['our_s'].sum():.1f} s against {part['peer_s'].sum():.1f} s"
        )
    short = table[table["ratio"] < 1 - 1e-12]
    print(short.to_string(index=False) if len(short) else "nowhere less")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
