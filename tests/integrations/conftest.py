"""The command line for tests of integrations, and the Action once it is installed."""

from pathlib import Path

import pytest

from tests.cli.conftest import cli, readable_by_all

__all__ = ["cli", "readable_by_all"]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with programs and modules that leave `imported` or `started` beside it."""
    from tests.integrations.test_ci import plant_everything

    return plant_everything(tmp_path_factory.mktemp("hostile") / "work")


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> Path:
    """A runner's temporary directory, with the Action's first step done in that workspace."""
    from tests.integrations.test_ci import installed, strange_path

    return installed(tmp_path_factory.mktemp("runner"), workspace, PATH=strange_path(workspace))
