"""`ctxsize scan`: every build of a repository in one table."""

from __future__ import annotations

import click

from ctxsize import api
from ctxsize.cli import output
from ctxsize.cli.options import display_options, exit_zero_option, flag, number

_ALL = 1_000_000


@click.command("scan")
@click.argument("root", default=".", required=False)
@number("--top", help="Rows of the table.  [default: all]")
@flag(
    "--ask-docker",
    help="Run `docker buildx bake --print` where a Bake file takes more than is evaluated here.",
)
@exit_zero_option
@display_options
def scan(
    *, root: str, top: int | None, ask_docker: bool, exit_zero: bool, display: output.Display
) -> int:
    """Measure every build below ROOT: what it sends, what it need not send, and joint findings.

    Builds are those that Compose and Bake files, GitHub workflows, Makefiles and
    scripts ask for, and of Dockerfiles that nothing asks for. Nothing is built. A
    tree in which several contexts lie is walked once. The exit code is 1 if there
    are findings across builds; `ctxsize advise` has those on Dockerfiles.

    \b
    Examples:
      ctxsize scan
      ctxsize scan --top 5 services
      ctxsize scan --format json | jq '.builds[] | [.context, .transfer.content_bytes]'
      ctxsize scan --format github --exit-zero
    """  # noqa: D301
    with output.progress() as progress:
        scanned = api.scan(
            root, ask_docker=ask_docker, progress=progress, steps=output.steps(progress)
        )
    display.emit(scanned, top=top or _ALL)
    return output.found(scanned.findings, exit_zero=exit_zero)
