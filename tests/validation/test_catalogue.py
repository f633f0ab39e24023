"""The catalogue of tests: complete, its page equal to the code, every example runs, every result frozen and whole."""

import doctest
import importlib
import inspect
import pkgutil
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

import creditlab.validation as validation
from creditlab.validation import TestFamily, TestResult, adjust, catalogue, catalogue_page, jeffreys, monotone_grades
from creditlab.validation.result import Kind

MODULES = sorted(m.name for m in pkgutil.iter_modules(validation.__path__))
PAGE = Path(__file__).parents[2] / "docs" / "validation-tests.md"


def test_the_page_is_that_of_the_code():
    assert PAGE.read_text(encoding="utf-8") == catalogue_page(), "write catalogue_page() to the page again"


def test_every_kind_of_test_is_listed_once_with_its_function():
    kinds = {}
    for name in MODULES:
        module = importlib.import_module(f"creditlab.validation.{name}")
        kinds |= {k.id: k for _, k in inspect.getmembers(module, lambda v: isinstance(v, Kind))}
    table = catalogue()
    unlisted = set(kinds) - set(table["id"])
    assert unlisted == {k for k in unlisted if kinds[k].call == ""}, unlisted
    assert not table["id"].duplicated().any()
    assert set(table["function"]) <= set(validation.__all__)
    assert table["reference"].ne("").all() and table["test_zh"].ne("").all()


def test_every_public_function_has_an_example_and_a_source():
    for name in validation.__all__:
        value = getattr(validation, name)
        if inspect.isfunction(value):
            assert value.__doc__ and ">>>" in value.__doc__, name


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(f"creditlab.validation.{name}")
    names = {"np": np, "pd": importlib.import_module("pandas")}
    assert doctest.testmod(module, extraglobs=names).failed == 0


def test_results_are_frozen_and_carry_all_they_promise():
    one, many = jeffreys(3, 100, 0.02), monotone_grades([1, 5, 9], [100, 100, 100])
    for result in (one, many):
        for name in (
            "estimate",
            "statistic",
            "df",
            "p_value",
            "lo",
            "hi",
            "n",
            "threshold",
            "verdict",
            "reference",
            "hypothesis",
            "reason",
        ):
            assert hasattr(result, name)
        with pytest.raises(FrozenInstanceError):
            result.facts = {}
        assert result.hypothesis and result.reference and "<table" in result._repr_html_()
    assert isinstance(many, TestFamily) and isinstance(many, TestResult) and many.n == 300
    assert many.p_value == many.worst()["p_adjusted"] >= many.worst()["p_value"]


def test_corrections_equal_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random(30) ** 3
    np.testing.assert_allclose(adjust(p, "holm"), multipletests(p, method="holm")[1])
    np.testing.assert_allclose(adjust(p, "bh"), multipletests(p, method="fdr_bh")[1])
    np.testing.assert_array_equal(adjust(p, "none"), p)
    assert np.isnan(adjust(np.array([np.nan, 0.5]))[0])
