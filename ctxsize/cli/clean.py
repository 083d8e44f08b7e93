"""`ctxsize clean`: deletes regenerable build output, with `--yes`."""

from __future__ import annotations

import shlex

import click
from click import UsageError

from ctxsize import api, units
from ctxsize.clean import Cleaning, Result
from ctxsize.clean.proofs import ECOSYSTEMS
from ctxsize.cli import options, output
from ctxsize.cli.options import flag, value
from ctxsize.cli.output import Display
from ctxsize.model import Texts


@click.command("clean")
@options.directory("root")
@value("--ecosystem NAME", "ecosystems", type=click.Choice(ECOSYSTEMS), multiple=True)
@flag("--deps")
@value("--older-than AGE")
@value("--recent AGE", default="10min", show_default=True)
@flag("--yes")
@flag("--dry-run")
@options.display
def clean(
    root: str,
    ecosystems: Texts,
    deps: bool,
    older_than: str | None,
    recent: str,
    yes: bool,
    dry_run: bool,
    display: Display,
) -> int:
    """List build output below ROOT that can be made again; --yes deletes it."""
    if yes and dry_run:
        raise UsageError("--yes cannot be combined with --dry-run")
    with output.progress() as progress:
        plan = api.clean_plan(
            root or ".",
            ecosystems=ecosystems,
            deps=deps,
            older_than_s=None if older_than is None else units.parse_age(older_than),
            recent_s=units.parse_age(recent),
            progress=progress,
        )
    results: tuple[Result, ...] = ()
    command = ""
    if yes:
        with output.progress() as progress:
            try:
                results = api.clean_apply(plan, steps=progress and progress.step)
            except KeyboardInterrupt:
                output.note("interrupted; the next run lists what is half deleted")
                raise
    else:
        words = [word for word in click.get_current_context().obj if word != "--dry-run"]
        command = shlex.join(["ctxsize", *words, "--yes"])
    cleaning = Cleaning(
        root or ".",
        plan,
        applied=yes,
        results=results,
        command=command,
    )
    display.emit(cleaning)
    return output.found(not cleaning.complete)
