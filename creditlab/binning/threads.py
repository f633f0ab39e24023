"""Independent columns on all cores: numpy lets other threads work while it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
#: values of all columns together from which on threads earn more than they cost
MANY_VALUES = 1 << 21


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[T], object], items: Sequence[T], rows: int) -> None:
    """Do `work` for each item, `rows` values each; the items must not touch each other, so their order is nothing."""
    workers = min(cores(), len(items))
    if workers < 2 or rows * len(items) < MANY_VALUES:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, items))  # what one raises is raised here
