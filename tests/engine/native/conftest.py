"""The fixture of another user's tests, and how many walks of the core were compared."""

import pytest

from tests.cli.conftest import readable_by_all
from tests.engine.native.both import comparisons

__all__ = ["readable_by_all"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many walks ran, as `sanitize` must show that it ran to the end."""
    terminalreporter.write_line(f"{next(comparisons)} walks of the core compared in this process")
