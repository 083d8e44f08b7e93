"""Help texts: a page in `help/` for each command, and one for the options that commands share.

Below `Options:` is a text for each option, by one of its names. `{formats}` stands for the
formats of the command.
"""

from __future__ import annotations

import re

import click

from ctxsize.formats import PAGE, formats_of
from ctxsize.shipped import shipped_text

SHARED = "shared"
_OPTION = re.compile(r"^  (-\S+): (.+(?:\n    .+)*)", re.MULTILINE)
_TABLE = re.compile(r"^(?=\w+:\n  )", re.MULTILINE)


def page(name: str) -> tuple[str, dict[str, str]]:
    """Return the text of a page for click, and those of its options by their names."""
    text, _, options = shipped_text(f"cli/help/{name}.txt").partition("\n\nOptions:\n")
    help_of = {}
    for option, lines in _OPTION.findall(options):
        help_of[option] = lines.replace("\n    ", " ")
    return _TABLE.sub("\b\n", text), help_of  # click wraps no paragraph that begins so


def documented(command: click.Command, name: str) -> click.Command:
    """Return `command` with its help, and that of its options, from the pages."""
    command.help, help_of = page(name)
    _, help_of_shared = page(SHARED)
    help_of = {**help_of_shared, **help_of}
    if "--format" in help_of:
        formats = ", ".join(formats_of(name)).replace(PAGE, f"{PAGE}=FILE")
        help_of["--format"] = help_of["--format"].replace("{formats}", formats)
    for option in command.params:
        if isinstance(option, click.Option):
            option.help = next(filter(None, map(help_of.get, option.opts)), None)
    return command
