"""`ctxsize help`: the same as `--help`."""

from __future__ import annotations

import pytest

from ctxsize.cli.app import COMMANDS
from tests.cli.conftest import Cli


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_its_help(name: str, cli: Cli) -> None:
    asked = cli("help", name)
    assert (asked.code, asked.err) == (0, "")
    assert asked.out == cli(name, "--help").out == cli(name, "-h").out


def test_help_alone_lists_the_commands(cli: Cli) -> None:
    assert cli("help").out == cli("--help").out


def test_help_of_no_command_is_an_error(cli: Cli) -> None:
    result = cli("help", "xyz")
    assert (result.code, result.out) == (2, "")
    assert "no such command: 'xyz' (one of measure, " in result.err


def test_the_version_has_a_short_option(cli: Cli) -> None:
    assert cli("-V").out == cli("--version").out
