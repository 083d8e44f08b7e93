"""`ctxsize advise`: what the Dockerfiles of a repository could do better."""

from __future__ import annotations

import click

from ctxsize import api
from ctxsize.cli import output
from ctxsize.cli.options import FindingChoice, choice_of_findings, display_options, exit_zero_option


@click.command("advise")
@click.argument("root", default=".", required=False)
@click.option("--fix", is_flag=True, help="Apply the rewrites that are certain.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply all rewrites; look at the result.")
@click.option("--diff", is_flag=True, help="Show each rewrite as a diff, and write nothing.")
@choice_of_findings("CTX210,CTX22")
@exit_zero_option
@display_options
def command(
    *,
    root: str,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    choice: FindingChoice,
    exit_zero: bool,
    display: output.Display,
) -> int:
    """Advise on the Dockerfiles below ROOT: what to write instead.

    Sources copied before dependencies are installed; cargo without cargo-chef or
    caches, and cargo-chef used wrongly; cache mounts that collide between images,
    that the tool does not use, that swallow a result, or that are missing. What
    hadolint and `docker build --check` find is left to them.

    Rewritten are ids of caches, `sharing=locked`, options that forbid a cache, and
    the stage that builds with cargo-chef; other findings show what to write.

    \b
    Examples:
      ctxsize advise
      ctxsize advise --diff --select CTX210 services/recap-worker
      ctxsize advise --severity warning
      ctxsize advise --fix
      ctxsize advise --format sarif=advice.sarif
    """  # noqa: D301
    advice = api.advise(
        root, fix=fix and not diff, unsafe_fixes=unsafe_fixes and not diff, **choice
    )
    if diff:
        from ctxsize.formats import patch

        output.write(patch.of_findings(advice.findings, display.look()))
    else:
        output.apply(advice.edits)
        display.emit(advice, top=len(advice.findings))
    return output.found(advice.findings, exit_zero=exit_zero)
