"""`ctxsize check`, `diff` and `scan`: budgets, what changed, and every build of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from ctxsize import api, checking
from ctxsize.build import Build
from ctxsize.cli import completing, options, output
from ctxsize.config import BUDGET_KEYS, OF, Budget
from ctxsize.errors import InputError
from ctxsize.guard import CheckReport, actual
from ctxsize.model import Problem


def _limit(shown: str, **settings: Any) -> options.Decorator:
    """Return an option of a budget; the key of the configuration parses its value."""
    key = shown.split()[0].removeprefix("--")
    attribute, read = BUDGET_KEYS[key]

    def parsed(ctx: click.Context, param: click.Parameter, value: object) -> object:
        try:
            return None if value is None else read(value)
        except InputError as error:
            raise InputError(f"--{key}: {error.message}", hint=error.hint) from None

    return options.value(shown, attribute, callback=parsed, **settings)


_budget = options.gathered(
    "budget",
    Budget,
    _limit("--max SIZE", envvar="CTXSIZE_MAX", help="Largest size allowed, for example 50MB."),
    _limit("--max-files N", type=click.IntRange(min=0), help="Largest number of files allowed."),
    _limit("--min SIZE", help="Smallest size allowed."),
    _limit("--min-files N", type=click.IntRange(min=0), help="Smallest number of files allowed."),
    _limit(
        f"--of [{'|'.join(OF)}]",
        type=click.Choice(OF),
        help="Limit the context (all that the ignore file leaves) or the transfer (what the "
        "Dockerfile takes of it).  [default: context]",
    ),
    _limit(
        "--growth SIZE|PERCENT",
        help="Largest growth allowed since the baseline, such as 2MB or 5%.  [default: 5%]",
    ),
    _limit(
        "--shrink SIZE|PERCENT",
        help="Largest shrinkage allowed since the baseline.  [default: no limit]",
    ),
)


@click.command("check")
@options.build
@options.flag(
    "--all",
    "whole",
    help="Check every build that `ctxsize scan` finds below CONTEXT, each by its own budget.",
)
@_budget
@options.value(
    "--baseline FILE",
    help="Compare with the sizes recorded in FILE; fail if a context grew too much.",
)
@options.flag("--update-baseline", help="Write today's sizes into the baseline.")
@options.watch
@options.exit_zero
@options.display
def check(
    build: Build,
    whole: bool,
    budget: Budget,
    baseline: str | None,
    update_baseline: bool,
    watch: bool,
    exit_zero: bool,
    display: output.Display,
) -> int:
    """Fail if CONTEXT exceeds its budget; without CONTEXT, check all in the configuration.

    For CI: the exit code is 1 if a budget is exceeded, 2 if the builder rejects a
    Dockerfile. A context that passes gets one line. For one that fails, the excess,
    the largest parts, what grew, and the command that helps are shown.

    Budgets count bytes of content: 50MB is decimal, 50MiB binary. `ctxsize.toml`, or
    [tool.ctxsize] in pyproject.toml, has the same keys at its top level and for
    each context; the command line overrides them.

    \b
    Examples:
      ctxsize check --max 50MB
      ctxsize check --all --max 200MB services
      ctxsize check --max-files 5000 --of transfer --target builder
      ctxsize check --baseline .ctxsize-baseline.json --growth 2%
    """  # noqa: D301
    # Without a build on the command line, those of the configuration are checked.
    context = click.get_current_context()
    names = ("context", "dockerfile", "target", "builder", "platforms")
    sources = map(context.get_parameter_source, names)
    is_named = whole or any(source is ParameterSource.COMMANDLINE for source in sources)
    if watch and update_baseline:
        raise click.UsageError("--watch cannot be combined with --update-baseline")

    problems: list[Problem] = []

    def checked() -> CheckReport:
        builds = None
        if whole:
            builds, problems[:] = _found(build)
        if not watch:  # an error may follow from them
            output.warn(problems)
        with output.progress() as progress:
            return checking.check(
                build if is_named else None,
                builds=builds,
                budget=budget,
                baseline=baseline,
                update_baseline=update_baseline,
                progress=progress,
            )

    def show(outcome: CheckReport) -> int:
        if watch:
            output.warn(problems)
        display.emit(outcome, top=5)
        if not display.shows_text:
            for accepted in (each for check in outcome.checks for each in check.accepted):
                output.note(f"accepted: {accepted.finding.message} ({accepted.reason})")
        if outcome.updated:
            output.note(f"wrote {outcome.baseline}")
        fails = output.failing(each for one in outcome.checks for each in one.report.failing)
        return fails or output.found(not outcome.passes, exit_zero=exit_zero)

    if watch:
        from ctxsize.cli import watching

        def sizes(outcome: CheckReport) -> watching.Sizes:
            for each in outcome.checks:
                of = each.limits[0].of if each.limits else "context"
                yield each.name, each.report, actual(each.report, of)

        watching.measure_again(checked, show, display, sizes, lambda outcome: outcome.baseline)
    return show(checked())


def _found(build: Build) -> tuple[list[Build], Sequence[Problem]]:
    """Return every build below the context of `build`, and the problems."""
    given = [*build.given(), *(["--file"] if build.dockerfile else [])]
    if given:
        raise click.UsageError(f"{given[0]} cannot be combined with --all")
    discovery = api.discover(build.context)
    builds = [replace(each.build, builder=build.builder) for each in discovery.builds]
    return builds, discovery.problems


@click.command("diff")
@click.argument("before", required=False, shell_complete=completing.files)
@click.argument("after", required=False, shell_complete=completing.files)
@options.value(
    "-f, --file PATH",
    "dockerfile",
    help="The Dockerfile, if BEFORE or AFTER is a directory.",
)
@options.flag("--checkout", help="Compare a clean checkout of HEAD with the context BEFORE.")
@options.builder
@options.value("--name NAME", help="The context to compare, if a file contains several.")
@options.number(
    "--top",
    help="Show at most N rows of each table.  "
    "[default: 5; 25 in folded Markdown tables; all with -v]",
)
@options.display
def diff(
    before: str | None,
    after: str | None,
    dockerfile: str | None,
    checkout: bool,
    builder: str,
    name: str | None,
    top: int | None,
    display: output.Display,
) -> None:
    """Show what was added, removed, grew and shrank from BEFORE to AFTER.

    BEFORE and AFTER are saved reports (measure, check or ls with --format json),
    baselines of check, or directories, which are measured now. AFTER is by default
    the working directory. A listing of ls has every file. A report has only the
    largest files, so smaller changes are missed.

    \b
    Examples:
      ctxsize ls --format json > before.jsonl    every file
      ctxsize diff before.jsonl
      ctxsize diff .ctxsize-baseline.json --name services/api services/api
    """  # noqa: D301
    if checkout:
        if after or name:
            raise click.UsageError("--checkout takes one directory, and no --name")
        outcome = checking.diff_checkout(before or ".", dockerfile=dockerfile, builder=builder)
    elif before is None:
        raise click.UsageError("Missing argument 'BEFORE'.")
    else:
        outcome = checking.diff(before, after, name=name, dockerfile=dockerfile, builder=builder)
    display.emit(outcome, top=top or 0)


@click.command("scan")
@click.argument("roots", metavar="[ROOT]", nargs=-1, shell_complete=completing.directories)
@options.flag("--merge", help="Join reports of scan, given in place of ROOT, into one table.")
@options.number("--top", help="Show at most N rows.  [default: 20; all with -v]")
@options.exit_zero
@options.display
def scan(
    roots: tuple[str, ...],
    merge: bool,
    top: int | None,
    exit_zero: bool,
    display: output.Display,
) -> int:
    """Measure every build below ROOT: its size, possible savings, and findings across builds.

    It finds builds in Compose and Bake files, GitHub workflows, Makefiles and
    scripts; each other Dockerfile counts as a build. Nothing is built. The exit code
    is 1 if there are findings across builds. `ctxsize advise` reports findings on
    single Dockerfiles.

    \b
    Examples:
      ctxsize scan
      ctxsize scan --top 5 services
      ctxsize scan --format github --exit-zero
    """  # noqa: D301
    if not roots if merge else len(roots) > 1:
        raise click.UsageError("--merge takes reports, and without it ROOT is one directory")
    if merge:
        from ctxsize.formats import json
        from ctxsize.scanning import fleet

        scanned = fleet.merge(roots, json.schema("scan"))
    else:
        with output.progress() as progress:
            scanned = api.scan(*roots, progress=progress, steps=progress and progress.step)
    display.emit(scanned, top=top or (len(scanned.rows) if display.full else 20))
    return output.found(scanned.findings, exit_zero=exit_zero)
