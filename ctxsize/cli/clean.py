"""`ctxsize clean`: deletes regenerable build output, with `--yes`."""

from __future__ import annotations

import shlex
from dataclasses import replace

import click

from ctxsize import api, units
from ctxsize.clean import Cleaning, CleanPlan, Result
from ctxsize.clean.proofs import ECOSYSTEMS
from ctxsize.cli import options, output


@click.command("clean")
@options.directory("root")
@click.option(
    "--ecosystem",
    "ecosystems",
    type=click.Choice(ECOSYSTEMS),
    metavar="NAME",
    multiple=True,
    help=f"Only this ecosystem; may be repeated. One of {', '.join(ECOSYSTEMS)}.",
)
@options.flag(
    "--deps", help="Also delete installed packages: node_modules, vendor, virtual environments."
)
@options.value(
    "--older-than AGE",
    help="Only directories that nothing wrote to for this time, for example 30d.",
)
@options.value(
    "--recent AGE",
    default="10min",
    show_default=True,
    help="Skip directories written to within this time, as they may be in use; 0: none.",
)
@options.flag("--yes", help="Delete what is listed. Without this option, nothing is deleted.")
@options.flag("--dry-run", help="List only, as without any option.")
@options.display
def clean(
    root: str,
    ecosystems: tuple[str, ...],
    deps: bool,
    older_than: str | None,
    recent: str,
    yes: bool,
    dry_run: bool,
    display: output.Display,
) -> int:
    """List build output below ROOT that can be made again; --yes deletes it.

    A directory is deleted only if all of this is true: evidence inside it proves
    which tool made it; files around it show that the tool can make it again; git
    tracks nothing in it; no repository, mount or symlink is in the way; no process
    uses it. ROOT is by default the working directory, and never `/` or your home.

    \b
    Examples:
      ctxsize clean                              what could be deleted, what not, and why
      ctxsize clean --ecosystem rust --yes       every target directory of Cargo
      ctxsize clean --older-than 30d --yes       for scheduled jobs
      ctxsize clean --deps --yes                 installed packages too
    """  # noqa: D301
    if yes and dry_run:
        raise click.UsageError("--yes cannot be combined with --dry-run")
    with output.progress() as progress:
        plan = api.clean_plan(
            root or ".",
            ecosystems=ecosystems,
            deps=deps,
            older_than_s=None if older_than is None else units.parse_age(older_than),
            recent_s=units.parse_age(recent),
            progress=progress,
        )
    cleaning = Cleaning(root or ".", plan)
    if yes:
        cleaning = replace(cleaning, applied=True, results=_deleted(plan))
    else:
        given = [each for each in click.get_current_context().obj if each != "--dry-run"]
        cleaning = replace(cleaning, command=shlex.join(["ctxsize", *given, "--yes"]))
    display.emit(cleaning)
    return output.found(not cleaning.complete)


def _deleted(plan: CleanPlan) -> tuple[Result, ...]:
    with output.progress() as progress:
        try:
            return api.clean_apply(plan, steps=progress and progress.step)
        except KeyboardInterrupt:
            output.note("interrupted; the next run lists what is half deleted")
            raise
