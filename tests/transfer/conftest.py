"""The compiled Go libraries, for the tests of what travels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.oracles.availability import unavailable
from tests.oracles.golibrary import GoLibrary, go_library, missing_library
from tests.transfer.planting import Plant, plant_below


@pytest.fixture(scope="session")
def golibrary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoLibrary]:
    """Docker's Go libraries, compiled and started once."""
    reason = missing_library()
    if reason is not None:
        unavailable(reason)
    with go_library(tmp_path_factory.mktemp("gomatch")) as running:
        yield running


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Makes trees in a directory of their own."""
    return partial(plant_below, tmp_path_factory.mktemp("trees"))
