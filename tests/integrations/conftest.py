"""The command line for tests of integrations."""

from tests.cli.conftest import cli, readable_by_all

__all__ = ["cli", "readable_by_all"]
