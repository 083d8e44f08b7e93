"""`ctxsize diff`: what was added, removed, grew and shrank."""

from __future__ import annotations

import click

from ctxsize import api
from ctxsize.cli import output
from ctxsize.cli.options import display_options
from ctxsize.engine.builders import BUILDERS


@click.command("diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option(
    "-f", "--file", "dockerfile", metavar="PATH", help="The Dockerfile of what is measured now."
)
@click.option(
    "--builder",
    type=click.Choice(list(BUILDERS)),
    default=next(iter(BUILDERS)),
    show_default=True,
    help="The builder whose rules apply to what is measured now.",
)
@click.option("--name", metavar="NAME", help="The context of this name in a file of several.")
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of each table."
)
@display_options
def command(
    before: str,
    after: str | None,
    dockerfile: str | None,
    builder: str,
    name: str | None,
    top: int,
    display: output.Display,
) -> None:
    """Show what was added, removed, grew and shrank from BEFORE to AFTER.

    Each is a saved report (measure, check or ls with --format json), a baseline
    of check, or a directory, whose context is measured now. Without AFTER it is
    the working directory. A listing of ls holds every file; a report holds the
    largest, and smaller changes in it are not seen.

    \b
    Examples:
      ctxsize ls --format json > before.jsonl    every file
      ctxsize diff before.jsonl
      ctxsize measure --top 1000 --depth 9 --format json=before.json
      ctxsize diff before.json after.json --format markdown
      ctxsize diff .ctxsize-baseline.json --name services/api services/api
    """  # noqa: D301
    outcome = api.diff(before, after, name=name, dockerfile=dockerfile, builder=builder)
    display.emit(outcome, top=top)
