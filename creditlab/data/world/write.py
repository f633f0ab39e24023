"""Writing a county: one Parquet file per table, the village map, the truth, and a few files as they arrive.

The bytes depend on the contents and on the version of pyarrow, and on nothing else: no time is written, and the order
of rows is that of the frames.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from creditlab.data.world.county import World
from creditlab.data.world.raw import write_raw
from creditlab.files import canonical_json, whole_folder


def write_county(world: World, out: str | os.PathLike[str]) -> None:
    """Write a county into a folder, whole or not at all.

    Parameters
    ----------
    world : what `make_county` made.
    out : the folder; files of the same names in it are replaced.
    """
    with whole_folder(out) as folder:
        for name, frame in world.tables.items():
            write_parquet(frame, folder / f"{name}.parquet")
        (folder / "truth").mkdir()
        for name, frame in world.truth.items():
            write_parquet(frame, folder / "truth" / f"{name}.parquet")
        text = canonical_json(world.geojson) + "\n"
        (folder / "villages.geojson").write_text(text, encoding="utf-8", newline="\n")
        write_raw(world.raw, folder / "raw")


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """One Parquet file, compressed with zstd, without pandas' own notes."""
    fields = [pa.field(str(name), _arrow_type(frame[name])) for name in frame.columns]
    arrow = pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False).replace_schema_metadata(None)
    pq.write_table(
        arrow, path, compression="zstd", compression_level=15, write_statistics=False, store_schema=False,
        use_dictionary=True, data_page_version="2.0",
    )  # fmt: skip


def _arrow_type(values: pd.Series) -> pa.DataType:
    if values.dtype == "str":
        return pa.string()
    if values.dtype.kind == "M":
        return pa.timestamp("us")
    return pa.from_numpy_dtype(values.dtype)
