"""The compiled Go libraries, for all tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracles.availability import unavailable
from tests.oracles.golibrary import GoLibrary, go_library, missing_library


@pytest.fixture(scope="session")
def golibrary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoLibrary]:
    """Docker's Go libraries, compiled and started once."""
    reason = missing_library()
    if reason is not None:
        unavailable(reason)
    with go_library(tmp_path_factory.mktemp("gomatch")) as running:
        yield running
