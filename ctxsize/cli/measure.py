"""`ctxsize measure`: shows what would be sent."""

from __future__ import annotations

import click

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import options, output
from ctxsize.formats import TABLES

_TOP, _TOP_ALONE = 5, 30


@click.command("measure")
@options.build
@options.number("--top", help=f"Rows of each table.  [default: {_TOP}, with --by {_TOP_ALONE}]")
@options.number(
    "--depth",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Levels of the size tree.",
)
@click.option(
    "--by",
    type=click.Choice([*TABLES, "rule"]),
    metavar=f"[{'|'.join(TABLES)}]",
    # The table of patterns was once named after rules.
    callback=lambda ctx, param, value: "pattern" if value == "rule" else value,
    help="Show only one table: by directory, extension, pattern (each line of the ignore file; "
    "implies --ignored) or file.",
)
@options.flag(
    "--ignored", help="Walk the ignored directories too, and show what each pattern saves."
)
@options.number(
    "--jobs",
    envvar="CTXSIZE_JOBS",
    help="Threads of the compiled core.  [default: one for each processor, at most 8]",
)
@options.display
def measure(
    build: Build,
    top: int | None,
    depth: int,
    by: str | None,
    ignored: bool,
    jobs: int | None,
    display: output.Display,
) -> int:
    """Show what `docker build CONTEXT` would send, how big it is, and why.

    CONTEXT is the build context, by default the working directory. Nothing is built,
    and Docker is not needed. Sizes are exact, for a cold build. The exit code is 2 if
    the builder rejects the Dockerfile; the report then shows why.

    \b
    Examples:
      ctxsize measure
      ctxsize measure -f docker/Dockerfile .
      ctxsize measure --target builder --build-arg VERSION=3
      ctxsize measure --ignored            what each pattern saves
      ctxsize measure --by ext --top 50
      ctxsize measure --format text --format json=report.json
    """  # noqa: D301
    rows = top or (_TOP_ALONE if by else _TOP)
    with output.progress() as progress:
        report = api.measure(
            build,
            ignored=ignored or by == "pattern",
            top=rows,
            depth=depth,
            progress=progress,
            jobs=jobs,
        )
    display.emit(report, top=rows, only=by)
    return output.failing(report.failing)
