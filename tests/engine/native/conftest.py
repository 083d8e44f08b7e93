"""The fixture of another user's tests."""

from tests.cli.conftest import readable_by_all

__all__ = ["readable_by_all"]
