"""A page of documentation for each command, which is its `--help`.

`CTXSIZE_UPDATE=1 pytest tests/test_docs_commands.py` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ctxsize.cli.app import COMMANDS, app
from tests.pages import compare

PAGES = Path(__file__).parent.parent / "docs" / "commands"
_WIDTH = 80
_CODES = "Exit codes: 0 fine, 1 findings, 2 usage or input error, 3 a bug, 130 interrupted."


def shown(name: str, command: click.Command, above: click.Context) -> Iterator[str]:
    """The help of `command` and of those below it, each under a heading."""
    context = click.Context(command, info_name=name, parent=above, terminal_width=_WIDTH)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            assert inner is not None
            yield from shown(each, inner, context)


def pages() -> dict[str, str]:
    root = click.Context(app, info_name="ctxsize", terminal_width=_WIDTH, **app.context_settings)
    found = {}
    for name, (_, says) in COMMANDS.items():
        command = app.get_command(root, name)
        assert command is not None
        help_ = "\n".join(shown(name, command, root))
        found[f"{name}.md"] = f"# ctxsize {name}\n\n{says}\n\n{help_}\n{_CODES}\n"
    rows = "\n".join(f"| [{name}]({name}.md) | {says} |" for name, (_, says) in COMMANDS.items())
    intro = "Each page is what `ctxsize COMMAND --help` prints."
    found["README.md"] = f"# Commands\n\n{intro}\n\n| command | |\n|---|---|\n{rows}\n"
    return found


@pytest.mark.parametrize("name", [*(f"{command}.md" for command in COMMANDS), "README.md"])
def test_the_page_is_what_the_command_says(name: str) -> None:
    text, path = pages()[name], PAGES / name
    compare(path, text)


def test_no_page_is_left_over() -> None:
    assert {path.name for path in PAGES.iterdir()} == set(pages())
