"""`ctxsize affected`, `digest` and `log`: what a change touches, and how a build changed."""

from __future__ import annotations

import json
import os

import click
from click import UsageError

from ctxsize import api
from ctxsize.build import Build
from ctxsize.cli import choosing, options, output
from ctxsize.cli.options import flag, number, read_stdin, value
from ctxsize.cli.output import Display
from ctxsize.hidden import shown
from ctxsize.history.affected import Affected


@click.command("affected")
@options.directory("root")
@value("--since REV", "since")
@flag("--dirty")
@flag("--stdin", "from_stdin")
@flag("--not", "left_alone")
@flag("--matrix")
@flag("--exit-code")
@options.display
def affected(
    root: str,
    since: str | None,
    dirty: bool,
    from_stdin: bool,
    left_alone: bool,
    matrix: bool,
    exit_code: bool,
    display: Display,
) -> int:
    """List the builds below ROOT that a change touches, and why."""
    if bool(since) == from_stdin:
        raise UsageError("type --since REV, as in --since origin/main, or --stdin")
    if dirty and from_stdin:
        raise UsageError("--dirty goes with --since: --stdin names all paths that differ")
    if matrix and display.names != {"text"}:
        raise UsageError("--matrix is a format of its own")
    paths = None
    if from_stdin:
        paths = os.fsdecode(read_stdin("the paths")).split("\0")
    outcome = api.affected(root or ".", since or "", dirty=dirty, paths=paths)
    if matrix:
        output.write(_matrix(outcome, left_alone=left_alone))
        output.warn(outcome.problems)
    else:
        from ctxsize.formats.sections.changed import LEFT_ALONE

        display.emit(outcome, only=LEFT_ALONE if left_alone else None)
    return output.found(exit_code and outcome.touched)


def _matrix(outcome: Affected, *, left_alone: bool) -> str:
    """Return the builds as the matrix of a workflow, in one line."""
    rows = []
    for build in outcome.builds:
        if build.affected == left_alone:
            continue
        row = {
            "name": build.name,
            "context": shown(build.context),
            "dockerfile": shown(build.dockerfile or ""),
            "target": shown(build.target),
        }
        rows.append(row)
    return json.dumps({"include": rows}) + "\n"


@click.command("digest")
@options.build
@flag("--all", "whole")
@options.display
def digest(build: Build, whole: bool, display: Display) -> int:
    """Print a hash over all that a build takes."""
    from ctxsize.history.digest import Digests, digest, digests

    if whole:
        discovery = choosing.below(build)
        with output.progress() as progress:
            steps = progress and progress.step
            outcome = digests(discovery, progress=progress, steps=steps)
    else:
        build = choosing.chosen(build)
        with output.progress() as progress:
            outcome = Digests((digest(build, progress=progress),))
    display.emit(outcome)
    if display.names == {"text"}:
        for answer in outcome.builds:
            output.warn(answer.problems)
        output.warn([problem for problem in outcome.problems if not problem.fails])
    if any(answer.error for answer in outcome.builds):
        return output.USAGE
    return output.failing(outcome.problems)


@click.command("log")
@options.build
@number("-n", "--count", default=30, show_default=True)
@value("--rev REV", "revision", default="HEAD", show_default=True)
@options.display
def log(build: Build, count: int, revision: str, display: Display) -> int:
    """Show what CONTEXT would send in each of the last commits, and what grew most."""
    from ctxsize.history import growth

    build = choosing.chosen(build)
    with output.progress() as progress:
        outcome = growth.log(
            build, count=count, revision=revision, steps=progress and progress.step
        )
    display.emit(outcome)
    return output.FINE
