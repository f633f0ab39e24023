"""Columns on several threads: the same bytes as on one, and errors that reach the caller."""

from __future__ import annotations

import pytest

from creditlab.binning import Binner, threads
from creditlab.binning.threads import each
from tests.binning.test_binner import SPECIAL, X, Y


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_bytes(monkeypatch, cores):
    monkeypatch.setattr(threads, "MANY_VALUES", 0)
    monkeypatch.setattr(threads, "cores", lambda: cores)
    binner = Binner(special=SPECIAL).fit(X, Y)
    woe = binner.transform(X)
    for table in binner.result_.tables:
        assert table.transform(X[table.name]).tobytes() == woe[table.name].to_numpy().tobytes()


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(threads, "MANY_VALUES", 0)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        each(lambda v: 1 / v, [1, 0, 2], 1)
