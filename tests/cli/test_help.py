"""`ctxsize help`: the same as `--help`."""

from __future__ import annotations

from collections import Counter

import click
import pytest

from ctxsize.clean.proofs import ECOSYSTEMS
from ctxsize.cli.app import FRONT, app
from ctxsize.cli.commands import COMMANDS
from ctxsize.cli.options import STREAMED, STREAMING
from ctxsize.cli.pages import SHARED, page
from ctxsize.formats import FORMATS, PAGE, PAGED, SHEET
from ctxsize.shipped import shipped_names
from tests.cli.conftest import Cli


def by_page() -> dict[str, click.Command]:
    top = click.Context(app, info_name="ctxsize")
    named = {name or "glance": app.get_command(top, name) for name in (FRONT, *COMMANDS)}
    return {"ctxsize": app, **{name: found for name, found in named.items() if found}}


def options_of(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


def test_there_is_a_page_for_each_command() -> None:
    assert {*shipped_names("cli/help")} == {f"{name}.txt" for name in (*by_page(), SHARED)}


@pytest.mark.parametrize("name", by_page())
def test_each_option_has_a_text_and_each_text_an_option(name: str) -> None:
    options = options_of(by_page()[name])
    assert [each.opts for each in options if not each.help] == []
    assert {*page(name)[1]} <= {option for each in options for option in each.opts}


def test_several_commands_have_each_shared_option() -> None:
    users = Counter[str]()
    for name, command in by_page().items():
        found = {option for each in options_of(command) for option in each.opts}
        users.update(found - page(name)[1].keys())
    assert [option for option in page(SHARED)[1] if users[option] < 2] == []


@pytest.mark.parametrize("name", by_page())
def test_a_page_begins_with_the_docstring_of_its_command(name: str) -> None:
    assert page(name)[0].partition("\n\n")[0] == by_page()[name].callback.__doc__


@pytest.mark.parametrize("name", by_page())
def test_the_help_names_each_format_and_each_ecosystem(name: str) -> None:
    options = options_of(by_page()[name])
    texts = {option: each.help or "" for each in options for option in each.opts}
    known = [*FORMATS, *[SHEET] * (name == "log"), *[f"{PAGE}=FILE"] * (name in PAGED)]
    if name in STREAMING:
        known = [*STREAMED]
    if any(each.metavar == "NAME[=FILE]" for each in options):
        assert texts["--format"].startswith(f"{', '.join(known)}; written to ")
    if "--ecosystem" in texts:
        assert texts["--ecosystem"].endswith(f" One of {', '.join(ECOSYSTEMS)}.")


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
