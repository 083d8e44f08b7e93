"""The command line for tests of integrations, and the Action once it is installed."""

from pathlib import Path

import pytest

from tests.cli.conftest import cli, readable_by_all

__all__ = ["cli", "readable_by_all"]


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's temporary directory, with the Action's first step done."""
    from tests.integrations.test_ci import installed

    directory = tmp_path_factory.mktemp("runner")
    return installed(directory, directory)
