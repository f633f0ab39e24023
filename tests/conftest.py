"""Fixtures shared by all tests: the checkout, the sample county, and what a machine may lack."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engines import has_engine, has_mariadb, postgres_programs

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "real"


def _has_fonts() -> bool:
    if not shutil.which("fc-list"):
        return False
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, encoding="utf-8", check=False)
    return bool(listed.stdout.strip())


def browser() -> str | None:
    """The Chromium of this machine, if there is one."""
    return next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


_NEEDS = {
    "chromium": lambda: browser() is not None,
    "fonts": _has_fonts,
    "real": REAL.is_dir,
    "postgres": lambda: postgres_programs() is not None,
    "mariadb": has_mariadb,
    "spark": lambda: has_engine("pyspark", java=True),
    "pmml": lambda: has_engine("jpmml_evaluator", "pypmml", java=True),
    "polars": lambda: has_engine("polars"),
    "onnx": lambda: has_engine("onnx", "onnxruntime"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The notebooks come first: where two workers share the files, one runs them while the other does the rest."""
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get("CREDITLAB_REQUIRE", "").split()
    for need, found in _NEEDS.items():
        if item.get_closest_marker(need) and not found():
            if need in required:
                pytest.fail(f"{need} is required here (CREDITLAB_REQUIRE) and was not found")
            pytest.skip(f"needs {need}, which this machine lacks")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The committed sample county."""
    return ROOT / "data" / "sample"


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The real credit tables beside the checkout (tests that use it are marked `real`)."""
    return REAL
