"""Trees for the tests of what travels."""

from __future__ import annotations

from functools import partial

import pytest

from tests.transfer.planting import Plant, plant_below


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Makes trees in a directory of their own."""
    return partial(plant_below, tmp_path_factory.mktemp("trees"))
