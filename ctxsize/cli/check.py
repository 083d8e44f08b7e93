"""`ctxsize check`, `diff` and `scan`: budgets, what changed, and every build of a repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from os.path import lexists
from typing import TYPE_CHECKING, Any

import click
from click import UsageError, argument, command

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import choosing, completing, options, output
from ctxsize.cli.choosing import is_given
from ctxsize.cli.options import flag, number, value
from ctxsize.cli.output import Display, failing, found, note, warn
from ctxsize.config import OF, Budget, load
from ctxsize.errors import InputError, InputErrors
from ctxsize.guard import CheckReport, actual, checking, differences, judged_size
from ctxsize.keys import attribute_of, schemas, value_of
from ctxsize.model import Problem, Texts

if TYPE_CHECKING:
    from ctxsize.cli.watching import BuildSize
    from ctxsize.repository import Discovery


def _limit(shown: str, **settings: Any) -> options.Decorator:
    """Return an option of a budget; the key of the configuration parses its value."""
    key = shown.split()[0].removeprefix("--")

    def parsed(ctx: click.Context, param: click.Parameter, written: object) -> object:
        if written is None:
            return None
        if isinstance(written, tuple):
            written = [*written]
        try:
            return value_of(key, schemas()[key], written)
        except InputError as error:
            raise InputError(f"--{key}: {error.message}", hint=error.hint) from None

    return value(shown, attribute_of(key), callback=parsed, **settings)


_budget = options.gathered(
    "budget",
    Budget,
    _limit("--max SIZE", envvar="CTXSIZE_MAX"),
    _limit("--max-files N", type=click.IntRange(min=0)),
    _limit("--min SIZE"),
    _limit("--min-files N", type=click.IntRange(min=0)),
    _limit(f"--of [{'|'.join(OF)}]", type=click.Choice(OF)),
    _limit("--growth SIZE|PERCENT"),
    _limit("--shrink SIZE|PERCENT"),
    _limit("--require PATTERN", multiple=True),
    _limit("--forbid PATTERN", multiple=True),
)


@command("check")
@options.build
@flag("--all", "whole")
@_budget
@value("--baseline FILE")
@flag("--update-baseline")
@value("--against REV")
@value("--policy FILE", envvar="CTXSIZE_POLICY")
@options.watch
@options.exit_zero
@options.display
def check(
    build: Build,
    whole: bool,
    budget: Budget,
    baseline: str | None,
    update_baseline: bool,
    against: str | None,
    policy: str | None,
    watch: bool,
    exit_zero: bool,
    display: Display,
) -> int:
    """Fail if CONTEXT exceeds its budget; without CONTEXT, check all in the configuration."""
    if policy is None:
        policy = os.environ.get("CTXSIZE_POLICY")  # even if it is empty
    named = _named(build, budget, baseline or against, policy, whole=whole)
    if watch and update_baseline:
        raise UsageError("--watch cannot be combined with --update-baseline")

    problems = list[Problem]()

    def checked() -> CheckReport:
        builds = None
        others = []
        problems.clear()
        if whole:
            builds = _below(build, policy, problems)
        if policy is not None:
            others = _others(build, policy, problems, whole=whole)
        if not watch:  # an error may follow from them
            warn(problems)
        with output.progress() as progress:
            return checking.check(
                named,
                builds=builds,
                others=others,
                budget=budget,
                baseline=baseline,
                policy=policy,
                update_baseline=update_baseline,
                against=against,
                progress=progress,
            )

    def show(outcome: CheckReport) -> int:
        if watch:
            warn(problems)
        display.emit(outcome, top=5)
        warn(outcome.problems)
        if not display.shows_text:
            _note_the_rest(outcome)
        if outcome.updated:
            note(f"wrote {outcome.baseline}")
        return _code(outcome, exit_zero=exit_zero)

    if watch:
        from ctxsize.cli import watching

        watching.measure_again(checked, show, display, _sizes, lambda outcome: outcome.baseline)
    return show(checked())


def _code(outcome: CheckReport, *, exit_zero: bool) -> int:
    """Return the exit code, the worst of all builds."""
    fatal = [problem for context in outcome.checks for problem in context.report.failing]
    code = failing(fatal) or found(not outcome.passes, exit_zero=exit_zero)
    if outcome.unchecked:
        code = output.USAGE
    return code


def _note_the_rest(outcome: CheckReport) -> None:
    """Print what only a text shows."""
    for unchecked in outcome.unchecked:
        output.error(unchecked.error)
    for context in outcome.checks:
        for finding, reason in context.accepted:
            note(f"accepted: {finding.message} ({reason})")


def _sizes(outcome: CheckReport) -> Iterator[BuildSize]:
    """Yield the sizes that are limited."""
    from ctxsize.cli.watching import BuildSize

    for context in outcome.checks:
        of = judged_size(Budget(), context.report)
        if context.limits:
            of = context.limits[0].of
        yield BuildSize(context.name, context.report, actual(context.report, of))


def _named(
    build: Build, budget: Budget, baseline: str | None, policy: str | None, *, whole: bool
) -> Build | None:
    """Return the build to check; None for those of the configuration, or the one at the top."""
    if whole:
        return build
    is_named = is_given("context", "dockerfile", "target", "builder", "platforms")
    config = load(build.context)
    if not is_named:
        has_limits = budget.over(config.defaults.budget).limits or baseline or config.baseline
        # A policy holds for all builds that are found.
        if config.contexts or (policy is not None and not has_limits):
            return None
    chosen = choosing.chosen(build)
    if is_named or chosen != build:
        return chosen
    return None


def _below(build: Build, policy: str | None, problems: list[Problem]) -> list[Build]:
    """Return every build below the context of `build`, and add to `problems`.

    Raises `InputErrors` for files that are not read, whose builds escape a policy.
    """
    discovery = choosing.below(build)
    problems += discovery.problems
    if policy is not None:
        skipped = [
            InputError(problem.message, path=problem.path, line=problem.line)
            for problem in problems
            if problem.skipped
        ]
        if skipped:
            raise InputErrors(skipped)
        builds = [definition for definition in discovery.builds if definition.contested]
        if builds:
            problems.append(
                Problem(
                    "open",
                    "a command that is not written out may build something else, "
                    "which is not checked",
                    builds[0].build.context,
                )
            )
    return _builds_of(discovery, build)


def _others(build: Build, policy: str, problems: list[Problem], *, whole: bool) -> list[Build]:
    """Return the builds for which only a policy holds, and add to `problems`.

    There are none if the command line names the one build to check.
    """
    if whole:
        return _everywhere(build, problems)
    if is_given("context", "dockerfile"):
        return []
    return _below(Build(builder=build.builder), policy, problems) + _everywhere(build, problems)


def _everywhere(build: Build, problems: list[Problem]) -> list[Build]:
    """Return also the builds in dependencies and in what git ignores, and add to `problems`.

    Only a policy holds for these: who may choose a directory's name must not escape it.
    """
    discovery = api.discover(build.context, everywhere=True)
    problems += (problem for problem in discovery.problems if problem not in problems)
    return _builds_of(discovery, build)


def _builds_of(discovery: Discovery, build: Build) -> list[Build]:
    """Return the builds that were found, with the builder of `build` if that is given."""
    builds = [definition.build for definition in discovery.builds]
    if is_given("builder"):
        builds = [replace(other, builder=build.builder) for other in builds]
    return builds


@command("diff")
@argument("places", metavar="BEFORE [AFTER]", nargs=-1, shell_complete=completing.files)
@value("-f, --file PATH", "dockerfile")
@flag("--checkout")
@value("--since REV")
@options.builder
@value("--name NAME")
@number("--top")
@options.display
def diff(
    places: Texts,
    dockerfile: str | None,
    checkout: bool,
    since: str | None,
    builder: str,
    name: str | None,
    top: int | None,
    display: Display,
) -> None:
    """Show what was added, removed, grew and shrank from BEFORE to AFTER."""
    if since is None and places and not checkout and _are_commits(places[0]):
        since = places[0]
        places = places[1:]
    if not places and not checkout and since is None:
        raise UsageError("Missing argument 'BEFORE'.")
    if checkout and since is not None:
        raise UsageError("--checkout compares with the work tree, and not with a commit")
    is_of_git = checkout or since is not None
    if len(places) > 2 - is_of_git or (name and is_of_git):
        raise UsageError(
            "BEFORE and AFTER are two at most, --checkout takes one directory, and so do --since "
            "and A..B"
        )
    if checkout:
        outcome = differences.diff_checkout(*places, dockerfile=dockerfile, builder=builder)
    elif since is not None:
        outcome = differences.diff_commits(since, *places, dockerfile=dockerfile, builder=builder)
    else:
        outcome = differences.diff(*places, dockerfile=dockerfile, builder=builder, name=name)
    display.emit(outcome, top=top or 0)


def _are_commits(place: str) -> bool:
    """Return whether an argument is A..B, and no path."""
    if lexists(place) or place.startswith((".", "/")):
        return False
    return ".." in place and "/.." not in place


@command("scan")
@argument("roots", metavar="[ROOT]", nargs=-1, shell_complete=completing.directories)
@flag("--merge")
@number("--top")
@options.exit_zero
@options.display
def scan(roots: Texts, merge: bool, top: int | None, exit_zero: bool, display: Display) -> int:
    """Measure every build below ROOT: its size, possible savings, and findings across builds."""
    if (merge and not roots) or (not merge and len(roots) > 1):
        raise UsageError("--merge takes reports, and without it ROOT is one directory")
    if merge:
        from ctxsize.formats import json
        from ctxsize.scanning import fleet

        scanned = fleet.merge(roots, json.schema("scan"))
    else:
        with output.progress() as progress:
            scanned = api.scan(*roots, progress=progress, steps=progress and progress.step)
    most = 20
    if display.full:
        most = len(scanned.rows)
    display.emit(scanned, top=top or most)
    if failing(scanned.problems) or any(row.is_unread for row in scanned.rows):
        return output.USAGE
    return found(scanned.findings, exit_zero=exit_zero)
