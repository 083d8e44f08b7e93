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
    whole = shipped_text(f"cli/help/{name}.txt")
    text, _, options = whole.partition("\n\nOptions:\n")
    found = {option: help_.replace("\n    ", " ") for option, help_ in _OPTION.findall(options)}
    return _TABLE.sub("\b\n", text), found  # click wraps no paragraph that begins so


def documented(command: click.Command, name: str) -> click.Command:
    """Return `command` with its help, and that of its options, from the pages."""
    command.help, own = page(name)
    texts = page(SHARED)[1] | own
    if "--format" in texts:
        formats = ", ".join(formats_of(name)).replace(PAGE, f"{PAGE}=FILE")
        texts["--format"] = texts["--format"].replace("{formats}", formats)
    for each in command.params:
        if isinstance(each, click.Option):
            each.help = next((texts[name] for name in each.opts if name in texts), None)
    return command
