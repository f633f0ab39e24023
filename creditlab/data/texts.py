"""Columns of text in a large county: looked up by Arrow's hash, and worked on once per distinct value.

A county writes the same few thousand words, and each household's number once a month: what is done to a text is done to
the distinct ones, and no Python text is made of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd


def each_distinct(values: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """The texts with each distinct one changed; missing stays. The very column where nothing changes.

    >>> each_distinct(pd.Series(["b ", "a", None, "b "], dtype="str"), lambda s: s.str.strip()).tolist()
    ['b', 'a', nan, 'b']
    """
    codes, found = pd.factorize(values)
    old = pd.Series(found)
    new = change(old)
    if new.equals(old):
        return values
    taken = new.array.take(codes, allow_fill=True)
    return pd.Series(taken, index=values.index, name=values.name)


def among(values: pd.Series, index: Iterable[str]) -> pd.Series:
    """Which texts are among some others, as `isin`, but without making a Python text of each.

    >>> among(pd.Series(["a", "b", None], dtype="str"), ["b"]).tolist()
    [False, True, False]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(values.dtype, pd.StringDtype):
        return values.isin(list(index))
    wanted = pa.array(pd.Series(list(index) if not isinstance(index, pd.Series | pd.Index) else index, dtype="str"))
    given = pa.array(values)
    found = pc.is_in(given, value_set=wanted.cast(given.type), skip_nulls=True)
    return pd.Series(np.asarray(found), index=values.index, name=values.name)


def places(values: pd.Series, index: pd.Index) -> np.ndarray:
    """The position of each text in an index without repetition, -1 where it is not there, as `get_indexer`.

    >>> places(pd.Series(["b", "x", None], dtype="str"), pd.Index(["a", "b"])).tolist()
    [1, -1, -1]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pd.api.types.is_string_dtype(values.dtype) or not len(index):
        return index.get_indexer(pd.Index(values))
    given = pa.array(values)
    where = pc.index_in(given, value_set=pa.array(pd.Series(index, dtype="str")).cast(given.type), skip_nulls=True)
    return np.asarray(where.fill_null(-1)).astype(np.intp)
