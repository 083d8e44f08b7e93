"""Write a man page for each command: `python man_pages.py DIRECTORY`. The build hook runs it.

click-man was considered: it sees no commands of a lazy group, escapes nothing (a line that begins
with a dot is lost), and puts the date of the build into each page.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ctxsize.cli.app import FRONT, app
from ctxsize.cli.commands import COMMANDS
from ctxsize.version import __version__

ESCAPES = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
    "…": r"\[u2026]",
}
"""Characters that roff would read or print as others."""
WIDE = 1000
"""Number of columns of a usage, which is not wrapped."""


def main(directory: Path) -> None:
    """Write all pages into `directory`, which is created."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    root = click.Context(app, info_name="ctxsize", terminal_width=WIDE, **app.context_settings)
    commands = {name: app.get_command(root, name) or app for name in (FRONT, *COMMANDS)}
    summary = "Report exactly what `docker build` will send, and keep it small."
    front = click.Context(commands.pop(FRONT), parent=root, info_name="")
    found = {"ctxsize.1": page(root, summary, [*dict.fromkeys([*records(front), *records(root)])])}
    for name, command in commands.items():
        context = click.Context(command, info_name=name, parent=root, terminal_width=WIDE)
        found[f"ctxsize-{name}.1"] = page(context, COMMANDS[name][1], [*records(context)])
    return found


def page(context: click.Context, summary: str, options: list[tuple[str, str]]) -> str:
    """Return the page of the command of `context`. It has no date, so that builds are equal."""
    title = context.command_path.replace(" ", "-")
    usage = context.command.get_usage(context).removeprefix("Usage:").split("\n")
    lines = [
        f'.TH "{escaped(title.upper())}" 1 "" "ctxsize {__version__}" "User Commands"',
        *(".nh", ".ad l"),  # a name that is cut at a hyphen cannot be copied
        *(".SH NAME", rf"{escaped(title)} \- {escaped(summary.rstrip('.'))}"),
        *(".SH SYNOPSIS", ".nf", *(escaped(each.strip()) for each in usage), ".fi"),
    ]
    help_, _, examples = inspect.cleandoc(context.command.help or "").partition("\b\nExamples:\n")
    lines += [".SH DESCRIPTION", *paragraphs(help_)]
    if isinstance(context.command, click.Group):
        lines += [".SH COMMANDS", *entries([*summaries()])]
    lines += [".SH OPTIONS", *entries(options)]
    if examples:
        lines += [".SH EXAMPLES", ".nf", *map(escaped, inspect.cleandoc(examples).split("\n"))]
        lines += [".fi"]
    lines += [".SH EXIT STATUS", *entries([*exit_codes()])]
    lines += [".SH SEE ALSO", ", ".join(related(title))]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return `text` for roff as it is to be printed."""
    text = "".join(ESCAPES.get(char, char) for char in text)
    return rf"\&{text}" if text.startswith(".") else text


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text."""
    for each in text.strip().split("\n\n"):
        as_is = each.startswith("\b\n")
        lines = map(escaped, each.removeprefix("\b\n").split("\n"))
        yield from (".PP", *([".nf", *lines, ".fi"] if as_is else lines))


def entries(found: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a list of terms with their descriptions."""
    for term, text in found:
        yield from (".TP", rf"\fB{escaped(term)}\fR", escaped(text))


def summaries() -> Iterator[tuple[str, str]]:
    """Yield the name and the summary of each command."""
    for name, (_, summary) in COMMANDS.items():
        yield name, f"{summary} See ctxsize-{name}(1)."


def records(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each option as written, and its help with the environment variable that sets it."""
    for param in context.command.get_params(context):
        record = param.get_help_record(context)
        if record is not None and isinstance(param, click.Option):
            variable = f" Environment variable: {param.envvar}." if param.envvar else ""
            yield record[0], " ".join(record[1].split()) + variable


def exit_codes() -> Iterator[tuple[str, str]]:
    """Yield each exit code and its meaning, from the help of `ctxsize`."""
    text = (app.epilog or "").partition(": ")[2].rstrip(".")
    yield from re.findall(r"(\d+) ([^,]+)", text)


def related(title: str) -> Iterator[str]:
    """Yield the references to the other pages."""
    for each in ("ctxsize", *(f"ctxsize-{name}" for name in COMMANDS)):
        if each != title:
            yield rf"\fB{escaped(each)}\fR(1)"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
