"""What several tests of the features make once: a small county, its file and its features."""

from __future__ import annotations

import pytest

from creditlab.data.household import HouseholdFile, household_file
from creditlab.data.world import World, make_county
from creditlab.features import FeatureFrame, make_features
from tests.features.stand_in import AS_OF


@pytest.fixture(scope="session")
def small_world() -> World:
    """Fourteen villages; whoever changes a table of it copies it first."""
    return make_county(14, seed=1)


@pytest.fixture(scope="session")
def small_file(small_world: World) -> HouseholdFile:
    return household_file(small_world.tables, AS_OF)


@pytest.fixture(scope="session")
def small_features(small_file: HouseholdFile) -> FeatureFrame:
    return make_features(small_file)
